"""Parts that wait for others of their run.

Why: steps that need what others make (users their contacts, members their users) are shared too.
Only adds, with defaults: an older daemon goes on meanwhile.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("parts", sa.Column("after", sa.Text()))
    op.add_column("parts", sa.Column("then", sa.Text()))
    op.add_column("parts", sa.Column("waits", sa.Integer(), nullable=False, server_default="0"))
