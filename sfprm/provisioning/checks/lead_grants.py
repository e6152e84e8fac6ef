"""Rights on leads by permission sets and permission set groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.estate.model import PARTNER_USER_TYPE
from sfprm.provisioning.checks.facts import LeadGrants
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, split_in

if TYPE_CHECKING:
    from sfprm.salesforce.session import Session

__all__ = ["read_lead_grants"]


def read_lead_grants(session: Session) -> LeadGrants:
    """What permission sets grant on Lead, and to which partner users. Two calls, one more for each
    2,000 assignments. Raises OrgRefused when the agent may not ask."""
    query = Query(
        ("ParentId", "PermissionsRead", "PermissionsEdit"),
        "ObjectPermissions",
        (eq("SobjectType", "Lead"), eq("Parent.IsOwnedByProfile", False)),
    )
    sets = {
        str(row["ParentId"]): frozenset(
            right for right in ("Read", "Edit") if row[f"Permissions{right}"]
        )
        for row in select(session, query)
    }
    held = Query(
        ("AssigneeId", "PermissionSetId"),
        "PermissionSetAssignment",
        (eq("Assignee.UserType", PARTNER_USER_TYPE),),
    )
    users: dict[str, frozenset[str]] = {}
    for condition in split_in("PermissionSetId", sorted(sets)):
        for row in select(session, held.also(condition)):
            user = str(row["AssigneeId"])
            users[user] = users.get(user, frozenset()) | sets[str(row["PermissionSetId"])]
    return LeadGrants(sets, users)
