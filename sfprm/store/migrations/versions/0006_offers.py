"""Offers, pauses, second looks, notices sent, and when things were last done.

Why: an offer's clock must outlive the process that started it, a mail must not go out twice because
a run died, and what was written must be looked at again once the org's automation has had its turn.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "offers",
        sa.Column("entry", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lead", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("starts_as", sa.Text(), nullable=False),
        sa.Column("ends_as", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("owner_name", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("intake", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("offered_at", INSTANT, nullable=False),
        sa.Column("remind_at", INSTANT, nullable=True),
        sa.Column("accept_by", INSTANT, nullable=True),
        sa.Column("act_by", INSTANT, nullable=True),
        sa.Column("accepted_at", INSTANT, nullable=True),
        sa.Column("touched", INSTANT, nullable=True),
        sa.Column("next_at", INSTANT, nullable=True),
        sa.Column("ended_by", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("to_set", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("entry", name=op.f("pk_offers")),
    )
    op.create_index(op.f("ix_offers_lead"), "offers", ["lead"])
    op.create_index(op.f("ix_offers_next_at"), "offers", ["next_at"])
    op.create_index(op.f("ix_offers_ended_by"), "offers", ["ended_by"])
    op.create_index("ix_offers_member_ended_at", "offers", ["member", "ended_at"])
    op.create_table(
        "offer_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer_events")),
    )
    op.create_index(op.f("ix_offer_events_entry"), "offer_events", ["entry"])
    op.create_table(
        "pauses",
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("until", INSTANT, nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("member", name=op.f("pk_pauses")),
    )
    op.create_table(
        "second_looks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.Column("due", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_second_looks")),
    )
    op.create_index(op.f("ix_second_looks_due"), "second_looks", ["due"])
    op.create_table(
        "mails",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("notice", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
        sa.UniqueConstraint("entry", "notice", name=op.f("uq_mails_entry_notice")),
    )
    op.create_index(op.f("ix_mails_at"), "mails", ["at"])
    op.create_table(
        "marks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_marks")),
    )
