"""`migrate --leads`: owners and status of leads from a file, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from sfprm.blocks import Block, Text
from sfprm.errors import BadRequest, PartlyDone
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult, Scope
from sfprm.jobs.migrate_parts import (
    checked,
    columns_table,
    findings_json,
    findings_table,
    guessed_json,
    mapping_path,
    named,
    save_mapping,
)
from sfprm.provisioning.migrate_draft import Finding
from sfprm.provisioning.migrate_leads import LeadDraft, drafted_leads
from sfprm.provisioning.migrate_leads_write import write_leads
from sfprm.provisioning.migrate_mapping import (
    Guess,
    guessed,
    mapping_text,
    read_mapping,
)
from sfprm.provisioning.migrate_outcome import (
    LeadOutcome,
    write_findings,
    write_lead_outcomes,
)
from sfprm.provisioning.migrate_source import SourceTable, read_source_table

__all__ = ["MigrateLeadsJob", "MigrateLeadsOptions", "MigrateLeadsResult"]


class MigrateLeadsOptions(JobOptions):
    """Options of `migrate --leads`; as those of `migrate`. `max_changes` refuses more."""

    file: Path
    mapping: Path | None = None
    sheet: str | None = None
    accept: bool = False
    dry_run: bool = False
    max_changes: int | None = Field(None, ge=0)


@dataclass(frozen=True)
class MigrateLeadsResult(JobResult):
    """What was found, and what became of each row."""

    file: Path
    mapping: Path
    guesses: Mapping[str, Guess]
    findings: tuple[Finding, ...]
    rows: int
    to_change: int
    loaded: bool
    run: str = ""
    outcomes: tuple[LeadOutcome, ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)

    def blocks(self) -> tuple[Block, ...]:
        out: list[Block] = []
        if self.guesses:
            out.append(columns_table(self.file, self.guesses))
        if self.findings:
            out.append(findings_table("Held back", self.findings))
        lines = [
            f"{self.rows} rows: {self.to_change} change their lead, {len(self.findings)} are held "
            "back, the rest is as it should be."
        ]
        if not self.loaded:
            lines.append("Nothing was changed.")
            if self.guesses:
                lines.append(f"Look through {self.mapping}, then run the same command again.")
        else:
            failed = sum(bool(o.error) for o in self.outcomes) - len(self.findings)
            lines.append(f"{self.to_change - failed} leads changed, {failed} failed.")
            if self.to_change > failed:
                lines.append(f"sfprm undo {self.run} takes it back.")
        lines += [f"{what}: {path}" for what, path in self.files.items()]
        out.append(Text(tuple(lines)))
        return tuple(out)

    def to_json(self) -> dict[str, Any]:
        return {
            "file": str(self.file),
            "mapping": str(self.mapping),
            "guessed": guessed_json(self.guesses),
            "rows": self.rows,
            "to_change": self.to_change,
            "loaded": self.loaded,
            "failed": sum(bool(o.error) for o in self.outcomes),
            "findings": findings_json(self.findings),
            "files": {what: str(path) for what, path in self.files.items()},
        }

    @property
    def exit_code(self) -> int:
        """68 when a row is held back or failed; 0 for a guess that is to be looked at."""
        if self.guesses and not self.loaded:
            return 0
        bad = self.findings or any(o.error for o in self.outcomes)
        return PartlyDone.exit_code if bad else 0

    @property
    def counts(self) -> Mapping[str, int]:
        return {"rows": self.rows, "changed": self.to_change, "held": len(self.findings)}


class MigrateLeadsJob(Job[MigrateLeadsOptions, MigrateLeadsResult]):
    """Reads, maps, looks up, writes. The same command again changes only what is not so yet."""

    name: ClassVar[str] = "migrate-leads"
    summary: ClassVar[str] = "sets owners and status of leads from a file, once"
    writes: ClassVar[bool] = True
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.LEADS})
    options = MigrateLeadsOptions

    def run(self, context: JobContext, options: MigrateLeadsOptions) -> MigrateLeadsResult:
        table = read_source_table(options.file, options.sheet)
        path = mapping_path(options.file, options.mapping)
        guesses: dict[str, Guess] = {}
        if not path.exists():
            guesses = guessed(table, "leads")
            text = mapping_text(table, "leads", guesses, defaults={}, values={}, alike={})
            save_mapping(path, text)
        mapping = checked(read_mapping(path, table), path, guesses, "leads")
        if mapping is None:
            return MigrateLeadsResult(
                options.file, path, guesses, (), len(table.rows), 0, loaded=False
            )
        draft = drafted_leads(context.session, table, mapping, context.programme)
        changes = [c.write for c in draft.changes.values() if c.changes]
        dry = options.dry_run or bool(guesses and not options.accept)
        if options.max_changes is not None and len(changes) > options.max_changes and not dry:
            raise BadRequest(
                f"{len(changes)} leads would change; --max-changes allows {options.max_changes}.",
                hint="Look at --dry-run, then raise the brake.",
            )
        failed = (
            {}
            if dry
            else write_leads(context.session, context.store, context.run, changes, context.progress)
        )
        return self._result(context, options, table, draft, path, guesses, failed, dry=dry)

    def _result(
        self,
        context: JobContext,
        options: MigrateLeadsOptions,
        table: SourceTable,
        draft: LeadDraft,
        path: Path,
        guesses: Mapping[str, Guess],
        failed: Mapping[int, tuple[str, str]],
        *,
        dry: bool,
    ) -> MigrateLeadsResult:
        done = () if dry else tuple(_outcomes(table, draft, failed))
        found = draft.findings
        report = write_findings(context.run_dir, found) if found else None
        success, errors = (
            write_lead_outcomes(context.run_dir, table, done) if done else (None, None)
        )
        return MigrateLeadsResult(
            options.file,
            path,
            guesses,
            tuple(draft.findings),
            len(table.rows),
            sum(c.changes for c in draft.changes.values()),
            loaded=not dry,
            run=context.run,
            outcomes=done,
            files=named(report=report, success=success, errors=errors),
        )


def _outcomes(
    table: SourceTable, draft: LeadDraft, failed: Mapping[int, tuple[str, str]]
) -> list[LeadOutcome]:
    held = {f.row: f for f in draft.findings}
    done = []
    for row in table.rows:
        at = row.number
        if at in held:
            said = f"{held[at].what} (column {held[at].column})"
            done.append(LeadOutcome(at, "held", error=said, fix=held[at].advice))
            continue
        change = draft.changes[at]
        error, fix = failed.get(at, ("", ""))
        status = "failed" if error else "changed" if change.changes else "unchanged"
        done.append(
            LeadOutcome(at, status, change.write.lead, change.owner, change.status, error, fix)
        )
    return done
