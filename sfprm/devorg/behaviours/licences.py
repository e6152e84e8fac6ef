"""Seats: only active users count; a frozen user keeps the seat [R].

`LICENSE_LIMIT_EXCEEDED` `License Limit Exceeded - <licence name>`, fields [] ([R] for Customer
Community; the suffix for Partner Community is unverified). UsedLicenses is kept exact here; in a
real org it lags (operations.md rule 28)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sfprm.devorg.behaviours.behaviour import Behaviour

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch, Context
    from sfprm.devorg.org import Org

__all__ = ["Licences", "recount"]


class Licences(Behaviour):
    """No more active users than seats."""

    objects = frozenset({"User"})

    def before(self, batch: Batch) -> None:
        """Refuse rows that would take a seat too many."""
        rows = [
            row
            for row in batch.living
            if row.get("IsActive") and (row.changes("IsActive") or row.changes("ProfileId"))
        ]
        if not rows:
            return
        licence_of, used = _seats(batch.org)
        licences = {one["Id"]: one for one in batch.org.storage.find("UserLicense")}
        for row in rows:
            licence = licences.get(licence_of.get(row.get("ProfileId"), ""))
            if licence is None:
                continue
            old = row.old or {}
            if old.get("IsActive") and licence_of.get(str(old["ProfileId"])) == licence["Id"]:
                continue
            if used[str(licence["Id"])] >= int(licence["TotalLicenses"] or 0):
                row.refuse("LICENSE_LIMIT_EXCEEDED", f"License Limit Exceeded - {licence['Name']}")
            else:
                used[str(licence["Id"])] += 1

    def after(self, batch: Batch) -> None:
        """Write the counts down."""
        if any(row.changes("IsActive") or row.changes("ProfileId") for row in batch.living):
            recount(batch.context)


def recount(context: Context) -> None:
    """Write down how many seats each licence has in use."""
    _, used = _seats(context.org)
    for licence in context.org.storage.find("UserLicense"):
        count = used[str(licence["Id"])]
        if licence["UsedLicenses"] != count:
            context.org.storage.update(
                "UserLicense",
                str(licence["Id"]),
                {"UsedLicenses": count, "UsedLicensesLastUpdated": context.now},
            )


def _seats(org: Org) -> tuple[dict[str, str], Counter[str]]:
    """(licence of each profile, active users of each licence)."""
    licence_of = {
        str(one[0]): str(one[1])
        for one in org.storage.execute('SELECT "Id", "UserLicenseId" FROM "Profile"')
    }
    counted = org.storage.execute(
        'SELECT "ProfileId", COUNT(*) FROM "User" WHERE "IsActive" = 1 GROUP BY "ProfileId"'
    )
    used: Counter[str] = Counter()
    for profile, count in counted:
        used[licence_of.get(str(profile), "")] += int(count)
    return licence_of, used
