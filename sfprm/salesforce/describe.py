"""What an object looks like to the agent's user: only fields that it may see are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from sfprm.errors import OrgRefused, OrgUnreachable
from sfprm.salesforce.session import Session

__all__ = ["FieldDescribe", "ObjectDescribe", "describe"]

_ABSENT: Final = ("NOT_FOUND", "INVALID_TYPE")


@dataclass(frozen=True, slots=True)
class FieldDescribe:
    """One field. `length` in characters, 0 where it has none; `picklist`: active API values."""

    name: str
    type: str
    length: int
    label: str
    nillable: bool
    createable: bool
    updateable: bool
    unique: bool
    external_id: bool
    defaulted_on_create: bool
    reference_to: tuple[str, ...]
    picklist: tuple[str, ...]
    filterable: bool


@dataclass(frozen=True, slots=True)
class ObjectDescribe:
    """An object and its visible fields, by lower-case API name. `key_prefix` starts its ids."""

    name: str
    label: str
    key_prefix: str | None
    fields: Mapping[str, FieldDescribe]

    def field(self, name: str) -> FieldDescribe | None:
        """The field of that API name in any case; None when there is none, or none to be seen."""
        return self.fields.get(name.lower())


def describe(session: Session, object_: str) -> ObjectDescribe | None:
    """The object's description, one call the first time; None when the org has no such object.

    An object that the user may not see is not there for them (404), as `Network` is before
    digital experiences are on.
    """
    key = object_.lower()
    if key not in session.described:
        session.described[key] = _read(session, object_)
    found: ObjectDescribe | None = session.described[key]
    return found


def _read(session: Session, object_: str) -> ObjectDescribe | None:
    path = f"sobjects/{quote(object_, safe='')}/describe"
    try:
        told: Any = session.request("GET", path, kind="describe").json
    except OrgRefused as error:
        if error.status == 404 or error.code in _ABSENT:
            return None
        raise
    if not isinstance(told, dict) or "fields" not in told:
        raise OrgUnreachable(f"The description of {object_} is not Salesforce's answer.")
    fields = [_field(item) for item in told["fields"]]
    return ObjectDescribe(
        name=told["name"],
        label=told.get("label") or told["name"],
        key_prefix=told.get("keyPrefix"),
        fields={field.name.lower(): field for field in fields},
    )


def _field(told: Mapping[str, Any]) -> FieldDescribe:
    return FieldDescribe(
        name=told["name"],
        type=told["type"],
        length=int(told.get("length") or 0),
        label=told.get("label") or told["name"],
        nillable=bool(told.get("nillable")),
        createable=bool(told.get("createable")),
        updateable=bool(told.get("updateable")),
        unique=bool(told.get("unique")),
        external_id=bool(told.get("externalId")),
        defaulted_on_create=bool(told.get("defaultedOnCreate")),
        reference_to=tuple(told.get("referenceTo") or ()),
        picklist=tuple(
            item["value"] for item in told.get("picklistValues") or () if item.get("active", True)
        ),
        filterable=bool(told.get("filterable", True)),
    )
