"""What users own, object by object: every object that describe says has an owner who is a user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.errors import OrgRefused
from sfprm.ids import RecordId
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, split_in

if TYPE_CHECKING:
    from sfprm.salesforce.session import Session

__all__ = ["Owned", "count_owned", "owned_objects"]

_OWNER = "OwnerId"
_OPEN = {"Lead": ("IsConverted", False)}
"""Converted leads stay with whom they were converted by; they are history."""


@dataclass(frozen=True, slots=True)
class Owned:
    """How many records of each object each user owns: object → user → count. `unseen`: objects
    that cannot be counted, and the org's words."""

    counts: Mapping[str, Mapping[RecordId, int]]
    unseen: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, object_: str) -> int:
        """How many records of that object they own together."""
        return sum(self.counts.get(object_, {}).values())

    @property
    def totals(self) -> dict[str, int]:
        """Object → count, the objects of which they own any, in alphabetical order."""
        return {name: n for name in sorted(self.counts) if (n := self.of(name))}


def owned_objects(session: Session) -> list[str]:
    """Objects whose OwnerId points at users, by User's own describe: one call."""
    told = session.request("GET", "sobjects/User/describe", kind="describe").json
    found = {
        str(child["childSObject"])
        for child in told.get("childRelationships") or ()
        if child.get("field") == _OWNER and not child.get("deprecatedAndHidden")
    }
    return sorted(found)


def count_owned(session: Session, users: Iterable[RecordId], objects: Iterable[str]) -> Owned:
    """Counts of those objects for those users: one call an object."""
    wanted = list(users)
    counts: dict[str, dict[RecordId, int]] = {}
    unseen: dict[str, str] = {}
    for object_ in objects:
        try:
            counts[object_] = _count(session, object_, wanted)
        except OrgRefused as refused:
            unseen[object_] = refused.message
    return Owned(counts, unseen)


def _count(session: Session, object_: str, users: list[RecordId]) -> dict[RecordId, int]:
    found: dict[RecordId, int] = {}
    also = (eq(*_OPEN[object_]),) if object_ in _OPEN else ()
    for condition in split_in(_OWNER, users):
        query = Query((_OWNER, "COUNT(Id) many"), object_, (condition, *also)).text()
        for row in select(session, f"{query} GROUP BY {_OWNER}"):
            found[RecordId(row[_OWNER])] = int(row["many"])
    return found
