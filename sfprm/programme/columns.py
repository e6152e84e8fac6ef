"""Cells of partners' and people's rows: fields, texts, choices, and keys that are new."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.programme.complaints import Complaints, Place, did_you_mean
from sfprm.programme.identity import is_key
from sfprm.programme.model import FieldMatch
from sfprm.programme.standard_fields import is_custom, standard_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sfprm.programme.listed import Header
    from sfprm.programme.model import FieldValue, Origin
    from sfprm.programme.rows import Row

__all__ = [
    "CURRENCY",
    "DEVELOPER_NAME",
    "check_columns",
    "choice_of",
    "code_of",
    "declare_rows",
    "fields_of",
    "from_templates",
    "laid_over_rows",
    "match_of",
    "text_of",
    "truth_of",
]

CURRENCY = re.compile(r"[A-Z]{3}")
DEVELOPER_NAME = re.compile(r"[A-Za-z](_{0,2}[A-Za-z0-9])*")
_MATCH = re.compile(r"([A-Za-z]\w*)\s*=\s*(.+)", re.DOTALL)

_OURS = {
    "Account": {"id", "name", "ownerid", "ispartner", "recordtypeid", "currencyisocode"}
    | {"partner_key__c"},
    "Contact": {"id", "firstname", "lastname", "name", "email", "accountid", "recordtypeid"}
    | {"currencyisocode", "partner_key__c"},
    "User": {"id", "firstname", "lastname", "name", "email", "username", "alias", "contactid"}
    | {"communitynickname", "profileid", "portalrole", "isactive", "timezonesidkey"}
    | {"localesidkey", "languagelocalekey", "emailencodingkey", "federationidentifier"},
}
"""Fields that have a column of their own, or that sfprm fills in."""


_INSTEAD = {
    "recordtypeid": "Write the record type's developer name in record_type.",
    "currencyisocode": "Write it in currency.",
    "federationidentifier": "Write it in federation_id.",
}


def check_columns(headers: Iterable[Header], rows: Iterable[Row], complaints: Complaints) -> None:
    """Complain about `Object.Field` columns that no org can have or that sfprm writes itself."""
    for header in headers:
        for column in header.columns:
            _check_column(column, header.place, complaints)
    for row in rows:
        for column, spot in row.spots.items():
            if "." in column:
                _check_column(column, spot, complaints)


def _check_column(column: str, place: Place, complaints: Complaints) -> None:
    object_, _, field_ = column.partition(".")
    if object_ not in _OURS or not field_:
        return
    known = standard_fields(object_)
    standard = known.get(field_.lower())
    if field_.lower() in _OURS[object_]:
        complaints.error(
            place,
            f"column {column!r}: sfprm fills this field in itself.",
            _INSTEAD.get(field_.lower(), "Leave it out."),
        )
    elif standard is None and not is_custom(field_):
        complaints.error(
            place,
            f"column {column!r}: {object_} has no standard field of that name.",
            complaints.did_you_mean(field_, [f.name for f in known.values()])
            or "Custom fields end in __c.",
        )
    elif standard is not None and not (standard.createable and standard.updateable):
        complaints.error(place, f"column {column!r}: Salesforce lets nobody write this field.")


def declare_rows(
    rows: Iterable[Row], declared: dict[str, Origin], kind: str, complaints: Complaints
) -> list[Row]:
    """The rows whose key is usable and new; their keys become known."""
    kept = []
    for row in rows:
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
                f"{key[:100]!r} cannot be a key{row.named('key')}.",
                "Use at most 80 lower-case letters, digits, '.', '_' and '-'; "
                "start with a letter or digit.",
            )
        else:
            declared[key] = row.place.origin
            kept.append(row)
    return kept


def laid_over_rows(
    rows: list[Row],
    over: Iterable[Row],
    declared: dict[str, Origin],
    kind: str,
    complaints: Complaints,
) -> list[Row]:
    """The rows with an overlay's cells in place of theirs. A key that is new there declares a
    row of that environment alone, when it is a whole one."""
    at = {row.get("key"): index for index, row in enumerate(rows)}
    whole = "name" if kind == "partner" else "last_name"
    changed: dict[str, Origin] = {}
    merged = list(rows)
    for row in over:
        key = row.get("key")
        first = changed.setdefault(key, row.place.origin)
        if first != row.place.origin:
            complaints.error(
                row.place, f"{kind} {key!r} stands twice in the overlay; first at {first}."
            )
        elif key in at:
            merged[at[key]] = row.over(merged[at[key]])
        elif row.says(whole):
            merged += declare_rows([row], declared, kind, complaints)
        elif key not in declared:
            complaints.error(
                row.place,
                f"the overlay names {kind} {key!r}, which no file declares.",
                complaints.did_you_mean(key, declared, declared)
                or f"To declare a new {kind} here, give its {whole.replace('_', ' ')}.",
            )
    return merged


def from_templates(
    rows: Iterable[Row], templates: Mapping[str, Row], kind: str, complaints: Complaints
) -> list[Row]:
    """The rows with their templates' cells where they say nothing."""
    filled = []
    for row in rows:
        name = row.get("template")
        if name and name not in templates:
            complaints.error(
                row.at("template"),
                f"{name!r} is not one of templates.{kind}{row.named('template')}.",
                did_you_mean(name, templates),
            )
        filled.append(row.filled_from(templates[name]) if name in templates else row)
    return filled


def fields_of(
    row: Row, object_: str, defaults: Mapping[str, FieldValue]
) -> Mapping[str, FieldValue]:
    """The row's `Object.Field` cells that say something, by field, over the defaults."""
    head = f"{object_}."
    own = {column.removeprefix(head): row.value(column) for column in row.under(object_)}
    return MappingProxyType({**defaults, **own})


def text_of(row: Row, column: str, most: int, complaints: Complaints) -> str:
    """The cell; complains when it is empty or longer than `most` characters."""
    value = row.get(column)
    if not value:
        complaints.error(row.place, f"no {column.replace('_', ' ')} (column {column}).")
    elif len(value) > most:
        complaints.error(row.at(column), f"longer than {most} characters (column {column}).")
    return value


def choice_of(
    row: Row, column: str, choices: Sequence[str], default: str, complaints: Complaints
) -> str:
    """The choice that the cell names, letter case aside; the default when it is empty."""
    value = row.get(column)
    if not value:
        return default
    for choice in choices:
        if value.casefold() == choice.casefold():
            return str(choice)
    complaints.error(
        row.at(column),
        f"{value!r} is not one of {', '.join(choices)}{row.named(column)}.",
        complaints.did_you_mean(value, [str(choice) for choice in choices]),
    )
    return default


def truth_of(row: Row, column: str, *, default: bool, complaints: Complaints) -> bool:
    """Whether the cell says yes; the default when it is empty."""
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    value = row.get(column)
    if value and value.lower() not in words:
        complaints.error(row.at(column), f"{value!r} is neither true nor false{row.named(column)}.")
    return words.get(value.lower(), default)


def code_of(
    row: Row, column: str, form: re.Pattern[str], example: str, complaints: Complaints
) -> str | None:
    """The cell when it has the form; None when it is empty. Complains otherwise."""
    value = row.get(column)
    if value and not form.fullmatch(value):
        words = column.replace("_", " ")
        complaints.error(
            row.at(column),
            f"{value[:80]!r} is no {words}{row.named(column)}.",
            f"Such as {example}.",
        )
    return value or None


def match_of(
    row: Row,
    object_: str,
    matches: dict[tuple[str, str], Origin],
    kind: str,
    complaints: Complaints,
) -> FieldMatch | None:
    """What names a record that exists already; complains about a second match of the same."""
    text = row.get("match")
    if not text:
        return None
    place = row.at("match")
    found = _MATCH.fullmatch(text)
    if found is None:
        complaints.error(
            place,
            f"{text!r} does not name a field and a value{row.named('match')}.",
            "Write it as: AccountNumber=P-1001",
        )
        return None
    known = standard_fields(object_)
    field_, value = found.group(1), found.group(2).strip()
    if field_.lower() not in known and not is_custom(field_):
        complaints.error(
            place,
            f"{object_} has no standard field {field_!r}{row.named('match')}.",
            complaints.did_you_mean(field_, [f.name for f in known.values()]),
        )
        return None
    first = matches.setdefault((field_.lower(), value.lower()), row.place.origin)
    if first != row.place.origin:
        complaints.error(
            place,
            f"matches the same {object_.lower()} as the {kind} at {first}{row.named('match')}.",
        )
    return FieldMatch(field_, value)
