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
    """Where records that had these keys, and are not there any more, were merged into."""
    found = {}
    fields = ("Id", "MasterRecordId", key_field)
    for condition in split_in(key_field, keys):
        query = Query(fields, object_, (condition, eq("IsDeleted", True)))
        for row in select(session, query, include_deleted=True):
            if row.get("MasterRecordId"):
                at = (object_, str(row[key_field]).lower())
                found[at] = Merged(RecordId(row["Id"]), RecordId(row["MasterRecordId"]))
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
