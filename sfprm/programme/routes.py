"""routing.yaml to the model: what later parts refer to is read first."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.ids import PoolKey
from sfprm.programme.hours_text import build_calendars, build_hours
from sfprm.programme.intake_text import Intakes
from sfprm.programme.lookup_text import build_lookups
from sfprm.programme.model import Pool, Routing, RuleSet, ToCompany
from sfprm.programme.notice_text import build_notices
from sfprm.programme.offers_text import check_lead_fields
from sfprm.programme.pool_text import build_pool, check_intakes
from sfprm.programme.rule_text import build_rules
from sfprm.programme.sheet import Sheet

if TYPE_CHECKING:
    from sfprm.programme.complaints import Complaints, Place
    from sfprm.programme.files import RoutingFile
    from sfprm.programme.names import Names
    from sfprm.programme.yaml_text import Tree

__all__ = ["build_routing"]


def build_routing(file: RoutingFile, tree: Tree, names: Names, complaints: Complaints) -> Routing:
    """The routing; `names.queue_uses` grows by the queues it refers to."""
    sheet = Sheet(tree, names, complaints)
    sheet.lookups = build_lookups(file.lookups, sheet)
    sheet.calendars = build_calendars(file, sheet)
    times = build_hours(file, sheet)
    intakes = Intakes(sheet)
    intake, claims = intakes.read(file.intake, ("intake",))
    pools = {PoolKey(key): build_pool(key, pool, sheet) for key, pool in file.pools.items()}
    seen: dict[str, Place] = {}
    rules = build_rules(file.rules, ("rules",), sheet, seen, wants_all=bool(file.intake))
    rule_sets = _rule_sets(file, sheet, intakes, seen)
    intakes.compare()
    every = (*claims, *(claim for each in rule_sets for claim in each.claims))
    queues = (
        *intake,
        *(queue for each in rule_sets for queue in each.intake),
        *(claim.owner for claim in every if claim.of == "queue"),
    )
    check_intakes(pools, queues, sheet)
    counted = {
        target.counts_in
        for rule in (*rules, *(rule for each in rule_sets for rule in each.rules))
        for target in rule.targets
        if isinstance(target, ToCompany)
    }
    pools |= {key: replace(pools[key], counts_known=True) for key in counted if key in pools}
    return Routing(
        intake=intake,
        pools=MappingProxyType(pools),
        rules=rules,
        notices=MappingProxyType(build_notices(file, tree, complaints)),
        park=_park(file, pools, queues, sheet),
        lead_fields=MappingProxyType(check_lead_fields(file.lead_fields.items(), tree, complaints)),
        rule_sets=rule_sets,
        lookups=MappingProxyType(sheet.lookups),
        hours=times.hours,
        partner_hours=times.partner_hours,
        person_hours=times.person_hours,
        absences=times.absences,
        claims=claims,
    )


def _park(
    file: RoutingFile, pools: dict[PoolKey, Pool], intakes: tuple[str, ...], sheet: Sheet
) -> str | None:
    """The park queue: leads wait there, so nothing else may happen in it."""
    if file.park is None:
        return None
    place = sheet.tree.at("park").place
    label = sheet.names.use_queue(file.park, place, sheet.complaints)
    taken = dict.fromkeys((*intakes, *(p.intake for p in pools.values())), "an intake")
    for pool in pools.values():
        taken |= {
            m.name: f"a member of pool {pool.key!r}" for m in pool.members if m.kind == "queue"
        }
    if label in taken:
        sheet.complaints.error(
            place, f"queue {label!r} is {taken[label]} too.", "Park in a queue apart."
        )
    return label


def _rule_sets(
    file: RoutingFile, sheet: Sheet, intakes: Intakes, seen: dict[str, Place]
) -> tuple[RuleSet, ...]:
    found = []
    for name, written in file.rule_sets.items():
        path = ("rule_sets", name)
        intake, claims = intakes.read(written.intake, (*path, "intake"))
        found.append(
            RuleSet(
                name=name,
                intake=intake,
                rules=build_rules(written.rules, (*path, "rules"), sheet, seen, wants_all=True),
                origin=sheet.tree.key(*path).origin,
                claims=claims,
            )
        )
    return tuple(found)
