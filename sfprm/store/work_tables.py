"""The tables of work under way: who is at work, who holds which lock, what is paused or told.

What ran stands in `runs`; what is here is of the moment, and may be emptied when nothing runs.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, Text, UniqueConstraint

from sfprm.store.column_types import Instant, Json
from sfprm.store.tables import metadata

__all__ = ["alerts", "held", "leases", "parts", "workers"]

leases = Table(
    "leases",
    metadata,
    # `writer leads 00D…`: the scope of an org that one run at a time may write
    Column("name", Text, primary_key=True),
    # grows with each holder: a writer that was replaced finds another number than its own
    Column("fence", BigInteger, nullable=False),
    Column("worker", Text),
    Column("run", Text),
    Column("words", Text, nullable=False),
    Column("since", Instant),
    # by the database's clock; NULL: free
    Column("until", Instant),
    # API calls made under this fence, by whichever process
    Column("calls", BigInteger, nullable=False, server_default="0"),
)

workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("process", Integer, nullable=False),
    Column("started", Instant, nullable=False),
    Column("seen", Instant, nullable=False),
    Column("doing", Text, nullable=False),
)

parts = Table(
    "parts",
    metadata,
    # a part of a run that is handed to whichever worker is free
    Column("id", Text, primary_key=True),
    Column("run", Text, nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("content", Json, nullable=False),
    Column("state", Text, nullable=False),
    # grows with each worker that takes it up
    Column("fence", BigInteger, nullable=False),
    Column("worker", Text),
    Column("until", Instant),
    Column("result", Json),
    Column("message", Text, nullable=False),
    # numbers of the parts that must be done before, and of those that wait for this one
    Column("after", Json),
    Column("then", Json),
    # how many of those before are not done yet
    Column("waits", Integer, nullable=False, server_default="0"),
    UniqueConstraint("run", "number"),
)

held = Table(
    "held",
    metadata,
    # a job file's name; empty: everything of this org
    Column("name", Text, primary_key=True),
    Column("since", Instant, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    # what is wrong, without figures that change: the same trouble keeps the same key
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("urgent", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("channels", Json, nullable=False),
    Column("since", Instant, nullable=False),
    Column("seen", Instant, nullable=False),
    # when it was told, and when its end was
    Column("told", Instant),
    Column("ended", Instant),
)
