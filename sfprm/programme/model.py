"""The declared partner programme, as every other room sees it.

Built only by `sfprm.programme.load`, which has checked it: names that are referred to exist, keys
are unique, patterns are filled in. Nothing here reads a file. Order is the order of the files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from sfprm.ids import PartnerKey, PersonKey, PoolKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.programme.conditions import Condition
    from sfprm.programme.logic import Logic

EMPTY: Mapping[str, str] = MappingProxyType({})

FieldValue = str | int | float | bool | None
"""A Salesforce field's value as JSON carries it. Dates and datetimes are ISO 8601 text."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where in the files something is declared. `line` starts at 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Presence(StrEnum):
    """What the files want of a partner or person."""

    ACTIVE = "active"
    FROZEN = "frozen"
    ABSENT = "absent"


class PortalRole(StrEnum):
    """`User.PortalRole`, by its API value. Documents print User for Worker; files accept both."""

    EXECUTIVE = "Executive"
    MANAGER = "Manager"
    WORKER = "Worker"


class OwnerPolicy(StrEnum):
    """Who decides an existing account's owner (operations.md, rule 15)."""

    MANAGED = "managed"
    SET_ONCE = "set-once"
    UNMANAGED = "unmanaged"


class MembersPolicy(StrEnum):
    """Whether a queue may have members that the files do not name."""

    AT_LEAST = "at_least"
    EXACT = "exact"


@dataclass(frozen=True, slots=True)
class ChannelManager:
    """An internal User who owns partner accounts, named by username."""

    key: str
    username: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class FieldMatch:
    """Names an existing record by a field of its own: `AccountNumber` = `P-1001`."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Partner:
    """An Account enabled for partners, as declared.

    `tier` is one of `Programme.tiers`. `attributes` are free to use in rules; a value may be a
    list. `fields` are Account fields by API name.
    """

    key: PartnerKey
    name: str
    manager: str
    origin: Origin
    tier: str | None = None
    attributes: Mapping[str, str | tuple[str, ...]] = field(default_factory=lambda: EMPTY)
    fields: Mapping[str, FieldValue] = field(default_factory=lambda: EMPTY)
    match: FieldMatch | None = None
    owner: OwnerPolicy = OwnerPolicy.MANAGED
    state: Presence = Presence.ACTIVE


@dataclass(frozen=True, slots=True)
class Person:
    """A Contact with a partner User, as declared. Patterns are filled in.

    `alias` at most 8 characters, `nickname` at most 40.
    """

    key: PersonKey
    partner: PartnerKey
    first_name: str
    last_name: str
    email: str
    username: str
    nickname: str
    alias: str
    role: PortalRole
    profile: str
    time_zone: str
    locale: str
    language: str
    email_encoding: str
    origin: Origin
    state: Presence = Presence.ACTIVE
    contact_fields: Mapping[str, FieldValue] = field(default_factory=lambda: EMPTY)
    user_fields: Mapping[str, FieldValue] = field(default_factory=lambda: EMPTY)


@dataclass(frozen=True, slots=True)
class PersonMember:
    """One person in a queue."""

    person: PersonKey


@dataclass(frozen=True, slots=True)
class PartnerMember:
    """All active people of a partner in a queue, each as a user."""

    partner: PartnerKey


@dataclass(frozen=True, slots=True)
class UserMember:
    """An internal user in a queue, named by username."""

    username: str


QueueMember = PersonMember | PartnerMember | UserMember


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue for leads. `name` is its label, `developer_name` its API name (unique in the org).

    `managed` is False for a queue that is only referred to: it must exist in the org already.
    """

    name: str
    developer_name: str
    origin: Origin
    members: tuple[QueueMember, ...] = ()
    notify: str | None = None
    members_policy: MembersPolicy = MembersPolicy.AT_LEAST
    managed: bool = True


class Operator(StrEnum):
    """The operators of Salesforce's assignment rules, by their metadata names."""

    EQUALS = "equals"
    NOT_EQUAL = "notEqual"
    LESS_THAN = "lessThan"
    GREATER_THAN = "greaterThan"
    LESS_OR_EQUAL = "lessOrEqual"
    GREATER_OR_EQUAL = "greaterOrEqual"
    CONTAINS = "contains"
    NOT_CONTAIN = "notContain"
    STARTS_WITH = "startsWith"
    INCLUDES = "includes"
    EXCLUDES = "excludes"
    WITHIN = "within"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of a rule: a Lead field, an operator, and a list of values (any of them)."""

    field: str
    operator: Operator
    values: tuple[str, ...]
    text: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class ToUser:
    """The rule gives the lead to an internal user."""

    username: str


@dataclass(frozen=True, slots=True)
class ToQueue:
    """The rule puts the lead into a queue."""

    queue: str


@dataclass(frozen=True, slots=True)
class ToPool:
    """The rule hands the lead to a pool's fair choice."""

    pool: PoolKey


@dataclass(frozen=True, slots=True)
class LeaveAlone:
    """The rule says that the lead stays where it is ("do not reassign")."""


Target = ToUser | ToQueue | ToPool | LeaveAlone


@dataclass(frozen=True, slots=True)
class Rule:
    """Criteria and a target. `logic` None means all criteria; no criteria matches every lead."""

    name: str
    criteria: tuple[Criterion, ...]
    logic: Logic | None
    target: Target
    origin: Origin
    notify: str | None = None


class Fairness(StrEnum):
    """What a pool shares out evenly."""

    EQUAL_OPPORTUNITY = "equal-opportunity"
    EQUAL_COUNTS = "equal-counts"


@dataclass(frozen=True, slots=True)
class Cap:
    """Most leads a member may win in a rolling window, or hold open at once. None: no cap.

    Windows are 3,600 s, 24 h, 7 × 24 h and 30 × 24 h.
    """

    hour: int | None = None
    day: int | None = None
    week: int | None = None
    month: int | None = None
    open: int | None = None


MemberKind = Literal["partner", "queue", "user"]


@dataclass(frozen=True, slots=True)
class PoolMember:
    """A queue (by label), partner (by key) or user (by username) that shares a pool's leads."""

    kind: MemberKind
    name: str
    weight: int
    origin: Origin
    cap: Cap = Cap()

    @property
    def key(self) -> str:
        """`partner:acme`; stable, and the last tie-break of the fair choice."""
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Pool:
    """Members that share leads fairly. `eligible_when` is tried for each member and lead.

    `eligible_at` is where that condition is written.
    """

    key: PoolKey
    members: tuple[PoolMember, ...]
    origin: Origin
    eligible_when: Condition | None = None
    fairness: Fairness = Fairness.EQUAL_OPPORTUNITY
    intake: str | None = None
    notify: str | None = None
    eligible_at: Origin | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """An e-mail template: Jinja texts (sandboxed) over `lead`, `owner`, `rule`, `partner`."""

    key: str
    subject: str
    body: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Routing:
    """Where leads come from and where they go. `intake` holds queue labels."""

    intake: tuple[str, ...] = ()
    pools: Mapping[PoolKey, Pool] = field(default_factory=lambda: MappingProxyType({}))
    rules: tuple[Rule, ...] = ()
    notices: Mapping[str, Notice] = field(default_factory=lambda: MappingProxyType({}))

    def fields_read(self) -> tuple[str, ...]:
        """API names of the Lead fields that rules and pools read; sorted, each once."""
        names = {c.field for rule in self.rules for c in rule.criteria}
        for pool in self.pools.values():
            if pool.eligible_when is not None:
                names.update(pool.eligible_when.lead_fields())
        return tuple(sorted(names))


@dataclass(frozen=True, slots=True)
class Programme:
    """All declared files, as one value.

    `tiers` lowest first. `site` is the Network's name, `profile` the partner users' default
    profile. `digest` is the sha256 of `sfprm.programme.canonical.to_json`.
    """

    name: str
    site: str
    profile: str
    channel_managers: Mapping[str, ChannelManager]
    partners: Mapping[PartnerKey, Partner]
    people: Mapping[PersonKey, Person]
    queues: Mapping[str, Queue]
    routing: Routing
    tiers: tuple[str, ...] = ()
    digest: str = ""
    root: str = ""

    def people_of(self, partner: PartnerKey) -> tuple[Person, ...]:
        """The partner's declared people, in file order."""
        return tuple(p for p in self.people.values() if p.partner == partner)
