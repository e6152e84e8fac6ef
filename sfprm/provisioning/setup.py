"""setup: the one-time part. Review, confirm, convert, switch on, deploy, grant, prove, join.

Each act looks first and does nothing when it finds its work done, so setup can be stopped and
repeated at any point.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfprm.errors import NotReady, OrgRefused, StillWorking
from sfprm.programme.policies import KeyFields
from sfprm.provisioning.communities import switch_on
from sfprm.provisioning.grants import assign_missing, prove_fields
from sfprm.provisioning.setup_acts import Act, ActState, SetupAct, SetupResult, SetupReview
from sfprm.provisioning.setup_backup import Backup, write_backup
from sfprm.provisioning.setup_convert import twins_of
from sfprm.provisioning.setup_files import setup_files
from sfprm.provisioning.setup_review import (
    PERMISSION_SETS,
    WELCOME_FIELD,
    SetupChoices,
    review_setup,
)
from sfprm.provisioning.site_members import join_site, switch_welcome
from sfprm.salesforce.metadata import deploy
from sfprm.store.records import AppliedValue, Step, StepState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sfprm.clock import Clock
    from sfprm.events import Progress
    from sfprm.ids import RecordId, RunId
    from sfprm.programme.model import Programme
    from sfprm.salesforce.metadata import DeployOutcome
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreWriter

__all__ = ["setup"]


def setup(
    session: Session,
    store: StoreWriter,
    programme: Programme,
    *,
    run: RunId,
    files: Mapping[str, bytes],
    confirm: Callable[[SetupReview], bool],
    clock: Clock,
    progress: Progress,
    backups: Path,
    choices: SetupChoices | None = None,
    dry_run: bool = False,
) -> SetupResult:
    """Make the org ready for partners. `files`: the metadata package to deploy, path → content,
    `package.xml` included. `confirm` is shown the review and asked once, when anything is to be
    done. `backups`: the folder in which originals of what is rewritten are kept, one folder a run.

    A refused act ends the run there, as data: what came before stands, the same command goes on.
    Raises the error tree when the org cannot be reached or read.
    """
    mark = session.calls.snapshot()
    wanted = choices or SetupChoices()
    progress.stage("review the org", None)
    review = review_setup(session, programme, store.applied(), clock=clock, choices=wanted)
    acts = list(review.acts)
    confirmed = not review.to_do
    if review.to_do and not dry_run:
        confirmed = confirm(review)
    backup = ""
    if confirmed and not dry_run:
        fitted = setup_files(files, programme.key_fields)
        work = _Work(session, store, run, fitted, clock, progress, backups / run, wanted, review)
        work.keys = programme.key_fields
        acts = work.all()
        backup = work.backup
    return SetupResult(
        review=review,
        acts=tuple(acts),
        confirmed=confirmed,
        dry_run=dry_run,
        calls=session.calls.since(mark).total,
        backup=backup,
    )


@dataclass(slots=True)
class _Work:
    """Carries the acts out in order; journals each as a step."""

    session: Session
    store: StoreWriter
    run: RunId
    files: Mapping[str, bytes]
    clock: Clock
    progress: Progress
    folder: Path
    choices: SetupChoices
    review: SetupReview
    keys: KeyFields = field(default_factory=KeyFields)
    backup: str = ""

    def all(self) -> list[SetupAct]:
        acts = list(self.review.acts)
        self.store.add_steps(
            [
                Step(
                    self.run,
                    number,
                    f"Setup{act.act.name.title()}",
                    act.act.value,
                    StepState.PLANNED,
                )
                for number, act in enumerate(acts, start=1)
            ]
        )
        for site in self.review.settled_welcome:
            self._remember(site, on=True)
        self.progress.stage("set the org up", len(acts))
        for at, act in enumerate(acts):
            acts[at] = self._one(at + 1, act)
            self.progress.advance()
            if acts[at].state is ActState.FAILED:
                break
        return acts

    def _one(self, number: int, act: SetupAct) -> SetupAct:
        if act.state is not ActState.TO_DO:
            state = StepState.DONE if act.state is ActState.ALREADY else StepState.SKIPPED
            self.store.set_steps(self.run, [number], state, messages={number: act.found})
            return act
        self.progress.say(act.what)
        self.store.set_steps(self.run, [number], StepState.SENT)
        try:
            found = self._do(act.act)
        except StillWorking as waiting:
            # the org goes on without us; the next run finds it done or waits again
            told = {number: waiting.message}
            self.store.set_steps(self.run, [number], StepState.SENT, messages=told)
            raise
        except (OrgRefused, NotReady) as refused:
            self.store.set_steps(
                self.run, [number], StepState.FAILED, messages={number: refused.message}
            )
            return act.become(ActState.FAILED, refused.message, refused.hint)
        self.store.set_steps(self.run, [number], StepState.DONE, messages={number: found})
        return act.become(ActState.DONE, found)

    def _do(self, act: Act) -> str:
        match act:
            case Act.CONVERT:
                return self._convert()
            case Act.SWITCH_ON:
                return self._deployed(switch_on(self.session, clock=self.clock))
            case Act.DEPLOY:
                return self._deployed(deploy(self.session, self.files, clock=self.clock))
            case Act.GRANT:
                return assign_missing(self.session, PERMISSION_SETS, self.review.org.agent_id)
            case Act.PROVE:
                return prove_fields(self.session, self.keys, clock=self.clock)
            case Act.JOIN_SITE:
                return self._join()
            case Act.WELCOME:
                return self._welcome_again()

    def _deployed(self, outcome: DeployOutcome) -> str:
        # what describe said before the deployment is no longer true
        self.session.described.clear()
        if outcome.success:
            return "deployed"
        failures = "; ".join(str(f) for f in outcome.failures)
        raise OrgRefused(
            "The deployment failed: " + (failures or "no reason given"),
            hint="Mend what is named, or let the team's own pipeline deploy it: sfprm setup "
            "--export DIR.",
        )

    def _convert(self) -> str:
        """Check only; where the org will not change a rule's target, twins; backup; deploy."""
        conversion = self.review.conversion
        assert conversion is not None
        version = self.session.api_version
        in_place = self._check_only(conversion.package(version))
        words = "rewritten"
        if not in_place.success:
            twins = twins_of(conversion) if conversion.has_rules else None
            if twins is None or not self._check_only(twins.package(version)).success:
                return self._deployed(in_place)
            conversion = twins
            words = "rewritten; rules made anew for internal users, the old ones deleted"
        org = self.review.org
        kept = Backup(
            org.id, org.name, self.clock.now(), conversion.names, conversion.way_back(version)
        )
        self.backup = str(write_backup(self.folder, kept))
        self._deployed(deploy(self.session, conversion.package(version), clock=self.clock))
        return f"{len(conversion.names)} {words}"

    def _check_only(self, files: Mapping[str, bytes]) -> DeployOutcome:
        return deploy(self.session, files, check_only=True, clock=self.clock)

    def _join(self) -> str:
        mails = sum(j.mails for j in self.review.joins if not j.is_member)
        if mails > self.choices.max_mails:
            for site_id, site in self._mailing():
                # remembered first: whoever goes on after a crash knows that it was us
                self._remember(site, on=False)
                switch_welcome(self.session, site_id, on=False)
        for join in self.review.joins:
            if not join.is_member:
                timeout = self.choices.membership_timeout
                join_site(self.session, join, clock=self.clock, timeout=timeout)
        return "member"

    def _mailing(self) -> list[tuple[RecordId, str]]:
        """Sites that would mail somebody now."""
        found = [(j.site_id, j.site) for j in self.review.joins if j.mails and not j.is_member]
        return list(dict.fromkeys(found))

    def _welcome_again(self) -> str:
        for site_id, name in dict.fromkeys((*self.review.owed_welcome, *self._mailing())):
            switch_welcome(self.session, site_id, on=True)
            self._remember(name, on=True)
        return "on again"

    def _remember(self, site: str, *, on: bool) -> None:
        value = AppliedValue("Network", site, WELCOME_FIELD, on)
        self.store.record_applied([value], self.run, self.clock.now())
