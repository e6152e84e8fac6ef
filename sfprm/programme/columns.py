"""Cells of partners' and people's rows: fields, texts, choices, and keys that are new."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.programme.complaints import Complaints, Place
from sfprm.programme.identity import is_key
from sfprm.programme.standard_fields import is_custom, standard_fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.programme.csv_text import Row, Table
    from sfprm.programme.model import FieldValue, Origin

__all__ = ["check_columns", "choice_of", "declare_rows", "fields_of", "text_of"]

NULL = "#N/A"
"""In a field's cell: empty the field. Data Loader's word; an empty cell says nothing."""

_OURS = {
    "Account": {"id", "name", "ownerid", "ispartner", "partner_key__c"},
    "Contact": {"id", "firstname", "lastname", "name", "email", "accountid", "partner_key__c"},
    "User": {"id", "firstname", "lastname", "name", "email", "username", "alias", "contactid"}
    | {"communitynickname", "profileid", "portalrole", "isactive", "timezonesidkey"}
    | {"localesidkey", "languagelocalekey", "emailencodingkey"},
}
"""Fields that have a column of their own, or that sfprm fills in."""


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
                    complaints.did_you_mean(field_, [f.name for f in known.values()])
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


def fields_of(row: Row, object_: str) -> Mapping[str, FieldValue]:
    """The row's `Object.Field` cells that say something, by field."""
    head = f"{object_}."
    return MappingProxyType(
        {
            column.removeprefix(head): None if cell == NULL else cell
            for column, cell in row.cells.items()
            if column.startswith(head) and cell
        }
    )


def text_of(row: Row, column: str, most: int, complaints: Complaints) -> str:
    value = row.get(column)
    if not value:
        complaints.error(row.place, f"no {column.replace('_', ' ')} (column {column}).")
    elif len(value) > most:
        complaints.error(row.place, f"longer than {most} characters (column {column}).")
    return value


def choice_of(
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
        complaints.did_you_mean(value, [str(choice) for choice in choices]),
    )
    return default
