"""Small parts of the estate's queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.estate.model import Merged
from sfprm.ids import RecordId
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, split_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfprm.salesforce.session import Session

__all__ = ["joined", "merged_into", "visible"]


def merged_into(
    session: Session, object_: str, key_field: str, keys: Iterable[str]
) -> dict[tuple[str, str], Merged]:
    """Where records that had these keys, and are not there any more, are now: the one kept, and
    when that was merged as well, the one kept then. Left out: those whose last one was deleted.

    One call where nothing was merged, two where something was, and one more for each further merge
    of the same record.
    """
    lost: list[tuple[str, RecordId]] = []
    into: dict[RecordId, RecordId | None] = {}
    fields = ("Id", "MasterRecordId", key_field)

    def read(condition: str) -> None:
        query = Query(fields, object_, (condition, eq("IsDeleted", True)))
        for row in select(session, query, include_deleted=True):
            at = RecordId(row["Id"])
            master = row.get("MasterRecordId")
            into[at] = RecordId(master) if master else None
            lost.append((str(row[key_field] or "").lower(), at))

    for condition in split_in(key_field, keys):
        read(condition)
    ours = tuple(lost)
    asked: set[RecordId] = set()
    while further := {kept for kept in into.values() if kept} - into.keys() - asked:
        asked |= further
        for condition in split_in("Id", sorted(further)):
            read(condition)
    found = {}
    for key, at in ours:
        kept = into[at]
        while kept is not None and kept in into:
            kept = into[kept]
        if kept is not None:
            found[object_, key] = Merged(at, kept)
    return found


def joined(conditions: list[str]) -> list[str]:
    """The conditions as one OR, or one by one when they are long."""
    if not conditions:
        return []
    together = " OR ".join(conditions)
    return [together] if len(together) < _ROOM else conditions


_ROOM = 6000
"""Characters of SOQL that fit a URL with room for quoting."""


def visible(fields: Iterable[str], types: Mapping[str, str]) -> tuple[str, ...]:
    """Fields that the agent sees, each once; parents' fields are taken as they are."""
    unique = {name.lower(): name for name in fields}
    return tuple(n for low, n in unique.items() if "." in n or not types or low in types)
