"""Taking back what `migrate --leads` did to owners and status of leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sfprm.blocks import Block, Table, Text
from sfprm.distribution.owners import read_owner_names
from sfprm.errors import PartlyDone
from sfprm.ids import RecordId, RunId
from sfprm.jobs.frame import JobContext, JobResult
from sfprm.provisioning.migrate_leads_write import (
    MOVE_LEAD,
    Back,
    LeadWrite,
    read_now,
    way_back,
    write_leads,
)

__all__ = ["LeadsUndone", "moved_leads", "undo_leads"]

MOST_SHOWN = 20


@dataclass(frozen=True)
class LeadsUndone(JobResult):
    """What went back, what stays. `failed`: by row of `back.writes`, the org's words and the fix;
    `names` of the owners from before."""

    of: str
    back: Back
    failed: Mapping[int, tuple[str, str]]
    names: Mapping[RecordId, str]
    dry_run: bool

    def blocks(self) -> tuple[Block, ...]:
        out: list[Block] = []
        verb = "would go back" if self.dry_run else "went back"
        good = [one for one in self.back.writes if one.row not in self.failed]
        if good:
            rows = tuple(
                (self.back.labels[one.lead], self._words(one)) for one in good[:MOST_SHOWN]
            )
            out.append(Table((f"{verb}{_of_many(good)}", "to"), rows))
        if self.back.stays:
            stays = tuple((s.label, s.why) for s in self.back.stays[:MOST_SHOWN])
            out.append(Table((f"stays{_of_many(self.back.stays)}", "why"), stays))
        lines = [f"{len(good):,} leads {verb} to what they were before {self.of}."]
        if self.back.already:
            lines.append(f"{self.back.already:,} were back already.")
        for one in self.back.writes:
            if one.row in self.failed:
                words, fix = self.failed[one.row]
                lines += [f"! {self.back.labels[one.lead]}: {words}", f"  fix: {fix}"]
        out.append(Text(tuple(lines)))
        return tuple(out)

    def _words(self, one: LeadWrite) -> str:
        said = []
        if "OwnerId" in one.after:
            owner = one.after["OwnerId"]
            said.append(f"owner {self.names.get(RecordId(owner), owner)}")
        if "Status" in one.after:
            said.append(f"status {one.after['Status']}")
        return ", ".join(said)

    def to_json(self) -> dict[str, Any]:
        return {
            "of": self.of,
            "dry_run": self.dry_run,
            "leads": [
                {
                    "lead": one.lead,
                    "before": dict(one.before),
                    "after": dict(one.after),
                    "error": self.failed.get(one.row, ("", ""))[0],
                }
                for one in self.back.writes
            ],
            "already": self.back.already,
            "stays": [{"lead": s.lead, "why": s.why} for s in self.back.stays],
        }

    @property
    def exit_code(self) -> int:
        """68 when something stays that the run did; a dry run is done all the same."""
        whole = self.dry_run or not (self.failed or self.back.stays)
        return 0 if whole else PartlyDone.exit_code

    @property
    def counts(self) -> Mapping[str, int]:
        return {
            "changed": 0 if self.dry_run else len(self.back.writes) - len(self.failed),
            "cannot": len(self.back.stays) + len(self.failed),
        }


def _of_many(items: Any) -> str:
    return f" (the first {MOST_SHOWN} of {len(items)})" if len(items) > MOST_SHOWN else ""


def moved_leads(context: JobContext, run: RunId) -> bool:
    """Whether the run gave leads owner and status from a file, or took that back."""
    return any(step.kind == MOVE_LEAD for step in context.store.steps(run))


def undo_leads(context: JobContext, of: RunId, *, dry_run: bool) -> LeadsUndone:
    """Take the run back, where nobody has changed the lead since. The same command again goes on
    after a crash; what was taken back can be taken back as well."""
    steps = context.store.steps(of)
    now = read_now(context.session, [RecordId(step.key) for step in steps])
    back = way_back(steps, now)
    owners = [RecordId(one.after["OwnerId"]) for one in back.writes if "OwnerId" in one.after]
    failed: dict[int, tuple[str, str]] = {}
    if not dry_run and back.writes:
        failed = write_leads(
            context.session, context.store, context.run, back.writes, context.progress
        )
    names = read_owner_names(context.session, owners)
    return LeadsUndone(str(of), back, failed, names, dry_run)
