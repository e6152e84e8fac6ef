"""Rows of the store as frozen values. Instants are aware UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from sfprm.routing.values import Code

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sfprm.ids import RecordId, RunId
    from sfprm.routing.values import Ledger, Reason, RuleTrial


class RunState(StrEnum):
    """The life of a run; the legal moves stand in `sfprm.store.run_states`."""

    DUE = "due"
    RUNNING = "running"
    DONE = "done"
    PARTLY = "partly"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    LOST = "lost"
    """Its process died without a word; found by its lease or its lock."""
    SUPERSEDED = "superseded"
    """A newer slot of the same job came due before it was started."""


@dataclass(frozen=True, slots=True)
class OrgRecord:
    """The one org that this state belongs to."""

    org_id: RecordId
    name: str
    bound_at: datetime


@dataclass(frozen=True, slots=True)
class SeenAllowance:
    """The org's API calls of its last 24 hours, `used` by whomever, of `most`, as told at `at`."""

    used: int
    most: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a job. `slot` is the scheduled instant for the daemon's runs.

    `due_at` is that instant too, and stays when a lost run's slot goes to the one that takes its
    place (`retry_of`, `attempt` from 1). `not_before`: when it may start. `worker` and
    `lease_until`: whose it is, and until when that one must have said that it lives (PostgreSQL).
    `locked`: it holds the org's lock.
    """

    id: RunId
    job: str
    state: RunState
    started_by: str
    started: datetime
    slot: datetime | None = None
    finished: datetime | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    counts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    calls: int = 0
    exit_code: int | None = None
    message: str = ""
    due_at: datetime | None = None
    not_before: datetime | None = None
    attempt: int = 1
    retry_of: RunId | None = None
    worker: str | None = None
    lease_until: datetime | None = None
    locked: bool = True


class StepState(StrEnum):
    """The life of a step."""

    PLANNED = "planned"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Step:
    """The smallest journalled act of an apply or setup.

    `before` and `after` are the field values expected before and left after.
    """

    run: RunId
    number: int
    kind: str
    key: str
    state: StepState
    before: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    after: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    record_id: RecordId | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What became of a step: its state, the record made or found, and the words about it."""

    state: StepState
    record_id: RecordId | None
    message: str


class AppliedValue(NamedTuple):
    """The last value that we wrote to a managed field. `key` is the programme's own name.

    A tuple: a large apply makes hundreds of thousands of them, and a frozen class costs four times
    as much to make."""

    object: str
    key: str
    field: str
    value: str | int | float | bool | None


class WriteState(StrEnum):
    """What has become of a journalled decision in the org."""

    DECIDED = "decided"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    OVERTAKEN = "overtaken"
    """Someone or something else changed the owner; never fought."""
    NOTHING_TO_WRITE = "nothing"


class Stream(StrEnum):
    """The live stream of decisions; shadow streams have names of their own."""

    LIVE = "live"


@dataclass(frozen=True, slots=True)
class JournalChoice:
    """One fair choice as journalled; the class is stored once and referred to by digest."""

    ledger: str
    class_digest: str
    winner: str
    before: int
    after: int
    sequence: int


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One decision. `sequence` is global, from 1. `kind`: `route`, `reassign`, `undo`, `refund`.

    `offer` counts the decisions about one lead in its stream, from 1; a refund decides nothing
    about where the lead goes, so its `offer` is 0, and `refunds` names the entry given back.
    `chain` is the hash chain it belongs to: `pool:iberia`, `rules`, `manual`; `hash` covers the
    hash before it in the chain, the decision, and sha256(salt ‖ facts). Facts that were purged
    come back empty (`facts`, `label`, `intake`, `owner_name`, `created`).
    """

    sequence: int
    stream: str
    kind: str
    chain: str
    run: RunId
    lead: RecordId
    offer: int
    decided_at: datetime
    outcome: str
    owner_seen: RecordId
    owner_new: RecordId | None
    owner_name: str
    state: WriteState
    rule: str | None
    trials: tuple[RuleTrial, ...]
    pool: str | None
    choices: tuple[JournalChoice, ...]
    facts: Mapping[str, Any]
    label: str
    intake: str
    programme: str
    algorithm: int
    reasons: tuple[Reason, ...]
    next_try: datetime | None
    hash: str
    message: str = ""
    notify: str | None = None
    created: datetime | None = None
    refunds: int | None = None


@dataclass(frozen=True, slots=True)
class LedgerMove:
    """One movement of credits in one ledger: a fair choice, or the refund of one.

    `journal` is the sequence of its journal entry, by which moves are ordered. `sequence` is the
    number of the choice in the ledger, from 1; a refund carries that of the choice it inverts.
    `before` and `after` are the winner's credit, in UNIT.
    """

    journal: int
    kind: MoveKind
    sequence: int
    class_digest: str
    winner: str
    before: int
    after: int


class MoveKind(StrEnum):
    """What moved the credits."""

    CHOICE = "choice"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A ledger as it was when the journal ended with entry `journal` (0: before the first)."""

    ledger: Ledger
    journal: int


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """Where a hash chain ends: its number of entries and the last one's hash."""

    length: int
    hash: str


@dataclass(frozen=True, slots=True)
class Parked:
    """A lead kept back. `tries` counts the times it was parked in a row, `tried` is the last of
    them (None in a state from before that was kept): only those that changed something are in the
    journal."""

    lead: RecordId
    since: datetime
    tries: int
    next_try: datetime | None
    reasons: tuple[Reason, ...]
    tried: datetime | None = None

    @property
    def waits(self) -> bool:
        """Whether it waits for an owner; not so where a rule leaves it with the one it has."""
        return bool(self.reasons) and self.reasons[0].code is not Code.LEFT_ALONE
