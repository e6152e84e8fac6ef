"""Permission sets of the programme's people, declared × applied × found. Pure.

As with memberships: with `at_least` only what sfprm assigned is ever taken away again; it stands
in the store as (`PermissionSetAssignment`, person) → permission set id → True.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.ids import RecordId
from sfprm.programme.model import MembersPolicy, Presence
from sfprm.provisioning.compare_people import effective_state, full_name
from sfprm.provisioning.difference import Difference, Kind, Verdict, ref
from sfprm.provisioning.fields import Cause, Declared, FieldChange

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sfprm.estate.model import Estate
    from sfprm.programme.model import FieldValue, Person, Programme

__all__ = ["compare_grants", "grant_key"]

_NOTHING: Mapping[str, FieldValue] = MappingProxyType({})


def grant_key(person: str, permission_set: str) -> str:
    """The key of an assignment: the person and the permission set's API name, `ines/Deals`."""
    return f"{person}/{permission_set}"


def compare_grants(
    programme: Programme,
    applied: Mapping[tuple[str, str], Mapping[str, FieldValue]],
    estate: Estate,
    people: Sequence[Difference],
    unsettled: frozenset[str] = frozenset(),
) -> Iterator[Difference]:
    """Differences of all permission sets in file order; `people` are those found so far."""
    exact = programme.permission_sets_policy is MembersPolicy.EXACT
    users = {d.key: d for d in people if d.kind is Kind.USER}
    held: dict[str, dict[RecordId, str]] = {}
    for (holder, permission_set), row in estate.grants.items():
        held.setdefault(holder, {})[permission_set] = row
    names = {at: name for name, at in estate.permission_sets.items()}
    for person in programme.people.values():
        known = applied.get(("PermissionSetAssignment", person.key), _NOTHING)
        user = users.get(person.key)
        partner = programme.partners[person.partner]
        if effective_state(person, partner) is Presence.ABSENT or user is None:
            continue
        if user.verdict is Verdict.BLOCKED:
            continue
        mine = held.get(str(user.record_id), {})
        wanted = {estate.permission_sets.get(name) for name in person.permission_sets}
        for name in person.permission_sets:
            yield _grant(person, name, estate.permission_sets.get(name), user, mine, unsettled)
        for at, row in mine.items():
            if at in wanted or not (exact or known.get(at)):
                continue
            yield Difference(
                kind=Kind.GRANT,
                key=grant_key(person.key, names.get(at, at)),
                label=f"{full_name(person)}: {names.get(at, at)}",
                owner=person.key,
                verdict=Verdict.REMOVE,
                changes=(
                    FieldChange("PermissionSetId", at, None, Cause.FILE),
                    FieldChange("AssigneeId", user.record_id, None, Cause.FILE),
                ),
                record_id=RecordId(row),
            )


def _grant(
    person: Person,
    name: str,
    at: RecordId | None,
    user: Difference,
    mine: Mapping[RecordId, str],
    unsettled: frozenset[str],
) -> Difference:
    key, label = grant_key(person.key, name), f"{full_name(person)}: {name}"
    if at is None:
        return Difference(
            Kind.GRANT,
            key,
            label,
            Verdict.BLOCKED,
            owner=person.key,
            why=f"no permission set {name} in this org",
            fix=f"correct permission_sets in {person.origin}, or create it",
        )
    if at in mine:
        declared = {str(at): Declared(True, "boolean")} if key in unsettled else {}
        return Difference(Kind.GRANT, key, label, Verdict.SAME, owner=person.key, declared=declared)
    links = {} if user.record_id else {"AssigneeId": ref("user", person.key)}
    changes = [FieldChange("PermissionSetId", None, at, Cause.NEW)]
    if user.record_id:
        changes.append(FieldChange("AssigneeId", None, user.record_id, Cause.NEW))
    return Difference(
        kind=Kind.GRANT,
        key=key,
        label=label,
        owner=person.key,
        verdict=Verdict.CREATE,
        changes=tuple(changes),
        links=links,
    )
