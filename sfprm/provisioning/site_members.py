"""Adding profiles and permission sets to sites, and waiting for it: the assignment is asynchronous.

Adding one to a Live site makes all its active users members and may mail each of them; so does the
site going Live (operations.md, rule 8). NetworkMemberGroup can be created, queried and updated,
never deleted or upserted [documented].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.errors import NotReady, OutcomeUnknown, StillWorking
from sfprm.estate.model import PARTNER_USER_TYPE
from sfprm.salesforce import collections
from sfprm.salesforce.query import count, select_all
from sfprm.salesforce.soql import Query, eq, in_

if TYPE_CHECKING:
    from sfprm.clock import Clock
    from sfprm.estate.model import Estate, Site
    from sfprm.ids import RecordId
    from sfprm.programme.model import Programme
    from sfprm.salesforce.session import Session

__all__ = ["JoinPlan", "SiteJoin", "join_site", "plan_joins", "switch_welcome"]

_FIRST_PACE = 0.5
_SLOWEST_PACE = 10.0


@dataclass(frozen=True, slots=True)
class SiteJoin:
    """One profile or permission set (`kind`) and the site it must belong to. `users`: its active
    users; `mails`: how many of them would be mailed at once (none while the site is not Live or
    sends no welcome mail); those who are members already are counted too."""

    site_id: RecordId
    site: str
    parent_id: RecordId
    parent: str
    kind: str
    is_member: bool
    users: int
    mails: int


@dataclass(frozen=True, slots=True)
class JoinPlan:
    """What is to belong to the sites, and names that this org has not."""

    joins: tuple[SiteJoin, ...] = ()
    missing: tuple[str, ...] = ()


def plan_joins(session: Session, programme: Programme, estate: Estate) -> JoinPlan:
    """The members of the programme's sites: two calls when names are not known yet, and one a
    profile or permission set that is not a member."""
    wanted = _wanted(programme, estate)
    profiles = _ids(session, "Profile", sorted({p for _, p, kind in wanted if kind == "profile"}))
    sets = _ids(
        session, "PermissionSet", sorted({p for _, p, kind in wanted if kind == "permission set"})
    )
    joins: list[SiteJoin] = []
    missing: list[str] = []
    for site_name, name, kind in wanted:
        site = estate.sites.get(site_name)
        parent = (profiles if kind == "profile" else sets).get(name.lower())
        if site is None:
            missing.append(f"site {site_name}")
        elif parent is None:
            missing.append(f"{kind} {name}")
        else:
            joins.append(_join(session, site, parent, name, kind))
    return JoinPlan(tuple(joins), tuple(dict.fromkeys(missing)))


def _wanted(programme: Programme, estate: Estate) -> list[tuple[str, str, str]]:
    """(site, name, kind), each once, the programme's own site first."""
    found = []
    for site in programme.sites.values():
        found += [(site.name, name, "profile") for name in site.profiles]
        found += [(site.name, name, "permission set") for name in site.permission_sets]
    if not found:
        names = {programme.profile, *(p.profile for p in programme.people.values())}
        known = estate.profiles
        found = [
            (programme.site, name, "profile")
            for name in sorted(names)
            if name not in known or known[name].user_type == PARTNER_USER_TYPE
        ]
    return list(dict.fromkeys(found))


def _ids(session: Session, object_: str, names: list[str]) -> dict[str, RecordId]:
    if not names:
        return {}
    rows = select_all(session, Query(("Id", "Name"), object_, (in_("Name", names),)))
    return {str(row["Name"]).lower(): row["Id"] for row in rows}


def _join(session: Session, site: Site, parent: RecordId, name: str, kind: str) -> SiteJoin:
    member = site.is_member(parent)
    users = 0
    if not member:
        if kind == "profile":
            query = Query(("Id",), "User", (eq("ProfileId", parent), eq("IsActive", True)))
        else:
            where = (eq("PermissionSetId", parent), eq("Assignee.IsActive", True))
            query = Query(("Id",), "PermissionSetAssignment", where)
        users = count(session, query)
    mailed = users if site.is_live and site.sends_welcome else 0
    return SiteJoin(site.id, site.name, parent, name, kind, member, users, mailed)


def switch_welcome(session: Session, site_id: RecordId, *, on: bool) -> None:
    """Switch a site's welcome mail. Raises the refusal. Safe to repeat."""
    rows = [{"Id": site_id, "OptionsSendWelcomeEmail": on}]
    for outcome in collections.update(session, "Network", rows):
        if outcome.error is not None:
            raise outcome.error


def join_site(session: Session, join: SiteJoin, *, clock: Clock, timeout: float) -> None:
    """Add it unless it waits already, then wait until it is a member. Seconds.

    Raises the refusal, NotReady when the org gave the assignment up, StillWorking at the time-out.
    """
    if _status(session, join) in ("", "failedadd"):
        rows = [{"NetworkId": join.site_id, "ParentId": join.parent_id}]
        try:
            outcomes = collections.create(session, "NetworkMemberGroup", rows)
        except OutcomeUnknown:
            if not _status(session, join):
                raise
            outcomes = []
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
    _wait(session, join, clock, timeout)


def _wait(session: Session, join: SiteJoin, clock: Clock, timeout: float) -> None:
    deadline = clock.monotonic() + timeout
    pace = _FIRST_PACE
    while (status := _status(session, join)) != "added":
        if status == "failedadd":
            raise NotReady(
                f"Salesforce could not add the {join.kind} {join.parent} to {join.site}.",
                hint="Add it in Experience Workspaces › Administration › Members.",
            )
        if clock.monotonic() + pace > deadline:
            raise StillWorking(
                f"The {join.kind} {join.parent} is not yet a member of {join.site} ({status})."
            )
        clock.sleep(pace)
        pace = min(_SLOWEST_PACE, pace * 1.5)


def _status(session: Session, join: SiteJoin) -> str:
    """The assignment's status, lower-case without blanks; '' when there is none."""
    where = (eq("NetworkId", join.site_id), eq("ParentId", join.parent_id))
    rows = select_all(session, Query(("AssignmentStatus",), "NetworkMemberGroup", where))
    states = {str(r["AssignmentStatus"] or "").replace(" ", "").lower() for r in rows}
    if "added" in states:
        return "added"
    return next(iter(sorted(states)), "")
