"""Clearing an account's partner flag, and what that destroys.

`IsPartner` true → false permanently deletes the account's partner roles and groups, and may disable
up to 15 partner users [documented; facts sheet, section 2]; what happens above 15 is unverified, so
it is done only when nobody of the account is active any more. The page in Setup is said to disable
the users for good and to drop them from sites, groups and sharing [a public page]; by API that is
unverified.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.provisioning.offboard import NotDone
from sfprm.salesforce import collections
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, split_in

if TYPE_CHECKING:
    from sfprm.ids import RecordId
    from sfprm.salesforce.session import Session

__all__ = ["PartnerFlag", "clear_partner_flag", "read_partner_flag"]


@dataclass(frozen=True, slots=True)
class PartnerFlag:
    """An account's flag and what hangs on it: its roles' names, and how many groups stand for them
    (sharing rules, queues and folders name those)."""

    name: str
    is_set: bool
    roles: tuple[str, ...]
    groups: int

    def words(self) -> tuple[str, ...]:
        """What clearing it destroys."""
        if not self.is_set:
            return (f"{self.name} is no partner any more: there is nothing to clear.",)
        if not self.roles:
            return (f"Clearing the partner flag of {self.name} deletes no role: it has none.",)
        noun = "role" if len(self.roles) == 1 else "roles"
        return (
            f"Clearing the partner flag of {self.name} deletes for ever, with no recycle bin:",
            f"  {len(self.roles)} {noun}: {', '.join(self.roles)}",
            f"  {self.groups} groups that stand for them, and what sharing rules, folders and "
            "queues give them",
            "A partner again later means new roles, and sharing set up anew; whether Salesforce "
            "then takes the same users back is unverified.",
        )


def read_partner_flag(session: Session, account: RecordId) -> PartnerFlag:
    """The flag as it is now."""
    found = list(select(session, Query(("Name", "IsPartner"), "Account", (eq("Id", account),))))
    where = (eq("PortalAccountId", account), eq("PortalType", "Partner"))
    roles = list(select(session, Query(("Id", "Name"), "UserRole", where)))
    groups = 0
    for condition in split_in("RelatedId", [r["Id"] for r in roles]):
        groups += sum(1 for _ in select(session, Query(("Id",), "Group", (condition,))))
    row = found[0] if found else {"Name": account, "IsPartner": False}
    names = tuple(sorted(str(r["Name"]) for r in roles))
    return PartnerFlag(str(row["Name"]), bool(row["IsPartner"]), names, groups)


def clear_partner_flag(session: Session, account: RecordId, name: str) -> list[NotDone]:
    """Set `IsPartner` to false. Irreversible."""
    [outcome] = collections.update(session, "Account", [{"Id": account, "IsPartner": False}])
    if outcome.error is None:
        return []
    return [NotDone(f"partner flag of {name}", outcome.error.message, outcome.error.hint)]
