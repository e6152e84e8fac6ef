"""The role of a user who owns accounts with partner roles. It cannot be taken away:
`USER_OWNS_PORTAL_ACCOUNT_EXCEPTION` (code in the WSDL [R]; rule and text unverified). Another role
re-parents the accounts' roles under it [D]."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.devorg.behaviours.behaviour import Behaviour

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch
    from sfprm.devorg.org import Org

__all__ = ["PortalOwners"]


class PortalOwners(Behaviour):
    """Owners of partner accounts and their role."""

    objects = frozenset({"User"})

    def before(self, batch: Batch) -> None:
        """Refuse to leave such an owner without a role."""
        if batch.operation != "update":
            return
        for row in batch.living:
            if (
                row.changes("UserRoleId")
                and row.values["UserRoleId"] is None
                and _top_roles(batch.org, str(row.id))
            ):
                row.refuse(
                    "USER_OWNS_PORTAL_ACCOUNT_EXCEPTION",
                    "The user owns accounts with portal users and must have a role",
                    "UserRoleId",
                )

    def after(self, batch: Batch) -> None:
        """Take the accounts' roles along."""
        if batch.operation != "update":
            return
        for row in batch.living:
            if row.changes("UserRoleId"):
                for role in _top_roles(batch.org, str(row.id)):
                    batch.org.storage.update(
                        "UserRole", role, {"ParentRoleId": row.values["UserRoleId"]}
                    )


def _top_roles(org: Org, owner: str) -> list[str]:
    """The highest partner role of each account that the user owns."""
    own = [str(one["Id"]) for one in org.storage.find("Account", OwnerId=owner)]
    if not own:
        return []
    roles = org.storage.find("UserRole", PortalAccountId=own)
    ids = {str(one["Id"]) for one in roles}
    return [str(one["Id"]) for one in roles if str(one["ParentRoleId"]) not in ids]
