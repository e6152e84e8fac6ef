"""Parts that wait for others of their run.

Why: steps that need what others make (users their contacts, members their users) are shared too.
Only adds, without a bound: an older daemon goes on meanwhile.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("parts", sa.Column("after", sa.Text()))
