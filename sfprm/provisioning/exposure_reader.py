"""What the external-access review looks at, read from the org: about six calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.provisioning.exposure import ExposureReview, review_exposure
from sfprm.salesforce.metadata import retrieve
from sfprm.salesforce.query import select_all
from sfprm.salesforce.soql import Query, eq, in_

if TYPE_CHECKING:
    from datetime import date

    from sfprm.clock import Clock
    from sfprm.estate.model import Estate
    from sfprm.salesforce.session import Session

__all__ = ["SHARED_OBJECTS", "experiences_since", "read_exposure"]

SHARED_OBJECTS = ("Account", "Campaign", "Case", "Contact", "Lead", "Opportunity")
"""Objects whose sharing rules and external defaults are reviewed; custom objects by hand."""
_FOLDER_CONTENT = {
    "Report": "Report",
    "Dashboard": "Dashboard",
    "Email": "EmailTemplate",
    "Document": "Document",
}
"""`Folder.Type` → the metadata type under which such a folder is retrieved."""
_OPEN = ("Public", "Shared")


def experiences_since(estate: Estate) -> date | None:
    """The day of the oldest site; None when there is none or digital experiences are off."""
    days = [site.created.date() for site in estate.sites.values() if site.created is not None]
    return min(days) if days else None


def read_exposure(session: Session, estate: Estate, *, clock: Clock) -> ExposureReview:
    """Query and retrieve what the review needs, and review it. Raises the error tree: a caller
    without the metadata permissions gets PermissionMissing."""
    folders = select_all(
        session,
        Query(("DeveloperName", "Type"), "Folder", (in_("AccessType", _OPEN),)),
    )
    members: dict[str, list[str]] = {"SharingRules": list(SHARED_OBJECTS)}
    for row in folders:
        if row.get("DeveloperName") and row["Type"] in _FOLDER_CONTENT:
            members.setdefault(_FOLDER_CONTENT[row["Type"]], []).append(row["DeveloperName"])
    files = retrieve(session, members, clock=clock)
    groups = select_all(
        session,
        Query(
            ("Id", "Name", "Type", "(SELECT UserOrGroupId FROM GroupMembers)"),
            "Group",
            (f"{eq('Type', 'Regular')} OR {eq('Type', 'Organization')}",),
        ),
    )
    defaults = select_all(
        session,
        Query(
            ("QualifiedApiName", "InternalSharingModel", "ExternalSharingModel"),
            "EntityDefinition",
            (in_("QualifiedApiName", SHARED_OBJECTS),),
        ),
    )
    return review_exposure(
        files,
        created=estate.org.created.date(),
        experiences_since=experiences_since(estate),
        defaults=defaults,
        groups=groups,
    )
