"""What happens around a user: the UserLogin row that freezes them, the change of an e-mail address.

Users are never deleted, only deactivated [D] (the schema says so). A frozen user keeps the seat;
`UserLogin.IsFrozen` is the switch [R]. A change of User.Email answers success but is not in force
until the person confirms it by the link that is mailed to the new address (72 h) [D,
operations.md rule 9]; the control API confirms."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sfprm.devorg.behaviours.behaviour import Behaviour
from sfprm.devorg.stamps import read_stamp

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch
    from sfprm.devorg.org import Org

__all__ = ["UserLife", "confirm_email"]

PENDING = "pending_emails"
CONFIRM_WITHIN = timedelta(hours=72)


class UserLife(Behaviour):
    """UserLogin rows and pending e-mail addresses."""

    objects = frozenset({"User"})

    def before(self, batch: Batch) -> None:
        """Hold back a new e-mail address until it is confirmed."""
        if batch.operation != "update":
            return
        for row in batch.living:
            if not row.changes("Email") or row.old is None:
                continue
            new = str(row.values["Email"])
            row.values["Email"] = row.old["Email"]
            pending = dict(batch.org.setting(PENDING, {}))
            pending[str(row.id)] = {"address": new, "at": batch.context.now}
            batch.org.set_setting(PENDING, pending)
            batch.org.outbox.send(
                batch.org.clock.now(),
                [new],
                "Confirm your new email address",
                f"Confirm within 72 hours that {new} is the address of {row.old['Username']}.",
                "confirmation",
                row.id,
            )

    def after(self, batch: Batch) -> None:
        """Give a new user the row that can freeze them."""
        if batch.operation == "insert":
            batch.org.plant(
                "UserLogin",
                [{"UserId": row.id, "LastModifiedById": batch.context.user_id}
                 for row in batch.living],
            )  # fmt: skip


def confirm_email(org: Org, username: str) -> str:
    """The person follows the link: the pending address is in force; it. Raises LookupError."""
    user = org.user_by_username(username)
    pending = dict(org.setting(PENDING, {}))
    if user is None or user["Id"] not in pending:
        raise LookupError(f"{username} has no e-mail address to confirm")
    wanted = pending.pop(user["Id"])
    if org.clock.now() - read_stamp(wanted["at"]) > CONFIRM_WITHIN:
        raise LookupError(f"the link for {username} is older than {CONFIRM_WITHIN}")
    address = str(wanted["address"])
    org.storage.update("User", str(user["Id"]), {"Email": address})
    org.set_setting(PENDING, pending)
    return address
