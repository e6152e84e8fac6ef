"""`offboard`: a partner or a person leaves: frozen, leads handed on, out of queues, deactivated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sfprm.errors import BadRequest
from sfprm.ids import PartnerKey, PersonKey
from sfprm.jobs.frame import Job, JobContext, JobOptions
from sfprm.jobs.hand_on import destinations, hand_on
from sfprm.jobs.offboard_told import LEAD, OffboardResult
from sfprm.programme.model import Presence
from sfprm.provisioning.blockers import Blocker, find_blockers
from sfprm.provisioning.deployments import DEPLOYMENT_WAIT, await_quiet
from sfprm.provisioning.offboard import (
    Leaver,
    Leavers,
    NotDone,
    deactivate,
    find_leavers,
    freeze,
    leave_groups,
    memberships,
    move_records,
)
from sfprm.provisioning.owned import count_owned, owned_objects
from sfprm.provisioning.partner_flag import PartnerFlag, clear_partner_flag, read_partner_flag

if TYPE_CHECKING:
    from sfprm.programme.model import Programme
    from sfprm.salesforce.session import Session

EVIDENCE = "evidence.json"


class OffboardOptions(JobOptions):
    """Options of `offboard`. `target`: a partner's or a person's key. `to`: where open leads go:
    `pool:NAME`, `queue:LABEL`, `user:USERNAME` or `manager`; None: each lead's own pool, then the
    channel manager. `clear_partner_flag` must repeat the partner's key: it cannot be undone.
    `deployment_wait`: seconds for which a metadata deployment in the org is waited for."""

    target: str
    to: str | None = None
    clear_partner_flag: str | None = None
    dry_run: bool = False
    max_changes: int | None = Field(None, ge=0)
    deployment_wait: float = Field(DEPLOYMENT_WAIT, ge=0)


class OffboardJob(Job[OffboardOptions, OffboardResult]):
    """Blockers first; then freeze, hand on, leave, deactivate; evidence at the end."""

    name: ClassVar[str] = "offboard"
    summary: ClassVar[str] = "a partner or a person leaves: leads handed on, users deactivated"
    writes: ClassVar[bool] = True
    options = OffboardOptions

    def run(self, context: JobContext, options: OffboardOptions) -> OffboardResult:
        session, programme = context.session, context.programme
        leavers = find_leavers(session, programme, options.target)
        _check_flag(leavers, options)
        context.progress.stage("what they own", None)
        objects = owned_objects(session)
        users = [u.id for u in leavers.users]
        before = count_owned(session, users, objects)
        account = leavers.account if leavers.whole_partner else None
        held = memberships(session, leavers.users, account)
        blockers, unseen = find_blockers(session, leavers.usernames(), clock=context.clock)
        flag = _flag(session, leavers, options)
        named = tuple(dict.fromkeys((LEAD, *programme.offboard_moves)))
        shown = OffboardResult(
            leavers,
            before,
            None,
            {},
            tuple(held),
            blockers,
            unseen,
            (),
            named,
            dry_run=True,
            flag=flag,
            declared_in=_declared(programme, options.target),
        )
        if options.dry_run:
            places = destinations(context, options.to, leavers)
            return replace(shown, leads_to={where: len(leads) for where, leads in places if leads})
        path = context.run_dir / EVIDENCE
        begun = replace(shown, evidence=path, dry_run=False)
        _write_evidence(path, begun, context)  # a run that dies must not take it along
        not_done: list[NotDone] = []
        context.progress.stage("freeze", len(users))
        not_done += freeze(session, [u for u in leavers.users if u.active], frozen=True)
        if held or any(u.active for u in leavers.users):
            await_quiet(
                session,
                clock=context.clock,
                progress=context.progress,
                most=options.deployment_wait,
                written="They are frozen; nothing else was changed.",
            )
        went, trouble = hand_on(context, leavers, to=options.to, max_changes=options.max_changes)
        moved = {LEAD: went.total()}
        for object_ in named:
            if object_ != LEAD and leavers.manager is not None and before.of(object_):
                count, refused = move_records(session, object_, leavers.users, leavers.manager)
                moved[object_] = count
                not_done += refused
        not_done += leave_groups(session, held)
        context.progress.stage("deactivate", len(users))
        not_done += _deactivate(session, leavers, blockers)
        after = count_owned(session, users, objects)
        if after.of(LEAD):  # refusals on the way do not count once another way was found
            not_done += trouble
        now = find_leavers(session, programme, options.target).users
        clear = not not_done and all(after.of(name) == 0 for name in named)
        if flag is not None and flag.is_set:
            not_done += _clear_flag(session, leavers, now, clear=clear)
        done = replace(
            begun,
            after=after,
            moved=moved,
            leads_to=dict(went),
            not_done=tuple(not_done),
            now=now,
            flag_now=_flag(session, leavers, options),
        )
        _write_evidence(path, done, context)
        return done


def _declared(programme: Programme, target: str) -> str:
    """The file that still calls them present; '' when it says `absent`."""
    one = programme.partners.get(PartnerKey(target)) or programme.people.get(PersonKey(target))
    return "" if one is None or one.state is Presence.ABSENT else one.origin.file


def _check_flag(leavers: Leavers, options: OffboardOptions) -> None:
    if options.clear_partner_flag is None:
        return
    if not leavers.whole_partner:
        raise BadRequest("Only a whole partner has a partner flag; a person has none.")
    if options.clear_partner_flag != leavers.target:
        raise BadRequest(
            "Clearing the partner flag deletes the account's partner roles and groups for ever; "
            f"{options.clear_partner_flag!r} is not its key. Nothing was written.",
            hint=f"Confirm it with --yes-irreversible {leavers.target}, or in a job file with "
            f"clear_partner_flag: {leavers.target}.",
        )


def _flag(session: Session, leavers: Leavers, options: OffboardOptions) -> PartnerFlag | None:
    """The flag as it is, where it is to be cleared."""
    if options.clear_partner_flag is None or leavers.account is None:
        return None
    return read_partner_flag(session, leavers.account)


def _clear_flag(
    session: Session, leavers: Leavers, now: Sequence[Leaver], *, clear: bool
) -> list[NotDone]:
    """Last of all, and only when nothing is left to be done: it cannot be taken back, and above 15
    active users nobody knows what it does."""
    assert leavers.account is not None
    active = [u.username for u in now if u.active]
    if clear and not active:
        return clear_partner_flag(session, leavers.account, leavers.account_name)
    why = f"still active: {', '.join(active)}" if active else "something above is not done"
    return [
        NotDone(
            f"partner flag of {leavers.account_name}",
            f"is left as it is, since it cannot be taken back: {why}",
            "mend that, then run offboard again",
        )
    ]


def _deactivate(session: Session, leavers: Leavers, blockers: Sequence[Blocker]) -> list[NotDone]:
    """The blocked stay frozen; the others are deactivated, one refusal not stopping the rest."""
    stopped = {b.username for b in blockers if b.hard}
    free = [u for u in leavers.users if u.username not in stopped]
    held: list[Leaver] = [u for u in leavers.users if u.username in stopped and u.active]
    said = [
        NotDone(
            u.username,
            "stays frozen: " + "; ".join(b.where for b in blockers if b.username == u.username),
            "take the user out of it in Setup, then run offboard again",
        )
        for u in held
    ]
    fix = "take the user out of it in Setup, then run offboard again"
    refused = [replace(n, why=f"stays frozen: {n.why}", fix=fix) for n in deactivate(session, free)]
    return [*said, *refused]


def _write_evidence(path: Path, done: OffboardResult, context: JobContext) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    body = done.to_json() | {
        "run": context.run,
        "org": context.session.identity.org_id,
        "at": context.clock.now().isoformat(),
        "by": context.session.identity.username,
    }
    text = json.dumps(body, ensure_ascii=False, indent=1, default=str)
    path.write_text(text + "\n", encoding="utf-8")
