"""The files' names and values against the org, as complaints with file and line: fields and their
types, picklist values, record types, profiles, permission sets, sites, queues, groups, roles,
managers. Reads only; whether the org is ready for a plan is `check`'s to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.errors import Complaint
from sfprm.estate.reader import read_estate
from sfprm.provisioning.checks.facts import Facts, Surroundings, Thresholds
from sfprm.provisioning.checks.finding import CheckState
from sfprm.provisioning.checks.reading import read_for_types
from sfprm.provisioning.checks.registry import TYPE_CODES, run_codes
from sfprm.provisioning.difference import Comparison

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.estate.model import Estate
    from sfprm.programme.model import Origin, Programme
    from sfprm.provisioning.checks.finding import CheckItem
    from sfprm.salesforce.session import Session

__all__ = ["mismatches", "type_complaints"]

_FILE = "programme.yaml"
_MOST = 5
"""Records of one mistake that are shown, each at its own line."""


def type_complaints(session: Session, programme: Programme) -> list[Complaint]:
    """What of the files this org has not, or would not take. As many calls as a plan, and three."""
    estate = read_estate(session, programme, members=False)
    return mismatches(programme, estate, read_for_types(session, programme, estate, Thresholds()))


def mismatches(programme: Programme, estate: Estate, surroundings: Surroundings) -> list[Complaint]:
    """The same, from what was read. Pure."""
    facts = Facts(programme, estate, Comparison(()), surroundings=surroundings)
    found = run_codes(facts, TYPE_CODES)
    return [
        complaint
        for item in found
        if item.state is CheckState.PROBLEM
        for complaint in _complaints(programme, item)
    ]


def _complaints(programme: Programme, item: CheckItem) -> Iterator[Complaint]:
    """The mistake, at each record that makes it; at the programme's file when it is nobody's."""
    places = _places(programme, item)
    rest = len(places) - _MOST
    for place in places[:_MOST]:
        yield Complaint(
            place.file,
            place.line,
            f"{item.name}: {item.found}. [{item.code}]",
            f"Fix: {item.fix}" + (f" ({rest} more lines have it)" if rest > 0 else ""),
        )
    if not places:
        yield Complaint(_FILE, 0, f"{item.name}: {item.found}. [{item.code}]", f"Fix: {item.fix}")


def _places(programme: Programme, item: CheckItem) -> list[Origin]:
    """Where in the files the item's records, or else what it is named after, are declared."""
    known: dict[str, Origin] = {}
    for kind, declared in (
        ("queue", programme.queues),
        ("group", programme.groups),
        ("channel manager", programme.channel_managers),
        ("site", programme.sites),
        ("pool", programme.routing.pools),
    ):
        known |= {f"{kind} {name}": one.origin for name, one in declared.items()}
    known |= {f"rule {rule.name}": rule.origin for rule in programme.routing.all_rules}
    known |= {name: group.origin for name, group in programme.groups.items()}
    known |= {name: queue.origin for name, queue in programme.queues.items()}
    if item.name in known:
        return [known[item.name]]
    people: dict[str, Origin] = {p.key: p.origin for p in programme.people.values()}
    partners: dict[str, Origin] = {p.key: p.origin for p in programme.partners.values()}
    found = []
    for record in item.records:
        kind, _, key = record.rpartition(" ")
        place = partners.get(key) if kind == "partner" else people.get(key)
        found += [place] if place is not None else []
    found = found or _of_profile(programme, item) or _of_column(programme, item)
    return list(dict.fromkeys(found))


def _of_profile(programme: Programme, item: CheckItem) -> list[Origin]:
    """People of a profile; nobody when it is the programme's own."""
    name = item.name.removeprefix("profile ")
    if name in (item.name, programme.profile):
        return []
    return [p.origin for p in programme.people.values() if p.profile == name]


def _of_column(programme: Programme, item: CheckItem) -> list[Origin]:
    """The first record that has a value in the column `Object.Field`."""
    object_, _, field = item.name.partition(".")
    if object_ == "Account":
        holders = ((p.origin, p.fields) for p in programme.partners.values())
    elif object_ == "Contact":
        holders = ((p.origin, p.contact_fields) for p in programme.people.values())
    else:
        holders = ((p.origin, p.user_fields) for p in programme.people.values())
    return [origin for origin, fields in holders if field in fields][:1]
