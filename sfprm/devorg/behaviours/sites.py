"""Sites (Network), their members, and the welcome mail.

Membership is given by NetworkMemberGroup (a profile or permission set in a site): create, update,
no delete; the assignment is ASYNCHRONOUS, `WaitingForAdd` then `Added`; removing is an update to
`WaitingForRemove` [D] (values without spaces as in the describe caches; the documents print
spaces). The delay is settable, a second of real time by default. All active users of the profile
or permission set become members (NetworkMember rows) [D].

Welcome mail: once for each active user, when they become a member of a LIVE site whose
`OptionsSendWelcomeEmail` is on, or, for members who wait, when the site goes Live [M]. A user
inserted by REST into a Live site's profile is mailed too (unverified). A site that was Live never
goes back to UnderConstruction [R]; code and text unverified."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sfprm.devorg.behaviours.behaviour import Behaviour
from sfprm.devorg.kept import KeptMap
from sfprm.devorg.outbox import Mail
from sfprm.devorg.stamps import stamp_text

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch
    from sfprm.devorg.org import Org

__all__ = ["MemberGroups", "PermissionSetMembers", "SiteUsers", "Sites", "resume", "settle"]

_WELCOMED = "welcomed"
"""Who was welcomed, by site: a map. Orgs of earlier versions keep a setting of that name beside it,
a list."""
_WAITING = ("WaitingForAdd", "WaitingForRemove")


class Sites(Behaviour):
    """The status of a site."""

    objects = frozenset({"Network"})

    def before(self, batch: Batch) -> None:
        """Note the first activation; refuse the way back."""
        for row in batch.living:
            if not row.changes("Status") or row.old is None:
                continue
            if row.values["Status"] == "UnderConstruction" and row.old["FirstActivationDate"]:
                row.refuse(
                    "FIELD_INTEGRITY_EXCEPTION",
                    "A site that has been active cannot be under construction again",
                    "Status",
                )
            elif row.values["Status"] == "Live" and not row.old["FirstActivationDate"]:
                row.values["FirstActivationDate"] = batch.context.now[:10]

    def after(self, batch: Batch) -> None:
        """Welcome those who waited for the site to go Live."""
        for row in batch.living:
            if row.changes("Status") and row.values["Status"] == "Live":
                members = batch.org.storage.find("NetworkMember", NetworkId=row.id)
                _welcome(batch.org, str(row.id), [str(one["MemberId"]) for one in members])


class MemberGroups(Behaviour):
    """Profiles and permission sets in a site."""

    objects = frozenset({"NetworkMemberGroup"})

    def before(self, batch: Batch) -> None:
        """Each parent once a site; the only status that can be asked for is WaitingForRemove."""
        for row in batch.living:
            if batch.operation == "insert":
                if batch.org.storage.find(
                    "NetworkMemberGroup",
                    NetworkId=row.values["NetworkId"],
                    ParentId=row.values["ParentId"],
                ):
                    row.refuse(
                        "DUPLICATE_VALUE",
                        "duplicate value found: <unknown> duplicates value on record with id: "
                        "<unknown>",
                    )
            elif row.changes("AssignmentStatus") and (
                row.values["AssignmentStatus"] != "WaitingForRemove"
            ):
                row.refuse(
                    "FIELD_INTEGRITY_EXCEPTION",
                    "The status can only be set to WaitingForRemove",
                    "AssignmentStatus",
                )

    def after(self, batch: Batch) -> None:
        """Let time do the rest."""
        due = time.monotonic() + batch.org.delays.membership_seconds
        for row in batch.living:
            if row.get("AssignmentStatus") in _WAITING:
                batch.org.waiting_groups[str(row.id)] = due


class SiteUsers(Behaviour):
    """Users join the sites of their profile when they are made, activated or moved."""

    objects = frozenset({"User"})

    def after(self, batch: Batch) -> None:
        """Join."""
        joiners: dict[str, list[str]] = {}
        for row in batch.living:
            if row.get("IsActive") and (row.changes("IsActive") or row.changes("ProfileId")):
                joiners.setdefault(str(row.get("ProfileId")), []).append(str(row.id))
        for parent, users in joiners.items():
            for group in batch.org.storage.find(
                "NetworkMemberGroup", ParentId=parent, AssignmentStatus="Added"
            ):
                _join(batch.org, str(group["NetworkId"]), users)


class PermissionSetMembers(Behaviour):
    """Users join the sites of a permission set when it is assigned. An assignment is had once:
    text `Duplicate PermissionSetAssignment` [R], code unverified."""

    objects = frozenset({"PermissionSetAssignment"})

    def before(self, batch: Batch) -> None:
        """Refuse a second assignment."""
        if batch.operation != "insert":
            return
        for row in batch.living:
            found = batch.org.storage.find(
                "PermissionSetAssignment",
                AssigneeId=row.values["AssigneeId"],
                PermissionSetId=row.values.get("PermissionSetId"),
            )
            if found:
                row.refuse(
                    "DUPLICATE_VALUE",
                    f"Duplicate PermissionSetAssignment. Assignee: {row.values['AssigneeId']}; "
                    f"Permission Set: {row.values.get('PermissionSetId')}",
                    "AssigneeId",
                    "PermissionSetId",
                )
            row.values.setdefault("IsActive", True)

    def after(self, batch: Batch) -> None:
        """Join."""
        if batch.operation != "insert":
            return
        for row in batch.living:
            for group in batch.org.storage.find(
                "NetworkMemberGroup",
                ParentId=row.values.get("PermissionSetId"),
                AssignmentStatus="Added",
            ):
                _join(batch.org, str(group["NetworkId"]), [str(row.values["AssigneeId"])])


def resume(org: Org) -> None:
    """Take up the assignments that waited when the org was last stopped."""
    for group in org.storage.find("NetworkMemberGroup", AssignmentStatus=list(_WAITING)):
        org.waiting_groups[str(group["Id"])] = time.monotonic() + org.delays.membership_seconds


def settle(org: Org) -> None:
    """Carry out the assignments whose time has come."""
    now = time.monotonic()
    due = [id_ for id_, at in org.waiting_groups.items() if at <= now]
    for id_ in due:
        del org.waiting_groups[id_]
        group = org.storage.get("NetworkMemberGroup", id_)
        if group is None:
            continue
        network = str(group["NetworkId"])
        users = _users_of(org, str(group["ParentId"]))
        with org.storage.transaction():
            if group["AssignmentStatus"] == "WaitingForRemove":
                org.storage.delete("NetworkMemberGroup", id_)
                _leave(org, network, users)
                continue
            stamp = stamp_text(org.clock.now())
            org.storage.update(
                "NetworkMemberGroup", id_, {"AssignmentStatus": "Added", "SystemModstamp": stamp}
            )
            _join(org, network, users)


def _users_of(org: Org, parent: str) -> list[str]:
    """The active users of a profile or a permission set."""
    if parent[:3] == "00e":
        found = org.storage.find("User", ProfileId=parent, IsActive=True)
        return [str(one["Id"]) for one in found]
    assigned = org.storage.find("PermissionSetAssignment", PermissionSetId=parent)
    ids = [str(one["AssigneeId"]) for one in assigned]
    return [str(one["Id"]) for one in org.storage.find("User", Id=ids, IsActive=True)]


def _join(org: Org, network: str, users: Iterable[str]) -> None:
    users = list(users)
    # By their users, few, not by the site, which has thousands
    found = org.storage.columns("NetworkMember", ("NetworkId", "MemberId"), MemberId=users)
    members = {member for site_id, member in found if site_id == network}
    new = [one for one in users if one not in members]
    rows: list[dict[str, Any]] = [
        {
            "NetworkId": network,
            "MemberId": one,
            "DigestFrequency": "N",
            "DefaultGroupNotificationFrequency": "N",
        }
        for one in new
    ]
    org.plant("NetworkMember", rows)
    site = org.storage.get("Network", network) or {}
    if site.get("Status") == "Live":
        _welcome(org, network, new)


def _leave(org: Org, network: str, users: list[str]) -> None:
    """Those go whom no other profile or permission set keeps in the site."""
    kept: set[str] = set()
    for other in org.storage.find("NetworkMemberGroup", NetworkId=network):
        kept |= set(_users_of(org, str(other["ParentId"])))
    for member in org.storage.find("NetworkMember", NetworkId=network, MemberId=users):
        if member["MemberId"] not in kept:
            org.storage.delete("NetworkMember", str(member["Id"]))


def _welcome(org: Org, network: str, users: list[str]) -> None:
    """Mail active users once. Those who come while the option is off are never mailed later."""
    site = org.storage.get("Network", network) or {}
    welcomed = KeptMap(org.storage, f"{_WELCOMED}:{network}")
    before = welcomed.among(users).keys() | org.setting(f"{_WELCOMED}:{network}", [])
    fresh = [one for one in users if one not in before]
    if not fresh:
        return
    welcomed.put_all(dict.fromkeys(fresh, True))
    if not site.get("OptionsSendWelcomeEmail"):
        return
    found = org.storage.columns(
        "User", ("Id", "Email", "Name", "Username"), Id=fresh, IsActive=True
    )
    mails = [
        Mail(
            [str(email)],
            f"Welcome to {site['Name']}",
            f"Hi {name}, welcome to {site['Name']}! Your username is {username}. "
            "Follow the link to choose a password.",
            str(id_),
        )
        for id_, email, name, username in found
    ]
    org.outbox.send_all(org.clock.now(), mails, "welcome")
