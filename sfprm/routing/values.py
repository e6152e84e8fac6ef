"""What routing decides about and what it answers. Frozen values only."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sfprm.ids import PartnerKey, PersonKey, PoolKey, RecordId
    from sfprm.programme.model import FieldValue, StickyBy

UNIT = 1 << 40
"""One lead, in credit. Integers only, so that credits always add up to nothing exactly."""

ALGORITHM = 1
"""Number of the choosing algorithm in force; journalled with each decision."""


@dataclass(frozen=True, slots=True)
class LeadFacts:
    """A lead as it was when read: the fields that rules read, and who held it.

    `created` aware UTC. `intake` is the label of the queue it waits in. `label` is for people.
    """

    id: RecordId
    owner_id: RecordId
    created: datetime
    intake: str
    fields: Mapping[str, FieldValue]
    label: str = ""


@dataclass(frozen=True, slots=True)
class AtWork:
    """A partner that works a lead's company already, or an open opportunity there.

    `by`: how the company was known. `partner` is '' for an opportunity of nobody's; `owner_id` is
    the user who works it. `detail` is for people.
    """

    kind: Literal["lead", "account", "opportunity"]
    partner: PartnerKey
    owner_id: RecordId | None
    by: tuple[StickyBy, ...]
    detail: str = ""


class Code(StrEnum):
    """Why a member, person or owner is not eligible, or a lead is parked."""

    CONDITION = "condition"
    WEIGHT_ZERO = "weight-zero"
    PREVIOUS_OWNER = "previous-owner"
    YIELDS = "yields"
    """Shares in the lead, but leaves it to the partner that works its company."""
    CAP_HOUR = "cap-hour"
    CAP_DAY = "cap-day"
    CAP_WEEK = "cap-week"
    CAP_MONTH = "cap-month"
    CAP_OPEN = "cap-open"
    OUT_OF_HOURS = "out-of-hours"
    HOLIDAY = "holiday"
    ABSENT = "absent"
    COMPETITOR = "competitor"
    SAME_COMPANY = "same-company"
    NO_LEAD_ACCESS = "no-lead-access"
    NOT_IN_ORG = "not-in-org"
    INACTIVE = "inactive"
    FROZEN = "frozen"
    NEVER_LOGGED_IN = "never-logged-in"
    SITE_NOT_LIVE = "site-not-live"
    PROFILE_NOT_IN_SITE = "profile-not-in-site"
    NOT_FOR_LEADS = "queue-not-for-leads"
    NO_ELIGIBLE_PERSON = "no-eligible-person"
    NO_ELIGIBLE_MEMBER = "no-eligible-member"
    NO_RULE = "no-rule-matched"
    LEFT_ALONE = "left-alone"
    REFUSED_BY_ORG = "refused-by-org"
    AUTOMATION = "owner-changed-by-automation"
    PAUSED = "paused"
    RECALLED = "recalled"
    NEVER_AGAIN = "never-to-a-partner-again"


@dataclass(frozen=True, slots=True)
class Reason:
    """A code for machines and the words that go with it."""

    code: Code
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OwnerStanding:
    """What is known of someone who may own a lead, apart from any lead.

    `reasons` non-empty: may not own leads now. `name` is for people.
    """

    owner_id: RecordId | None
    name: str
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """What a pool member carries. `wins` are instants of wins in the last 30 days, ascending."""

    open_held: int = 0
    wins: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything about members that choice depends on, read once a batch.

    `loads` is by (pool, member key). `previous_owners` is by lead, and so is `at_work`: who works
    its company already, for programmes that ask.
    """

    people: Mapping[PersonKey, OwnerStanding] = field(default_factory=lambda: MappingProxyType({}))
    users: Mapping[str, OwnerStanding] = field(default_factory=lambda: MappingProxyType({}))
    queues: Mapping[str, OwnerStanding] = field(default_factory=lambda: MappingProxyType({}))
    loads: Mapping[tuple[PoolKey, str], Load] = field(default_factory=lambda: MappingProxyType({}))
    previous_owners: Mapping[RecordId, frozenset[RecordId]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    at_work: Mapping[RecordId, tuple[AtWork, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )


@dataclass(frozen=True, slots=True)
class Ledger:
    """Credits of one pool (`pool:iberia`) or of the people of a partner in it
    (`pool:iberia/partner:acme`).

    `credits` and `house` are in UNIT and add up to 0. `last_won` holds the sequence number of
    each member's last win; `sequence` counts the choices made, from 0.
    `ever` counts all who ever were members: the n of the bound.
    """

    key: str
    credits: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    house: int = 0
    last_won: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    sequence: int = 0
    ever: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """One member looked at for one lead. Eligible when it has no reasons against it."""

    member: str
    weight: int
    reasons: tuple[Reason, ...] = ()
    _text: str = field(default="", init=False, repr=False, compare=False)

    @property
    def text(self) -> str:
        """Its part of the class's canonical text; worked out once, as classes share candidates."""
        if not self._text:
            reasons = [[r.code.value, r.detail] for r in self.reasons]
            found = _COMPACT.encode([self.member, self.weight, reasons])
            object.__setattr__(self, "_text", found)
        return self._text


_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class EligibilityClass:
    """Who was and was not eligible; leads with the same answer share one class."""

    ledger: str
    candidates: tuple[Candidate, ...]
    _digest: str = field(default="", init=False, repr=False, compare=False)

    def to_json(self) -> str:
        """Canonical: candidates in member order, no white space."""
        listed = ",".join([c.text for c in self.candidates])
        return f'{{"ledger":{_COMPACT.encode(self.ledger)},"candidates":[{listed}]}}'

    @property
    def digest(self) -> str:
        """sha256 of `to_json`, hex; worked out once."""
        if not self._digest:
            found = hashlib.sha256(self.to_json().encode()).hexdigest()
            object.__setattr__(self, "_digest", found)
        return self._digest


class Choice(NamedTuple):
    """One fair choice. `before` is the winner's credit before its share, `after` after paying.

    `sequence` is the choice's number in its ledger, from 1.
    """

    eligibility: EligibilityClass
    winner: str
    before: int
    after: int
    sequence: int


@dataclass(frozen=True, slots=True)
class RuleTrial:
    """A rule that was tried. `failed`: numbers (from 1) of the criteria that were false."""

    rule: str
    matched: bool
    failed: tuple[int, ...] = ()


class Outcome(StrEnum):
    """How a decision ends."""

    ASSIGNED = "assigned"
    PARKED = "parked"
    LEFT_ALONE = "left-alone"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to happen to one lead, and why.

    `rule` None: the lead was found in a pool's own intake, or no rule matched. `choices` is empty
    for a direct target, one for a queue or user member, two for a partner and the person in it.
    `owner_id` and `owner_name` are set when assigned; `reasons` and `next_try` when parked.
    """

    lead: LeadFacts
    outcome: Outcome
    decided_at: datetime
    rule: str | None = None
    trials: tuple[RuleTrial, ...] = ()
    pool: PoolKey | None = None
    choices: tuple[Choice, ...] = ()
    owner_id: RecordId | None = None
    owner_name: str = ""
    reasons: tuple[Reason, ...] = ()
    next_try: datetime | None = None
    notify: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """The answer of `decide`: decisions in order of (created, id), and what follows from them."""

    decisions: tuple[Decision, ...]
    standing: Standing
    ledgers: Mapping[str, Ledger]
