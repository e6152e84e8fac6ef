"""`invite`: people who never logged in get a reset mail by Salesforce, and reminders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from sfprm.blocks import Block, Table, Text
from sfprm.errors import BadRequest, PartlyDone
from sfprm.ids import PartnerKey, PersonKey
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.jobs.plan import mail_policy
from sfprm.outbound.mail_guard import guarded
from sfprm.programme.complaints import did_you_mean
from sfprm.programme.model import Person, Presence, Programme
from sfprm.provisioning.invite import (
    DAYS_BETWEEN,
    MOST_RESETS,
    Invitee,
    Standing,
    decide,
    read_waiting,
    refuse_closed_site,
    reset,
)

MOST_MAILS = 200
MOST_SHOWN = 50


class InviteOptions(JobOptions):
    """Options of `invite`. `target`: a partner's or a person's key; None: everybody. `days`: at
    most one reset a person in so many. `late_after`: days after which those who have not come in
    are listed as late."""

    target: str | None = None
    days: int = Field(DAYS_BETWEEN, ge=1)
    most_resets: int = Field(MOST_RESETS, ge=1)
    late_after: int = Field(7, ge=0)
    max_mails: int = Field(MOST_MAILS, ge=0)
    dry_run: bool = False


@dataclass(frozen=True)
class InviteResult(JobResult):
    """Who was sent a reset, who was not and why, and who is late."""

    standings: tuple[Standing, ...]
    sent: tuple[Invitee, ...]
    failed: tuple[tuple[Invitee, str], ...]
    now: datetime
    late_after: int
    dry_run: bool = False

    @property
    def late(self) -> tuple[Invitee, ...]:
        """Those who have had an account for `late_after` days and never came in."""
        whos = (s.who for s in self.standings)
        return tuple(w for w in whos if w.waiting_days(self.now) >= self.late_after)

    def blocks(self) -> tuple[Block, ...]:
        due = [s.who for s in self.standings if not s.why]
        many = len(due) if self.dry_run else len(self.sent)
        verb = "would be sent" if self.dry_run else "was sent" if many == 1 else "were sent"
        out: list[Block] = [
            Text(
                (
                    f"{_people_have(len(self.standings))} never logged in; {many} {verb} a reset "
                    "mail by Salesforce.",
                )
            )
        ]
        told = due if self.dry_run else list(self.sent)
        if told:
            first = "would be sent" if self.dry_run else "sent"
            whos = tuple((w.label, w.partner, w.email, f"{w.resets}") for w in told[:MOST_SHOWN])
            more = f", the first {MOST_SHOWN} of {len(told)}" if len(told) > MOST_SHOWN else ""
            heads = (f"{first}{more}", "partner", "e-mail", "resets before")
            out.append(Table(heads, whos, right=(3,)))
        if self.failed:
            lines = tuple(f"! {who.label} ({who.username}): {why}" for who, why in self.failed)
            out.append(Text(lines))
        kept = tuple((s.who.label, s.who.partner, s.why) for s in self.standings if s.why)
        if kept:
            out.append(Table(("not sent", "partner", "why"), kept))
        if self.late:
            rows = tuple(
                (w.label, w.partner, w.email, f"{w.waiting_days(self.now)}", f"{w.resets}")
                for w in self.late
            )
            columns = ("not in yet", "partner", "e-mail", "days", "resets so far")
            out.append(Table(columns, rows, right=(3, 4)))
        return tuple(out)

    def to_json(self) -> dict[str, Any]:
        return {
            "dry_run": self.dry_run,
            "never_in": len(self.standings),
            "sent": [_json(w) for w in self.sent],
            "due": [_json(s.who) for s in self.standings if not s.why],
            "not_sent": [_json(s.who) | {"why": s.why} for s in self.standings if s.why],
            "failed": [_json(w) | {"why": why} for w, why in self.failed],
            "late": [_json(w) | {"days": w.waiting_days(self.now)} for w in self.late],
        }

    @property
    def exit_code(self) -> int:
        return PartlyDone.exit_code if self.failed else 0

    @property
    def counts(self) -> Mapping[str, int]:
        return {"sent": len(self.sent), "failed": len(self.failed), "late": len(self.late)}


def _people_have(many: int) -> str:
    return "1 person has" if many == 1 else f"{many:,} people have"


def _json(who: Invitee) -> dict[str, Any]:
    return {"person": who.person, "partner": who.partner, "user": who.user}


class InviteJob(Job[InviteOptions, InviteResult]):
    """Reads who never came in, decides, and has Salesforce mail them."""

    name: ClassVar[str] = "invite"
    summary: ClassVar[str] = "reset mails to people who never logged in, and who is late"
    writes: ClassVar[bool] = True
    options = InviteOptions

    def run(self, context: JobContext, options: InviteOptions) -> InviteResult:
        session, programme = context.session, context.programme
        people = _people(programme, options.target)
        refuse_closed_site(session, programme)
        waiting = read_waiting(session, context.store, programme, people)
        policy = mail_policy(context)
        now = context.clock.now()
        standings = decide(
            waiting,
            now,
            days_between=options.days,
            most_resets=options.most_resets,
            guard=lambda address: guarded(address, policy),
        )
        due = [s.who for s in standings if not s.why]
        if len(due) > options.max_mails and not options.dry_run:
            raise BadRequest(
                f"{len(due)} mails are due, more than --max-mails {options.max_mails}. "
                "Nothing was sent.",
                hint="Look at `sfprm invite --dry-run`; if it is right, raise --max-mails.",
            )
        sent, failed = [], []
        context.progress.stage("invitations", len(due))
        for who in () if options.dry_run else due:
            why = reset(session, context.store, who, run=context.run, now=now)
            if why:
                failed.append((who, why))
            else:
                sent.append(who)
            context.progress.advance()
        return InviteResult(
            tuple(standings), tuple(sent), tuple(failed), now, options.late_after, options.dry_run
        )


def _people(programme: Programme, target: str | None) -> list[Person]:
    """Active people of active partners; all, or those that the target names."""
    if target is not None and not (
        PartnerKey(target) in programme.partners or PersonKey(target) in programme.people
    ):
        names = [*programme.partners, *programme.people]
        raise BadRequest(
            f"no partner and no person of the programme has the key {target!r}.",
            hint=did_you_mean(target, names) or "`sfprm programme show` lists them.",
        )
    return [
        p
        for p in programme.people.values()
        if p.state is Presence.ACTIVE
        and programme.partners[p.partner].state is Presence.ACTIVE
        and target in (None, p.key, p.partner)
    ]
