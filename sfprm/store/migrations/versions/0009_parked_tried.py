"""When a lead that is kept back was last tried.

Why: a try that ends as the one before it is counted here alone, and is no journal entry.
Only adds, and may be empty: an older daemon goes on meanwhile.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("parked", sa.Column("tried", sa.DateTime(timezone=True)))
