"""The first tables: runs and steps, applied values, ledgers of credits, the journal.

Why: everything that sfprm must remember between two commands, so that a killed run goes on where it
stopped and every decision can be proved later. Instants are UTC, JSON is canonical text.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "applied",
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("written_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("object", "key", "field", name=op.f("pk_applied")),
    )
    op.create_table(
        "heads",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_heads")),
    )
    op.create_table(
        "ledgers",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("house", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("ever", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_ledgers")),
    )
    op.create_table(
        "org",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("bound_at", INSTANT, nullable=False),
        sa.CheckConstraint("one = 1", name=op.f("ck_org_one_row")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_org")),
    )
    op.create_table(
        "parked",
        sa.Column("lead", sa.Text(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try", INSTANT, nullable=True),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("lead", name=op.f("pk_parked")),
    )
    op.create_index(op.f("ix_parked_next_try"), "parked", ["next_try"], unique=False)
    op.create_table(
        "programmes",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_programmes")),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("started", INSTANT, nullable=False),
        sa.Column("slot", INSTANT, nullable=True),
        sa.Column("finished", INSTANT, nullable=True),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("job", "slot", name=op.f("uq_runs_job_slot")),
    )
    op.create_index(op.f("ix_runs_started"), "runs", ["started"], unique=False)
    op.create_table(
        "words",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_words")),
        sa.UniqueConstraint("digest", name=op.f("uq_words_digest")),
    )
    op.create_table(
        "checkpoints",
        sa.Column("ledger", sa.Text(), nullable=False),
        sa.Column("journal", KEY, autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ledger"], ["ledgers.key"], name=op.f("fk_checkpoints_ledger_ledgers")
        ),
        sa.PrimaryKeyConstraint("ledger", "journal", name=op.f("pk_checkpoints")),
    )
    op.create_table(
        "eligibility",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("ledger", sa.Integer(), nullable=False),
        sa.Column("base", sa.Integer(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["base"], ["eligibility.id"], name=op.f("fk_eligibility_base_eligibility")
        ),
        sa.ForeignKeyConstraint(["ledger"], ["words.id"], name=op.f("fk_eligibility_ledger_words")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eligibility")),
        sa.UniqueConstraint("digest", name=op.f("uq_eligibility_digest")),
    )
    op.create_table(
        "acts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("programme", sa.Text(), nullable=True),
        sa.Column("algorithm", sa.Integer(), nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["programme"], ["programmes.digest"], name=op.f("fk_acts_programme_programmes")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acts")),
    )
    op.create_index(op.f("ix_acts_decided_at"), "acts", ["decided_at"], unique=False)
    op.create_index(op.f("ix_acts_run"), "acts", ["run"], unique=False)
    op.create_table(
        "journal",
        sa.Column("sequence", KEY, autoincrement=False, nullable=False),
        sa.Column("act", sa.Integer(), nullable=False),
        sa.Column("chain", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("stream", sa.Integer(), nullable=False),
        sa.Column("lead", sa.LargeBinary(), nullable=False),
        sa.Column("offer", sa.Integer(), nullable=True),
        sa.Column("refunds", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Integer(), nullable=False),
        sa.Column("owner_seen", sa.Integer(), nullable=False),
        sa.Column("owner_new", sa.Integer(), nullable=True),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("rule", sa.Integer(), nullable=True),
        sa.Column("path", sa.Integer(), nullable=True),
        sa.Column("trials", sa.LargeBinary(), nullable=True),
        sa.Column("pool", sa.Integer(), nullable=True),
        sa.Column("reasons", sa.Integer(), nullable=True),
        sa.Column("next_try", sa.BigInteger(), nullable=True),
        sa.Column("notify", sa.Integer(), nullable=True),
        sa.Column("shape", sa.Integer(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=True),
        sa.Column("intake", sa.Integer(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("facts_digest", sa.LargeBinary(), nullable=True),
        sa.Column("choices", sa.LargeBinary(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["act"], ["acts.id"], name=op.f("fk_journal_act_acts")),
        sa.ForeignKeyConstraint(
            ["refunds"], ["journal.sequence"], name=op.f("fk_journal_refunds_journal")
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_journal")),
    )
    op.create_index(
        "uq_journal_lead_stream_offer", "journal", ["lead", "stream", "offer"], unique=True
    )
    op.create_index(
        "uq_journal_refunds",
        "journal",
        ["refunds"],
        unique=True,
        sqlite_where=sa.text("refunds IS NOT NULL"),
        postgresql_where=sa.text("refunds IS NOT NULL"),
    )
    op.create_index(
        "ix_journal_open",
        "journal",
        ["sequence"],
        unique=False,
        sqlite_where=sa.text("state < 10"),
        postgresql_where=sa.text("state < 10"),
    )
    op.create_table(
        "ledger_members",
        sa.Column("ledger", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("credit", sa.BigInteger(), nullable=True),
        sa.Column("last_won", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["ledger"], ["ledgers.key"], name=op.f("fk_ledger_members_ledger_ledgers")
        ),
        sa.PrimaryKeyConstraint("ledger", "member", name=op.f("pk_ledger_members")),
    )
    op.create_table(
        "steps",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"], ["runs.id"], name=op.f("fk_steps_run_runs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run", "number", name=op.f("pk_steps")),
    )
    op.create_table(
        "moves",
        sa.Column("ledger", sa.Integer(), nullable=False),
        sa.Column("journal", KEY, nullable=False),
        sa.Column("winner", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["journal"], ["journal.sequence"], name=op.f("fk_moves_journal_journal")
        ),
        sa.ForeignKeyConstraint(["ledger"], ["words.id"], name=op.f("fk_moves_ledger_words")),
        sa.PrimaryKeyConstraint("ledger", "journal", name=op.f("pk_moves")),
        sqlite_with_rowid=False,
    )
