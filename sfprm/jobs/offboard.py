"""`offboard`: a partner or a person leaves: frozen, leads handed on, out of queues, deactivated."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from sfprm.blocks import Block, Table, Text
from sfprm.errors import BadRequest, PartlyDone
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.jobs.hand_on import hand_on
from sfprm.provisioning.blockers import Blocker, find_blockers
from sfprm.provisioning.offboard import (
    Leaver,
    Leavers,
    Membership,
    NotDone,
    clear_partner_flag,
    deactivate,
    find_leavers,
    freeze,
    leave_groups,
    memberships,
    move_records,
)
from sfprm.provisioning.owned import Owned, count_owned, owned_objects

EVIDENCE = "evidence.json"
LEAD = "Lead"


class OffboardOptions(JobOptions):
    """Options of `offboard`. `target`: a partner's or a person's key. `to`: where open leads go:
    `pool:NAME`, `queue:LABEL`, `user:USERNAME` or `manager`; None: each lead's own pool, then the
    channel manager. `clear_partner_flag` must repeat the partner's key: it cannot be undone."""

    target: str
    to: str | None = None
    clear_partner_flag: str | None = None
    dry_run: bool = False
    max_changes: int | None = Field(None, ge=0)


@dataclass(frozen=True)
class OffboardResult(JobResult):
    """What was owned before and after, and what stands in the way."""

    leavers: Leavers
    before: Owned
    after: Owned | None
    moved: Mapping[str, int]
    left: tuple[Membership, ...]
    blockers: tuple[Blocker, ...]
    unseen: tuple[str, ...]
    not_done: tuple[NotDone, ...]
    named: tuple[str, ...]
    evidence: Path | None = None
    dry_run: bool = False

    def blocks(self) -> tuple[Block, ...]:
        who = self.leavers
        verb = "would leave" if self.dry_run else "left"
        head = [f"{who.target} ({who.account_name}): {_many(len(who.users), 'user')} {verb}."]
        after = self.after
        rows = tuple(
            (object_, f"{count:,}", "" if after is None else f"{after.of(object_):,}")
            for object_, count in self.before.totals.items()
        )
        out: list[Block] = [Text(tuple(head))]
        if rows:
            out.append(Table(("owned", "before", "after"), rows, right=(1, 2)))
        lines = [
            f"{count:,} {object_} handed on." for object_, count in self.moved.items() if count
        ]
        if self.left:
            groups = sorted({m.group_name for m in self.left})
            word = "would leave" if self.dry_run else "left"
            lines.append(f"{word} {_many(len(groups), 'queue or group')}: {', '.join(groups)}")
        for blocker in self.blockers:
            stops = "stops the deactivation" if blocker.hard else "points at them"
            lines.append(f"! {blocker.username}: {blocker.where} {stops}")
        lines += [f"? could not be looked at: {what}" for what in self.unseen]
        for item in self.not_done:
            lines.append(f"! {item.what}: {item.why}")
            if item.fix:
                lines.append(f"  fix: {item.fix}")
        if after is not None and not self.dry_run:
            zero = all(after.of(name) == 0 for name in self.named)
            others = "".join(f" and zero of {name}" for name in self.named if name != LEAD)
            lines.append(
                f"Zero open leads{others} are left with them."
                if zero
                else "Not everything could be handed on: see above, then run it again."
            )
            rest = {k: v for k, v in after.totals.items() if k not in self.named}
            if rest:
                listed = ", ".join(f"{v:,} {k}" for k, v in rest.items())
                lines.append(f"Left with them, as the programme names no more: {listed}")
        if self.evidence is not None:
            lines.append(f"Evidence: {self.evidence}")
            lines.append(f"The way back: sfprm reinstate {who.target}")
        out.append(Text(tuple(lines)))
        return tuple(out)

    def to_json(self) -> dict[str, Any]:
        return {
            "target": self.leavers.target,
            "account": self.leavers.account,
            "whole_partner": self.leavers.whole_partner,
            "dry_run": self.dry_run,
            "users": [asdict(u) for u in self.leavers.users],
            "owned_before": self.before.totals,
            "owned_after": self.after.totals if self.after is not None else None,
            "by_user_before": _by_user(self.before),
            "by_user_after": _by_user(self.after) if self.after is not None else None,
            "not_counted": dict(self.before.unseen),
            "moved": dict(self.moved),
            "memberships_left": [asdict(m) for m in self.left],
            "blockers": [asdict(b) for b in self.blockers],
            "not_looked_at": list(self.unseen),
            "not_done": [asdict(n) for n in self.not_done],
            "objects_named": list(self.named),
            "zero_left": self.is_clear,
        }

    @property
    def is_clear(self) -> bool:
        """Whether nothing that the programme names is left with them."""
        return self.after is not None and all(self.after.of(name) == 0 for name in self.named)

    @property
    def exit_code(self) -> int:
        """68 when somebody stays frozen instead of deactivated, or something could not move."""
        if self.dry_run:
            return 0
        return PartlyDone.exit_code if self.not_done or not self.is_clear else 0

    @property
    def counts(self) -> Mapping[str, int]:
        return {
            "users": len(self.leavers.users),
            "moved": sum(self.moved.values()),
            "memberships": len(self.left),
            "not_done": len(self.not_done),
        }


def _many(count: int, noun: str) -> str:
    if count == 1:
        return f"1 {noun}"
    plural = "queues and groups" if noun == "queue or group" else f"{noun}s"
    return f"{count:,} {plural}"


def _by_user(owned: Owned) -> dict[str, dict[str, int]]:
    return {
        object_: {str(user): n for user, n in sorted(users.items())}
        for object_, users in sorted(owned.counts.items())
        if users
    }


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
        named = tuple(dict.fromkeys((LEAD, *programme.offboard_moves)))
        shown = OffboardResult(
            leavers, before, None, {}, tuple(held), blockers, unseen, (), named, dry_run=True
        )
        if options.dry_run:
            return shown
        not_done: list[NotDone] = []
        context.progress.stage("freeze", len(users))
        not_done += freeze(session, [u for u in leavers.users if u.active], frozen=True)
        count, trouble = hand_on(context, leavers, to=options.to, max_changes=options.max_changes)
        moved = {LEAD: count}
        for object_ in named:
            if object_ != LEAD and leavers.manager is not None and before.of(object_):
                count, refused = move_records(session, object_, leavers.users, leavers.manager)
                moved[object_] = count
                not_done += refused
        not_done += leave_groups(session, held)
        context.progress.stage("deactivate", len(users))
        not_done += _deactivate(session, leavers, blockers)
        if options.clear_partner_flag and leavers.account is not None:
            not_done += clear_partner_flag(session, leavers.account, leavers.account_name)
        after = count_owned(session, users, objects)
        if after.of(LEAD):  # refusals on the way do not count once another way was found
            not_done += trouble
        path = context.run_dir / EVIDENCE
        done = replace(
            shown,
            after=after,
            moved=moved,
            not_done=tuple(not_done),
            evidence=path,
            dry_run=False,
        )
        _write_evidence(path, done, context)
        return done


def _check_flag(leavers: Leavers, options: OffboardOptions) -> None:
    if options.clear_partner_flag is None:
        return
    if not leavers.whole_partner:
        raise BadRequest("Only a whole partner has a partner flag; a person has none.")
    if options.clear_partner_flag != leavers.target:
        raise BadRequest(
            "Clearing the partner flag deletes the account's partner roles and groups for ever: "
            f"repeat the key, --clear-partner-flag {leavers.target}."
        )


def _deactivate(session: Any, leavers: Leavers, blockers: Sequence[Blocker]) -> list[NotDone]:
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
    refused = [replace(n, why=f"stays frozen: {n.why}") for n in deactivate(session, free)]
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
