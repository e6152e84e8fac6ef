"""routing.yaml to the model: intake, pools, rules and notices, with their checks."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from sfprm.ids import PoolKey
from sfprm.programme.complaints import Complaints, did_you_mean
from sfprm.programme.condition_text import parse_condition
from sfprm.programme.conditions import Comparison, Condition, Constant, LeadField, PartnerAttribute
from sfprm.programme.criterion_text import parse_criterion
from sfprm.programme.fields_read import check_comparison, check_criterion, spelt, standard_types
from sfprm.programme.identity import is_key
from sfprm.programme.logic_text import numbers, parse_logic
from sfprm.programme.model import (
    Cap,
    Criterion,
    Fairness,
    LeaveAlone,
    Pool,
    PoolMember,
    Routing,
    Rule,
    Target,
    ToPool,
    ToQueue,
    ToUser,
)
from sfprm.programme.names import Names, check_user
from sfprm.programme.notice_text import build_notices
from sfprm.programme.offers_text import build_offers, check_lead_fields
from sfprm.programme.text_error import TextError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfprm.programme.complaints import Place
    from sfprm.programme.files import AssignFile, PoolFile, PoolMemberFile, RoutingFile, RuleFile
    from sfprm.programme.logic import Logic
    from sfprm.programme.yaml_text import Tree, Value

__all__ = ["build_routing"]

Parsed = TypeVar("Parsed")

BUILT_IN_ATTRIBUTES = ("tier", "key", "name", "manager")
"""What conditions may read of every partner."""


def build_routing(file: RoutingFile, tree: Tree, names: Names, complaints: Complaints) -> Routing:
    """The routing; `names.queue_uses` grows by the queues it refers to."""
    intake = _intake(file, tree, names, complaints)
    pools = {
        PoolKey(key): _pool(key, pool, tree, names, complaints) for key, pool in file.pools.items()
    }
    rules = _rules(file, tree, names, complaints)
    _check_intakes(pools, intake, tree, complaints)
    return Routing(
        intake=intake,
        pools=MappingProxyType(pools),
        rules=rules,
        notices=MappingProxyType(build_notices(file, tree, complaints)),
        park=_park(file, pools, intake, tree, names, complaints),
        lead_fields=MappingProxyType(check_lead_fields(file.lead_fields.items(), tree, complaints)),
    )


def _park(
    file: RoutingFile,
    pools: dict[PoolKey, Pool],
    intake: tuple[str, ...],
    tree: Tree,
    names: Names,
    complaints: Complaints,
) -> str | None:
    """The park queue: leads wait there, so nothing else may happen in it."""
    if file.park is None:
        return None
    place = tree.at("park").place
    label = names.use_queue(file.park, place, complaints)
    taken = dict.fromkeys((*intake, *(p.intake for p in pools.values())), "an intake")
    for pool in pools.values():
        taken |= {
            m.name: f"a member of pool {pool.key!r}" for m in pool.members if m.kind == "queue"
        }
    if label in taken:
        complaints.error(place, f"queue {label!r} is {taken[label]} too.", "Park in a queue apart.")
    return label


def _intake(file: RoutingFile, tree: Tree, names: Names, complaints: Complaints) -> tuple[str, ...]:
    labels: list[str] = []
    for index, entry in enumerate(file.intake):
        place = tree.at("intake", index).place
        label = entry if isinstance(entry, str) else entry.queue
        if not isinstance(entry, str):
            place = tree.at("intake", index, "queue").place
        label = names.use_queue(label, place, complaints)
        if label in labels:
            complaints.error(place, f"intake names queue {label!r} twice.")
        else:
            labels.append(label)
    return tuple(labels)


def _pool(key: str, file: PoolFile, tree: Tree, names: Names, complaints: Complaints) -> Pool:
    path = ("pools", key)
    place = tree.key(*path)
    if not is_key(key):
        complaints.error(
            place, f"{key!r} cannot be a pool's key.", "Use lower-case letters, digits, '-', '_'."
        )
    members: list[PoolMember] = []
    for list_name, entries in (("members", file.members), ("partners", file.partners)):
        for index, entry in enumerate(entries):
            member = _member(key, list_name, index, entry, tree, names, complaints)
            if member is None:
                continue
            same = next((m for m in members if m.key == member.key), None)
            if same is not None:
                complaints.error(
                    tree.at(*path, list_name, index).place,
                    f"pool {key!r} names {member.kind} {member.name!r} twice; "
                    f"first on line {same.origin.line}.",
                    "Keep one of the two, or raise its weight.",
                )
                continue
            members.append(member)
    written = tree.at(*path).entries or {}
    if "members" not in written and "partners" not in written:
        complaints.error(place, f"pool {key!r} has no members.", "List them below `members:`.")
    elif members and all(member.weight == 0 for member in members):
        complaints.warn(place, f"pool {key!r}: every member has weight 0, so nobody gets a lead.")
    condition = None
    if file.eligible_when is not None:
        condition = _condition(
            file.eligible_when, tree.at(*path, "eligible_when"), names, complaints
        )
    return Pool(
        key=PoolKey(key),
        members=tuple(members),
        origin=place.origin,
        eligible_when=condition,
        fairness=Fairness(file.fairness),
        intake=names.use_queue(file.intake, tree.at(*path, "intake").place, complaints)
        if file.intake
        else None,
        notify=_notice(file.notify, tree.at(*path, "notify").place, names, complaints)
        if file.notify
        else None,
        eligible_at=tree.key(*path, "eligible_when").origin if condition is not None else None,
        offer=build_offers(file.offer, tree, (*path, "offer"), names, complaints),
    )


def _member(
    pool: str,
    list_name: str,
    index: int,
    entry: str | PoolMemberFile,
    tree: Tree,
    names: Names,
    complaints: Complaints,
) -> PoolMember | None:
    path = ("pools", pool, list_name, index)
    place = tree.at(*path).place
    subject = f"pool {pool!r}"
    if isinstance(entry, str):
        if names.has_partner(entry, place, complaints, subject):
            return PoolMember("partner", entry, 1, place.origin)
        return None
    cap = Cap(**entry.cap.model_dump())
    if entry.partner is not None:
        where = tree.at(*path, "partner").place
        if names.has_partner(entry.partner, where, complaints, subject):
            return PoolMember("partner", entry.partner, entry.weight, place.origin, cap)
    elif entry.queue is not None:
        label = names.use_queue(entry.queue, tree.at(*path, "queue").place, complaints)
        return PoolMember("queue", label, entry.weight, place.origin, cap)
    elif entry.user is not None and check_user(
        entry.user, tree.at(*path, "user").place, names, complaints
    ):
        return PoolMember("user", entry.user, entry.weight, place.origin, cap)
    return None


def _check_intakes(
    pools: dict[PoolKey, Pool], intake: tuple[str, ...], tree: Tree, complaints: Complaints
) -> None:
    """A lead in a queue that is both the intake of a pool and something else would go in rings."""
    owners: dict[str, PoolKey] = {}
    for key, pool in pools.items():
        if pool.intake is None:
            continue
        place = tree.at("pools", key, "intake").place
        if pool.intake in intake:
            complaints.error(
                place, f"queue {pool.intake!r} is the rules' intake too.", "Keep it in one place."
            )
        if owners.setdefault(pool.intake, key) != key:
            complaints.error(
                place, f"queue {pool.intake!r} is the intake of pool {owners[pool.intake]!r} too."
            )
    for key, pool in pools.items():
        for member in pool.members:
            if member.kind == "queue" and (member.name in owners or member.name in intake):
                complaints.error(
                    tree.key("pools", key),
                    f"pool {key!r}: its member {member.name!r} is an intake: "
                    "leads would go round in rings.",
                    "Let the pool share over other queues.",
                )


def _rules(file: RoutingFile, tree: Tree, names: Names, complaints: Complaints) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    seen: dict[str, int] = {}
    open_at: int | None = None
    for index, written in enumerate(file.rules):
        place = tree.at("rules", index).place
        line = tree.at("rules", index, "name").place
        if seen.setdefault(written.name, place.line) != place.line:
            complaints.error(
                line,
                f"two rules are named {written.name!r}; first on line {seen[written.name]}.",
                "Decisions are explained by the rule's name: give each its own.",
            )
        if open_at is not None:
            complaints.warn(
                line,
                f"rule {written.name!r} is never reached: the rule on line {open_at} "
                "takes every lead.",
            )
        rule = _rule(index, written, tree, names, complaints)
        as_written = tree.at("rules", index).entries or {}
        if open_at is None and not rule.criteria and "when" not in as_written:
            open_at = place.line
        rules.append(rule)
    if open_at is None and (rules or file.intake):
        complaints.warn(
            tree.key("rules"),
            "no rule takes every lead: those that match none will be parked.",
            "End the rules with one without `when:`, such as {name: Everything else, assign: …}.",
        )
    return tuple(rules)


def _rule(index: int, file: RuleFile, tree: Tree, names: Names, complaints: Complaints) -> Rule:
    path = ("rules", index)
    criteria: list[Criterion] = []
    for number, text in enumerate(file.when):
        value = tree.at(*path, "when", number)
        criterion = _parsed(parse_criterion, text, value, complaints)
        if criterion is None:
            continue
        made = Criterion(
            spelt(criterion.field), criterion.operator, criterion.values, text, value.place.origin
        )
        at = value.within(criterion.field_offset, len(criterion.field))
        check_criterion(made, at, standard_types(), complaints)
        criteria.append(made)
    logic: Logic | None = None
    if file.logic is not None:
        value = tree.at(*path, "logic")
        logic = _parsed(parse_logic, file.logic, value, complaints)
        if logic is not None:
            _check_numbers(logic, len(file.when), value, complaints)
    return Rule(
        name=file.name,
        criteria=tuple(criteria),
        logic=logic,
        target=_target(index, file.assign, tree, names, complaints),
        origin=tree.at(*path).place.origin,
        notify=_notice(file.notify, tree.at(*path, "notify").place, names, complaints)
        if file.notify
        else None,
        offer=build_offers(file.offer, tree, (*path, "offer"), names, complaints),
    )


def _check_numbers(logic: Logic, count: int, value: Value, complaints: Complaints) -> None:
    named = numbers(logic)
    beyond = sorted(number for number in named if not 1 <= number <= count)
    if beyond:
        at = value.text.find(str(beyond[0]))
        complaints.error(
            value.within(max(0, at), len(str(beyond[0]))),
            f"logic names criterion {beyond[0]}, but `when` has {count}.",
            "Criteria are numbered from 1, in the order of `when`.",
        )
        return
    unused = [str(number) for number in range(1, count + 1) if number not in named]
    if unused:
        complaints.error(
            value.place,
            f"logic does not name criterion {', '.join(unused)}.",
            "Salesforce wants each criterion named; take it out of `when` if it is not meant.",
        )


def _target(
    index: int, file: AssignFile, tree: Tree, names: Names, complaints: Complaints
) -> Target:
    path = ("rules", index, "assign")
    if file.user is not None:
        check_user(file.user, tree.at(*path, "user").place, names, complaints)
        return ToUser(file.user)
    if file.queue is not None:
        place = tree.at(*path, "queue").place
        return ToQueue(names.use_queue(file.queue, place, complaints))
    if file.pool is not None:
        if file.pool not in names.pools:
            complaints.error(
                tree.at(*path, "pool").place,
                f"no pool is named {file.pool!r}.",
                did_you_mean(file.pool, names.pools, names.pools) or "Declare it below `pools:`.",
            )
        return ToPool(PoolKey(file.pool))
    return LeaveAlone()


def _notice(key: str, place: Place, names: Names, complaints: Complaints) -> str:
    if key not in names.notices:
        complaints.error(
            place,
            f"no notice is named {key!r}.",
            did_you_mean(key, names.notices, names.notices) or "Declare it below `notices:`.",
        )
    return key


def _condition(text: str, value: Value, names: Names, complaints: Complaints) -> Condition | None:
    condition = _parsed(parse_condition, text, value, complaints)
    if condition is None:
        return None
    known = (*BUILT_IN_ATTRIBUTES, *sorted(names.attributes))
    for comparison in condition.comparisons:
        at = text.find(comparison.text)
        place = value.within(max(0, at), len(comparison.text))
        for side, other in (
            (comparison.left, comparison.right),
            (comparison.right, comparison.left),
        ):
            if not isinstance(side, PartnerAttribute):
                continue
            where = value.within(max(0, text.find(f"partner.{side.name}")), len(side.name) + 8)
            if side.name not in known:
                complaints.error(
                    where,
                    f"partners have no attribute {side.name!r}.",
                    did_you_mean(side.name, known)
                    or f"A column partner.{side.name} in the partners' file makes it one.",
                )
            elif side.name == "tier" and isinstance(other, Constant):
                _check_tier(str(other.value), place, names, complaints)
        check_comparison(comparison, place, standard_types(), complaints)
    return replace(condition, comparisons=tuple(_spelt_out(c) for c in condition.comparisons))


def _spelt_out(comparison: Comparison) -> Comparison:
    """The comparison with Salesforce's spelling of its Lead fields."""
    left, right = (
        LeadField(spelt(side.name)) if isinstance(side, LeadField) else side
        for side in (comparison.left, comparison.right)
    )
    return replace(comparison, left=left, right=right)


def _check_tier(tier: str, place: Place, names: Names, complaints: Complaints) -> None:
    if tier not in names.tiers:
        complaints.error(
            place,
            f"{tier!r} is not one of the tiers.",
            did_you_mean(tier, names.tiers) or "List the `tiers:` in programme.yaml.",
        )


def _parsed(
    parse: Callable[[str], Parsed], text: str, value: Value, complaints: Complaints
) -> Parsed | None:
    try:
        return parse(text)
    except TextError as error:
        place = value.within(error.offset, error.width)
        complaints.error(place, f"{error.message}.", error.advice)
        return None
