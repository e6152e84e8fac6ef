"""check: read what the checks need, and show what they found. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfprm.blocks import Block, Table, Text
from sfprm.errors import OrgRefused, PermissionMissing
from sfprm.estate.reader import read_estate
from sfprm.outbound.mail_guard import guarded
from sfprm.provisioning.build import build_plan
from sfprm.provisioning.checks.facts import Facts, Thresholds
from sfprm.provisioning.checks.finding import CheckItem, CheckState
from sfprm.provisioning.checks.reading import read_surroundings
from sfprm.provisioning.checks.registry import run_checks
from sfprm.provisioning.communities import SETTINGS, Communities, communities_in
from sfprm.provisioning.compare import compare
from sfprm.provisioning.exposure_reader import exposure_of, reviewed_files
from sfprm.provisioning.steps import CreateUser
from sfprm.salesforce.metadata import retrieve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sfprm.clock import Clock
    from sfprm.estate.model import Estate, OrgFacts
    from sfprm.events import Progress
    from sfprm.outbound.mail_guard import MailPolicy
    from sfprm.programme.model import Programme
    from sfprm.provisioning.exposure_model import ExposureReview
    from sfprm.provisioning.plan import Plan
    from sfprm.salesforce.permissions import Need
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreReader

__all__ = ["CheckResult", "check"]

_MAY_NOT = frozenset({"INSUFFICIENT_ACCESS", "sf:INSUFFICIENT_ACCESS"})
_HEADINGS = {
    CheckState.PROBLEM: "To mend first",
    CheckState.WARNING: "May refuse or change single records",
    CheckState.MANUAL: "To be looked at by hand: no API tells",
    CheckState.NOTE: "Worth knowing",
}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """All items; ready when none is a problem."""

    org: OrgFacts
    items: tuple[CheckItem, ...]
    calls: int

    def of(self, state: CheckState) -> tuple[CheckItem, ...]:
        """The items that stand so."""
        return tuple(i for i in self.items if i.state is state)

    @property
    def problems(self) -> tuple[CheckItem, ...]:
        """What must be mended first."""
        return self.of(CheckState.PROBLEM)

    @property
    def warnings(self) -> tuple[CheckItem, ...]:
        """What may refuse or change single records."""
        return self.of(CheckState.WARNING)

    @property
    def manual(self) -> tuple[CheckItem, ...]:
        """What a person must look at."""
        return self.of(CheckState.MANUAL)

    @property
    def is_ready(self) -> bool:
        """Whether setup, plan and apply would go through, as far as can be known."""
        return not self.problems

    def blocks(self) -> tuple[Block, ...]:
        """What is well as a table, then the faults by kind, each with its fix; then the sum."""
        well = tuple(("✓", i.name, i.found) for i in self.of(CheckState.OK))
        blocks: list[Block] = [Table(("", "checked", "found"), well)]
        for state, heading in _HEADINGS.items():
            lines = []
            for item in self.of(state):
                lines += [f"  {item.name}: {item.found}  [{item.code}]", f"      fix: {item.fix}"]
            if lines:
                blocks.append(Text((f"{heading} ({len(self.of(state))})", *lines)))
        blocks.append(Text((self._sum(),)))
        return tuple(blocks)

    def _sum(self) -> str:
        problems, warnings = len(self.problems), len(self.warnings)
        rest = f"{warnings} that may refuse single records, {len(self.manual)} to look at by hand"
        if problems:
            return f"Not ready: {problems} to mend, {rest}. Then run check again."
        more = f" ({rest})" if warnings or self.manual else ""
        return f"Ready{more}. Next: sfprm plan"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values. `code` is stable; texts may change."""
        return {
            "ready": self.is_ready,
            "org": {"id": self.org.id, "name": self.org.name, "nature": self.org.nature},
            "counts": {state.value: len(self.of(state)) for state in CheckState},
            "items": [
                {
                    "code": i.code,
                    "name": i.name,
                    "state": i.state.value,
                    "found": i.found,
                    "records": list(i.records),
                    "fix": i.fix,
                    "step": i.step,
                }
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
    needs: Sequence[Need] = (),
    thresholds: Thresholds | None = None,
) -> CheckResult:
    """Look at org and files together. `policy` is mail_guard's for this org; `needs` are the
    permissions that the agent should have.

    Metadata that the agent may not retrieve becomes a manual item; any other refusal is raised.
    """
    mark = session.calls.snapshot()
    limit = thresholds or Thresholds()
    progress.stage("read the org", None)
    estate = read_estate(session, programme)
    communities, exposure = _metadata(session, estate, clock)

    def duplicate_files(names: Sequence[str]) -> Mapping[str, bytes] | None:
        return _allowed(lambda: retrieve(session, {"DuplicateRule": names}, clock=clock))

    progress.stage("read what surrounds it", None)
    surroundings = read_surroundings(
        session,
        programme,
        estate,
        needs=needs,
        duplicate_files=duplicate_files,
        thresholds=limit,
    )
    comparison = compare(
        programme, store.applied(), estate, guard=lambda address: guarded(address, policy)
    )
    plan = build_plan(programme.name, programme.digest, estate, comparison)
    items = run_checks(
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
            mails_needed=_welcome_mails(programme, estate, plan),
            surroundings=surroundings,
            thresholds=limit,
            now=clock.now(),
        )
    )
    return CheckResult(estate.org, items, session.calls.since(mark).total)


def _welcome_mails(programme: Programme, estate: Estate, plan: Plan) -> int:
    """What the site will send when the plan is carried out: none while it is not Live."""
    site = estate.sites.get(programme.site)
    if site is None or not site.is_live or not site.sends_welcome:
        return 0
    return sum(1 for step in plan.steps if isinstance(step, CreateUser))


def _metadata(
    session: Session, estate: Estate, clock: Clock
) -> tuple[Communities | None, ExposureReview | None]:
    """Switches and review, from one retrieve."""
    files = _allowed(lambda: reviewed_files(session, clock=clock, more=SETTINGS))
    if files is None:
        return None, None
    return communities_in(files), exposure_of(session, estate, files)


def _allowed(retrieved: Callable[[], dict[str, bytes]]) -> dict[str, bytes] | None:
    """What was retrieved; None when the agent may not."""
    try:
        return retrieved()
    except OrgRefused as refused:
        if isinstance(refused, PermissionMissing) or refused.code in _MAY_NOT:
            return None
        raise
