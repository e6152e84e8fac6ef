"""The fields that rules read, held against the org's own describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.errors import BadFiles
from sfprm.jobs.frame import JobContext
from sfprm.programme.fields_read import check_against_describe, heads_read
from sfprm.programme.notice_fields import check_notice_fields, notice_objects
from sfprm.programme.offer_fields import check_offer_fields
from sfprm.salesforce.describe import describe

if TYPE_CHECKING:
    from sfprm.errors import Complaint
    from sfprm.programme.model import Programme
    from sfprm.salesforce.describe import ObjectDescribe
    from sfprm.salesforce.session import Session

__all__ = [
    "lead_complaints",
    "notice_complaints",
    "refuse_unknown_fields",
    "refuse_unknown_notice_fields",
]

_OBJECTS = {
    "partneraccount": "Account",
    "convertedaccount": "Account",
    "convertedcontact": "Contact",
    "createdby": "User",
    "lastmodifiedby": "User",
    "campaign": "Campaign",
    "campaign.member": "CampaignMember",
}
"""Objects that paths lead to, by head. The owner is a user or a queue: no describe tells what both
have."""


def refuse_unknown_fields(context: JobContext) -> None:
    """Raise BadFiles when there are any `lead_complaints`."""
    complaints = lead_complaints(context.session, context.programme)
    if complaints:
        raise BadFiles(complaints)


def lead_complaints(session: Session, programme: Programme) -> list[Complaint]:
    """Rules, conditions and offers that read a field that this org does not have, or not of that
    type, or write one that the agent may not. One call for Lead and one for each other object that
    rules read, kept for the session."""
    lead = describe(session, "Lead")
    if lead is None:
        return []
    beyond = {}
    for head in heads_read(programme):
        name = _OBJECTS.get(head) or _custom(lead, head)
        told = describe(session, name) if name else None
        if told is not None:
            beyond[head] = _types(told)
    complaints = check_against_describe(programme, _types(lead), beyond)
    complaints += check_offer_fields(
        programme,
        _types(lead),
        frozenset(name for name, field in lead.fields.items() if field.updateable),
    )
    return complaints


def refuse_unknown_notice_fields(context: JobContext) -> None:
    """Raise BadFiles when there are any `notice_complaints`."""
    complaints = notice_complaints(context.session, context.programme)
    if complaints:
        raise BadFiles(complaints)


def notice_complaints(session: Session, programme: Programme) -> list[Complaint]:
    """Notices that name a field which this org does not have. Kept apart from `lead_complaints`, as
    no notice holds routing up. One call for each of Lead and User, kept for the session."""
    fields = {}
    for name in sorted(notice_objects(programme)):
        told = describe(session, name)
        if told is not None:
            fields[name] = frozenset(field.name for field in told.fields.values())
    return check_notice_fields(programme, fields)


def _types(told: ObjectDescribe) -> dict[str, str]:
    return {name: field.type for name, field in told.fields.items()}


def _custom(lead: ObjectDescribe, head: str) -> str | None:
    """The one object that a custom look-up of the lead refers to."""
    field = lead.fields.get(f"{head.removesuffix('__r')}__c") if head.endswith("__r") else None
    return field.reference_to[0] if field is not None and len(field.reference_to) == 1 else None
