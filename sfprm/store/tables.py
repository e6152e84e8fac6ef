"""The tables of the state, as SQLAlchemy Core knows them.

Instants are UTC. Amounts of credit are in `sfprm.routing.values.UNIT`. JSON is canonical text (see
`sfprm.store.canonical`), the same bytes on both databases, because some of it is hashed.
A change here needs a migration; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from sfprm.store.column_types import BIG_KEY, Digest, Instant, Json, Micros, PackedId, StateCode

HEAD = "0009"
"""The revision that this code works with; a test holds it to the newest migration."""


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
    # when the schedule wanted it; `slot` moves on to the run that takes a lost one's place
    Column("due_at", Instant),
    # not started earlier: jitter, or the wait before a retry
    Column("not_before", Instant),
    Column("attempt", Integer, nullable=False, server_default="1"),
    Column("retry_of", Text),
    # the process at work, and until when it must have said that it lives; PostgreSQL only
    Column("worker", Text),
    Column("lease_until", Instant),
    # 1 when the run holds the org's lock: found open by the next holder, its process is dead
    Column("locked", Integer, nullable=False, server_default="1"),
    # two clocks that fire for the same slot make one run
    UniqueConstraint("job", "slot"),
    Index("ix_runs_state_slot", "state", "slot"),
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
    # '' in `field`: a JSON object of all fields (see `sfprm.store.steps`); null is a value too
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
    Column("journal", BIG_KEY, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    # canonical JSON, compressed
    Column("content", LargeBinary, nullable=False),
)

programmes = Table(
    "programmes",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("content", Text, nullable=False),
)

words = Table(
    "words",
    metadata,
    Column("id", Integer, primary_key=True),
    # the first half of its sha256; a text may be too long for an index
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("text", Text, nullable=False),
)

eligibility = Table(
    "eligibility",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", Digest, nullable=False, unique=True),
    Column("ledger", Integer, ForeignKey("words.id"), nullable=False),
    # empty: a whole class; else the whole class that `content` tells the difference from
    Column("base", Integer, ForeignKey("eligibility.id")),
    Column("content", LargeBinary, nullable=False),
)

acts = Table(
    "acts",
    metadata,
    # what is the same for the journal entries `first` to `last`, made in one transaction
    Column("id", Integer, primary_key=True),
    Column("stream", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # no foreign key: the journal outlives the history of runs
    Column("run", Text, nullable=False, index=True),
    Column("programme", Text, ForeignKey("programmes.digest")),
    Column("algorithm", Integer, nullable=False),
    Column("decided_at", Instant, nullable=False, index=True),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
)

# Plain numbers that name nothing else here are of `words`. At most 400 bytes a decision, all told.
journal = Table(
    "journal",
    metadata,
    Column("sequence", BIG_KEY, primary_key=True, autoincrement=False),
    Column("act", Integer, ForeignKey("acts.id"), nullable=False),
    Column("chain", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    # 0 for the live stream
    Column("stream", Integer, nullable=False),
    Column("lead", PackedId, nullable=False),
    # empty for refunds, which are not decisions about where the lead goes
    Column("offer", Integer),
    Column("refunds", BigInteger, ForeignKey("journal.sequence")),
    Column("outcome", Integer, nullable=False),
    Column("owner_seen", Integer, nullable=False),
    Column("owner_new", Integer),
    Column("state", StateCode, nullable=False),
    Column("message", Text),
    Column("rule", Integer),
    # the names of the rules tried, as one word, and the verdicts
    Column("path", Integer),
    Column("trials", LargeBinary),
    Column("pool", Integer),
    Column("reasons", Integer),
    Column("next_try", Micros),
    Column("notify", Integer),
    # the names of the facts as one word, and their values; purged together with their salt, after
    # which the chain still joins, by their digest
    Column("shape", Integer),
    Column("facts", Text),
    Column("created", Micros),
    Column("intake", Integer),
    Column("salt", LargeBinary),
    Column("facts_digest", Digest),
    # the pool's choice, then the person's
    Column("choices", LargeBinary),
    Column("hash", Digest, nullable=False),
    Index("uq_journal_lead_stream_offer", "lead", "stream", "offer", unique=True),
    Index(
        "uq_journal_refunds",
        "refunds",
        unique=True,
        sqlite_where=text("refunds IS NOT NULL"),
        postgresql_where=text("refunds IS NOT NULL"),
    ),
    Index(
        "ix_journal_open",
        "sequence",
        sqlite_where=text("state < 10"),
        postgresql_where=text("state < 10"),
    ),
)

moves = Table(
    "moves",
    metadata,
    # finds the entries that moved a ledger's credit, and who won there; the entry holds the rest
    Column("ledger", Integer, ForeignKey("words.id"), primary_key=True),
    Column("journal", BIG_KEY, ForeignKey("journal.sequence"), primary_key=True),
    Column("winner", Integer, nullable=False),
    sqlite_with_rowid=False,
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
    # a try that ended as the one before it stands here alone
    Column("tried", Instant),
)
