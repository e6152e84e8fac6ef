"""Channel managers, partners and people: from YAML and CSV to the model, with their checks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal
from zoneinfo import available_timezones

from sfprm.ids import PartnerKey, PersonKey
from sfprm.programme.complaints import Complaints, Place, did_you_mean
from sfprm.programme.csv_text import split_list
from sfprm.programme.identity import (
    PLACEHOLDERS,
    alias_for,
    is_email,
    is_key,
    nickname_for,
    unknown_placeholder,
    username_from,
)
from sfprm.programme.model import (
    ChannelManager,
    FieldMatch,
    Origin,
    OwnerPolicy,
    Partner,
    Person,
    PortalRole,
    Presence,
)
from sfprm.programme.standard_fields import is_custom, standard_fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.programme.csv_text import Row, Table
    from sfprm.programme.files import ProgrammeFile
    from sfprm.programme.model import FieldValue
    from sfprm.programme.names import Names
    from sfprm.programme.yaml_text import Tree

__all__ = [
    "build_managers",
    "build_partners",
    "build_people",
    "check_columns",
    "check_defaults",
    "declare_rows",
]

LISTS = ("territories", "certified_for")
"""Columns whose cells are lists even when one value stands in them."""

NULL = "#N/A"
"""In a field's cell: empty the field. Data Loader's word; an empty cell says nothing."""

LANGUAGES = (
    "en_US", "de", "es", "fr", "it", "ja", "sv", "ko", "zh_TW", "zh_CN", "pt_BR", "nl_NL", "da",
    "th", "fi", "ru", "es_MX", "no", "ar", "bg", "hr", "cs", "en_GB", "el", "iw", "hu", "in", "pl",
    "pt_PT", "ro", "sk", "sl", "tr", "uk", "vi",
)  # fmt: skip
"""Salesforce's fully supported languages, then its end-user languages."""

_OURS = {
    "Account": {"id", "name", "ownerid", "ispartner", "partner_key__c"},
    "Contact": {"id", "firstname", "lastname", "name", "email", "accountid", "partner_key__c"},
    "User": {"id", "firstname", "lastname", "name", "email", "username", "alias", "contactid"}
    | {"communitynickname", "profileid", "portalrole", "isactive", "timezonesidkey"}
    | {"localesidkey", "languagelocalekey", "emailencodingkey"},
}
"""Fields that have a column of their own, or that sfprm fills in."""

_LOCALE = re.compile(r"[a-z]{2,3}(_[A-Z][A-Za-z]{3})?(_[A-Z]{2})?(_[A-Z]+)?")
_MATCH = re.compile(r"([A-Za-z]\w*)\s*=\s*(.+)")


def build_managers(
    file: ProgrammeFile, tree: Tree, names: Names, complaints: Complaints
) -> dict[str, ChannelManager]:
    """Channel managers by key."""
    managers: dict[str, ChannelManager] = {}
    by_username: dict[str, ChannelManager] = {}
    for key, username in file.channel_managers.items():
        place = tree.at("channel_managers", key).place
        manager = ChannelManager(key, username, place.origin)
        first = by_username.setdefault(username.lower(), manager)
        if not is_email(username):
            complaints.error(
                place,
                f"manager {key!r}: {username!r} is not a username.",
                "A username has the form of an e-mail address: marta.lopes@example.com",
            )
        elif first is not manager:
            complaints.error(
                place, f"managers {first.key!r} ({first.origin}) and {key!r} are the same user."
            )
        managers[key] = manager
        names.usernames[key] = username
    if not managers and not names.managers:
        complaints.error(
            tree.key("channel_managers"),
            "no channel manager is named: somebody must own the partner accounts.",
            "Write key: username below `channel_managers:`.",
        )
    return managers


def check_columns(tables: Sequence[tuple[Place, Table]], complaints: Complaints) -> None:
    """Complain about `Object.Field` columns that no org can have or that sfprm writes itself."""
    for place, table in tables:
        for column in table.columns:
            object_, _, field_ = column.partition(".")
            if object_ not in _OURS or not field_:
                continue
            known = standard_fields(object_)
            standard = known.get(field_.lower())
            if field_.lower() in _OURS[object_]:
                complaints.error(
                    place, f"column {column!r}: sfprm fills this field in itself.", "Leave it out."
                )
            elif standard is None and not is_custom(field_):
                complaints.error(
                    place,
                    f"column {column!r}: {object_} has no standard field of that name.",
                    did_you_mean(field_, [f.name for f in known.values()])
                    or "Custom fields end in __c.",
                )
            elif standard is not None and not (standard.createable and standard.updateable):
                complaints.error(
                    place, f"column {column!r}: Salesforce lets nobody write this field."
                )


def declare_rows(
    tables: Sequence[tuple[Place, Table]],
    declared: dict[str, Origin],
    kind: str,
    complaints: Complaints,
) -> list[Row]:
    """The rows whose key is usable and new; their keys become known."""
    rows = []
    for _, table in tables:
        for row in table.rows:
            key = row.get("key")
            if not key:
                complaints.error(row.place, f"a {kind} without a key (column key).")
            elif key in declared:
                complaints.error(
                    row.place,
                    f"{kind} {key!r} is declared twice; first at {declared[key]}.",
                    "Keep one of the two rows, or give the second another key.",
                )
            elif not is_key(key):
                declared[key] = row.place.origin
                complaints.error(
                    row.place,
                    f"{key[:100]!r} cannot be a key (column key).",
                    "Use at most 80 lower-case letters, digits, '.', '_' and '-'; "
                    "start with a letter or digit.",
                )
            else:
                declared[key] = row.place.origin
                rows.append(row)
    return rows


def _fields(row: Row, object_: str) -> Mapping[str, FieldValue]:
    """The row's `Object.Field` cells that say something, by field."""
    head = f"{object_}."
    return MappingProxyType(
        {
            column.removeprefix(head): None if cell == NULL else cell
            for column, cell in row.cells.items()
            if column.startswith(head) and cell
        }
    )


def build_partners(
    rows: Sequence[Row], file: ProgrammeFile, names: Names, complaints: Complaints
) -> dict[PartnerKey, Partner]:
    """Partners by key."""
    partners: dict[PartnerKey, Partner] = {}
    matches: dict[tuple[str, str], Origin] = {}
    for row in rows:
        name = _text(row, "name", 255, complaints)
        manager = row.get("manager")
        if not manager:
            complaints.error(row.place, "no manager (column manager).", "Name a channel manager.")
        elif manager not in names.managers:
            complaints.error(
                row.place,
                f"manager {manager!r} is not a channel manager (column manager).",
                did_you_mean(manager, names.managers, names.managers),
            )
        tier = row.get("tier") or None
        if tier is not None and tier not in names.tiers:
            complaints.error(
                row.place,
                f"tier {tier!r} is not one of the tiers (column tier).",
                did_you_mean(tier, names.tiers) or "List the `tiers:` in programme.yaml.",
            )
        key = PartnerKey(row.get("key"))
        partners[key] = Partner(
            key=key,
            name=name,
            manager=manager,
            origin=row.place.origin,
            tier=tier,
            attributes=_attributes(row),
            fields=_fields(row, "Account"),
            match=_match(row, matches, complaints),
            owner=OwnerPolicy(
                _choice(row, "owner", list(OwnerPolicy), file.defaults.partner.owner, complaints)
            ),
            state=Presence(_choice(row, "state", list(Presence), Presence.ACTIVE, complaints)),
        )
    return partners


def _attributes(row: Row) -> Mapping[str, str | tuple[str, ...]]:
    """What conditions may read of the partner besides its tier."""
    found: dict[str, str | tuple[str, ...]] = {}
    for column, cell in row.cells.items():
        if column in LISTS:
            found[column] = split_list(cell)
        elif column.startswith("partner."):
            found[column.removeprefix("partner.")] = split_list(cell) if ";" in cell else cell
    return MappingProxyType(found)


def _match(
    row: Row, matches: dict[tuple[str, str], Origin], complaints: Complaints
) -> FieldMatch | None:
    text = row.get("match")
    if not text:
        return None
    found = _MATCH.fullmatch(text)
    if found is None:
        complaints.error(
            row.place,
            f"{text!r} does not name a field and a value (column match).",
            "Write it as: AccountNumber=P-1001",
        )
        return None
    known = standard_fields("Account")
    field_, value = found.group(1), found.group(2).strip()
    if field_.lower() not in known and not is_custom(field_):
        complaints.error(
            row.place,
            f"Account has no standard field {field_!r} (column match).",
            did_you_mean(field_, [f.name for f in known.values()]),
        )
        return None
    first = matches.setdefault((field_.lower(), value.lower()), row.place.origin)
    if first != row.place.origin:
        complaints.error(
            row.place, f"matches the same account as the partner at {first} (column match)."
        )
    return FieldMatch(field_, value)


def _text(row: Row, column: str, most: int, complaints: Complaints) -> str:
    value = row.get(column)
    if not value:
        complaints.error(row.place, f"no {column.replace('_', ' ')} (column {column}).")
    elif len(value) > most:
        complaints.error(row.place, f"longer than {most} characters (column {column}).")
    return value


def _choice(
    row: Row, column: str, choices: Sequence[str], default: str, complaints: Complaints
) -> str:
    value = row.get(column)
    if not value:
        return default
    for choice in choices:
        if value.casefold() == choice.casefold():
            return str(choice)
    complaints.error(
        row.place,
        f"{value!r} is not one of {', '.join(choices)} (column {column}).",
        did_you_mean(value, [str(choice) for choice in choices]),
    )
    return default


def check_defaults(file: ProgrammeFile, tree: Tree, complaints: Complaints) -> bool:
    """Complain about defaults for people; whether the username pattern can be used."""
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
            did_you_mean(unknown.strip("{}"), PLACEHOLDERS)
            or f"Known: {', '.join('{' + name + '}' for name in PLACEHOLDERS)}.",
        )
    return pattern is not None and unknown is None


def _check_code(column: str, value: str, place: Place, where: str, complaints: Complaints) -> None:
    """Complain about a time zone, locale or language that Salesforce cannot know."""
    words = column.replace("_", " ")
    if column == "time_zone" and value != "GMT" and value not in available_timezones():
        complaints.error(
            place,
            f"{value!r} is not a {words}{where}.",
            did_you_mean(value, available_timezones()) or "Such as Europe/Lisbon.",
        )
    elif column == "language" and value not in LANGUAGES:
        complaints.error(
            place,
            f"{value!r} is not a {words} of Salesforce{where}.",
            did_you_mean(value, LANGUAGES) or f"Known: {', '.join(LANGUAGES)}.",
        )
    elif column == "locale" and not _LOCALE.fullmatch(value):
        complaints.error(place, f"{value!r} is not a {words}{where}.", "Such as pt_PT or en_US.")


@dataclass(slots=True)
class _Taken:
    """Values that must not be used twice, each with the first place."""

    usernames: dict[str, Origin] = field(default_factory=dict)
    nicknames: dict[str, Origin] = field(default_factory=dict)
    emails: dict[tuple[str, str], Origin] = field(default_factory=dict)


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
        _check_person(row, person, taken, complaints, pattern_usable)
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
            did_you_mean(partner, names.partners, names.partners),
        )
    first, email = row.get("first_name"), row.get("email")
    if len(first) > 40:
        complaints.error(row.place, "longer than 40 characters (column first_name).")
    last = _text(row, "last_name", 80, complaints)
    username = row.get("username")
    if not username and pattern_usable and defaults.username is not None:
        username = username_from(
            defaults.username, email=email, partner=partner, key=key, first=first, last=last
        )
    roles = [*PortalRole, "User"]
    role = _choice(row, "role", roles, defaults.role, complaints)
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
        state=Presence(_choice(row, "state", list(Presence), Presence.ACTIVE, complaints)),
        contact_fields=_fields(row, "Contact"),
        user_fields=_fields(row, "User"),
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


def _check_person(
    row: Row, person: Person, taken: _Taken, complaints: Complaints, pattern_usable: bool
) -> None:
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
        if not row.get("username") and pattern_usable is False:
            complaints.error(
                row.place,
                f"no username for {person.key!r}.",
                "Set defaults.person.username in programme.yaml, or add a column username.",
            )
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
