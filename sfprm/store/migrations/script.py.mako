"""${message}

Why: say it here.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Additive only; what is no longer used goes in a later version."""
    ${upgrades if upgrades else "pass"}
