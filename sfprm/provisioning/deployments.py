"""Metadata deployments that run in the org now, and waiting for their end.

Deployments that touch groups collide with the making of users and with changes of roles and groups
[documented; facts sheet, section 9], so such steps wait (operations.md, rule 22). The list is the
Tooling API's DeployRequest, as public clients read it; that every agent may see others' deployments
is unverified: where it may not be read, nothing is waited for, and locks are met as they come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sfprm.errors import OrgRefused, TryLater
from sfprm.salesforce.answer import understood
from sfprm.salesforce.soql import Query, in_

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfprm.clock import Clock
    from sfprm.events import Progress
    from sfprm.provisioning.steps import PlannedStep
    from sfprm.salesforce.session import Session

__all__ = [
    "DEPLOYMENT_WAIT",
    "Deployment",
    "await_deployments",
    "await_quiet",
    "collides",
    "running_deployments",
]

DEPLOYMENT_WAIT = 120.0
"""Seconds; longer ones are for the next run, since other jobs may wait for this one."""

_RUNNING = ("Pending", "InProgress", "FinalizingDeploy", "Canceling")
_FREE = frozenset({"Account", "Contact"})
"""Objects whose rows take no group lock, but for owners and moves."""
_FIRST_PACE, _SLOWEST_PACE = 2.0, 15.0


@dataclass(frozen=True, slots=True)
class Deployment:
    """One that has not ended: its id, who started it, and since when (as the org writes it)."""

    id: str
    status: str
    by: str
    since: str

    def __str__(self) -> str:
        words = "a deployment" if self.status != "Pending" else "a queued deployment"
        return f"{words} by {self.by} since {self.since} ({self.id})"


def collides(steps: Iterable[PlannedStep]) -> bool:
    """Whether any of the steps takes a lock that a deployment may hold."""
    return any(s.moves_roles or s.object not in _FREE for s in steps)


def running_deployments(session: Session) -> tuple[Deployment, ...]:
    """Those under way now, by one call; none where the agent may not look."""
    fields = ("Id", "Status", "CreatedDate", "CreatedBy.Name")
    query = Query(fields, "DeployRequest", (in_("Status", _RUNNING),)).text()
    try:
        told: Any = session.request("GET", f"tooling/query?q={quote(query)}", kind="query").json
    except OrgRefused:
        return ()
    with understood("about deployments"):
        return tuple(
            Deployment(
                str(row["Id"]),
                str(row["Status"]),
                str((row.get("CreatedBy") or {}).get("Name") or "somebody"),
                str(row.get("CreatedDate") or ""),
            )
            for row in told["records"]
        )


def await_deployments(
    session: Session, steps: Iterable[PlannedStep], *, clock: Clock, progress: Progress, most: float
) -> None:
    """Return once no deployment runs that these steps would collide with. Raises TryLater after
    `most` seconds: nothing was written yet."""
    if collides(steps):
        await_quiet(session, clock=clock, progress=progress, most=most)


def await_quiet(
    session: Session,
    *,
    clock: Clock,
    progress: Progress,
    most: float,
    written: str = "Nothing was written.",
) -> None:
    """Return once no deployment runs. Raises TryLater after `most` seconds, which says what was
    `written` before."""
    began, pace, told = clock.monotonic(), _FIRST_PACE, ""
    while running := running_deployments(session):
        words = f"{running[0]}" + (f" and {len(running) - 1} more" if len(running) > 1 else "")
        if clock.monotonic() - began + pace > most:
            raise TryLater(
                f"The org is busy with {words}: users, roles and groups would meet its locks. "
                + written,
                hint="Run the same command again when Setup › Deployment Status shows that it is "
                "done, or wait longer with --deployment-wait SECONDS.",
            )
        if words != told:
            progress.say(f"waits for {words}")
            told = words
        clock.sleep(pace)
        pace = min(_SLOWEST_PACE, pace * 1.5)
