"""The tables of offers: who holds which lead until when, who is paused, what was mailed.

`entry` is the number of the journal entry that gave the lead. Instants are UTC. A change here needs
a migration; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, UniqueConstraint

from sfprm.store.column_types import Instant
from sfprm.store.tables import metadata

offers = Table(
    "offers",
    metadata,
    Column("entry", BigInteger, primary_key=True, autoincrement=False),
    Column("lead", Text, nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("state", Text, nullable=False),
    # what it becomes once its write is seen in the org, and once the write that ends it is
    Column("starts_as", Text, nullable=False),
    Column("ends_as", Text),
    Column("owner", Text, nullable=False),
    Column("owner_name", Text, nullable=False),
    Column("member", Text, nullable=False),
    Column("terms", Text, nullable=False),
    Column("pool", Text),
    Column("rule", Text),
    Column("intake", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("offered_at", Instant, nullable=False),
    Column("remind_at", Instant),
    Column("accept_by", Instant),
    Column("act_by", Instant),
    Column("accepted_at", Instant),
    Column("touched", Instant),
    # empty once it has ended
    Column("next_at", Instant, index=True),
    Column("ended_by", BigInteger, index=True),
    Column("ended_at", Instant),
    Column("why", Text),
    Column("tries", Integer, nullable=False),
    # the stage whose Lead fields are still to be set
    Column("to_set", Text),
    Index("ix_offers_member_ended_at", "member", "ended_at"),
)

offer_events = Table(
    "offer_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("entry", BigInteger, nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("event", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("run", Text, nullable=False),
)

pauses = Table(
    "pauses",
    metadata,
    Column("member", Text, primary_key=True),
    Column("since", Instant, nullable=False),
    # empty: until a person lifts it
    Column("until", Instant),
    Column("words", Text, nullable=False),
)

second_looks = Table(
    "second_looks",
    metadata,
    # confirmed entries `first` to `last` are looked at once more when the org has settled
    Column("id", Integer, primary_key=True),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    # between which of the org's instants they were written
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("due", Instant, nullable=False, index=True),
)

mails = Table(
    "mails",
    metadata,
    # written before a notice is handed over, so that none goes out twice
    Column("id", Integer, primary_key=True),
    Column("entry", BigInteger, nullable=False),
    Column("notice", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("at", Instant, nullable=False, index=True),
    Column("words", Text, nullable=False),
    UniqueConstraint("entry", "notice"),
)

marks = Table(
    "marks",
    metadata,
    # when something that is done now and then was last done
    Column("name", Text, primary_key=True),
    Column("at", Instant, nullable=False),
)
