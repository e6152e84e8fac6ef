"""What the books of work under way have in common: an engine, and the clock that leases go by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["Book"]


class Book:
    """Questions to a database and changes of it, a transaction each. May be used by several
    threads at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def shared(self) -> bool:
        """Whether several machines may work on this state."""
        return self._engine.dialect.name == "postgresql"

    def _now(self, connection: Connection, given: datetime) -> datetime:
        """The database's clock where several share it, else the caller's."""
        if not self.shared:
            return given
        at: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return at.astimezone(UTC)
