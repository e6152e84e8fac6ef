"""Leads under an offer as the org holds them now: what the next move of the offer hangs on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sfprm.distribution.intake import field_value
from sfprm.errors import OrgRefused
from sfprm.ids import RecordId
from sfprm.routing.offers import Sight
from sfprm.routing.values import LeadFacts
from sfprm.salesforce.identity import parse_datetime
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, compare, in_, split_in

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sfprm.routing.offers import Offer
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session

__all__ = ["SeenLead", "read_sights", "with_history"]

_ALWAYS = (
    *("Id", "OwnerId", "Owner.Name", "Status", "IsUnreadByOwner", "IsConverted", "IsDeleted"),
    *("MasterRecordId", "LastModifiedDate", "LastModifiedById", "LastModifiedBy.Name"),
    *("CreatedDate", "Name", "Company"),
)


@dataclass(frozen=True, slots=True)
class SeenLead:
    """A lead as the table of offers looks at it, and as rules do."""

    sight: Sight
    facts: LeadFacts


def read_sights(
    session: Session, offers: Sequence[Offer], fields: Collection[str]
) -> dict[RecordId, SeenLead]:
    """The offers' leads by id, the recycle bin included; those not visible are left out. A call for
    every four hundred or so. `fields`: further Lead fields that terms and rules read."""
    known = {name.lower() for name in _ALWAYS}
    more = tuple(sorted({name for name in fields if name.lower() not in known}))
    query = Query(_ALWAYS + more, "Lead")
    intakes = {offer.lead: offer.intake for offer in offers}
    found = {}
    for condition in split_in("Id", sorted(intakes)):
        for row in select(session, query.also(condition), include_deleted=True):
            lead = RecordId(row["Id"])
            found[lead] = _seen(row, (*fields, "Status"), intakes.get(lead, ""))
    return found


def _seen(row: Row, names: Collection[str], intake: str) -> SeenLead:
    fields = {name: field_value(row, name) for name in names}
    changer, master = row.get("LastModifiedById"), row.get("MasterRecordId")
    owner = RecordId(row["OwnerId"])
    facts = LeadFacts(
        id=RecordId(row["Id"]),
        owner_id=owner,
        created=parse_datetime(row["CreatedDate"]),
        intake=intake,
        fields=fields,
        label=", ".join(str(row[n]) for n in ("Name", "Company") if row.get(n)),
    )
    sight = Sight(
        owner=owner,
        owner_name=str((row.get("Owner") or {}).get("Name") or ""),
        status=str(row.get("Status") or ""),
        unread=bool(row.get("IsUnreadByOwner")),
        converted=bool(row["IsConverted"]),
        deleted=bool(row["IsDeleted"]),
        merged_into=RecordId(master) if master else None,
        modified_at=parse_datetime(row["LastModifiedDate"]),
        modified_by=RecordId(changer) if changer else None,
        modified_by_name=str((row.get("LastModifiedBy") or {}).get("Name") or ""),
        fields=fields,
    )
    return SeenLead(sight, facts)


def with_history(
    session: Session, seen: Mapping[RecordId, SeenLead], since: datetime
) -> dict[RecordId, SeenLead]:
    """The same leads with who changed them since: a call for every four hundred.

    Only tracked fields leave a history (operations.md, rule 23): an empty one proves nothing. An
    org that has no LeadHistory for the agent is as good as one without tracking.
    """
    touched: dict[RecordId, set[RecordId]] = {}
    status: dict[RecordId, set[RecordId]] = {}
    query = Query(("LeadId", "Field", "CreatedById"), "LeadHistory")
    try:
        for condition in split_in("LeadId", sorted(seen)):
            changed = query.also(condition, compare("CreatedDate", ">=", since))
            for row in select(session, changed):
                lead, who = RecordId(row["LeadId"]), RecordId(row["CreatedById"])
                touched.setdefault(lead, set()).add(who)
                if row["Field"] == "Status":
                    status.setdefault(lead, set()).add(who)
    except OrgRefused as refused:
        if refused.code not in ("INVALID_TYPE", "INVALID_FIELD"):
            raise
    return {
        lead: replace(
            each,
            sight=replace(
                each.sight,
                touched_by=frozenset(touched.get(lead, ())),
                status_by=frozenset(status.get(lead, ())),
            ),
        )
        for lead, each in seen.items()
    }


def read_queue_ids(session: Session, labels: Collection[str]) -> dict[str, RecordId]:
    """Ids of queues by label; those that are not there are left out. One call."""
    if not labels:
        return {}
    query = Query(("Id", "Name"), "Group", ("Type = 'Queue'", in_("Name", sorted(labels))))
    by_name = {str(r["Name"]).casefold(): RecordId(r["Id"]) for r in select(session, query)}
    return {label: by_name[label.casefold()] for label in labels if label.casefold() in by_name}


def read_user_ids(session: Session, usernames: Collection[str]) -> dict[str, tuple[RecordId, str]]:
    """Id and name of active users by username, lower-case. One call."""
    if not usernames:
        return {}
    query = Query(
        ("Id", "Name", "Username"), "User", ("IsActive = true", in_("Username", sorted(usernames)))
    )
    return {
        str(r["Username"]).lower(): (RecordId(r["Id"]), str(r["Name"]))
        for r in select(session, query)
    }
