"""setup: the one-time part. Review, confirm, switch on, deploy, grant, prove, join the site.

Each act looks first and does nothing when it finds its work done, so setup can be stopped and
repeated at any point. Rewriting the shares that the review finds is not done here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.errors import NotReady, OrgRefused
from sfprm.estate.model import KEY_FIELD
from sfprm.estate.reader import read_estate
from sfprm.provisioning.communities import read_communities, switch_on
from sfprm.provisioning.exposure_reader import read_exposure
from sfprm.provisioning.grants import assign_missing, missing_grants, prove_fields
from sfprm.provisioning.setup_acts import Act, ActState, SetupAct, SetupResult, SetupReview
from sfprm.provisioning.site_members import SiteJoin, join_site, plan_joins
from sfprm.salesforce.metadata import deploy
from sfprm.store.records import Step, StepState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sfprm.clock import Clock
    from sfprm.events import Progress
    from sfprm.ids import RunId
    from sfprm.programme.model import Programme
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreWriter

__all__ = ["PERMISSION_SETS", "review_setup", "setup"]

PERMISSION_SETS = ("sfprm_run", "sfprm_setup")
"""Shipped with the external-id fields, assigned to the agent's user (operations.md, rule 2)."""


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
    dry_run: bool = False,
    max_mails: int = 0,
    membership_timeout: float = 600.0,
) -> SetupResult:
    """Make the org ready for partners. `files`: the metadata package to deploy, path → content,
    `package.xml` included. `confirm` is shown the review and asked once, when anything is to be
    done; `max_mails`: most active users that joining a Live site may mail. Seconds.

    A refused act ends the run there, as data: what came before stands, the same command goes on.
    Raises the error tree when the org cannot be reached or read.
    """
    mark = session.calls.snapshot()
    progress.stage("review the org", None)
    review = review_setup(session, programme, clock=clock, max_mails=max_mails)
    acts = list(review.acts)
    confirmed = not review.to_do
    if review.to_do and not dry_run:
        confirmed = confirm(review)
    if confirmed and not dry_run:
        work = _Work(
            session, store, programme, run, files, clock, progress, max_mails, membership_timeout
        )
        acts = work.all(review)
    return SetupResult(
        review=review,
        acts=tuple(acts),
        confirmed=confirmed,
        dry_run=dry_run,
        calls=session.calls.since(mark).total,
    )


def review_setup(
    session: Session,
    programme: Programme,
    *,
    clock: Clock,
    max_mails: int = 0,
) -> SetupReview:
    """What setup would do, and what partners would see afterwards. Reads only."""
    estate = read_estate(session, programme)
    on = read_communities(session, clock=clock)
    exposure = read_exposure(session, estate, clock=clock)
    missing = missing_grants(session, PERMISSION_SETS, estate.org.agent_id)
    joins = plan_joins(session, programme, estate)
    acts = [
        SetupAct(
            Act.SWITCH_ON,
            _state(on.experiences and on.partner_management),
            "turn digital experiences and partner management on: cannot be turned off again",
            irreversible=not (on.experiences and on.partner_management),
        ),
        SetupAct(
            Act.DEPLOY,
            _state(estate.keys_visible and not missing.absent),
            f"deploy {KEY_FIELD} on Account and Contact, and the permission sets "
            + " and ".join(PERMISSION_SETS),
        ),
        SetupAct(
            Act.GRANT,
            _state(not missing.unassigned and not missing.absent),
            f"assign the permission sets to {estate.org.agent_username}",
        ),
        SetupAct(
            Act.PROVE,
            ActState.TO_DO if not estate.keys_visible else ActState.ALREADY,
            "prove by describe and a query that the fields can be used",
        ),
        _join_act(programme, joins, max_mails),
    ]
    return SetupReview(estate.org, tuple(acts), exposure, joins)


def _state(already: bool) -> ActState:
    return ActState.ALREADY if already else ActState.TO_DO


def _join_act(programme: Programme, joins: tuple[SiteJoin, ...], max_mails: int) -> SetupAct:
    if not joins:
        return SetupAct(
            Act.JOIN_SITE,
            ActState.BLOCKED,
            f"add the partner profile to the site {programme.site}",
            found=f"the org has no site {programme.site}, or not the profile",
            fix="create the site and the profile, then run setup again",
        )
    names = " and ".join(j.profile for j in joins)
    mails = sum(j.mails for j in joins)
    what = f"add the profile {names} to the site {programme.site}; {mails} active users mailed now"
    if all(j.is_member for j in joins):
        return SetupAct(Act.JOIN_SITE, ActState.ALREADY, what)
    if mails > max_mails:
        return SetupAct(
            Act.JOIN_SITE,
            ActState.BLOCKED,
            what,
            found=f"{mails} active users would be mailed, more than {max_mails}",
            fix="raise --max-mails, or switch the site's welcome mail off first and on again after",
        )
    return SetupAct(Act.JOIN_SITE, ActState.TO_DO, what)


class _Work:
    """Carries the acts out in order; journals each as a step."""

    def __init__(
        self,
        session: Session,
        store: StoreWriter,
        programme: Programme,
        run: RunId,
        files: Mapping[str, bytes],
        clock: Clock,
        progress: Progress,
        max_mails: int,
        membership_timeout: float,
    ) -> None:
        self.session = session
        self.store = store
        self.programme = programme
        self.run = run
        self.files = files
        self.clock = clock
        self.progress = progress
        self.max_mails = max_mails
        self.membership_timeout = membership_timeout

    def all(self, review: SetupReview) -> list[SetupAct]:
        acts = list(review.acts)
        self.store.add_steps(
            [
                Step(self.run, number, f"Setup{act.act.name.title()}", act.act.value, _PLANNED)
                for number, act in enumerate(acts, start=1)
            ]
        )
        self.progress.stage("set the org up", len(acts))
        for at, act in enumerate(acts):
            acts[at] = self._one(at + 1, act, review)
            self.progress.advance()
            if acts[at].state is ActState.FAILED:
                break
        return acts

    def _one(self, number: int, act: SetupAct, review: SetupReview) -> SetupAct:
        if act.state is not ActState.TO_DO:
            state = StepState.DONE if act.state is ActState.ALREADY else StepState.SKIPPED
            self.store.set_steps(self.run, [number], state, messages={number: act.found})
            return act
        self.progress.say(act.what)
        self.store.set_steps(self.run, [number], StepState.SENT)
        try:
            found = self._do(act.act, review)
        except (OrgRefused, NotReady) as refused:
            self.store.set_steps(
                self.run, [number], StepState.FAILED, messages={number: refused.message}
            )
            return act.become(ActState.FAILED, refused.message, refused.hint)
        self.store.set_steps(self.run, [number], StepState.DONE, messages={number: found})
        return act.become(ActState.DONE, found)

    def _do(self, act: Act, review: SetupReview) -> str:
        match act:
            case Act.SWITCH_ON:
                outcome = switch_on(self.session, clock=self.clock)
                return self._deployed(outcome.success, [str(f) for f in outcome.failures])
            case Act.DEPLOY:
                outcome = deploy(self.session, self.files, clock=self.clock)
                return self._deployed(outcome.success, [str(f) for f in outcome.failures])
            case Act.GRANT:
                return assign_missing(self.session, PERMISSION_SETS, review.org.agent_id)
            case Act.PROVE:
                return prove_fields(self.session, clock=self.clock)
            case Act.JOIN_SITE:
                return self._join(review.joins)

    def _deployed(self, success: bool, failures: list[str]) -> str:
        # what describe said before the deployment is no longer true
        self.session.described.clear()
        if success:
            return "deployed"
        raise OrgRefused(
            "The deployment failed: " + ("; ".join(failures) or "no reason given"),
            hint="Mend what is named, or let the team's own pipeline deploy config/metadata.",
        )

    def _join(self, joins: tuple[SiteJoin, ...]) -> str:
        for join in joins:
            if not join.is_member:
                join_site(self.session, join, clock=self.clock, timeout=self.membership_timeout)
        return "member"


_PLANNED = StepState.PLANNED
