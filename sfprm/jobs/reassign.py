"""`reassign`: leads moved by hand, one or many."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from sfprm.blocks import Block, Table, Text
from sfprm.distribution.reassign import LeadsWanted, ReassignResult, reassign
from sfprm.errors import BadRequest, PartlyDone
from sfprm.ids import PersonKey, RecordId, RunId, is_record_id
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult, Scope
from sfprm.jobs.owners_moved import (
    MOST_SHOWN,
    leads_counted,
    moves_json,
    moves_table,
    notice_lines,
    settled_json,
    settled_lines,
    write_moves,
)
from sfprm.jobs.plan import mail_policy
from sfprm.outbound.outlets import outlets_from
from sfprm.programme.complaints import did_you_mean
from sfprm.programme.model import Programme

DEFAULT_NOTICE = "lead-assigned"


class ReassignOptions(JobOptions):
    """Options of `reassign`. `to`: `user:USERNAME`, `person:KEY`, `queue:LABEL`, `pool:KEY`, or
    `manager`; `source` a user, person or queue, or `partner:KEY`. `file`: a CSV with a column Id.
    """

    leads: tuple[str, ...] = ()
    file: Path | None = None
    where: str | None = None
    source: str | None = None
    to: str
    limit: int | None = Field(None, ge=1)
    notify: bool = False
    notice: str = DEFAULT_NOTICE
    override: bool = False
    evenly: bool = False
    dry_run: bool = False
    max_changes: int | None = Field(None, ge=0)


@dataclass(frozen=True)
class ReassignJobResult(JobResult):
    """What a reassignment did, and the run to undo it by."""

    done: ReassignResult
    run: RunId
    rows: Path | None = None

    def blocks(self) -> tuple[Block, ...]:
        done = self.done
        if done.dry_run:
            head = f"{leads_counted(len(done.moves))} would go to {done.to}."
        else:
            head = f"{leads_counted(done.moved)} went to {done.to}."
        lines = [head]
        if done.credits is not None and done.moves:
            lines.append(_CREDITS[done.credits])
        if done.already:
            lines.append(f"{done.already:,} were there already.")
        lines += notice_lines(done.mails)
        lines += [f"- {x.label} stays: {_briefly(x.why)}" for x in done.left[:MOST_SHOWN]]
        if len(done.left) > MOST_SHOWN:
            lines.append(f"… and {len(done.left) - MOST_SHOWN} more stay where they are.")
        if self.rows is not None:
            lines.append(f"Each lead and what became of it: {self.rows}")
        if done.moved and not done.dry_run:
            lines.append(f"To take it back: sfprm undo {self.run}")
        problems = settled_lines(done.refused, done.overtaken)
        return (*moves_table(done.moves), *_by_owner(done), Text((*lines, *problems)))

    def to_json(self) -> dict[str, Any]:
        done = self.done
        return {
            "dry_run": done.dry_run,
            "to": done.to,
            "moved": done.moved,
            "already": done.already,
            "credits_move": bool(done.credits),
            "moves": moves_json(done.moves),
            "left": [{"lead": x.lead, "label": x.label, "why": x.why} for x in done.left],
            "rows": str(self.rows) if self.rows else None,
            "refused": settled_json(done.refused),
            "overtaken": settled_json(done.overtaken),
            "mails": {"sent": done.mails.sent, "not_sent": list(done.mails.not_sent)},
        }

    @property
    def exit_code(self) -> int:
        done = self.done
        whole = not (done.refused or done.overtaken or done.mails.not_sent or done.left)
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


def _briefly(why: str) -> str:
    """Reasons of many members in one line: alike ones counted, the commonest first; whole in
    JSON."""
    reasons = Counter(
        detail if ":" in member and detail else part
        for part in why.split("; ")
        for member, _, detail in [part.partition(": ")]
    )
    told = [f"{words} ({n} members)" if n > 1 else words for words, n in reasons.most_common()]
    rest = len(told) - REASONS_SHOWN
    return "; ".join(told[:REASONS_SHOWN]) + (f"; and {rest} more reasons" if rest > 0 else "")


REASONS_SHOWN = 3

_CREDITS = {
    True: "Their members' credit pays for them, as for routed leads.",
    False: "Shared out evenly: no credit moves, so routing does not make up for it.",
}


class ReassignJob(Job[ReassignOptions, ReassignJobResult]):
    """Journal, write, confirm, notify."""

    name: ClassVar[str] = "reassign"
    summary: ClassVar[str] = "moves leads to a user, a partner's person or a queue"
    writes: ClassVar[bool] = True
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.LEADS})
    options = ReassignOptions

    def run(self, context: JobContext, options: ReassignOptions) -> ReassignJobResult:
        programme = context.programme
        kind, name = "manager", ""
        if options.to != "manager":
            kind, name = _split(options.to, ("user", "person", "queue", "pool"), "--to")
        done = reassign(
            context.session,
            context.store,
            programme,
            leads=_wanted(programme, options),
            clock=context.clock,
            run=context.run,
            progress=context.progress,
            user=_username(programme, kind, name) if kind in ("user", "person") else None,
            queue=name if kind == "queue" else None,
            pool=name if kind == "pool" else None,
            manager=kind == "manager",
            evenly=options.evenly,
            dry_run=options.dry_run,
            allow_any_owner=options.override,
            notify=options.notice if options.notify else None,
            policy=outlets_from(context.settings, mail_policy(context)),
            max_changes=options.max_changes,
            hands=context.hands,
        )
        rows = None
        if done.moves and not done.dry_run:
            rows = write_moves(context.run_dir / "moves.csv", done)
        return ReassignJobResult(done, context.run, rows)


def _wanted(programme: Programme, options: ReassignOptions) -> LeadsWanted:
    owner = None
    if options.source is not None:
        kind, name = _split(options.source, ("partner", "user", "person", "queue"), "--from")
        owner = _username(programme, kind, name) if kind in ("user", "person") else name
    return LeadsWanted(
        ids=tuple(RecordId(lead) for lead in (*options.leads, *_ids_in(options.file))),
        where=options.where,
        owner=owner,
        limit=options.limit,
    )


def _ids_in(path: Path | None) -> list[str]:
    """The ids of a CSV file: its column Id (also `Lead Id`, as reports call it)."""
    if path is None:
        return []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadRequest(f"{path}: {error.strerror}.", hint="Check the path.") from None
    except UnicodeDecodeError:
        raise BadRequest(
            f"{path}: not text in UTF-8.", hint="Give a CSV file, saved as CSV UTF-8."
        ) from None
    delimiter = ";" if text.partition("\n")[0].count(";") else ","
    table = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    columns = {name.strip().lower().replace(" ", ""): name for name in table.fieldnames or ()}
    column = columns.get("id") or columns.get("leadid")
    if column is None:
        raise BadRequest(f"{path}: has no column Id.", hint="Its first line must name the columns.")
    found = []
    for row in table:
        value = (row.get(column) or "").strip()
        if value and not is_record_id(value):
            raise BadRequest(f"{path}:{table.line_num}: {value!r} is not a Salesforce id.")
        if value:
            found.append(value)
    if not found:
        raise BadRequest(f"{path}: names no lead.")
    return found


def _by_owner(done: ReassignResult) -> tuple[Block, ...]:
    """How many go to whom, where there are several."""
    counts = Counter(move.owner_name for move in done.moves)
    if len(counts) < 2:
        return ()
    rows = tuple((name, f"{n:,}") for name, n in counts.most_common())
    return (Table(("to", "leads"), rows, right=(1,)),)


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
