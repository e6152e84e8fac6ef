"""`rules:` of routing.yaml, and of each of its rule sets, to the model, with their checks."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.ids import PoolKey
from sfprm.programme.complaints import Place, did_you_mean
from sfprm.programme.condition_text import is_of_partner
from sfprm.programme.criterion_text import parse_criterion
from sfprm.programme.fields_read import check_criterion, standard_types
from sfprm.programme.logic import And, Not, Or, Ref
from sfprm.programme.logic_text import numbers, parse_logic
from sfprm.programme.model import (
    Criterion,
    InTurn,
    LeaveAlone,
    PartnerCriterion,
    Rule,
    StickyBy,
    Target,
    ToCompany,
    ToPool,
    ToQueue,
    ToUser,
)
from sfprm.programme.names import check_user
from sfprm.programme.offers_text import build_offers
from sfprm.programme.rule_analysis import useless_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.programme.files import AssignFile, RuleFile, TargetFile
    from sfprm.programme.logic import Logic
    from sfprm.programme.sheet import Sheet
    from sfprm.programme.yaml_text import Path, Value

__all__ = ["build_criteria", "build_rules"]


def build_rules(
    written: Sequence[RuleFile],
    path: Path,
    sheet: Sheet,
    seen: dict[str, Place],
    *,
    wants_all: bool,
) -> tuple[Rule, ...]:
    """The rules of one set, at `path`. `seen` grows by their names; `wants_all`: warn when some
    leads could match none."""
    rules: list[Rule] = []
    for index, file in enumerate(written):
        line = sheet.tree.at(*path, index, "name").place
        first = seen.setdefault(file.name, line)
        if first is not line:
            sheet.complaints.error(
                line,
                f"two rules are named {file.name!r}; first on line {first.line}.",
                "Decisions are explained by the rule's name: give each its own.",
            )
        rules.append(_rule(file, (*path, index), sheet))
    if not sheet.complaints.errors:
        _warn_of_useless(rules, path, sheet)
    takes_all = any(_takes_all(rule, (*path, at), sheet) for at, rule in enumerate(rules))
    if not takes_all and (rules or wants_all):
        sheet.complaints.warn(
            sheet.tree.key(*path),
            "no rule takes every lead: those that match none will be parked.",
            "End the rules with one without `when:`, such as {name: Everything else, assign: …}.",
        )
    return tuple(rules)


def _takes_all(rule: Rule, path: Path, sheet: Sheet) -> bool:
    as_written = sheet.tree.at(*path).entries or {}
    return not (rule.criteria or "when" in as_written or rule.may_pass_over)


def _warn_of_useless(rules: Sequence[Rule], path: Path, sheet: Sheet) -> None:
    for at, why in useless_rules(rules):
        place = sheet.tree.at(*path, at, "name").place
        sheet.complaints.warn(place, f"rule {rules[at].name!r} {why}.")


def _rule(file: RuleFile, path: Path, sheet: Sheet) -> Rule:
    tree = sheet.tree
    criteria, of_partner, logic = build_criteria(file.when, file.logic, path, "when", sheet)
    target = _target(file.assign, (*path, "assign"), sheet)
    targets = target.targets if isinstance(target, InTurn) else (target,)
    if of_partner and not any(isinstance(each, ToPool | ToCompany) for each in targets):
        sheet.complaints.error(
            Place(of_partner[0].origin.file, of_partner[0].origin.line),
            f"{of_partner[0].text!r} says which partners may have the lead, "
            "but this rule gives it to none.",
            "Assign to a pool or a company's partner; the rule below takes what nobody may have.",
        )
    eligible_when = None
    if file.eligible_when is not None:
        value = tree.at(*path, "eligible_when")
        eligible_when = sheet.condition(file.eligible_when, value)
        if not any(isinstance(each, ToPool) for each in targets):
            sheet.complaints.error(
                value.place,
                "eligible_when narrows a pool, but this rule names none.",
                "Assign to a pool, or leave eligible_when out.",
            )
    return Rule(
        name=file.name,
        criteria=criteria,
        logic=logic,
        target=target,
        origin=tree.at(*path).place.origin,
        notify=sheet.notice(file.notify, *path, "notify"),
        offer=build_offers(file.offer, tree, (*path, "offer"), sheet.names, sheet.complaints),
        eligible_when=eligible_when,
        native=MappingProxyType(dict(sorted(file.native.items()))),
        partner_criteria=of_partner,
        eligible_at=tree.key(*path, "eligible_when").origin if eligible_when is not None else None,
    )


def build_criteria(
    texts: Sequence[str], logic: str | None, path: Path, key: str, sheet: Sheet
) -> tuple[tuple[Criterion, ...], tuple[PartnerCriterion, ...], Logic | None]:
    """Criteria below `key` of what stands at `path`, and their logic; wrong ones are left out.

    The logic numbers those on the lead first, then those on partners.
    """
    found: list[tuple[int, Criterion | PartnerCriterion]] = []
    for number, text in enumerate(texts, start=1):
        value = sheet.tree.at(*path, key, number - 1)
        made = (
            _partner_criterion(text, value, sheet)
            if is_of_partner(text)
            else _criterion(text, value, sheet)
        )
        if made is not None:
            found.append((number, made))
    criteria = [(n, c) for n, c in found if isinstance(c, Criterion)]
    of_partner = [(n, c) for n, c in found if isinstance(c, PartnerCriterion)]
    tree: Logic | None = None
    if logic is not None:
        value = sheet.tree.at(*path, "logic")
        tree = sheet.parsed(parse_logic, logic, value)
        if tree is not None:
            _check_numbers(tree, len(texts), key, value, sheet)
            order = {n: at for at, (n, _) in enumerate((*criteria, *of_partner), start=1)}
            tree = _renumbered(tree, order)
    return tuple(c for _, c in criteria), tuple(c for _, c in of_partner), tree


def _renumbered(logic: Logic, order: Mapping[int, int]) -> Logic:
    match logic:
        case Ref(number):
            return Ref(order.get(number, number))
        case Not(part):
            return Not(_renumbered(part, order))
        case And(parts):
            return And(tuple(_renumbered(part, order) for part in parts))
        case Or(parts):
            return Or(tuple(_renumbered(part, order) for part in parts))


def _partner_criterion(text: str, value: Value, sheet: Sheet) -> PartnerCriterion | None:
    comparison = sheet.partner_criterion(text, value)
    if comparison is None:
        return None
    return PartnerCriterion(comparison, text, value.place.origin)


def _criterion(text: str, value: Value, sheet: Sheet) -> Criterion | None:
    criterion = sheet.parsed(parse_criterion, text, value)
    if criterion is None:
        return None
    at = value.within(criterion.field_offset, len(criterion.field))
    field = sheet.path(criterion.field, at)
    if field is None:
        return None
    made = Criterion(field, criterion.operator, criterion.values, text, value.place.origin)
    check_criterion(made, at, standard_types(), sheet.complaints)
    return made


def _check_numbers(logic: Logic, count: int, key: str, value: Value, sheet: Sheet) -> None:
    named = numbers(logic)
    beyond = sorted(number for number in named if not 1 <= number <= count)
    if beyond:
        at = value.text.find(str(beyond[0]))
        sheet.complaints.error(
            value.within(max(0, at), len(str(beyond[0]))),
            f"logic names criterion {beyond[0]}, but `{key}` has {count}.",
            f"Criteria are numbered from 1, in the order of `{key}`.",
        )
        return
    unused = [str(number) for number in range(1, count + 1) if number not in named]
    if unused:
        sheet.complaints.error(
            value.place,
            f"logic does not name criterion {', '.join(unused)}.",
            f"Salesforce wants each criterion named; take it out of `{key}` if it is not meant.",
        )


def _target(file: AssignFile, path: Path, sheet: Sheet) -> Target:
    if file.first_of is not None:
        if len(file.first_of) < 2:
            sheet.complaints.error(
                sheet.tree.key(*path, "first_of"), "first_of wants two targets or more."
            )
        return InTurn(
            tuple(
                _one_target(each, (*path, "first_of", at), sheet)
                for at, each in enumerate(file.first_of)
            )
        )
    if file.leave is not None:
        return LeaveAlone()
    return _one_target(file, path, sheet)


def _one_target(
    file: AssignFile | TargetFile, path: Path, sheet: Sheet
) -> ToUser | ToQueue | ToPool | ToCompany:
    tree, names, complaints = sheet.tree, sheet.names, sheet.complaints
    if file.counts_in is not None and file.sticky is None:
        complaints.error(
            tree.key(*path, "counts_in"),
            "counts_in is for leads that go to a company's own partner.",
            "Write it beside sticky: {sticky: company, counts_in: POOL}.",
        )
    if file.user is not None:
        check_user(file.user, tree.at(*path, "user").place, names, complaints)
        return ToUser(file.user)
    if file.queue is not None:
        return ToQueue(names.use_queue(file.queue, tree.at(*path, "queue").place, complaints))
    if file.pool is not None:
        _check_pool(file.pool, (*path, "pool"), sheet)
        return ToPool(PoolKey(file.pool))
    counts_in = None
    if file.counts_in is not None:
        _check_pool(file.counts_in, (*path, "counts_in"), sheet)
        counts_in = PoolKey(file.counts_in)
    if isinstance(file.sticky, str) or not file.sticky:
        return ToCompany(tuple(StickyBy), counts_in)
    return ToCompany(tuple(StickyBy(way) for way in dict.fromkeys(file.sticky)), counts_in)


def _check_pool(key: str, path: Path, sheet: Sheet) -> None:
    known = sheet.names.pools
    if key not in known:
        sheet.complaints.error(
            sheet.tree.at(*path).place,
            f"no pool is named {key!r}.",
            did_you_mean(key, known, known) or "Declare it below `pools:`.",
        )
