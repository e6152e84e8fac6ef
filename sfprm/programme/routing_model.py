"""The routing half of the declared programme: intake, rules, pools and notices.

Built only by `sfprm.programme.load`, which has checked it. Order is the order of the files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from sfprm.programme.conditions import Condition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.ids import PartnerKey, PersonKey, PoolKey
    from sfprm.programme.calendar_model import Absence, Calendar
    from sfprm.programme.conditions import Comparison
    from sfprm.programme.intake_model import Claim
    from sfprm.programme.logic import Logic
    from sfprm.programme.lookup_model import Lookup
    from sfprm.programme.offer_terms import OfferTerms
    from sfprm.programme.origin import Origin

__all__ = [
    "CAMPAIGN_HEADS",
    "LEAD_FIELDS",
    "Cap",
    "Criterion",
    "Fairness",
    "LeaveAlone",
    "MemberKind",
    "Notice",
    "NoticeText",
    "Operator",
    "PartnerCriterion",
    "Pool",
    "PoolMember",
    "Routing",
    "Rule",
    "RuleSet",
    "SameCompany",
    "StickyBy",
    "Target",
    "ToCompany",
    "ToPool",
    "ToQueue",
    "ToUser",
    "Waiver",
]


CAMPAIGN_HEADS = ("AnyCampaign.", "FirstCampaign.", "LatestCampaign.")
_NOT_FIELDS = (*CAMPAIGN_HEADS, "lookup.", "company.")

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
    """One line of a rule: what is read, an operator, and a list of values (any of them).

    `field` is a Lead field or another path of `sfprm.programme.paths`.
    """

    field: str
    operator: Operator
    values: tuple[str, ...]
    text: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class PartnerCriterion:
    """One line of a rule that reads partners: `partner.tier >= Gold`."""

    comparison: Comparison
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


class StickyBy(StrEnum):
    """How a lead's company is known again."""

    EMAIL_DOMAIN = "email-domain"
    NAME = "name"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class ToCompany:
    """The partner that works the lead's company already: by open leads and opportunities, found by
    these ways, in order. Hours and caps do not count. `counts_in`: the pool in which its member
    pays for the lead; None: no credit moves."""

    by: tuple[StickyBy, ...]
    counts_in: PoolKey | None = None


@dataclass(frozen=True, slots=True)
class InTurn:
    """Several targets; the first that can take the lead does."""

    targets: tuple[ToUser | ToQueue | ToPool | ToCompany, ...]


Target = ToUser | ToQueue | ToPool | LeaveAlone | ToCompany | InTurn


@dataclass(frozen=True, slots=True)
class Rule:
    """Criteria and a target. `logic` None means all criteria; no criteria matches every lead.

    `partner_criteria` are tried for each partner that may get the lead: the rule is met when it is
    with the attributes of at least one, and only those may have it. `logic` numbers them after
    `criteria`.

    `eligible_when` narrows the target's pools to partners for which it holds; a rule that leaves
    none of them is passed over, and so is one whose only target is a company's partner, and none is
    known. `eligible_at` is where it is written. `native` is what the org's own assignment rule
    holds beside (`template`), carried along by pull and push. `offer`: the terms on which its
    leads are offered; None means the pool's.
    """

    name: str
    criteria: tuple[Criterion, ...]
    logic: Logic | None
    target: Target
    origin: Origin
    notify: str | None = None
    offer: tuple[OfferTerms, ...] | None = None
    eligible_when: Condition | None = None
    eligible_at: Origin | None = None
    native: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    partner_criteria: tuple[PartnerCriterion, ...] = ()

    @property
    def targets(self) -> tuple[ToUser | ToQueue | ToPool | LeaveAlone | ToCompany, ...]:
        """The targets in turn; mostly one."""
        return self.target.targets if isinstance(self.target, InTurn) else (self.target,)

    @property
    def may_pass_over(self) -> bool:
        """Whether a lead that meets the criteria may be left to the rules below."""
        narrows = self.eligible_when is not None or bool(self.partner_criteria)
        return narrows or all(isinstance(target, ToCompany) for target in self.targets)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of a business unit, with an intake of their own: queue labels, and claims."""

    name: str
    intake: tuple[str, ...]
    rules: tuple[Rule, ...]
    origin: Origin
    claims: tuple[Claim, ...] = ()

    @property
    def intake_names(self) -> tuple[str, ...]:
        """What decisions keep as the intake that their lead came by."""
        return (*self.intake, *(claim.name for claim in self.claims))


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
    """A queue (by label), partner (by key) or user (by username) that shares a pool's leads.

    `hours` are those of this member in this pool.
    """

    kind: MemberKind
    name: str
    weight: int
    origin: Origin
    cap: Cap = Cap()
    hours: Calendar | None = None

    @property
    def key(self) -> str:
        """`partner:acme`; stable, and the last tie-break of the fair choice."""
        return f"{self.kind}:{self.name}"


class Waiver(StrEnum):
    """Conditions of eligibility that a pool may switch off (operations.md, rule 24): a real org
    accepts such owners by API. By the codes of the reasons."""

    NEVER_LOGGED_IN = "never-logged-in"
    SITE_NOT_LIVE = "site-not-live"
    PROFILE_NOT_IN_SITE = "profile-not-in-site"
    FROZEN = "frozen"
    INACTIVE = "inactive"
    NO_LEAD_ACCESS = "no-lead-access"
    OUT_OF_HOURS = "out-of-hours"
    HOLIDAY = "holiday"
    ABSENT = "absent"
    PREVIOUS_OWNER = "previous-owner"


class SameCompany(StrEnum):
    """What a pool does with a lead of a company where a partner is at work already.

    PARK: another partner's open lead or an open opportunity there parks it for the channel manager.
    """

    IGNORE = "ignore"
    PARK = "park"


@dataclass(frozen=True, slots=True)
class Pool:
    """Members that share leads fairly. `eligible_when` is tried for each member and lead.

    `eligible_at` is where that condition is written. `hours` are those of members without hours of
    their own; `waive` are conditions that are switched off. `competitors` is a path (a Lead field)
    that names partners, by key or name, who may not have the lead. `offer`: the terms on which its
    leads are offered, of which the first that fits the lead holds; None or empty means without a
    clock. `counts_known`: leads that go to a company's own partner are paid for here.
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
    hours: Calendar | None = None
    waive: tuple[Waiver, ...] = ()
    competitors: str | None = None
    same_company: SameCompany = SameCompany.IGNORE
    counts_known: bool = False


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

    `intake`, `claims` and `rules` are the first rule set, `rule_sets` the others. `hours` are those
    of everybody without hours of their own; None means always.
    """

    intake: tuple[str, ...] = ()
    pools: Mapping[PoolKey, Pool] = field(default_factory=lambda: MappingProxyType({}))
    rules: tuple[Rule, ...] = ()
    notices: Mapping[str, Notice] = field(default_factory=lambda: MappingProxyType({}))
    park: str | None = None
    lead_fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    rule_sets: tuple[RuleSet, ...] = ()
    lookups: Mapping[str, Lookup] = field(default_factory=lambda: MappingProxyType({}))
    hours: Calendar | None = None
    partner_hours: Mapping[PartnerKey, Calendar] = field(
        default_factory=lambda: MappingProxyType({})
    )
    person_hours: Mapping[PersonKey, Calendar] = field(default_factory=lambda: MappingProxyType({}))
    absences: Mapping[PersonKey, tuple[Absence, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    claims: tuple[Claim, ...] = ()

    @property
    def all_claims(self) -> tuple[Claim, ...]:
        """The claims of all rule sets, set by set: a lead is the first one's that it meets."""
        return (*self.claims, *(claim for each in self.rule_sets for claim in each.claims))

    @property
    def all_rules(self) -> tuple[Rule, ...]:
        """The rules of all rule sets, set by set."""
        return (*self.rules, *(rule for each in self.rule_sets for rule in each.rules))

    @property
    def rule_intakes(self) -> tuple[str, ...]:
        """The intake queues of all rule sets, those of claims last."""
        whole = (*self.intake, *(queue for each in self.rule_sets for queue in each.intake))
        return (*whole, *dict.fromkeys(c.owner for c in self.all_claims if c.of == "queue"))

    @property
    def intake_names(self) -> tuple[str, ...]:
        """What decisions of any rule set may keep as the intake that their lead came by."""
        first = (*self.intake, *(claim.name for claim in self.claims))
        return (*first, *(name for each in self.rule_sets for name in each.intake_names))

    def rules_for(self, intake: str) -> tuple[Rule, ...]:
        """The rules that leads of that intake are tried on; the first set's when it is none of
        theirs."""
        for each in self.rule_sets:
            if intake in each.intake_names:
                return each.rules
        return self.rules

    def offer_terms(self) -> tuple[tuple[str, tuple[OfferTerms, ...]], ...]:
        """All terms on which leads are offered, with the name that offers keep: `pool:south`."""
        pools = ((f"pool:{p.key}", p.offer) for p in self.pools.values())
        rules = ((f"rule:{r.name}", r.offer) for r in self.all_rules)
        return tuple((name, offer) for name, offer in (*pools, *rules) if offer)

    def paths_read(self) -> tuple[str, ...]:
        """All paths that rules, pools and look-ups read; sorted, each once."""
        names = {c.field for rule in self.all_rules for c in rule.criteria}
        names.update(c.field for claim in self.all_claims for c in claim.criteria)
        conditions = [*(r.eligible_when for r in self.all_rules)]
        conditions += [pool.eligible_when for pool in self.pools.values()]
        for condition in conditions:
            if condition is not None:
                names.update(condition.lead_fields())
        for rule in self.all_rules:
            compared = tuple(c.comparison for c in rule.partner_criteria)
            names.update(Condition(compared, "").lead_fields())
        names.update(key for lookup in self.lookups.values() for key in lookup.keys)
        names.update(pool.competitors for pool in self.pools.values() if pool.competitors)
        for _, offer in self.offer_terms():
            names.update(c.field for terms in offer for c in terms.when)
            names.add("Status")
        if self.reads_companies:
            names.update(("Company", "Email", "Website"))
        return tuple(sorted(names))

    def fields_read(self) -> tuple[str, ...]:
        """What must be read of each lead: fields, and fields of its parents; sorted, each once."""
        return tuple(n for n in self.paths_read() if not n.startswith(_NOT_FIELDS))

    def campaign_fields_read(self) -> tuple[str, ...]:
        """Paths of campaigns and memberships that are read; sorted, each once."""
        return tuple(n for n in self.paths_read() if n.startswith(CAMPAIGN_HEADS))

    @property
    def reads_companies(self) -> bool:
        """Whether it must be known who works a lead's company already."""
        targets = [target for rule in self.all_rules for target in rule.targets]
        return (
            any(isinstance(target, ToCompany) for target in targets)
            or any(pool.same_company is SameCompany.PARK for pool in self.pools.values())
            or any(c.field.startswith("company.") for r in self.all_rules for c in r.criteria)
        )
