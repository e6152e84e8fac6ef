"""`recall`: one pass over the leads that are offered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sfprm.blocks import Block, Table, Text
from sfprm.distribution.recall import RecallResult, recall
from sfprm.errors import PartlyDone
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult, Scope
from sfprm.jobs.lead_fields import refuse_unknown_fields
from sfprm.jobs.owners_moved import (
    MOST_SHOWN,
    notice_lines,
    settled_json,
    settled_lines,
    taken_up_lines,
)
from sfprm.jobs.plan import mail_policy
from sfprm.outbound.outlets import outlets_from

WENT = {
    "next": "to the next of the pool",
    "parked": "parked: nobody else may have them now",
    "manager": "to the channel manager",
    "recycle": "to the recycle queue",
    "internal": "back inside",
    "never": "out of the channel, never to a partner again",
}


class RecallOptions(JobOptions):
    """Options of `recall`. `lift`: members (`partner:KEY`) whose pause ends now."""

    lift: tuple[str, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True)
class RecallJobResult(JobResult):
    """What became of the offers."""

    done: RecallResult

    def blocks(self) -> tuple[Block, ...]:
        done = self.done
        if not done.looked_at and not done.taken_up:
            return (Text(("No lead is offered.", *self._pauses())),)
        noun = "lead" if done.looked_at == 1 else "leads"
        lines = [f"{done.looked_at:,} offered {noun} looked at."]
        lines += taken_up_lines(done.taken_up)
        lines += notice_lines(done.mails)
        out: list[Block] = [Text(tuple(lines))]
        if done.happened:
            rows = tuple((e.value, f"{n:,}") for e, n in sorted(done.happened.items()))
            out.append(Table(("what happened", "leads"), rows, right=(1,)))
        if done.went:
            verb = "would go" if done.dry_run else "went"
            rows = tuple((WENT[w], f"{n:,}") for w, n in sorted(done.went.items()))
            out.append(Table((f"taken back, {verb}", "leads"), rows, right=(1,)))
        if done.late:
            late = tuple((x.label or x.lead, x.owner_name, x.cause) for x in done.late[:MOST_SHOWN])
            more = f" ({len(done.late)} in all)" if len(done.late) > MOST_SHOWN else ""
            out.append(Table(("lead", "owner", f"sync late{more}"), late))
        tail = [*self._pauses(), *settled_lines(done.refused, done.overtaken)]
        tail += [f"! field not set: {words}" for words in done.not_set[:MOST_SHOWN]]
        if done.unseen:
            tail.append(f"! {done.unseen} offered leads are out of the agent's sight.")
        if tail:
            out.append(Text(tuple(tail)))
        return tuple(out)

    def _pauses(self) -> list[str]:
        lines = [f"Paused: {member} let one lead too many run out." for member in self.done.paused]
        return lines + [f"Pause over: {member}." for member in self.done.lifted]

    def to_json(self) -> dict[str, Any]:
        done = self.done
        return {
            "dry_run": done.dry_run,
            "looked_at": done.looked_at,
            "taken_up": done.taken_up,
            "happened": {event.name.lower(): n for event, n in done.happened.items()},
            "went": dict(done.went),
            "confirmed": done.confirmed,
            "offers": dict(done.left),
            "late": [
                {"lead": x.lead, "label": x.label, "owner": x.owner_name, "cause": x.cause}
                for x in done.late
            ],
            "paused": list(done.paused),
            "lifted": list(done.lifted),
            "unseen": done.unseen,
            "not_set": list(done.not_set),
            "mails": {"sent": done.mails.sent, "not_sent": list(done.mails.not_sent)},
            "refused": settled_json(done.refused),
            "overtaken": settled_json(done.overtaken),
        }

    @property
    def exit_code(self) -> int:
        """68 when something was not done as its terms say."""
        done = self.done
        partly = done.refused or done.overtaken or done.not_set or done.late or done.unseen
        return PartlyDone.exit_code if partly else 0

    @property
    def counts(self) -> Mapping[str, int]:
        done = self.done
        return {
            "looked_at": done.looked_at,
            "taken_back": sum(done.went.values()),
            "refused": len(done.refused),
            "late": len(done.late),
            "paused": len(done.paused),
        }

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.done.mails.not_sent


class RecallJob(Job[RecallOptions, RecallJobResult]):
    """Look, take back, offer to the next."""

    name: ClassVar[str] = "recall"
    summary: ClassVar[str] = "takes back leads that were not accepted, and offers them to the next"
    writes: ClassVar[bool] = True
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.LEADS})
    options = RecallOptions

    def run(self, context: JobContext, options: RecallOptions) -> RecallJobResult:
        refuse_unknown_fields(context)
        done = recall(
            context.session,
            context.store,
            context.programme,
            clock=context.clock,
            run=context.run,
            progress=context.progress,
            dry_run=options.dry_run,
            lift=options.lift,
            policy=outlets_from(context.settings, mail_policy(context)),
        )
        return RecallJobResult(done)
