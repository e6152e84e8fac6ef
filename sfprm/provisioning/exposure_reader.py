"""What the external-access review looks at, read from the org: about seven calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.errors import OrgRefused
from sfprm.provisioning.exposure import review_exposure
from sfprm.salesforce.metadata import retrieve
from sfprm.salesforce.query import select_all
from sfprm.salesforce.soql import Query, in_

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from sfprm.clock import Clock
    from sfprm.estate.model import Estate
    from sfprm.provisioning.exposure_model import ExposureReview
    from sfprm.salesforce.session import Session

__all__ = [
    "SHARED_OBJECTS",
    "experiences_since",
    "exposure_of",
    "read_exposure",
    "reviewed_files",
]

SHARED_OBJECTS = ("Account", "Campaign", "Case", "Contact", "Lead", "Opportunity")
"""Objects whose sharing rules and external defaults are reviewed; custom objects with them."""
_FOLDER_CONTENT = {
    "Report": "Report",
    "Dashboard": "Dashboard",
    "Email": "EmailTemplate",
    "Document": "Document",
}
"""`Folder.Type` → the metadata type under which such a folder is retrieved."""
_OPEN = ("Public", "Shared")
_GROUP_TYPES = (
    "Regular",
    "Queue",
    "Organization",
    "RoleAndSubordinates",
    "AllCustomerPortal",
    "PRMOrganization",
)


def experiences_since(estate: Estate) -> date | None:
    """The day of the oldest site; None when there is none or digital experiences are off."""
    days = [site.created.date() for site in estate.sites.values() if site.created is not None]
    return min(days) if days else None


def read_exposure(session: Session, estate: Estate, *, clock: Clock) -> ExposureReview:
    """Query and retrieve what the review needs, and review it. Raises the error tree: a caller
    without the metadata permissions gets PermissionMissing."""
    return exposure_of(session, estate, reviewed_files(session, clock=clock))


def reviewed_files(
    session: Session, *, clock: Clock, more: Mapping[str, Sequence[str]] | None = None
) -> dict[str, bytes]:
    """Sharing rules and folders as metadata files, with whatever `more` names. Raises as
    `read_exposure`."""
    folders = select_all(
        session,
        Query(("DeveloperName", "Type"), "Folder", (in_("AccessType", _OPEN),)),
    )
    members: dict[str, list[str]] = {name: list(names) for name, names in (more or {}).items()}
    members["SharingRules"] = ["*", *SHARED_OBJECTS]
    for row in folders:
        if row.get("DeveloperName") and row["Type"] in _FOLDER_CONTENT:
            members.setdefault(_FOLDER_CONTENT[row["Type"]], []).append(row["DeveloperName"])
    return retrieve(session, members, clock=clock)


def exposure_of(session: Session, estate: Estate, files: Mapping[str, bytes]) -> ExposureReview:
    """The review of retrieved files, with groups and defaults queried: three calls."""
    groups = select_all(
        session,
        Query(
            (
                *("Id", "Name", "DeveloperName", "Type", "RelatedId"),
                "(SELECT UserOrGroupId FROM GroupMembers)",
            ),
            "Group",
            (in_("Type", _GROUP_TYPES),),
        ),
    )
    fields = ("QualifiedApiName", "InternalSharingModel", "ExternalSharingModel")
    defaults = select_all(
        session,
        Query(fields, "EntityDefinition", (in_("QualifiedApiName", SHARED_OBJECTS),)),
    )
    unread: list[str] = []
    try:
        # no OR in a query of EntityDefinition [documented], so custom objects are asked apart;
        # whether LIKE is taken there is unverified
        defaults += select_all(
            session, Query(fields, "EntityDefinition", ("QualifiedApiName LIKE '%\\_\\_c'",))
        )
    except OrgRefused:
        unread.append("external defaults of custom objects: who sees their records")
    roles = {row["Id"]: row["RelatedId"] for row in groups if row["Type"] == "RoleAndSubordinates"}
    names: dict[str, str] = {}
    if any(roles.values()):
        wanted = sorted({role for role in roles.values() if role})
        for row in select_all(
            session, Query(("Id", "DeveloperName"), "UserRole", ("PortalType = 'None'",))
        ):
            if row["Id"] in wanted:
                names[row["Id"]] = row["DeveloperName"]
    return review_exposure(
        files,
        created=estate.org.created.date(),
        experiences_since=experiences_since(estate),
        defaults=defaults,
        groups=[{**row, "Role": names.get(row.get("RelatedId") or "")} for row in groups],
        by_hand=unread,
    )
