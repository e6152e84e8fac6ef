"""Records that the files name by Salesforce Id and that keep their key field as it is.

Under `key_fields: {matched: leave}` such a record counts as having the key that the files give it,
for every part of sfprm, though nothing of it stands in the org.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from sfprm.errors import BadRequest
from sfprm.estate.model import AccountState, ContactState
from sfprm.ids import RecordId

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfprm.programme.model import Partner, Person, Programme

__all__ = ["known_accounts", "known_contacts", "partner_ids", "person_ids"]

State = TypeVar("State", AccountState, ContactState)


def partner_ids(programme: Programme) -> dict[RecordId, Partner]:
    """Partners that are known by their account's Id."""
    return {} if programme.key_fields.write_matched else _named(programme.partners.values())


def person_ids(programme: Programme) -> dict[RecordId, Person]:
    """People who are known by their contact's Id."""
    return {} if programme.key_fields.write_matched else _named(programme.people.values())


def known_accounts(
    programme: Programme, accounts: dict[RecordId, AccountState]
) -> dict[RecordId, AccountState]:
    """The accounts, with their keys as the files give them."""
    named = {at: partner.key_value for at, partner in partner_ids(programme).items()}
    return _keyed(accounts, named)


def known_contacts(
    programme: Programme, contacts: dict[RecordId, ContactState]
) -> dict[RecordId, ContactState]:
    """The contacts, with their keys as the files give them."""
    return _keyed(contacts, {at: person.key_value for at, person in person_ids(programme).items()})


Named = TypeVar("Named", "Partner", "Person")


def _named(declared: Iterable[Named]) -> dict[RecordId, Named]:
    found: dict[RecordId, Named] = {}
    for one in declared:
        if one.match is not None and one.match.field.lower() == "id":
            try:
                found[RecordId(one.match.value)] = one
            except BadRequest:
                continue  # no id: the comparison says that it finds nothing
    return found


def _keyed(states: dict[RecordId, State], named: dict[RecordId, str]) -> dict[RecordId, State]:
    for at, key in named.items():
        state = states.get(at)
        if state is not None and state.key is None:
            states[at] = replace(state, key=key)
    return states
