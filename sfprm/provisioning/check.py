"""check: read what the rules of preflight need, and show what they found. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfprm.blocks import Block, Table, Text
from sfprm.errors import OrgRefused, PermissionMissing
from sfprm.estate.reader import read_estate
from sfprm.outbound.mail_guard import guarded
from sfprm.provisioning.communities import Communities, read_communities
from sfprm.provisioning.compare import compare
from sfprm.provisioning.exposure_reader import read_exposure
from sfprm.provisioning.plan import build_plan
from sfprm.provisioning.preflight import CheckItem, CheckState, Facts, preflight

if TYPE_CHECKING:
    from sfprm.clock import Clock
    from sfprm.estate.model import Estate, OrgFacts
    from sfprm.events import Progress
    from sfprm.outbound.mail_guard import MailPolicy
    from sfprm.programme.model import Programme
    from sfprm.provisioning.exposure import ExposureReview
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreReader

__all__ = ["CheckResult", "check"]

_MAY_NOT = frozenset({"INSUFFICIENT_ACCESS", "sf:INSUFFICIENT_ACCESS"})
_SIGNS = {CheckState.OK: "✓", CheckState.PROBLEM: "✗", CheckState.MANUAL: "?"}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """All items; ready when none is a problem."""

    org: OrgFacts
    items: tuple[CheckItem, ...]
    calls: int

    @property
    def problems(self) -> tuple[CheckItem, ...]:
        """What must be mended first."""
        return tuple(i for i in self.items if i.state is CheckState.PROBLEM)

    @property
    def manual(self) -> tuple[CheckItem, ...]:
        """What a person must look at."""
        return tuple(i for i in self.items if i.state is CheckState.MANUAL)

    @property
    def is_ready(self) -> bool:
        """Whether setup, plan and apply would go through, as far as can be known."""
        return not self.problems

    def blocks(self) -> tuple[Block, ...]:
        """One row an item, then the fixes, then the sum."""
        rows = tuple((_SIGNS[i.state], i.name, i.found) for i in self.items)
        lines = [f"{_SIGNS[i.state]} {i.name}: {i.fix}" for i in self.items if i.fix]
        if self.is_ready:
            lines.append("Ready.")
        else:
            count = len(self.problems)
            lines.append(f"Not ready: {count} to mend, {len(self.manual)} to look at by hand.")
        return (
            Table(("", "checked", "found"), rows),
            Text(tuple(lines)),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "ready": self.is_ready,
            "org": {"id": self.org.id, "name": self.org.name, "nature": self.org.nature},
            "items": [
                {"name": i.name, "state": i.state.value, "found": i.found, "fix": i.fix}
                for i in self.items
            ],
            "calls": self.calls,
        }


def check(
    session: Session,
    store: StoreReader,
    programme: Programme,
    *,
    clock: Clock,
    progress: Progress,
    policy: MailPolicy,
) -> CheckResult:
    """Look at org and files together. `policy` is mail_guard's for this org.

    Metadata that the agent may not retrieve becomes a manual item; any other refusal is raised.
    """
    mark = session.calls.snapshot()
    progress.stage("read the org", None)
    estate = read_estate(session, programme)
    communities, exposure = _metadata(session, estate, clock)
    comparison = compare(
        programme, store.applied(), estate, guard=lambda address: guarded(address, policy)
    )
    plan = build_plan(programme.name, programme.digest, estate, comparison)
    items = preflight(
        Facts(
            programme=programme,
            estate=estate,
            comparison=comparison,
            communities=communities,
            exposure=exposure,
            mail=policy.why,
            mail_open=policy.open,
            allowance=session.calls.allowance,
            calls_needed=plan.write_calls,
        )
    )
    return CheckResult(estate.org, items, session.calls.since(mark).total)


def _metadata(
    session: Session, estate: Estate, clock: Clock
) -> tuple[Communities | None, ExposureReview | None]:
    try:
        return read_communities(session, clock=clock), read_exposure(session, estate, clock=clock)
    except OrgRefused as refused:
        if isinstance(refused, PermissionMissing) or refused.code in _MAY_NOT:
            return None, None
        raise
