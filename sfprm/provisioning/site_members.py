"""Adding a profile to a site, and waiting for it: the assignment is asynchronous.

Adding a profile to a Live site makes all its active users members and may mail each of them; so
does the site going Live (operations.md, rule 8). NetworkMemberGroup can be created, queried and
updated, never deleted or upserted [documented].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.errors import NotReady, OutcomeUnknown, StillWorking
from sfprm.salesforce import collections
from sfprm.salesforce.query import count, select_all
from sfprm.salesforce.soql import Query, eq

if TYPE_CHECKING:
    from sfprm.clock import Clock
    from sfprm.estate.model import Estate
    from sfprm.ids import RecordId
    from sfprm.programme.model import Programme
    from sfprm.salesforce.session import Session

__all__ = ["SiteJoin", "join_site", "plan_joins"]

_FIRST_PACE = 0.5
_SLOWEST_PACE = 10.0


@dataclass(frozen=True, slots=True)
class SiteJoin:
    """One profile and the site it must belong to. `users`: its active users; `mails`: how many of
    them would be mailed at once (none while the site is not Live or sends no welcome mail)."""

    site_id: RecordId
    site: str
    profile_id: RecordId
    profile: str
    is_member: bool
    users: int
    mails: int


def plan_joins(session: Session, programme: Programme, estate: Estate) -> tuple[SiteJoin, ...]:
    """The programme's partner profiles and its site; one call a profile that is not a member.
    Empty when the org lacks the site or a profile."""
    site = estate.sites.get(programme.site)
    if site is None:
        return ()
    joins = []
    for profile in estate.profiles.values():
        if not profile.is_partner:
            continue
        member = site.is_member(profile.id)
        users = 0
        if not member:
            where = (eq("ProfileId", profile.id), eq("IsActive", True))
            users = count(session, Query(("Id",), "User", where))
        mailed = users if site.is_live and site.sends_welcome else 0
        joins.append(SiteJoin(site.id, site.name, profile.id, profile.name, member, users, mailed))
    return tuple(joins)


def join_site(session: Session, join: SiteJoin, *, clock: Clock, timeout: float) -> None:
    """Add the profile unless it waits already, then wait until it is a member. Seconds.

    Raises the refusal, NotReady when the org gave the assignment up, StillWorking at the time-out.
    """
    if _status(session, join) in ("", "failedadd"):
        rows = [{"NetworkId": join.site_id, "ParentId": join.profile_id}]
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
                f"Salesforce could not add the profile {join.profile} to {join.site}.",
                hint="Add it in Experience Workspaces › Administration › Members.",
            )
        if clock.monotonic() + pace > deadline:
            raise StillWorking(
                f"The profile {join.profile} is not yet a member of {join.site} ({status})."
            )
        clock.sleep(pace)
        pace = min(_SLOWEST_PACE, pace * 1.5)


def _status(session: Session, join: SiteJoin) -> str:
    """The assignment's status, lower-case without blanks; '' when there is none."""
    where = (eq("NetworkId", join.site_id), eq("ParentId", join.profile_id))
    rows = select_all(session, Query(("AssignmentStatus",), "NetworkMemberGroup", where))
    states = {str(r["AssignmentStatus"] or "").replace(" ", "").lower() for r in rows}
    if "added" in states:
        return "added"
    return next(iter(sorted(states)), "")
