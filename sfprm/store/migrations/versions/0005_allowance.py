"""The org's daily allowance of API calls as last seen.

Why: `status` reads the state alone, and should say how much of the day is left all the same.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "allowance",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("one = 1", name=op.f("ck_allowance_one_row")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_allowance")),
    )
