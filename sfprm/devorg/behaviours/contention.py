"""Locks between concurrent requests.

Rows: a write holds its record, and the account, campaign or parent that it hangs on; whoever waits
longer than the limit (10 s [D help 000229525]) is refused with `UNABLE_TO_LOCK_ROW` `unable to
obtain exclusive access to this record or 1 records: <id>`, fields [] [R].
Groups: `UNKNOWN_EXCEPTION` `group membership operation already in progress` (recorded over SOAP
[R]; over REST unverified). Which work excludes which [D, granular locking]: the first user of a
partner account makes roles and collides with other first users, with the creation of roles and
with moves of roles; later users collide with moves only; the change of a partner account's owner,
or of that owner's role, moves roles and collides with all user provisioning. Members of groups and
queues collide with the making and moving of roles (unverified).
User inserts take a settable time each: in real orgs some are slow enough that chunks must start
small [operations.md 22].

Set `contention`: {"row_hold_seconds", "row_wait_seconds", "group_hold_seconds",
"group_wait_seconds", "user_insert_seconds"}, real seconds; nothing is held unless a hold is set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sfprm.devorg.behaviours import settable
from sfprm.devorg.behaviours.behaviour import Behaviour

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch, Row
    from sfprm.devorg.org import Org

__all__ = ["SETTING", "GroupLocks", "RowLocks", "SlowUsers", "lock_rows", "unable_to_lock"]

_PARENTS = ("AccountId", "ContactId", "CampaignId", "ParentId", "WhatId")
_KEYS = (
    "row_hold_seconds",
    "row_wait_seconds",
    "group_hold_seconds",
    "group_wait_seconds",
    "user_insert_seconds",
)
_WAIT = 10.0


def lock_rows(org: Org, ids: Sequence[str]) -> str | None:
    """Take rows for a query FOR UPDATE, which waits as a write does; its locks end with the answer
    [M]. The id of a row that another holds, None when all were got. Raises Held.
    """
    times = settable.setting(org, "contention") or {}
    hold, wait = times.get("row_hold_seconds", 0.0), times.get("row_wait_seconds", _WAIT)
    if not hold and not org.contention.busy:
        return None
    return next((id_ for id_ in sorted(ids) if not org.contention.take_row(id_, wait, hold)), None)


def unable_to_lock(id_: str) -> tuple[str, str]:
    """Code and message for a row that another holds [R]."""
    return (
        "UNABLE_TO_LOCK_ROW",
        f"unable to obtain exclusive access to this record or 1 records: {id_}",
    )


class RowLocks(Behaviour):
    """One writer a row."""

    objects = settable.RECORDS

    def before(self, batch: Batch) -> None:
        """Take the rows, in order of their ids so that two requests never wait for each other."""
        org = batch.org
        times = settable.setting(org, "contention") or {}
        hold, wait = times.get("row_hold_seconds", 0.0), times.get("row_wait_seconds", _WAIT)
        if not hold and not org.contention.busy:
            return
        wanted = sorted((key, row.index, row) for row in batch.living for key in _keys(row))
        for key, _, row in wanted:
            if not org.contention.take_row(key, wait, hold):
                row.refuse(*unable_to_lock(key))


class GroupLocks(Behaviour):
    """One change of the role tree at a time."""

    objects = frozenset({"User", "UserRole", "Account", "Group", "GroupMember", "QueueSobject"})

    def before(self, batch: Batch) -> None:
        """Take the groups' lock for what each row does."""
        org = batch.org
        times = settable.setting(org, "contention") or {}
        hold, wait = times.get("group_hold_seconds", 0.0), times.get("group_wait_seconds", _WAIT)
        if not hold and not org.contention.busy:
            return
        for row in batch.living:
            kind = _work(batch, row)
            if kind is not None and not org.contention.take_groups(kind, wait, hold):
                row.refuse("UNKNOWN_EXCEPTION", "group membership operation already in progress")


class SlowUsers(Behaviour):
    """User inserts take their time."""

    objects = frozenset({"User"})

    def after(self, batch: Batch) -> None:
        """Make the answer late."""
        times = settable.setting(batch.org, "contention") or {}
        if batch.operation == "insert" and times.get("user_insert_seconds"):
            made = len(batch.living)
            batch.org.contention.work(made * times["user_insert_seconds"])


def _keys(row: Row) -> list[str]:
    keys = [row.id] if row.old is not None else []
    keys += [row.get(name) for name in _PARENTS]
    return sorted({str(key) for key in keys if key})


def _work(batch: Batch, row: Row) -> str | None:
    """The kind of work on groups that a row is; None when it is none."""
    name = batch.definition.name
    if name == "User":
        return _user_work(batch, row)
    if name == "UserRole":
        moves = batch.operation == "update"
        return None if moves and not row.changes("ParentRoleId") else _role_work(moves)
    if name == "Account":
        moved = batch.operation == "update" and row.changes("OwnerId") and row.get("IsPartner")
        return "reparent" if moved else None
    return "members" if batch.operation != "update" else None


def _role_work(moves: bool) -> str:
    return "reparent" if moves else "roles"


def _user_work(batch: Batch, row: Row) -> str | None:
    storage = batch.org.storage
    if batch.operation == "insert":
        contact = (
            storage.get("Contact", str(row.get("ContactId"))) if row.get("ContactId") else None
        )
        account = contact.get("AccountId") if contact else None
        first = account and not storage.find("UserRole", PortalAccountId=account)
        return "roles" if first else "user"
    if not row.changes("UserRoleId"):
        return None
    return _role_work(bool(storage.find("Account", OwnerId=row.id, IsPartner=True)))


def _check(org: Org, value: Any) -> None:
    settable.numbers(value, _KEYS)


SETTING = settable.Settable("contention", _check)
