"""What an object looks like to the agent's user: only fields that it may see are told.

Kept for the length of a session; across runs too when the session is given a place for it. The
org is then asked whether it has changed (`If-Modified-Since`, 304 [recorded]); whether a change
of the user's permissions moves that date is unverified, so setup, which changes them, keeps none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sfprm.errors import OrgRefused, OrgUnreachable
from sfprm.salesforce.answer import understood
from sfprm.salesforce.kept import Kept
from sfprm.salesforce.session import Session

__all__ = ["FieldDescribe", "FolderDescribes", "ObjectDescribe", "describe"]

_ABSENT: Final = ("NOT_FOUND", "INVALID_TYPE")


@dataclass(frozen=True, slots=True)
class FieldDescribe:
    """One field. `length` in characters, 0 where it has none; `picklist`: active API values, with
    their `labels`; `restricted`: no other values are taken."""

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
    labels: tuple[str, ...] = ()
    restricted: bool = False


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
    try:
        told = _told(session, object_)
    except OrgRefused as error:
        if error.status == 404 or error.code in _ABSENT:
            return None
        raise
    if not isinstance(told, dict) or "fields" not in told:
        raise OrgUnreachable(f"The description of {object_} is not Salesforce's answer.")
    with understood(f"about {object_}"):
        fields = [_field(item) for item in told["fields"]]
        return ObjectDescribe(
            name=told["name"],
            label=told.get("label") or told["name"],
            key_prefix=told.get("keyPrefix"),
            fields={field.name.lower(): field for field in fields},
        )


def _told(session: Session, object_: str) -> Any:
    """The org's answer, or the one kept when the org says that it still holds."""
    path = f"sobjects/{quote(object_, safe='')}/describe"
    kept = session.describes
    if kept is None:
        return session.request("GET", path, kind="describe").json
    key = f"{session.place} {session.api_version} {object_.lower()}"
    old = kept.get(key)
    headers = {"If-Modified-Since": old.modified} if old is not None else None
    answer = session.request("GET", path, kind="describe", headers=headers)
    if answer.status == 304 and old is not None:
        return old.body
    modified = answer.headers.get("Last-Modified", "")
    if modified and answer.json is not None:
        kept.put(key, Kept(modified, answer.json))
    return answer.json


class FolderDescribes:
    """Describes kept as files in a folder, readable by this user only. No secrets are in them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> Kept | None:
        """What was kept; None when there is nothing, or nothing that can be read."""
        try:
            told = json.loads(self._path(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(told, dict) or told.get("key") != key:
            return None
        return Kept(str(told["modified"]), told["body"])

    def put(self, key: str, kept: Kept) -> None:
        """Keep it; a whole file or none, whenever the process dies."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(key)
        part = path.with_suffix(".part")
        text = json.dumps({"key": key, "modified": kept.modified, "body": kept.body})
        part.write_text(text, encoding="utf-8")
        part.replace(path)

    def _path(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


def _field(told: Mapping[str, Any]) -> FieldDescribe:
    listed = [item for item in told.get("picklistValues") or () if item.get("active", True)]
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
        picklist=tuple(item["value"] for item in listed),
        filterable=bool(told.get("filterable", True)),
        labels=tuple(item.get("label") or item["value"] for item in listed),
        restricted=bool(told.get("restrictedPicklist")),
    )
