"""Which partner users may read leads: the org refuses others as owners (TRANSFER_REQUIRES_READ,
provisioning sheet, section 10).

Object permissions stand with profiles (through the permission set that each profile owns) and with
permission sets [documented: PermissionSetAssignment and ObjectPermissions]. A permission set group
has a permission set of its own that holds what is left after muting [documented: ObjectPermissions
by `Parent.PermissionSetGroup`], which its assignments name [unverified]. Sharing plays no part: an
owner sees what it owns.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.errors import OrgRefused
from sfprm.ids import RecordId
from sfprm.routing.values import Code, Reason
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, in_, split_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.routing.values import OwnerStanding, Standing
    from sfprm.salesforce.session import Session

__all__ = ["NO_ACCESS", "unable_to_read_leads", "without_lead_access"]

NO_ACCESS = Reason(
    Code.NO_LEAD_ACCESS, "may not read leads, neither by its profile nor by a permission set"
)


def unable_to_read_leads(
    session: Session, profiles: Mapping[RecordId, RecordId]
) -> frozenset[RecordId]:
    """Those of the users (profile id by user id) who may not read leads. One call; for users whose
    profile does not grant it one more for some hundreds. Nobody, where the org does not tell."""
    if not profiles:
        return frozenset()
    query = Query(
        ("ParentId", "Parent.ProfileId"),
        "ObjectPermissions",
        (eq("SobjectType", "Lead"), eq("PermissionsRead", True)),
    )
    try:
        rows = list(select(session, query))
        granted = {(row.get("Parent") or {}).get("ProfileId") for row in rows}
        sets = [RecordId(r["ParentId"]) for r in rows if not (r["Parent"] or {}).get("ProfileId")]
        left = {user for user, profile in profiles.items() if profile not in granted}
        if not rows or not left or not sets:
            # no row at all: the agent may not see them, as somebody always may read leads
            return frozenset(left) if rows else frozenset()
        asked = Query(("AssigneeId",), "PermissionSetAssignment", (in_("PermissionSetId", sets),))
        for condition in split_in("AssigneeId", sorted(left)):
            held = {RecordId(r["AssigneeId"]) for r in select(session, asked.also(condition))}
            left -= held
    except OrgRefused as refused:
        if refused.code not in ("INVALID_TYPE", "INVALID_FIELD"):
            raise
        return frozenset()
    return frozenset(left)


def without_lead_access(standing: Standing, unable: frozenset[RecordId]) -> Standing:
    """The standing with that reason against those users, under each of their names."""
    if not unable:
        return standing

    def marked(owner: OwnerStanding) -> OwnerStanding:
        if owner.owner_id not in unable:
            return owner
        return replace(owner, reasons=(*owner.reasons, NO_ACCESS))

    return replace(
        standing,
        people=MappingProxyType({key: marked(o) for key, o in standing.people.items()}),
        users=MappingProxyType({name: marked(o) for name, o in standing.users.items()}),
    )
