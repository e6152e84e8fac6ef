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
        "eligibility",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("ledger", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_eligibility")),
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
        "checkpoints",
        sa.Column("ledger", sa.Text(), nullable=False),
        sa.Column("journal", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ledger"], ["ledgers.key"], name=op.f("fk_checkpoints_ledger_ledgers")
        ),
        sa.PrimaryKeyConstraint("ledger", "journal", name=op.f("pk_checkpoints")),
    )
    op.create_table(
        "journal",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("lead", sa.Text(), nullable=False),
        sa.Column("offer", sa.Integer(), nullable=True),
        sa.Column("refunds", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("owner_seen", sa.Text(), nullable=False),
        sa.Column("owner_new", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("trials", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=True),
        sa.Column("programme", sa.Text(), nullable=True),
        sa.Column("algorithm", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("next_try", INSTANT, nullable=True),
        sa.Column("notify", sa.Text(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=True),
        sa.Column("salt", sa.Text(), nullable=True),
        sa.Column("facts_digest", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["programme"], ["programmes.digest"], name=op.f("fk_journal_programme_programmes")
        ),
        sa.ForeignKeyConstraint(
            ["refunds"], ["journal.sequence"], name=op.f("fk_journal_refunds_journal")
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_journal")),
        sa.UniqueConstraint("chain", "position", name=op.f("uq_journal_chain_position")),
        sa.UniqueConstraint("refunds", name=op.f("uq_journal_refunds")),
        sa.UniqueConstraint("stream", "lead", "offer", name=op.f("uq_journal_stream_lead_offer")),
    )
    op.create_index(op.f("ix_journal_decided_at"), "journal", ["decided_at"], unique=False)
    op.create_index(op.f("ix_journal_lead"), "journal", ["lead"], unique=False)
    op.create_index("ix_journal_pool_sequence", "journal", ["pool", "sequence"], unique=False)
    op.create_index(op.f("ix_journal_run"), "journal", ["run"], unique=False)
    op.create_index("ix_journal_state_sequence", "journal", ["state", "sequence"], unique=False)
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
        sa.Column("journal", sa.BigInteger(), nullable=False),
        sa.Column("ledger", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("eligibility", sa.Text(), nullable=False),
        sa.Column("winner", sa.Text(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["eligibility"], ["eligibility.digest"], name=op.f("fk_moves_eligibility_eligibility")
        ),
        sa.ForeignKeyConstraint(
            ["journal"], ["journal.sequence"], name=op.f("fk_moves_journal_journal")
        ),
        sa.ForeignKeyConstraint(["ledger"], ["ledgers.key"], name=op.f("fk_moves_ledger_ledgers")),
        sa.PrimaryKeyConstraint("journal", "ledger", name=op.f("pk_moves")),
        sa.UniqueConstraint(
            "ledger", "kind", "sequence", name=op.f("uq_moves_ledger_kind_sequence")
        ),
    )
    op.create_index("ix_moves_ledger_journal", "moves", ["ledger", "journal"], unique=False)
