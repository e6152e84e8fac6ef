"""`migrate`: partners and people from a file of somebody else's, once; declared from then on."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from sfprm.blocks import Block, Table, Text
from sfprm.errors import BadRequest, PartlyDone
from sfprm.ids import PartnerKey
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
from sfprm.jobs.plan import mail_policy, tell_plan
from sfprm.outbound.mail_guard import guarded
from sfprm.programme.keys import key_from
from sfprm.programme.load import load_programme
from sfprm.programme.model import Programme
from sfprm.provisioning.apply import apply
from sfprm.provisioning.by_workers import call_for_help, share_out
from sfprm.provisioning.deployments import DEPLOYMENT_WAIT, await_quiet
from sfprm.provisioning.difference import Kind
from sfprm.provisioning.make_plan import make_plan
from sfprm.provisioning.migrate_draft import Draft, Finding
from sfprm.provisioning.migrate_folder import begun, prepared, write_prepared
from sfprm.provisioning.migrate_mapping import (
    Guess,
    Mapping_,
    guessed,
    mapping_text,
    read_mapping,
)
from sfprm.provisioning.migrate_org import alike_in, effective, known_addresses, words_of
from sfprm.provisioning.migrate_outcome import (
    Outcome,
    counted,
    outcomes,
    write_findings,
    write_outcomes,
)
from sfprm.provisioning.migrate_rows import drafted, partner_domains, partner_names
from sfprm.provisioning.migrate_source import SourceTable, read_source_table
from sfprm.provisioning.plan import Plan
from sfprm.provisioning.plan_file import plan_id, step_lines
from sfprm.provisioning.result import ApplyResult
from sfprm.provisioning.target import limited

__all__ = ["MigrateJob", "MigrateOptions", "MigrateResult"]


class MigrateOptions(JobOptions):
    """Options of `migrate`. `mapping`: default beside the file. `accept`: load by a mapping that
    has just been guessed. `resume`: go on with a migration whose files are written already.
    `deployment_wait`: seconds for which a metadata deployment in the org is waited for."""

    file: Path
    mapping: Path | None = None
    sheet: str | None = None
    accept: bool = False
    resume: bool = False
    deployment_wait: float = Field(DEPLOYMENT_WAIT, ge=0)
    dry_run: bool = False


@dataclass(frozen=True)
class MigrateResult(JobResult):
    """What was found, and what became of each row. `plan` None: no row could be loaded;
    `loaded` False: a dry run, or a mapping that nobody has seen yet."""

    file: Path
    mapping: Path
    guesses: Mapping[str, Guess]
    findings: tuple[Finding, ...]
    rows: int
    held: int
    loaded: bool
    plan: Plan | None = None
    applied: ApplyResult | None = None
    outcomes: tuple[Outcome, ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)
    new: tuple[int, int] = (0, 0)
    """Partners and people that the programme did not declare."""

    def blocks(self) -> tuple[Block, ...]:
        out: list[Block] = []
        if self.guesses:
            out.append(columns_table(self.file, self.guesses))
        if self.findings:
            out += self._findings()
        out.append(Text(tuple(self._summary())))
        return tuple(out)

    def _findings(self) -> list[Block]:
        counts = Counter((f.code, f.held) for f in self.findings)
        summed = tuple(
            (code, str(many), "rows held back" if held else "said only")
            for (code, held), many in counts.most_common()
        )
        return [
            Table(("found", "times", ""), summed, title="Quality", right=(1,)),
            findings_table("Findings", self.findings),
        ]

    def _summary(self) -> list[str]:
        partners, people = self.new
        new = f"{_many(partners, 'partner', 'partners')} and {_many(people, 'person', 'people')}"
        lines = [
            f"{self.rows} rows: {self.rows - self.held} can be loaded, {self.held} are held back; "
            f"new to the programme: {new}."
        ]
        if not self.loaded:
            if self.plan is not None:
                lines.append(f"Loading them takes {len(self.plan.steps)} changes in the org.")
            lines.append("Nothing was changed, neither in the org nor in the programme.")
            if self.guesses:
                lines.append(f"Look through {self.mapping}, then run the same command again.")
        else:
            said = ", ".join(f"{many} {status}" for status, many in counted(self.outcomes).items())
            lines.append(f"Rows: {said}.")
        lines += [f"{what}: {path}" for what, path in self.files.items()]
        if self.loaded and "errors" in self.files:
            lines.append(
                f"Mend them there, then: sfprm migrate {shlex.quote(str(self.files['errors']))} "
                f"--mapping {shlex.quote(str(self.mapping))}"
            )
        return lines

    def to_json(self) -> dict[str, Any]:
        return {
            "file": str(self.file),
            "mapping": str(self.mapping),
            "guessed": guessed_json(self.guesses),
            "rows": self.rows,
            "held": self.held,
            "loaded": self.loaded,
            "new_partners": self.new[0],
            "new_people": self.new[1],
            "changes": len(self.plan.steps) if self.plan is not None else 0,
            "outcomes": dict(counted(self.outcomes)),
            "findings": findings_json(self.findings),
            "files": {what: str(path) for what, path in self.files.items()},
        }

    @property
    def exit_code(self) -> int:
        """68 when a row was not loaded, or could not be; 0 for a guess that is to be looked at."""
        if self.guesses and not self.loaded:
            return 0
        bad = self.held or any(o.error for o in self.outcomes)
        return PartlyDone.exit_code if bad else 0

    @property
    def counts(self) -> Mapping[str, int]:
        return {"rows": self.rows, "held": self.held, **counted(self.outcomes)}


def _many(many: int, one: str, more: str) -> str:
    return f"{many} {one if many == 1 else more}"


class MigrateJob(Job[MigrateOptions, MigrateResult]):
    """Reads, maps, judges; then writes programme files, plans and applies for those rows alone."""

    name: ClassVar[str] = "migrate"
    summary: ClassVar[str] = "loads partners and people from a file, once"
    writes: ClassVar[bool] = True
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.ACCOUNTS})
    options = MigrateOptions

    def run(self, context: JobContext, options: MigrateOptions) -> MigrateResult:
        root = Path(context.settings.programme)
        programme = context.programme
        table = read_source_table(options.file, options.sheet)
        path = mapping_path(options.file, options.mapping)
        alike: dict[str, tuple[str, str]] | None = None
        guesses: dict[str, Guess] = {}
        if not path.exists():
            guesses = guessed(table, "partners")
            first = Mapping_("partners", {c: g.target for c, g in guesses.items()})
            alike = _alike(context, table, first)
            save_mapping(path, mapping_text(table, "partners", guesses, defaults={}, values={},
                                     alike=alike))  # fmt: skip
        mapping = checked(read_mapping(path, table), path, guesses, "partners")
        if mapping is None:
            return MigrateResult(
                options.file, path, guesses, (), len(table.rows), len(table.rows), loaded=False
            )
        same = mapping.source == str(options.file)
        if begun(root, _name(path)) and same and not (options.resume or options.dry_run):
            raise BadRequest(
                f"{root}/migrated/{_name(path)}.yaml is there: {options.file} was migrated before.",
                hint="--resume goes on with it; rows that are in the org already stay as they are.",
            )
        if alike is None:
            alike = _alike(context, table, mapping)
        mapping = effective(mapping, context.session)
        draft = drafted(
            table,
            mapping,
            programme,
            alike={name: why for name, (_, why) in alike.items()},
            words=words_of(context.session, mapping, programme),
        )
        draft.findings += known_addresses(context.session, draft)
        dry = options.dry_run or bool(guesses and not options.accept)
        return self._load(context, options, table, draft, path, guesses, dry=dry)

    def _load(
        self,
        context: JobContext,
        options: MigrateOptions,
        table: SourceTable,
        draft: Draft,
        path: Path,
        guesses: Mapping[str, Guess],
        *,
        dry: bool,
    ) -> MigrateResult:
        root, environment = Path(context.settings.programme), context.settings.environment
        ready = prepared(root, environment, _name(path), draft)
        held = draft.held()
        partners, people = draft.without(held)
        programme = ready.programme
        if not dry:
            if len(held) < len(table.rows):  # before the files: the same command goes on
                await_quiet(
                    context.session,
                    clock=context.clock,
                    progress=context.progress,
                    most=options.deployment_wait,
                )
            write_prepared(root, ready)
            programme = load_programme(root, environment)
        ours = f"migrated/{_name(path)}-partners.csv"
        plan, there = _plan(context, programme, draft, held, ours)
        applied = None
        if not dry and plan.steps:
            call_for_help(context.hands, plan, programme)
            lines = step_lines(plan)
            tell_plan(plan_id(plan, lines), plan)
            applied = share_out(
                context.hands,
                context.store,
                plan,
                programme,
                run=context.run,
                clock=context.clock,
                ids=True,
                lines=lines,
                torn=context.session.gate.room == 1,
            ) or apply(
                context.session,
                context.store,
                plan,
                run=context.run,
                clock=context.clock,
                progress=context.progress,
                programme=programme,
            )
        done = () if dry else tuple(outcomes(table, draft, plan, applied, _goes_on(options), there))
        found = draft.findings
        report = write_findings(context.run_dir, found) if found else None
        success, errors = write_outcomes(context.run_dir, table, done) if done else (None, None)
        return MigrateResult(
            options.file,
            path,
            guesses,
            tuple(sorted(draft.findings, key=lambda f: f.row)),
            len(table.rows),
            len(held),
            loaded=not dry,
            plan=plan,
            applied=applied,
            outcomes=done,
            files=named(report=report, success=success, errors=errors),
            new=(len(partners), len(people)),
        )


def _alike(
    context: JobContext, table: SourceTable, mapping: Mapping_
) -> dict[str, tuple[str, str]]:
    """What each partner of the file looks like."""
    names, domains = partner_names(table, mapping), partner_domains(table, mapping)
    return alike_in(context.session, context.programme, names, domains)


def _plan(
    context: JobContext, programme: Programme, draft: Draft, held: set[int], ours: str
) -> tuple[Plan, dict[str, str]]:
    """The plan for the rows that are loaded, and nothing else; and the ids of the accounts that are
    there, by partner. `ours` ends the name of the file of partners that this migration has brought;
    of others only the people that the file brings."""
    policy = mail_policy(context)
    plan = make_plan(
        context.session,
        context.store,
        programme,
        progress=context.progress,
        guard=lambda address: guarded(address, policy),
    )
    people = {key for row, key in draft.person_of.items() if row not in held}
    named = {key for row, key in draft.partner_of.items() if row not in held}
    partners = {
        key for key in named if programme.partners[PartnerKey(key)].origin.file.endswith(ours)
    }
    accounts = (d for d in plan.comparison.differences if d.kind is Kind.ACCOUNT)
    there = {d.key: str(d.record_id) for d in accounts if d.record_id is not None}
    return limited(plan, partners, people), there


def _goes_on(options: MigrateOptions) -> str:
    """The command that loads what the org would not take, once the org is mended."""
    words = ["sfprm", "migrate", str(options.file), "--resume"]
    if options.mapping is not None:
        words += ["--mapping", str(options.mapping)]
    if options.sheet is not None:
        words += ["--sheet", options.sheet]
    return shlex.join(words)


def _name(mapping: Path) -> str:
    """What the migration's files are called: as its mapping, so that an error file which is given
    back joins the rest."""
    return key_from(mapping.name.removesuffix(".yaml").removesuffix(".mapping"), "file")
