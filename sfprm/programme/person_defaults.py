"""What people get whose row does not say otherwise: username patterns, and time zone, locale and
language by country."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Literal
from zoneinfo import available_timezones

from sfprm.programme.complaints import Complaints, Place
from sfprm.programme.identity import PLACEHOLDERS, unknown_placeholder
from sfprm.programme.programme_file import UsernameFile

if TYPE_CHECKING:
    from sfprm.programme.model import Partner
    from sfprm.programme.programme_file import ProgrammeFile
    from sfprm.programme.rows import Row
    from sfprm.programme.yaml_text import Tree

__all__ = [
    "LANGUAGES",
    "by_country",
    "check_defaults",
    "country_of",
    "username_pattern",
    "username_suffix",
]

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
            check_code(column, value, spot, "", complaints)
    usable = True
    for column, pattern in (("username", username_pattern(file)), ("nickname", defaults.nickname)):
        unknown = unknown_placeholder(pattern) if pattern is not None else None
        if unknown is None or pattern is None:
            continue
        usable = usable and column != "username"
        value = tree.find((*path, column, "pattern"))[0]
        at = max(0, pattern.find(unknown))
        complaints.error(
            value.within(at, len(unknown)),
            f"unknown placeholder {unknown} in the {column} pattern.",
            complaints.did_you_mean(unknown.strip("{}"), PLACEHOLDERS)
            or f"Known: {', '.join('{' + name + '}' for name in PLACEHOLDERS)}.",
        )
    return usable


def username_pattern(file: ProgrammeFile) -> str | None:
    """How usernames are made, if a pattern says so."""
    written = file.defaults.person.username
    return written.pattern if isinstance(written, UsernameFile) else written


def username_suffix(file: ProgrammeFile, environment: str) -> str:
    """What is put behind usernames in this environment."""
    written = file.defaults.person.username
    if not isinstance(written, UsernameFile):
        return ""
    chosen = written.suffix_per_org
    if isinstance(chosen, str):
        return chosen
    return chosen.get(environment, chosen.get("*", ""))


def check_code(column: str, value: str, place: Place, where: str, complaints: Complaints) -> None:
    """Complain about a time zone, locale or language that Salesforce cannot know."""
    words = column.replace("_", " ")
    if column == "time_zone" and value != "GMT" and value not in _time_zones():
        complaints.error(
            place,
            f"{value!r} is not a {words}{where}.",
            complaints.did_you_mean(value, _time_zones()) or "Such as Europe/Lisbon.",
        )
    elif column == "language" and value not in LANGUAGES and _is_regional(value):
        complaints.warn(
            place,
            f"{value!r} is none of Salesforce's translated languages{where}: the org must have it "
            "switched on as a platform-only language.",
        )
    elif column == "language" and value not in LANGUAGES:
        complaints.error(
            place,
            f"{value!r} is not a {words} of Salesforce{where}.",
            complaints.did_you_mean(value, LANGUAGES) or f"Known: {', '.join(LANGUAGES)}.",
        )
    elif column == "locale" and not _LOCALE.fullmatch(value):
        complaints.error(place, f"{value!r} is not a {words}{where}.", "Such as pt_PT or en_US.")


def _is_regional(language: str) -> bool:
    """A region of a language that Salesforce has, such as en_AU."""
    base, _, region = language.partition("_")
    known = {name.partition("_")[0] for name in LANGUAGES}
    return base in known and re.fullmatch("[A-Z]{2}", region) is not None


def country_of(partner: Partner | None) -> str:
    """The partner's country code: of its account fields, else its attribute `country`; or ''."""
    if partner is None:
        return ""
    for name in ("BillingCountryCode", "BillingCountry"):
        value = partner.fields.get(name)
        if isinstance(value, str):
            return value
    country = partner.attributes.get("country", "")
    return country if isinstance(country, str) else ""


def by_country(
    row: Row,
    column: Literal["time_zone", "locale", "language"],
    chosen: str | dict[str, str],
    country: str,
    complaints: Complaints,
) -> str:
    own = row.get(column)
    if own:
        check_code(column, own, row.at(column), row.named(column), complaints)
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
