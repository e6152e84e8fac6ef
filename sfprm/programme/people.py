"""People: from the files to the model, defaults and patterns filled in, with their checks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sfprm.ids import PartnerKey, PersonKey
from sfprm.programme.columns import (
    CURRENCY,
    DEVELOPER_NAME,
    choice_of,
    code_of,
    fields_of,
    match_of,
    text_of,
    truth_of,
)
from sfprm.programme.complaints import Complaints, Place
from sfprm.programme.identity import (
    alias_for,
    is_email,
    nickname_for,
    numbered,
    unknown_placeholder,
    username_from,
)
from sfprm.programme.model import OnTaken, Origin, Partner, Person, PortalRole, Presence
from sfprm.programme.partners import org_key_of, other_than
from sfprm.programme.person_defaults import (
    by_country,
    country_of,
    username_pattern,
    username_suffix,
)
from sfprm.programme.programme_file import UsernameFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.programme.names import Names
    from sfprm.programme.programme_file import ProgrammeFile
    from sfprm.programme.rows import Row

__all__ = ["build_people"]


@dataclass(slots=True)
class _Taken:
    """Values that must not be used twice, each with the first place."""

    usernames: dict[str, Origin] = field(default_factory=dict)
    nicknames: dict[str, Origin] = field(default_factory=dict)
    emails: dict[tuple[str, str], Origin] = field(default_factory=dict)
    federation: dict[str, Origin] = field(default_factory=dict)
    org_keys: dict[str, Origin] = field(default_factory=dict)
    matches: dict[tuple[str, str], Origin] = field(default_factory=dict)
    without_username: list[Place] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Terms:
    """What holds for all people of the programme."""

    file: ProgrammeFile
    partners: Mapping[PartnerKey, Partner]
    names: Names
    pattern: str | None
    suffix: str
    on_taken: OnTaken


def build_people(
    rows: Sequence[Row],
    file: ProgrammeFile,
    partners: Mapping[PartnerKey, Partner],
    names: Names,
    complaints: Complaints,
    *,
    pattern_usable: bool,
    environment: str = "",
) -> dict[PersonKey, Person]:
    """People by key, defaults and patterns filled in."""
    written = file.defaults.person.username
    on_taken = OnTaken(written.on_taken) if isinstance(written, UsernameFile) else OnTaken.FAIL
    terms = _Terms(
        file,
        partners,
        names,
        username_pattern(file) if pattern_usable else None,
        username_suffix(file, environment),
        on_taken,
    )
    taken = _Taken()
    built = {PersonKey(row.get("key")): _person(row, terms, taken, complaints) for row in rows}
    people = _numbered(built, rows)
    for row in rows:
        _check_person(row, people[PersonKey(row.get("key"))], file, taken, complaints)
    if taken.without_username and written is None and pattern_usable:
        others = len(taken.without_username) - 1
        more = f", nor for {others} more" if others else ""
        complaints.error(
            taken.without_username[0],
            f"no username is given for this person{more}.",
            "Set defaults.person.username in programme.yaml, or fill the column username.",
        )
    return people


def _numbered(people: dict[PersonKey, Person], rows: Sequence[Row]) -> dict[PersonKey, Person]:
    """Usernames that the pattern gave twice get a number, in the order of the keys: a row that
    moves in its file keeps its username."""
    given = {p.username.lower() for p in people.values() if p.on_taken is OnTaken.FAIL}
    out = dict(people)
    for key in sorted(key for key, p in people.items() if p.on_taken is OnTaken.NUMBER):
        person = people[key]
        username, number = person.username, 1
        while username and username.lower() in given:
            number += 1
            username = numbered(person.username, number)
        given.add(username.lower())
        if number > 1:
            out[key] = replace(person, username=username)
    return out


def _person(row: Row, terms: _Terms, taken: _Taken, complaints: Complaints) -> Person:
    file, names = terms.file, terms.names
    defaults = file.defaults.person
    key, partner_key = PersonKey(row.get("key")), PartnerKey(row.get("partner"))
    if not partner_key:
        complaints.error(row.place, "no partner (column partner).", "Name a partner by key.")
    elif partner_key not in names.partners:
        complaints.error(
            row.at("partner"),
            f"partner {partner_key!r} is declared nowhere{row.named('partner')}.",
            complaints.did_you_mean(partner_key, names.partners, names.partners),
        )
    first, email = row.get("first_name"), row.get("email")
    if len(first) > 40:
        complaints.error(row.at("first_name"), "longer than 40 characters (column first_name).")
    last = text_of(row, "last_name", 80, complaints)
    values = {"email": email, "partner": partner_key, "key": key, "first": first, "last": last}
    username = row.get("username")
    on_taken = OnTaken.FAIL if username else terms.on_taken
    if not username and terms.pattern is not None:
        username = username_from(terms.pattern, **values)
        username += terms.suffix.lower() if username else ""
    nickname = row.get("nickname")
    if not nickname and defaults.nickname and unknown_placeholder(defaults.nickname) is None:
        nickname = nickname_for(username_from(defaults.nickname, **values))
    role = choice_of(row, "role", [*PortalRole, "User"], defaults.role, complaints)
    partner = terms.partners.get(partner_key)
    country = country_of(partner)
    admin = truth_of(row, "delegated_admin", default=False, complaints=complaints)
    contact_fields = fields_of(row, "Contact", defaults.contact)
    currency = code_of(row, "currency", CURRENCY, "EUR", complaints) or defaults.currency
    record_type = code_of(row, "record_type", DEVELOPER_NAME, "Partner", complaints)
    return Person(
        key=key,
        partner=partner_key,
        first_name=first,
        last_name=last,
        email=email,
        username=username,
        nickname=nickname or nickname_for(key),
        alias=row.get("alias") or alias_for(first, last, key),
        role=PortalRole.WORKER if role == "User" else PortalRole(role),
        profile=row.get("profile") or _admin_profile(file, admin=admin) or file.profile,
        time_zone=by_country(row, "time_zone", defaults.time_zone, country, complaints),
        locale=by_country(row, "locale", defaults.locale, country, complaints),
        language=by_country(row, "language", defaults.language, country, complaints),
        email_encoding=row.get("email_encoding") or defaults.email_encoding,
        origin=row.place.origin,
        state=Presence(choice_of(row, "state", list(Presence), Presence.ACTIVE, complaints)),
        contact_fields=other_than(contact_fields, file.key_fields.Contact),
        user_fields=fields_of(row, "User", defaults.user),
        permission_sets=_permission_sets(row, file, admin=admin, complaints=complaints),
        federation_id=row.get("federation_id") or None,
        delegated_admin=admin,
        on_taken=on_taken,
        match=match_of(row, "Contact", taken.matches, "person", complaints),
        record_type=record_type or defaults.record_type,
        currency=currency or (partner.currency if partner else None),
        org_key=org_key_of(contact_fields, file.key_fields.Contact),
    )


def _admin_profile(file: ProgrammeFile, *, admin: bool) -> str:
    return (file.delegated_admin.profile or "") if admin and file.delegated_admin else ""


def _permission_sets(
    row: Row, file: ProgrammeFile, *, admin: bool, complaints: Complaints
) -> tuple[str, ...]:
    """Those of the row, of everyone, and of a delegated administrator; each once."""
    own = row.many("permission_sets")
    for name in own:
        if not DEVELOPER_NAME.fullmatch(name):
            complaints.error(
                row.at("permission_sets"),
                f"{name[:80]!r} is no API name{row.named('permission_sets')}.",
                "Name permission sets by API name, such as Partner_Leads.",
            )
    if admin and file.delegated_admin is None:
        complaints.error(
            row.at("delegated_admin"),
            f"nothing says what makes a delegated administrator{row.named('delegated_admin')}.",
            "Name a profile or permission set in `delegated_admin:` of programme.yaml.",
        )
    granted = file.delegated_admin.permission_set if admin and file.delegated_admin else None
    names = [*file.defaults.person.permission_sets, *own, *([granted] if granted else [])]
    return tuple(dict.fromkeys(names))


def _check_person(
    row: Row, person: Person, file: ProgrammeFile, taken: _Taken, complaints: Complaints
) -> None:
    here = row.place.origin
    if not is_email(person.email):
        what = f"{person.email!r} is not an address" if person.email else "is missing"
        complaints.error(row.at("email"), f"e-mail {what} (column email).")
    else:
        first = taken.emails.setdefault((person.email.lower(), person.partner), here)
        if first != here:
            # an office's shared address; the org takes it, and each is a person of their own
            complaints.warn(
                row.at("email"),
                f"e-mail {person.email!r} belongs to a person of the same partner at {first} too.",
                "One person needs one row only.",
            )
    if not person.username:
        taken.without_username.append(row.place)
    elif not is_email(person.username):
        if is_email(person.email) or row.get("username"):
            complaints.error(
                row.at("username"),
                f"username {person.username[:100]!r} has not the form of an address "
                "of at most 80 characters.",
                "Write one in column username, or change the pattern in defaults.person.username.",
            )
    else:
        first = taken.usernames.setdefault(person.username.lower(), here)
        if first != here:
            complaints.error(
                row.at("username"),
                f"username {person.username!r} is taken by the person at {first}.",
                "Write another in column username, let the pattern name {key}, or say "
                "`on_taken: number`.",
            )
    if len(person.alias) > 8:
        complaints.error(
            row.at("alias"),
            f"alias {person.alias[:40]!r} is longer than 8 characters{row.named('alias')}.",
        )
    if len(person.nickname) > 40:
        complaints.error(
            row.at("nickname"), "nickname is longer than 40 characters (column nickname)."
        )
    for value, used, column, what in (
        (person.nickname, taken.nicknames, "nickname", "nickname"),
        (person.federation_id or "", taken.federation, "federation_id", "federation identifier"),
        (person.key_value, taken.org_keys, "key", file.key_fields.Contact),
    ):
        first = used.setdefault(value.lower(), here) if value else here
        if first != here and len(value) <= 512:
            complaints.error(row.at(column), f"{what} {value!r} is taken by the person at {first}.")
