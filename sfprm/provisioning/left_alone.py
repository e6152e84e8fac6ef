"""What a plan leaves: records that no file names, and values that are right already. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.programme.model import PeoplePolicy
from sfprm.provisioning.difference import Difference, Kind, Unmanaged, Verdict
from sfprm.provisioning.members_seen import managed_groups, seen_values
from sfprm.provisioning.normalise import normalise
from sfprm.store.records import AppliedValue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sfprm.estate.model import Estate
    from sfprm.programme.model import FieldValue, Programme

__all__ = ["OBJECTS", "baseline", "right_already", "unmanaged"]

OBJECTS: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.ACCOUNT: "Account",
        Kind.ENABLE: "Account",
        Kind.CONTACT: "Contact",
        Kind.USER: "User",
        Kind.GRANT: "PermissionSetAssignment",
        Kind.GROUP: "Group",
        Kind.QUEUE: "Group",
        Kind.MEMBER: "GroupMember",
    }
)
_NOTHING: Mapping[str, FieldValue] = MappingProxyType({})


def unmanaged(programme: Programme, estate: Estate) -> tuple[Unmanaged, ...]:
    """Records that look like the programme's, but that no file names: accounts and contacts with a
    key, partner users of the programme's accounts (but where people are delegated), members of its
    queues and groups that sfprm leaves where they are."""
    return tuple(_unmanaged(programme, estate))


def _unmanaged(programme: Programme, estate: Estate) -> Iterator[Unmanaged]:
    partners = {p.key_value.lower(): p for p in programme.partners.values()}
    people = {p.key_value.lower() for p in programme.people.values()}
    delegated = set()
    for account in estate.accounts.values():
        partner = partners.get(account.key.lower()) if account.key else None
        if account.key and partner is None:
            yield Unmanaged("Account", account.id, account.name)
        if partner is not None and partner.people is PeoplePolicy.DELEGATED:
            delegated.add(account.id)
    named = {c.id for c in estate.contacts.values() if c.key and c.key.lower() in people}
    for contact in estate.contacts.values():
        if contact.key and contact.id not in named and contact.account_id not in delegated:
            yield Unmanaged("Contact", contact.id, contact.key)
    for user in estate.partner_users.values():
        at = estate.contacts.get(user.contact_id)
        home = at.account_id if at else None
        keyed = at is not None and bool(at.key)
        if not keyed and user.active and home is not None and home not in delegated:
            yield Unmanaged("User", user.id, user.username)


def right_already(
    difference: Difference, applied: Mapping[tuple[str, str], Mapping[str, FieldValue]]
) -> Iterator[AppliedValue]:
    """Values of a record that is as declared, but that the state does not know of."""
    if difference.verdict is not Verdict.SAME or not difference.declared:
        return
    object_ = OBJECTS[difference.kind]
    key = difference.owner if difference.kind in _OWNED else difference.key
    known = applied.get((object_, key), _NOTHING)
    differing = {c.field for c in difference.changes}
    for name, want in difference.declared.items():
        if name in differing:
            continue
        if name not in known or (
            known[name] != want.value
            and normalise(want.type, known[name]) != normalise(want.type, want.value)
        ):
            yield AppliedValue(object_, key, name, want.value)


def baseline(
    right: Sequence[AppliedValue],
    applied: Mapping[tuple[str, str], Mapping[str, FieldValue]],
    programme: Programme,
    estate: Estate,
) -> tuple[AppliedValue, ...]:
    """What is to be remembered without being written: values that are `right_already`, and who
    is in the groups."""
    ours = {(v.key, v.field) for v in right if v.object == "GroupMember"}
    seen = managed_groups(programme, estate.queues, estate.groups)
    return (*right, *seen_values(applied, seen, ours))


_OWNED = (Kind.MEMBER, Kind.GRANT)
