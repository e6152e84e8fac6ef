"""One partner or person as it is understood, each value with the place that it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.errors import BadRequest
from sfprm.ids import PartnerKey, PersonKey
from sfprm.programme.complaints import did_you_mean

if TYPE_CHECKING:
    from sfprm.programme.load import Loaded
    from sfprm.programme.model import FieldValue, Partner, Person
    from sfprm.programme.rows import Row

__all__ = ["Known", "describe_one"]


@dataclass(frozen=True, slots=True)
class Known:
    """One value. `source` is file:line, or how it came about."""

    name: str
    value: str
    source: str


def describe_one(loaded: Loaded, key: str) -> tuple[str, tuple[Known, ...]]:
    """Title and values of a partner or person. Raises BadRequest when no file declares the key."""
    programme = loaded.programme
    partner = programme.partners.get(PartnerKey(key))
    person = programme.people.get(PersonKey(key))
    if partner is not None:
        row = next(r for r in loaded.partner_rows if r.get("key") == key)
        return f"partner {key}", tuple(_partner(partner, row))
    if person is not None:
        row = next(r for r in loaded.people_rows if r.get("key") == key)
        return f"person {key}", tuple(_person(person, row))
    known = [*programme.partners, *programme.people]
    raise BadRequest(
        f"No file declares a partner or person {key!r}.",
        hint=did_you_mean(key, known) or "`sfprm programme show` lists the keys.",
    )


def _partner(partner: Partner, row: Row) -> list[Known]:
    match = f"{partner.match.field}={partner.match.value}" if partner.match else ""
    plain = {
        "name": partner.name,
        "manager": partner.manager,
        "tier": partner.tier,
        "match": match,
        "owner": partner.owner.value,
        "keep_team": partner.keep_team,
        "people": partner.people.value,
        "record_type": partner.record_type,
        "currency": partner.currency,
        "state": partner.state.value,
    }
    found = [_known(name, value, row) for name, value in plain.items() if value not in ("", None)]
    for name, attribute in partner.attributes.items():
        text = attribute if isinstance(attribute, str) else "; ".join(attribute)
        column = name if name in row.cells else f"partner.{name}"
        found.append(Known(column, text, _source(column, row)))
    found += [_known(f"Account.{f}", v, row) for f, v in partner.fields.items()]
    return found


def _person(person: Person, row: Row) -> list[Known]:
    match = f"{person.match.field}={person.match.value}" if person.match else ""
    plain: dict[str, FieldValue] = {
        "partner": person.partner,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "username": person.username,
        "nickname": person.nickname,
        "alias": person.alias,
        "role": person.role.value,
        "profile": person.profile,
        "permission_sets": "; ".join(person.permission_sets),
        "federation_id": person.federation_id,
        "delegated_admin": person.delegated_admin or None,
        "match": match,
        "time_zone": person.time_zone,
        "locale": person.locale,
        "language": person.language,
        "email_encoding": person.email_encoding,
        "record_type": person.record_type,
        "currency": person.currency,
        "state": person.state.value,
    }
    found = [_known(name, value, row) for name, value in plain.items() if value not in ("", None)]
    found += [_known(f"Contact.{f}", v, row) for f, v in person.contact_fields.items()]
    found += [_known(f"User.{f}", v, row) for f, v in person.user_fields.items()]
    return found


def _known(name: str, value: FieldValue, row: Row) -> Known:
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return Known(name, text or "(empty)", _source(name, row))


def _source(column: str, row: Row) -> str:
    return str(row.at(column).origin) if row.says(column) else "default"
