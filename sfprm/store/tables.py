"""The tables of the state, as SQLAlchemy Core knows them.

Instants are UTC. Amounts of credit are in `sfprm.routing.values.UNIT`. JSON is canonical text (see
`sfprm.store.canonical`), the same bytes on both databases, because some of it is hashed.
A change here needs a migration; a test compares the two.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from sfprm.store.canonical import canonical

if TYPE_CHECKING:
    from sqlalchemy import Dialect

HEAD = "0005"
"""The revision that this code works with; a test holds it to the newest migration."""


class Instant(TypeDecorator[datetime]):
    """An aware instant. SQLite has no time zones: UTC without saying so."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        moved = value.astimezone(UTC)
        return moved.replace(tzinfo=None) if dialect.name == "sqlite" else moved

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """A JSON value as canonical text. Python's None is SQL's NULL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else canonical(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

org = Table(
    "org",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("org_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("bound_at", Instant, nullable=False),
    CheckConstraint("one = 1", name="one_row"),
)

allowance = Table(
    "allowance",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("used", BigInteger, nullable=False),
    Column("most", BigInteger, nullable=False),
    Column("seen_at", Instant, nullable=False),
    CheckConstraint("one = 1", name="one_row"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("job", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("started_by", Text, nullable=False),
    Column("started", Instant, nullable=False, index=True),
    Column("slot", Instant),
    Column("finished", Instant),
    Column("options", Json, nullable=False),
    Column("counts", Json, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("exit_code", Integer),
    Column("message", Text, nullable=False),
    # two clocks that fire for the same slot make one run
    UniqueConstraint("job", "slot"),
)

steps = Table(
    "steps",
    metadata,
    Column("run", Text, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("before", Json, nullable=False),
    Column("after", Json, nullable=False),
    Column("record_id", Text),
    Column("message", Text, nullable=False),
)

applied = Table(
    "applied",
    metadata,
    Column("object", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("field", Text, primary_key=True),
    # the text "null" for an emptied field: a value that we wrote too
    Column("value", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("written_at", Instant, nullable=False),
)

ledgers = Table(
    "ledgers",
    metadata,
    Column("key", Text, primary_key=True),
    Column("house", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("ever", Integer, nullable=False),
)

ledger_members = Table(
    "ledger_members",
    metadata,
    Column("ledger", Text, ForeignKey("ledgers.key"), primary_key=True),
    Column("member", Text, primary_key=True),
    Column("credit", BigInteger),
    Column("last_won", BigInteger),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("ledger", Text, ForeignKey("ledgers.key"), primary_key=True),
    # the ledger as it was when the journal's last entry had this number
    Column("journal", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("content", Json, nullable=False),
)

programmes = Table(
    "programmes",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("content", Text, nullable=False),
)

eligibility = Table(
    "eligibility",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("ledger", Text, nullable=False),
    Column("content", Text, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("stream", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("chain", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    # no foreign key: the journal outlives the history of runs
    Column("run", Text, nullable=False, index=True),
    Column("lead", Text, nullable=False, index=True),
    # empty for refunds, which are not decisions about where the lead goes
    Column("offer", Integer),
    Column("refunds", BigInteger, ForeignKey("journal.sequence"), unique=True),
    Column("decided_at", Instant, nullable=False, index=True),
    Column("outcome", Text, nullable=False),
    Column("owner_seen", Text, nullable=False),
    Column("owner_new", Text),
    Column("state", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("rule", Text),
    Column("trials", Json, nullable=False),
    Column("pool", Text),
    Column("programme", Text, ForeignKey("programmes.digest")),
    Column("algorithm", Integer, nullable=False),
    Column("reasons", Json, nullable=False),
    Column("next_try", Instant),
    Column("notify", Text),
    # facts and salt are purged together; the chain then still joins, by facts_digest
    Column("facts", Text),
    Column("salt", Text),
    Column("facts_digest", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    UniqueConstraint("stream", "lead", "offer"),
    UniqueConstraint("chain", "position"),
    Index("ix_journal_state_sequence", "state", "sequence"),
    Index("ix_journal_pool_sequence", "pool", "sequence"),
)

moves = Table(
    "moves",
    metadata,
    Column("journal", BigInteger, ForeignKey("journal.sequence"), primary_key=True),
    Column("ledger", Text, ForeignKey("ledgers.key"), primary_key=True),
    # 0 for the pool's choice, 1 for the person's
    Column("level", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("eligibility", Text, ForeignKey("eligibility.digest"), nullable=False),
    Column("winner", Text, nullable=False),
    Column("before", BigInteger, nullable=False),
    Column("after", BigInteger, nullable=False),
    Index("ix_moves_ledger_journal", "ledger", "journal"),
    UniqueConstraint("ledger", "kind", "sequence"),
)

heads = Table(
    "heads",
    metadata,
    # one row a hash chain, and the row "" that counts the whole journal and is locked to append
    Column("chain", Text, primary_key=True),
    Column("length", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)

parked = Table(
    "parked",
    metadata,
    Column("lead", Text, primary_key=True),
    Column("since", Instant, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try", Instant, index=True),
    Column("reasons", Json, nullable=False),
)
