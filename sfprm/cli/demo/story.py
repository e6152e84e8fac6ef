"""The story, told through the jobs that the command line and the daemon run.

Each step runs a job or lets people do something in the embedded org, tells it, and notes the
figures that the JSON answer holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

from sfprm.cli.demo.daemon_run import DaemonRun, run_daemon
from sfprm.cli.demo.narrator import Narrator
from sfprm.cli.demo.workspace import Workspace
from sfprm.cli.embedded import EmbeddedOrg
from sfprm.clock import Clock
from sfprm.errors import Bug, SfprmError
from sfprm.ids import RecordId
from sfprm.jobs.check import CheckJob, CheckJobResult, CheckOptions
from sfprm.jobs.frame import Job, JobOptions
from sfprm.jobs.plan import PlanJob, PlanOptions, PlanResult
from sfprm.jobs.provision import ProvisionJob, ProvisionOptions, ProvisionResult
from sfprm.jobs.reassign import ReassignJob, ReassignJobResult, ReassignOptions
from sfprm.jobs.recall import RecallJob, RecallJobResult, RecallOptions
from sfprm.jobs.report import ReportJob, ReportJobResult, ReportOptions
from sfprm.jobs.route import RouteJob, RouteJobResult, RouteOptions
from sfprm.jobs.runner import Finished, Starter, run_job
from sfprm.jobs.setup import SetupJob, SetupJobResult, SetupOptions
from sfprm.jobs.undo import UndoJob, UndoJobResult, UndoOptions
from sfprm.jobs.why import WhyJob, WhyJobResult, WhyOptions
from sfprm.programme.model import Programme
from sfprm.store.records import JournalEntry

__all__ = ["Figures", "Story"]

LATECOMERS = ("felix.gruber", "kari.vik")
"""Two people of the sample who do not log in."""
OFFER = "offer: {accept_within: 30 minutes, then: next, give_up_after: 3, escalate: manager}"
BULK = 150
NEW_LEADS = 50
BULK_QUEUE = "Partner leads South"


@dataclass(slots=True)
class Figures:
    """What the JSON answer holds."""

    leads: dict[str, int] = field(default_factory=dict)
    worst_drift: float = 0.0
    second_plan_changes: int = 0
    calls: dict[str, int] = field(default_factory=dict)
    reassigned: int = 0
    undone: int = 0
    refused: int = 0
    mails: int = 0
    daemon: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "leads": self.leads,
            "worst_drift": round(self.worst_drift, 4),
            "second_plan_changes": self.second_plan_changes,
            "calls": self.calls,
            "reassigned": self.reassigned,
            "undone": self.undone,
            "refused": self.refused,
            "mails": self.mails,
            "daemon": self.daemon,
            "seconds": round(self.seconds, 1),
        }


class _Later:
    """A clock half an hour and a minute ahead."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now() + timedelta(minutes=31)

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


class Story:
    """One telling. `tell` runs all steps; any step that does not end as it should raises."""

    def __init__(
        self, org: EmbeddedOrg, starter: Starter, workspace: Workspace, narrator: Narrator
    ) -> None:
        self.org = org
        self.starter = starter
        self.workspace = workspace
        self.narrator = narrator
        self.figures = Figures()

    def tell(self) -> Figures:
        """All steps, in order."""
        steps: tuple[Callable[[], None], ...] = (
            self.find_the_org,
            self.check,
            self.set_up,
            self.provision,
            self.log_in,
            self.route,
            self.reassign,
            self.explain,
            self.offer,
            self.watch_the_daemon,
        )
        for step in steps:
            step()
        self.figures.mails = len(self.org.control("GET", "outbox"))
        return self.figures

    # The steps

    def find_the_org(self) -> None:
        """The org as a channel team finds it."""
        tell = self.narrator
        tell.step("An org as a channel team finds it")
        me = self.starter.connect().identity
        tell.say(
            f"{me.org_name} ({me.organization_type}, since {me.created:%Y}), imitated by a server "
            f"of its own at {self.org.ready.http}.",
            "Digital experiences have been on since 2021 for a customer site; partner management "
            "(PRM) is off.",
            "2,000 new leads wait in two queues. Two customers are partners in business already.",
        )

    def check(self) -> None:
        """What is missing; then the channel team acts."""
        tell = self.narrator
        tell.step("What is missing?")
        finished = self._run(CheckJob(), CheckOptions(), expect=1)
        result = cast("CheckJobResult", finished.result)
        tell.ran("sfprm check", calls=finished.calls)
        tell.show(result.blocks())
        tell.say("The channel team mends what only people can:")
        self._happens("role-given", username=self._manager("pedro"), role="Channel Manager Central")
        self._happens("site-published", site=self._programme.site)

    def set_up(self) -> None:
        """The irreversible part, reviewed and confirmed."""
        tell = self.narrator
        tell.step("Setup: review what partners would see, turn PRM on, deploy the key fields")
        review = self._run(SetupJob(), SetupOptions(dry_run=True))
        tell.ran("sfprm setup --dry-run", calls=review.calls)
        tell.show(cast("SetupJobResult", review.result).blocks()[:-2])
        me = self.starter.connect().identity
        tell.say(
            "Turning PRM on cannot be undone; a person would now type the org's name.",
            "The demo types it:",
        )
        done = self._run(SetupJob(), SetupOptions(confirmed=me.org_name))
        tell.ran(f"sfprm setup   (typed: {me.org_name})", calls=done.calls)
        tell.show(cast("SetupJobResult", done.result).blocks())

    def provision(self) -> None:
        """Plan, apply, plan again."""
        tell = self.narrator
        tell.step("The programme in files: 12 partners, 30 people, 2 queues")
        planned = self._run(PlanJob(), PlanOptions())
        tell.ran("sfprm plan", calls=planned.calls)
        tell.show(cast("PlanResult", planned.result).blocks())
        applied = self._run(ProvisionJob(), ProvisionOptions())
        tell.ran("sfprm apply", calls=applied.calls)
        tell.show(cast("ProvisionResult", applied.result).blocks())
        again = self._run(PlanJob(), PlanOptions())
        plan = cast("PlanResult", again.result).plan
        tell.ran("sfprm plan", calls=again.calls)
        tell.show(plan.blocks())
        self.figures.second_plan_changes = len(plan.steps)
        self.figures.calls |= {"apply": applied.calls, "second_plan": again.calls}

    def log_in(self) -> None:
        """First logins; two people do not."""
        tell = self.narrator
        tell.step("Partners get their login by mail, and log in for the first time")
        welcome = [m for m in self.org.control("GET", "outbox") if m["kind"] == "welcome"]
        tell.say(f"{len(welcome)} welcome mails lie in the org's outbox.")
        self._happens("first-login", **{"except": [self._username(k) for k in LATECOMERS]})

    def route(self) -> None:
        """All waiting leads."""
        tell = self.narrator
        tell.step("2,000 leads find their owners")
        finished = self._run(RouteJob(), RouteOptions())
        result = cast("RouteJobResult", finished.result)
        tell.ran("sfprm route", calls=finished.calls)
        tell.show(result.blocks())
        done = result.done
        self.figures.leads = {"total": done.looked_at, "owned": done.owned, "parked": done.parked}
        self.figures.worst_drift = done.worst_drift
        self.figures.calls["route"] = finished.calls

    def reassign(self) -> None:
        """By hand: one with a mail, one refused, many and back."""
        tell = self.narrator
        tell.step("By hand: one lead, a refusal, and 150 leads there and back")
        lead = self._routed("south")
        to = next(p for p in self._programme.people if p not in LATECOMERS)
        options = ReassignOptions(leads=(lead.lead,), to=f"person:{to}", notify=True)
        moved = self._run(ReassignJob(), options)
        tell.ran(f"sfprm reassign {lead.lead} --to person:{to} --notify", calls=moved.calls)
        tell.show(cast("ReassignJobResult", moved.result).blocks()[:1])
        mail = next(m for m in reversed(self.org.control("GET", "outbox")) if m["kind"] == "action")
        tell.happened(f"the outbox holds a mail to {', '.join(mail['to'])}: {mail['subject']!r}")
        self._refusal(lead)
        self._bulk()

    def explain(self) -> None:
        """Why, and the channel team's report."""
        tell = self.narrator
        tell.step("Why did this lead go there? And how do the partners stand?")
        lead = self._routed("north")
        answer = self._run(WhyJob(), WhyOptions(lead=lead.lead))
        tell.ran(f"sfprm why {lead.lead}")
        tell.show(cast("WhyJobResult", answer.result).blocks())
        report = self._run(ReportJob(), ReportOptions())
        tell.ran("sfprm report", calls=report.calls)
        tell.show(cast("ReportJobResult", report.result).channel.blocks())

    def offer(self) -> None:
        """A lead that nobody accepts in time goes to the next."""
        tell = self.narrator
        tell.step("An offer: who does not answer in time does not keep the lead")
        path = self.workspace.programme / "routing.yaml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("  north:\n", f"  north:\n    {OFFER}\n", 1), encoding="utf-8")
        tell.say("The channel team adds to pool north in config/routing.yaml:", f"  {OFFER}")
        lead = self._wanted_by_most("north")
        options = ReassignOptions(leads=(lead.lead,), to="pool:north")
        given = self._run(ReassignJob(), options)
        tell.ran(f"sfprm reassign {lead.lead} --to pool:north", calls=given.calls)
        tell.show(cast("ReassignJobResult", given.result).blocks()[:1])
        tell.say("Half an hour passes without an answer.")
        later = _Later(self.starter.clock)
        starter = replace(self.starter, clock=later)  # the same session and state
        taken = self._run(RecallJob(), RecallOptions(), starter=starter)
        tell.ran("sfprm recall", calls=taken.calls)
        tell.show(cast("RecallJobResult", taken.result).blocks())

    def watch_the_daemon(self) -> None:
        """The daemon routes what arrives while it runs, and stops cleanly."""
        tell = self.narrator
        tell.step("Unattended: the daemon runs jobs/provision.yaml and jobs/route.yaml")
        tell.ran("sfprm daemon")
        run: DaemonRun = run_daemon(
            self.workspace,
            self.starter,
            leads_arrive=lambda: self._happens("leads-arrive", count=NEW_LEADS, seed=8),
            wanted=NEW_LEADS,
        )
        tell.say(
            f"Within {run.seconds:.0f} s it gave {run.routed} of {run.decided} leads an owner and "
            f"parked {run.decided - run.routed}.",
            f"SIGTERM: it drained and ended with exit code {run.exit_code}.",
        )
        self.figures.daemon = {"routed": run.decided, "exit_code": run.exit_code}

    # What the steps share

    def _refusal(self, lead: JournalEntry) -> None:
        tell = self.narrator
        never = LATECOMERS[0]
        options = ReassignOptions(leads=(lead.lead,), to=f"person:{never}")
        refused = self._run(ReassignJob(), options, expect=None)
        if refused.error is None:
            raise Bug(f"{never} never logged in and was given a lead all the same.")
        tell.ran(f"sfprm reassign {lead.lead} --to person:{never}", calls=refused.calls)
        tell.say(f"exit {refused.exit_code}: {refused.error.message}", refused.error.hint)
        self.figures.refused = 1

    def _bulk(self) -> None:
        tell = self.narrator
        partner = self._richest_partner()
        options = ReassignOptions(source=f"partner:{partner}", to=f"queue:{BULK_QUEUE}", limit=BULK)
        moved = self._run(ReassignJob(), options)
        result = cast("ReassignJobResult", moved.result).done
        tell.ran(
            f"sfprm reassign --from partner:{partner} --to 'queue:{BULK_QUEUE}' --limit {BULK}",
            calls=moved.calls,
        )
        tell.say(f"{result.moved} leads went to {result.to}.")
        back = self._run(UndoJob(), UndoOptions(undone=moved.run))
        undone = cast("UndoJobResult", back.result).done
        tell.ran(f"sfprm reassign --undo {moved.run}", calls=back.calls)
        tell.say(f"{undone.moved} leads went back to whom they were with.")
        self.figures.reassigned, self.figures.undone = result.moved, undone.moved

    def _run(
        self,
        job: Job[Any, Any],
        options: JobOptions,
        *,
        expect: int | None = 0,
        starter: Starter | None = None,
    ) -> Finished:
        """Run a job; anything but the expected exit code ends the story."""
        finished = run_job(job, options, starter or self.starter)
        if expect is not None and finished.exit_code != expect:
            error: SfprmError | None = finished.error
            raise error or Bug(f"{job.name} ended with {finished.exit_code}, not {expect}.")
        return finished

    def _happens(self, event: str, **fields: Any) -> None:
        self.narrator.happened(self.org.event(event, **fields)["done"])

    @property
    def _programme(self) -> Programme:
        return self.starter.programme()

    def _manager(self, key: str) -> str:
        return self._programme.channel_managers[key].username

    def _username(self, key: str) -> str:
        return next(p.username for k, p in self._programme.people.items() if k == key)

    def _routed(self, pool: str) -> JournalEntry:
        """A lead in the middle of what the pool was given, that nobody has moved since."""
        state = self.starter.state()
        moved = {e.lead for e in state.entries(kinds=("reassign", "undo"))}
        entries = [
            e
            for e in state.entries(pool=pool, kinds=("route",))
            if e.owner_new is not None and e.lead not in moved
        ]
        return entries[len(entries) // 2]

    def _wanted_by_most(self, pool: str) -> JournalEntry:
        """A lead of the pool that as many of its members as can be may have."""
        state = self.starter.state()

        def takers(entry: JournalEntry) -> int:
            candidates = state.eligibility(entry.choices[0].class_digest).candidates
            return sum(not c.reasons for c in candidates)

        found = [e for e in state.entries(pool=pool, kinds=("route",)) if e.choices][:100]
        return max(found, key=takers)

    def _richest_partner(self) -> str:
        """The partner that was given the most leads."""
        won: dict[str, set[RecordId]] = {}
        for entry in self.starter.state().entries(kinds=("route",)):
            for choice in entry.choices[:1]:
                won.setdefault(choice.winner, set()).add(entry.lead)
        return max(won, key=lambda member: len(won[member])).removeprefix("partner:")
