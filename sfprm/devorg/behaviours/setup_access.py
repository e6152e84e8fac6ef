"""Who may change setup objects: Manage Users, Manage External Users, Assign Permission Sets, Manage
Roles, Create and Set Up Experiences, each beside what needs it [D/M]. The answer to a caller
without: `INSUFFICIENT_ACCESS_OR_READONLY` ([R] text; that it is this one is unverified)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.devorg.behaviours.behaviour import Behaviour

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch, Row

__all__ = ["SetupAccess"]

_NEEDED: dict[str, tuple[str, ...]] = {
    "User": ("ManageUsers", "ManageInternalUsers"),
    "UserLogin": ("FreezeUsers", "ManageUsers"),
    "UserRole": ("ManageRoles", "ManageUsers"),
    "Group": ("ManageUsers",),
    "GroupMember": ("ManageUsers",),
    "QueueSobject": ("ManageUsers",),
    "PermissionSetAssignment": ("AssignPermissionSets", "ManageUsers"),
    "PermissionSet": ("ManageProfilesPermissionsets", "ModifyAllData"),
    "Network": ("ManageNetworks", "ModifyAllData"),
    "NetworkMemberGroup": ("ManageNetworks", "ModifyAllData"),
}


class SetupAccess(Behaviour):
    """The permissions of the caller."""

    objects = frozenset(_NEEDED)

    def before(self, batch: Batch) -> None:
        """Refuse all rows of a caller who may not."""
        access = batch.context.access
        needed = _NEEDED[batch.definition.name]
        if any(access.has(one) for one in needed):
            return
        for row in batch.living:
            if not self._excepted(batch, row):
                row.refuse(
                    "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id"
                )

    def _excepted(self, batch: Batch, row: Row) -> bool:
        """Users may change themselves; Manage External Users is enough for external users."""
        if batch.definition.name != "User":
            return False
        if batch.operation == "update" and row.id == batch.context.user_id:
            return not {"ProfileId", "UserRoleId", "IsActive"} & set(row.values)
        if not batch.context.access.has("ManagePartners"):
            return False
        profile = batch.org.storage.get("Profile", str(row.get("ProfileId"))) or {}
        return profile.get("UserType") not in {None, "Standard"}
