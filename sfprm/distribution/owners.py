"""Where leads are now, beside where a journalled decision wants them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from sfprm.ids import RecordId
from sfprm.salesforce.identity import parse_datetime
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, compare, in_, split_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sfprm.salesforce.session import Session
    from sfprm.store.records import JournalEntry

__all__ = [
    "LeadNow",
    "Place",
    "Written",
    "place_of",
    "read_just_written",
    "read_leads_now",
    "read_owner_names",
    "read_owners",
    "read_written_between",
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


@dataclass(frozen=True, slots=True)
class Written:
    """Owners of leads just after writing them, and between which of the org's instants that was."""

    owners: Mapping[str, str]
    since: datetime
    until: datetime


def read_just_written(
    session: Session, leads: Sequence[RecordId], owners: Sequence[RecordId], since: datetime
) -> Written:
    """Where leads are that were written a moment ago: of the leads with those owners, the ones
    written last, as many as there are and a few more. One call for 2,000.

    Cheaper than asking by id, and only that: what is missing here is asked for by id, so a clock
    that is off and others at work cost calls, not truth.
    """
    most = len(leads) + MORE if len(leads) < PAGE - MORE else max(len(leads), PAGE)
    query = Query(
        ("Id", "OwnerId", "SystemModstamp"),
        "Lead",
        (in_("OwnerId", owners), compare("SystemModstamp", ">=", since)),
        # leads of a batch mostly have the highest ids of those written in its first second
        ("SystemModstamp DESC", "Id DESC"),
        most,
    )
    wanted = set(leads)
    found: dict[str, str] = {}
    stamps: set[str] = set()
    for row in select(session, query):
        if row["Id"] in wanted:
            found[row["Id"]] = row["OwnerId"]
            stamps.add(row["SystemModstamp"])
    instants = [parse_datetime(stamp) for stamp in stamps]
    return Written(found, min(instants, default=since), max(instants, default=since))


def read_owners(session: Session, leads: Sequence[RecordId], since: datetime) -> Written:
    """The same by id, a call for every four hundred or so: where several write at once, the leads
    written last are not ours alone."""
    query = Query(("Id", "OwnerId", "SystemModstamp"), "Lead")
    found: dict[str, str] = {}
    stamps: set[str] = set()
    for condition in split_in("Id", leads):
        for row in select(session, query.also(condition)):
            found[row["Id"]] = row["OwnerId"]
            stamps.add(row["SystemModstamp"])
    instants = [parse_datetime(stamp) for stamp in stamps]
    return Written(found, min(instants, default=since), max(instants, default=since))


PAGE = 2_000
MORE = 50
"""Leads more than we wrote: others write meanwhile."""


def read_written_between(
    session: Session, owners: Sequence[RecordId], since: datetime, until: datetime
) -> Iterator[tuple[str, str]]:
    """Lead and owner, of the leads with those owners that were last written between two of the
    org's instants: a call for 2,000."""
    query = Query(
        ("Id", "OwnerId"),
        "Lead",
        (
            in_("OwnerId", owners),
            compare("SystemModstamp", ">=", since),
            # SOQL knows whole seconds
            compare("SystemModstamp", "<", until + timedelta(seconds=1)),
        ),
    )
    for row in select(session, query):
        yield row["Id"], row["OwnerId"]


def read_owner_names(session: Session, owners: Iterable[RecordId]) -> dict[RecordId, str]:
    """Names of users and queues by id: at most two calls for some hundreds."""
    found: dict[RecordId, str] = {}
    ids = sorted(set(owners))
    for prefix, object_ in (("005", "User"), ("00G", "Group")):
        for condition in split_in("Id", [i for i in ids if i.prefix == prefix]):
            for row in select(session, Query(("Id", "Name"), object_, (condition,))):
                found[RecordId(row["Id"])] = str(row["Name"])
    return found
