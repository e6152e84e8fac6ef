"""Which accounts and users of the org are the programme's partners and people, for those who need
only that and not the whole estate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.estate.known_by_id import partner_ids, person_ids
from sfprm.ids import PartnerKey, RecordId
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, split_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfprm.programme.model import Person, Programme
    from sfprm.salesforce.session import Session

__all__ = ["partner_accounts", "user_conditions"]


def partner_accounts(session: Session, programme: Programme) -> dict[RecordId, PartnerKey]:
    """Each declared partner's account that the org has; a call for some 250 partners, none for
    those that the files name by Id."""
    found = {at: partner.key for at, partner in partner_ids(programme).items()}
    key_field = programme.key_fields.account
    named = set(found.values())
    keys = {p.key_value.lower(): p.key for p in programme.partners.values() if p.key not in named}
    for condition in split_in(key_field, keys):
        for row in select(session, Query(("Id", key_field), "Account", (condition,))):
            found[RecordId(row["Id"])] = keys[str(row[key_field]).lower()]
    return found


def user_conditions(programme: Programme, people: Iterable[Person]) -> list[str]:
    """SOQL conditions on User, each to be asked for itself, that find these people's users."""
    wanted = list(people)
    by_id = {person.key: at for at, person in person_ids(programme).items()}
    keys = [p.key_value for p in wanted if p.key not in by_id]
    field = f"Contact.{programme.key_fields.contact}"
    contacts = [by_id[p.key] for p in wanted if p.key in by_id]
    return [*split_in(field, keys), *split_in("ContactId", contacts)]
