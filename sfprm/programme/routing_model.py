"""The routing half of the declared programme: intake, rules, pools and notices.

Built only by `sfprm.programme.load`, which has checked it. Order is the order of the files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.ids import PoolKey
    from sfprm.programme.conditions import Condition
    from sfprm.programme.logic import Logic
    from sfprm.programme.offer_terms import OfferTerms
    from sfprm.programme.origin import Origin

__all__ = [
    "LEAD_FIELDS",
    "Cap",
    "Criterion",
    "Fairness",
    "LeaveAlone",
    "MemberKind",
    "Notice",
    "NoticeText",
    "Operator",
    "Pool",
    "PoolMember",
    "Routing",
    "Rule",
    "Target",
    "ToPool",
    "ToQueue",
    "ToUser",
]


LEAD_FIELDS = ("pool", "rule", "member", "offer", "accept_by", "act_by", "decision")
"""What sfprm can write on a lead beside its owner."""


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
    """Criteria and a target. `logic` None means all criteria; no criteria matches every lead.

    `offer`: the terms on which its leads are offered; None means the pool's.
    """

    name: str
    criteria: tuple[Criterion, ...]
    logic: Logic | None
    target: Target
    origin: Origin
    notify: str | None = None
    offer: tuple[OfferTerms, ...] | None = None


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

    `eligible_at` is where that condition is written. `offer`: the terms on which its leads are
    offered, of which the first that fits the lead holds; None or empty means without a clock.
    """

    key: PoolKey
    members: tuple[PoolMember, ...]
    origin: Origin
    eligible_when: Condition | None = None
    fairness: Fairness = Fairness.EQUAL_OPPORTUNITY
    intake: str | None = None
    notify: str | None = None
    eligible_at: Origin | None = None
    offer: tuple[OfferTerms, ...] | None = None


@dataclass(frozen=True, slots=True)
class NoticeText:
    """Subject and body in one language."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A template: Jinja texts (sandboxed) over `lead`, `owner`, `rule`, `partner`, `offer`.

    `languages` holds further texts by language (`pt`, `pt_BR`), taken by the owner's. `via` is who
    sends it; `webhook` names the address in the settings. `digest` is the text for several leads of
    one owner at once, over `leads`.
    """

    key: str
    subject: str
    body: str
    origin: Origin
    languages: Mapping[str, NoticeText] = field(default_factory=lambda: MappingProxyType({}))
    via: Literal["org", "smtp", "webhook"] = "org"
    webhook: str | None = None
    digest: NoticeText | None = None


@dataclass(frozen=True, slots=True)
class Routing:
    """Where leads come from and where they go. `intake` holds queue labels.

    `park` is the queue that leads without an owner wait in. `lead_fields` are the Lead fields that
    sfprm fills beside the owner, by what it writes there (one of LEAD_FIELDS).
    """

    intake: tuple[str, ...] = ()
    pools: Mapping[PoolKey, Pool] = field(default_factory=lambda: MappingProxyType({}))
    rules: tuple[Rule, ...] = ()
    notices: Mapping[str, Notice] = field(default_factory=lambda: MappingProxyType({}))
    park: str | None = None
    lead_fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def offer_terms(self) -> tuple[tuple[str, tuple[OfferTerms, ...]], ...]:
        """All terms on which leads are offered, with the name that offers keep: `pool:south`."""
        pools = ((f"pool:{p.key}", p.offer) for p in self.pools.values())
        rules = ((f"rule:{r.name}", r.offer) for r in self.rules)
        return tuple((name, offer) for name, offer in (*pools, *rules) if offer)

    def fields_read(self) -> tuple[str, ...]:
        """API names of the Lead fields that rules and pools read; sorted, each once."""
        names = {c.field for rule in self.rules for c in rule.criteria}
        for pool in self.pools.values():
            if pool.eligible_when is not None:
                names.update(pool.eligible_when.lead_fields())
        for _, offer in self.offer_terms():
            names.update(c.field for terms in offer for c in terms.when)
            names.add("Status")
        return tuple(sorted(names))
