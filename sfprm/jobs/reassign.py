"""`reassign`: leads moved by hand, one or many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from sfprm.blocks import Block, Text
from sfprm.distribution.reassign import LeadsWanted, ReassignResult, reassign
from sfprm.errors import BadRequest, PartlyDone
from sfprm.ids import PersonKey, RecordId, RunId
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.jobs.owners_moved import moves_json, moves_table, settled_json, settled_lines
from sfprm.jobs.plan import mail_policy
from sfprm.outbound.outlets import outlets_from
from sfprm.programme.complaints import did_you_mean
from sfprm.programme.model import Programme

DEFAULT_NOTICE = "lead-assigned"


class ReassignOptions(JobOptions):
    """Options of `reassign`. `to`: `user:USERNAME`, `person:KEY` or `queue:LABEL`; `source` the
    same, or `partner:KEY`."""

    leads: tuple[str, ...] = ()
    where: str | None = None
    source: str | None = None
    to: str
    limit: int | None = Field(None, ge=1)
    notify: bool = False
    notice: str = DEFAULT_NOTICE
    override: bool = False
    dry_run: bool = False
    max_changes: int | None = Field(None, ge=0)


@dataclass(frozen=True)
class ReassignJobResult(JobResult):
    """What a reassignment did, and the run to undo it by."""

    done: ReassignResult
    run: RunId

    def blocks(self) -> tuple[Block, ...]:
        done = self.done
        if done.dry_run:
            head = f"{len(done.moves):,} leads would go to {done.to}."
        else:
            head = f"{done.moved:,} leads went to {done.to}."
        lines = [head]
        if done.already:
            lines.append(f"{done.already:,} were there already.")
        if done.mails.sent:
            noun = "notice" if done.mails.sent == 1 else "notices"
            lines.append(f"{done.mails.sent} {noun} handed to Salesforce for sending.")
        if done.moved and not done.dry_run:
            lines.append(f"To take it back: sfprm undo {self.run}")
        problems = settled_lines(done.refused, done.overtaken)
        return (*moves_table(done.moves), Text((*lines, *problems)))

    def to_json(self) -> dict[str, Any]:
        done = self.done
        return {
            "dry_run": done.dry_run,
            "to": done.to,
            "moved": done.moved,
            "already": done.already,
            "moves": moves_json(done.moves),
            "refused": settled_json(done.refused),
            "overtaken": settled_json(done.overtaken),
            "mails": {"sent": done.mails.sent, "not_sent": list(done.mails.not_sent)},
        }

    @property
    def exit_code(self) -> int:
        whole = not (self.done.refused or self.done.overtaken or self.done.mails.not_sent)
        return 0 if whole else PartlyDone.exit_code

    @property
    def counts(self) -> Mapping[str, int]:
        return {
            "moved": self.done.moved,
            "refused": len(self.done.refused),
            "mails": self.done.mails.sent,
        }

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.done.mails.not_sent


class ReassignJob(Job[ReassignOptions, ReassignJobResult]):
    """Journal, write, confirm, notify."""

    name: ClassVar[str] = "reassign"
    summary: ClassVar[str] = "moves leads to a user, a partner's person or a queue"
    writes: ClassVar[bool] = True
    options = ReassignOptions

    def run(self, context: JobContext, options: ReassignOptions) -> ReassignJobResult:
        programme = context.programme
        kind, name = _split(options.to, ("user", "person", "queue"), "--to")
        done = reassign(
            context.session,
            context.store,
            programme,
            leads=_wanted(programme, options),
            clock=context.clock,
            run=context.run,
            progress=context.progress,
            user=_username(programme, kind, name) if kind != "queue" else None,
            queue=name if kind == "queue" else None,
            dry_run=options.dry_run,
            allow_any_owner=options.override,
            notify=options.notice if options.notify else None,
            policy=outlets_from(context.settings, mail_policy(context)),
            max_changes=options.max_changes,
        )
        return ReassignJobResult(done, context.run)


def _wanted(programme: Programme, options: ReassignOptions) -> LeadsWanted:
    owner = None
    if options.source is not None:
        kind, name = _split(options.source, ("partner", "user", "person", "queue"), "--from")
        owner = _username(programme, kind, name) if kind in ("user", "person") else name
    return LeadsWanted(
        ids=tuple(RecordId(lead) for lead in options.leads),
        where=options.where,
        owner=owner,
        limit=options.limit,
    )


def _split(text: str, kinds: tuple[str, ...], flag: str) -> tuple[str, str]:
    kind, colon, name = text.partition(":")
    if not colon or kind not in kinds or not name:
        forms = ", ".join(f"{k}:…" for k in kinds)
        raise BadRequest(f"{flag} {text!r} is not understood.", hint=f"Write one of {forms}.")
    return kind, name


def _username(programme: Programme, kind: str, name: str) -> str:
    if kind == "user":
        return name
    person = programme.people.get(PersonKey(name))
    if person is None:
        raise BadRequest(
            f"no person of the programme has the key {name!r}.",
            hint=did_you_mean(name, programme.people) or "`sfprm programme show` lists them.",
        )
    return person.username
