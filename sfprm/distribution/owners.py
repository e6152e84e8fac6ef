"""Where leads are now, beside where a journalled decision wants them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sfprm.ids import RecordId
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, compare, in_, split_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sfprm.salesforce.session import Session
    from sfprm.store.records import JournalEntry

__all__ = [
    "LeadNow",
    "Place",
    "leads_written_since",
    "place_of",
    "read_leads_now",
    "read_owner_names",
]


class Place(StrEnum):
    """Where a lead is, seen from a decision about it."""

    AS_DECIDED = "as decided"
    AS_SEEN = "as seen when deciding"
    MOVED = "moved elsewhere"
    CONVERTED = "converted"
    DELETED = "deleted"
    NOT_VISIBLE = "not visible"
    """Perhaps there, out of the agent's sight (operations.md, rule 6); never taken for deleted."""


@dataclass(frozen=True, slots=True)
class LeadNow:
    """A lead as the org holds it. `modified_by` is who wrote it last, `modified_by_id` their id."""

    id: RecordId
    owner_id: RecordId
    owner_name: str
    label: str
    converted: bool
    deleted: bool
    modified_by_id: RecordId | None
    modified_by: str
    merged_into: RecordId | None = None


def place_of(entry: JournalEntry, now: LeadNow | None) -> Place:
    """Where the lead of the entry is."""
    if now is None:
        return Place.NOT_VISIBLE
    if now.deleted:
        return Place.DELETED
    if now.owner_id == entry.owner_new:
        return Place.AS_DECIDED
    if now.converted:
        return Place.CONVERTED
    return Place.AS_SEEN if now.owner_id == entry.owner_seen else Place.MOVED


def read_leads_now(session: Session, leads: Iterable[RecordId]) -> dict[RecordId, LeadNow]:
    """Those leads by id, the recycle bin included; those not visible are left out. A call for
    every four hundred or so."""
    query = Query(
        (
            *("Id", "OwnerId", "Owner.Name", "Name", "Company", "IsConverted", "IsDeleted"),
            *("LastModifiedById", "LastModifiedBy.Name", "MasterRecordId"),
        ),
        "Lead",
    )
    found = {}
    for condition in split_in("Id", sorted(set(leads))):
        for row in select(session, query.also(condition), include_deleted=True):
            changer, master = row.get("LastModifiedById"), row.get("MasterRecordId")
            lead = RecordId(row["Id"])
            found[lead] = LeadNow(
                id=lead,
                owner_id=RecordId(row["OwnerId"]),
                owner_name=str((row.get("Owner") or {}).get("Name") or ""),
                label=", ".join(str(row[n]) for n in ("Name", "Company") if row.get(n)),
                converted=bool(row["IsConverted"]),
                deleted=bool(row["IsDeleted"]),
                modified_by_id=RecordId(changer) if changer else None,
                modified_by=str((row.get("LastModifiedBy") or {}).get("Name") or ""),
                merged_into=RecordId(master) if master else None,
            )
    return found


def leads_written_since(
    session: Session, leads: Sequence[RecordId], owners: Sequence[RecordId], since: datetime
) -> dict[str, str]:
    """Lead → owner, of those leads that are with one of the owners and were written since then: one
    call for 2,000 leads that were made one after the other. Cheaper than asking by id, and only
    that: what is missing here is asked for by id, so a clock that is off costs calls, not truth.

    Leads are asked for by the range of their ids, which follow the order of creation: a batch of
    the intake is such a range, and no other batch's leads are read again.
    """
    if not leads:
        return {}
    query = Query(
        ("Id", "OwnerId"),
        "Lead",
        (
            compare("Id", ">=", min(leads)),
            compare("Id", "<=", max(leads)),
            in_("OwnerId", owners),
            compare("SystemModstamp", ">=", since),
        ),
    )
    wanted = set(leads)
    return {r["Id"]: r["OwnerId"] for r in select(session, query) if r["Id"] in wanted}


def read_owner_names(session: Session, owners: Iterable[RecordId]) -> dict[RecordId, str]:
    """Names of users and queues by id: at most two calls for some hundreds."""
    found: dict[RecordId, str] = {}
    ids = sorted(set(owners))
    for prefix, object_ in (("005", "User"), ("00G", "Group")):
        for condition in split_in("Id", [i for i in ids if i.prefix == prefix]):
            for row in select(session, Query(("Id", "Name"), object_, (condition,))):
                found[RecordId(row["Id"])] = str(row["Name"])
    return found
