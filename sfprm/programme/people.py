"""People: from the files to the model, defaults and patterns filled in, with their checks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Literal
from zoneinfo import available_timezones

from sfprm.ids import PartnerKey, PersonKey
from sfprm.programme.columns import choice_of, fields_of, text_of
from sfprm.programme.complaints import Complaints, Place
from sfprm.programme.identity import (
    PLACEHOLDERS,
    alias_for,
    is_email,
    nickname_for,
    unknown_placeholder,
    username_from,
)
from sfprm.programme.model import Origin, Partner, Person, PortalRole, Presence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.programme.csv_text import Row
    from sfprm.programme.names import Names
    from sfprm.programme.programme_file import ProgrammeFile
    from sfprm.programme.yaml_text import Tree

__all__ = ["build_people", "check_defaults"]

LANGUAGES = (
    "en_US", "de", "es", "fr", "it", "ja", "sv", "ko", "zh_TW", "zh_CN", "pt_BR", "nl_NL", "da",
    "th", "fi", "ru", "es_MX", "no", "ar", "bg", "hr", "cs", "en_GB", "el", "iw", "hu", "in", "pl",
    "pt_PT", "ro", "sk", "sl", "tr", "uk", "vi",
)  # fmt: skip
"""Salesforce's fully supported languages, then its end-user languages."""

_LOCALE = re.compile(r"[a-z]{2,3}(_[A-Z][A-Za-z]{3})?(_[A-Z]{2})?(_[A-Z]+)?")


@cache
def _time_zones() -> frozenset[str]:
    """IANA names; asking for them walks through the disk."""
    return frozenset(available_timezones())


def check_defaults(file: ProgrammeFile, tree: Tree, complaints: Complaints) -> bool:
    """Complain about defaults for people. False when a username pattern is of no use."""
    path = ("defaults", "person")
    defaults = file.defaults.person
    for column in ("time_zone", "locale", "language"):
        chosen = getattr(defaults, column)
        values = {"": chosen} if isinstance(chosen, str) else chosen
        for country, value in values.items():
            spot = tree.find((*path, column, country))[0].place
            _check_code(column, value, spot, "", complaints)
    pattern = defaults.username
    unknown = unknown_placeholder(pattern) if pattern is not None else None
    if unknown is not None and pattern is not None:
        value = tree.at(*path, "username")
        at = max(0, pattern.find(unknown))
        complaints.error(
            value.within(at, len(unknown)),
            f"unknown placeholder {unknown} in the username pattern.",
            complaints.did_you_mean(unknown.strip("{}"), PLACEHOLDERS)
            or f"Known: {', '.join('{' + name + '}' for name in PLACEHOLDERS)}.",
        )
    return unknown is None


def _check_code(column: str, value: str, place: Place, where: str, complaints: Complaints) -> None:
    """Complain about a time zone, locale or language that Salesforce cannot know."""
    words = column.replace("_", " ")
    if column == "time_zone" and value != "GMT" and value not in _time_zones():
        complaints.error(
            place,
            f"{value!r} is not a {words}{where}.",
            complaints.did_you_mean(value, _time_zones()) or "Such as Europe/Lisbon.",
        )
    elif column == "language" and value not in LANGUAGES:
        complaints.error(
            place,
            f"{value!r} is not a {words} of Salesforce{where}.",
            complaints.did_you_mean(value, LANGUAGES) or f"Known: {', '.join(LANGUAGES)}.",
        )
    elif column == "locale" and not _LOCALE.fullmatch(value):
        complaints.error(place, f"{value!r} is not a {words}{where}.", "Such as pt_PT or en_US.")


@dataclass(slots=True)
class _Taken:
    """Values that must not be used twice, each with the first place."""

    usernames: dict[str, Origin] = field(default_factory=dict)
    nicknames: dict[str, Origin] = field(default_factory=dict)
    emails: dict[tuple[str, str], Origin] = field(default_factory=dict)
    without_username: list[Place] = field(default_factory=list)


def build_people(
    rows: Sequence[Row],
    file: ProgrammeFile,
    partners: Mapping[PartnerKey, Partner],
    names: Names,
    complaints: Complaints,
    *,
    pattern_usable: bool,
) -> dict[PersonKey, Person]:
    """People by key, defaults and patterns filled in."""
    people: dict[PersonKey, Person] = {}
    taken = _Taken()
    for row in rows:
        person = _person(row, file, partners, names, complaints, pattern_usable)
        people[person.key] = person
        _check_person(row, person, taken, complaints)
    if taken.without_username and file.defaults.person.username is None and pattern_usable:
        others = len(taken.without_username) - 1
        more = f", nor for {others} more" if others else ""
        complaints.error(
            taken.without_username[0],
            f"no username is given for this person{more}.",
            "Set defaults.person.username in programme.yaml, or fill the column username.",
        )
    return people


def _person(
    row: Row,
    file: ProgrammeFile,
    partners: Mapping[PartnerKey, Partner],
    names: Names,
    complaints: Complaints,
    pattern_usable: bool,
) -> Person:
    defaults = file.defaults.person
    key, partner = PersonKey(row.get("key")), PartnerKey(row.get("partner"))
    if not partner:
        complaints.error(row.place, "no partner (column partner).", "Name a partner by key.")
    elif partner not in names.partners:
        complaints.error(
            row.place,
            f"partner {partner!r} is declared nowhere (column partner).",
            complaints.did_you_mean(partner, names.partners, names.partners),
        )
    first, email = row.get("first_name"), row.get("email")
    if len(first) > 40:
        complaints.error(row.place, "longer than 40 characters (column first_name).")
    last = text_of(row, "last_name", 80, complaints)
    username = row.get("username")
    if not username and pattern_usable and defaults.username is not None:
        username = username_from(
            defaults.username, email=email, partner=partner, key=key, first=first, last=last
        )
    roles = [*PortalRole, "User"]
    role = choice_of(row, "role", roles, defaults.role, complaints)
    country = _country(partners.get(partner))
    return Person(
        key=key,
        partner=partner,
        first_name=first,
        last_name=last,
        email=email,
        username=username,
        nickname=row.get("nickname") or nickname_for(key),
        alias=row.get("alias") or alias_for(first, last, key),
        role=PortalRole.WORKER if role == "User" else PortalRole(role),
        profile=row.get("profile") or file.profile,
        time_zone=_by_country(row, "time_zone", defaults.time_zone, country, complaints),
        locale=_by_country(row, "locale", defaults.locale, country, complaints),
        language=_by_country(row, "language", defaults.language, country, complaints),
        email_encoding=row.get("email_encoding") or defaults.email_encoding,
        origin=row.place.origin,
        state=Presence(choice_of(row, "state", list(Presence), Presence.ACTIVE, complaints)),
        contact_fields=fields_of(row, "Contact"),
        user_fields=fields_of(row, "User"),
    )


def _country(partner: Partner | None) -> str:
    """The partner's country code: of its account fields, else its attribute `country`; or ''."""
    if partner is None:
        return ""
    for name in ("BillingCountryCode", "BillingCountry"):
        value = partner.fields.get(name)
        if isinstance(value, str):
            return value
    country = partner.attributes.get("country", "")
    return country if isinstance(country, str) else ""


def _by_country(
    row: Row,
    column: Literal["time_zone", "locale", "language"],
    chosen: str | dict[str, str],
    country: str,
    complaints: Complaints,
) -> str:
    own = row.get(column)
    if own:
        _check_code(column, own, row.place, f" (column {column})", complaints)
        return own
    if isinstance(chosen, str):
        return chosen
    value = chosen.get(country) or chosen.get("*")
    if value is None:
        complaints.error(
            row.place,
            f"no {column.replace('_', ' ')} is given for country {country!r}.",
            f'Add "{country or "*"}" or "*" to defaults.person.{column}, or a column {column}.',
        )
    return value or ""


def _check_person(row: Row, person: Person, taken: _Taken, complaints: Complaints) -> None:
    here = row.place.origin
    if not is_email(person.email):
        what = f"{person.email!r} is not an address" if person.email else "is missing"
        complaints.error(row.place, f"e-mail {what} (column email).")
    else:
        first = taken.emails.setdefault((person.email.lower(), person.partner), here)
        if first != here:
            complaints.error(
                row.place,
                f"e-mail {person.email!r} belongs to a person of the same partner at {first}.",
                "One person needs one row only.",
            )
    if not person.username:
        taken.without_username.append(row.place)
    elif not is_email(person.username):
        if is_email(person.email) or row.get("username"):
            complaints.error(
                row.place,
                f"username {person.username[:100]!r} has not the form of an address "
                "of at most 80 characters.",
                "Write one in column username, or change the pattern in defaults.person.username.",
            )
    else:
        first = taken.usernames.setdefault(person.username.lower(), here)
        if first != here:
            complaints.error(
                row.place,
                f"username {person.username!r} is taken by the person at {first}.",
                "Write another in column username, or let the pattern name {key}.",
            )
    if len(person.alias) > 8:
        complaints.error(
            row.place, f"alias {person.alias[:40]!r} is longer than 8 characters (column alias)."
        )
    if len(person.nickname) > 40:
        complaints.error(row.place, "nickname is longer than 40 characters (column nickname).")
    else:
        first = taken.nicknames.setdefault(person.nickname.lower(), here)
        if first != here:
            complaints.error(
                row.place, f"nickname {person.nickname!r} is taken by the person at {first}."
            )
