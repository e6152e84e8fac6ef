"""Metadata kept whole: one JSON value in the org's meta table for each type.

Used by types that the org imitates by keeping and giving back (sharing rules, folders, assignment
rules), so a snapshot or a roll-back of the storage takes them along.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sfprm.devorg.metadata.component import Change, Listed
from sfprm.devorg.metadata.markup import Node, plain, unplain

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["all_of", "get", "listed", "put", "remove"]


def _key(type_: str) -> str:
    return f"metadata:{type_}"


def _read(org: Org, type_: str) -> dict[str, Any]:
    return dict(org.storage.meta_get(_key(type_)) or {})


def get(org: Org, type_: str, full_name: str) -> Node | None:
    """The component kept under this name."""
    entry = _read(org, type_).get(full_name)
    return None if entry is None else unplain(entry["node"])


def all_of(org: Org, type_: str) -> dict[str, Node]:
    """Every component of a type, by full name in order."""
    return {name: unplain(entry["node"]) for name, entry in sorted(_read(org, type_).items())}


def put(
    org: Org, type_: str, full_name: str, node: Node, *, id_: str, user_id: str, at: datetime
) -> Change:
    """Keep a component; says whether it is new or different. `id_` is used when it is new."""
    entries = _read(org, type_)
    before = entries.get(full_name)
    value = plain(node)
    if before is not None and before["node"] == value:
        return Change(created=False, changed=False, id=before["id"])
    entry = dict(before or {"id": id_, "created": at.isoformat()})
    entry.update(node=value, modified=at.isoformat(), user=user_id)
    entries[full_name] = entry
    org.storage.meta_set(_key(type_), entries)
    return Change(created=before is None, changed=True, id=entry["id"])


def remove(org: Org, type_: str, full_name: str) -> bool:
    """Forget a component; False when it was not there."""
    entries = _read(org, type_)
    if entries.pop(full_name, None) is None:
        return False
    org.storage.meta_set(_key(type_), entries)
    return True


def listed(org: Org, type_: str, path: str) -> list[Listed]:
    """The listing of a type; `path` is a format with `{name}` and `{parent}`."""
    return [
        Listed(
            type_,
            name,
            path.format(name=name, parent=name.partition(".")[0]),
            entry["id"],
            datetime.fromisoformat(entry["created"]),
            datetime.fromisoformat(entry["modified"]),
            entry["user"],
        )
        for name, entry in sorted(_read(org, type_).items())
    ]
