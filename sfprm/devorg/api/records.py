"""Records as JSON: attributes, the fields that the caller may see, compound addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sfprm.devorg.api.exchange import Request
from sfprm.devorg.problems import Refusal
from sfprm.devorg.schema import FieldDef, ObjectDef

__all__ = ["readable", "render", "seen", "wanted_fields"]

_PARTS = ("City", "Country", "GeocodeAccuracy", "Latitude", "Longitude", "PostalCode", "State",
          "Street")  # fmt: skip


def readable(request: Request, definition: ObjectDef) -> list[FieldDef]:
    """The fields that exist in this org for this caller, in describe order."""
    org, access = request.org, request.access
    return [
        field
        for field in definition.fields
        if org.has_field(field) and access.visible(definition.name, field.name)
    ]


def seen(
    request: Request, definition: ObjectDef, records: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Those of the records that sharing lets the caller see."""
    ids = request.org.sharing.reach(
        request.access, definition.name, (str(one["Id"]) for one in records)
    )
    return [one for one in records if one["Id"] in ids]


def wanted_fields(
    request: Request, definition: ObjectDef, names: Sequence[str] | None
) -> list[FieldDef]:
    """The named fields, or all readable ones. Raises Refusal 400 INVALID_FIELD."""
    fields = readable(request, definition)
    if not names:
        return fields
    known = {field.name.lower(): field for field in fields}
    chosen = []
    for name in names:
        field = known.get(name.strip().lower())
        if field is None:
            raise Refusal(
                400,
                "INVALID_FIELD",
                f"No such column '{name.strip()}' on sobject of type {definition.name}",
            )
        chosen.append(field)
    return chosen


def render(
    request: Request,
    definition: ObjectDef,
    record: Mapping[str, Any],
    fields: Sequence[FieldDef],
) -> dict[str, Any]:
    """One record with its attributes."""
    url = f"{request.data}/sobjects/{definition.name}/{record['Id']}"
    shown: dict[str, Any] = {"attributes": {"type": definition.name, "url": url}}
    for field in fields:
        shown[field.name] = (
            _address(field.name, record) if field.is_compound else record.get(field.name)
        )
    return shown


def _address(name: str, record: Mapping[str, Any]) -> dict[str, Any] | None:
    """A compound address out of its parts; null when all of them are."""
    prefix = name.removesuffix("Address")
    parts = {part[0].lower() + part[1:]: record.get(f"{prefix}{part}") for part in _PARTS}
    return parts if any(value is not None for value in parts.values()) else None
