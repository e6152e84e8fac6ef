"""Whom a sharing rule shares with, and whose records it shares: the elements `sharedTo` and
`sharedFrom` of the metadata, by their names there [D].

`roleAndSubordinates` reaches partner users, `roleAndSubordinatesInternal` does not [D]. A rule made
before digital experiences were first switched on stays internal (operations.md, rule 31; how far a
real org goes there is unverified)."""

from __future__ import annotations

from sfprm.devorg.metadata.markup import Node
from sfprm.devorg.sharing.people import People

__all__ = ["owners", "reached"]

_CUSTOMERS = frozenset({"CspLitePortal", "CustomerSuccess", "PowerCustomerSuccess"})


def reached(people: People, target: Node, *, inside_only: bool) -> frozenset[str]:
    """The users of a `sharedTo`; `inside_only` keeps external ones out of roles."""
    name, word = target.text, target.tag
    if word in {"role", "portalRole"}:
        role = people.role(name)
        found = people.in_roles([role]) if role else frozenset()
    elif word in {
        "roleAndSubordinates",
        "portalRoleAndSubordinates",
        "roleAndSubordinatesInternal",
    }:
        role = people.role(name)
        found = people.in_roles(people.roles_from(role)) if role else frozenset()
        if word == "roleAndSubordinatesInternal" or inside_only:
            found = frozenset(one for one in found if people.internal(one))
    elif word in {"group", "queue"}:
        group = people.group("Queue" if word == "queue" else "Regular", name)
        found = people.members(group) if group else frozenset()
    elif word == "allInternalUsers":
        found = frozenset(one for one in people.users if people.internal(one))
    elif word == "allPartnerUsers":
        found = _of_types(people, frozenset({"PowerPartner"}))
    elif word == "allCustomerPortalUsers":
        found = _of_types(people, _CUSTOMERS)
    else:
        found = frozenset()
    return found


def owners(people: People, source: Node) -> frozenset[str]:
    """The ids of users and queues whose records a `sharedFrom` means."""
    if source.tag == "queue":
        queue = people.group("Queue", source.text)
        return frozenset({queue}) if queue else frozenset()
    return reached(people, source, inside_only=False)


def _of_types(people: People, types: frozenset[str]) -> frozenset[str]:
    return frozenset(one for one, user in people.users.items() if user["UserType"] in types)
