"""What became of each source row: success and error files, as Data Loader writes them. Pure but for
writing them.

Both hold the source's own columns as they were, in the order of the source, and columns of ours
behind them (`sfprm_…`), which are left out when an error file is given back.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.programme.spreadsheet import harmless
from sfprm.provisioning.again import said_for
from sfprm.provisioning.difference import Kind, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from sfprm.provisioning.migrate_draft import Draft, Finding
    from sfprm.provisioning.migrate_source import SourceTable
    from sfprm.provisioning.plan import Plan
    from sfprm.provisioning.result import ApplyResult

__all__ = [
    "LeadOutcome",
    "Outcome",
    "counted",
    "outcomes",
    "write_findings",
    "write_lead_outcomes",
    "write_outcomes",
]

_DONE = (
    *("sfprm_status", "sfprm_partner", "sfprm_person"),
    *("sfprm_account_id", "sfprm_contact_id", "sfprm_user_id"),
)
_LEADS = ("sfprm_status", "sfprm_lead_id", "sfprm_owner_before", "sfprm_status_before")
_FAILED = ("sfprm_error", "sfprm_fix", "sfprm_row")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row's. `error` '' when all of it is in the org; `status`: created, changed or unchanged;
    `ids`: of account, contact and user."""

    row: int
    status: str
    partner: str = ""
    person: str = ""
    ids: tuple[str, str, str] = ("", "", "")
    error: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class LeadOutcome:
    """One row's of a file of leads. `owner` and `was` are the owner and status before it."""

    row: int
    status: str
    lead: str = ""
    owner: str = ""
    was: str = ""
    error: str = ""
    fix: str = ""


def outcomes(
    table: SourceTable,
    draft: Draft,
    plan: Plan | None,
    applied: ApplyResult | None,
    command: str,
    there: Mapping[str, str] = MappingProxyType({}),
) -> list[Outcome]:
    """Each row's, in order. `plan` None: nothing was to be loaded. `command` goes on with the rest
    once the org is mended. `there`: ids of accounts, by partner, that are no part of the plan."""
    held: dict[int, list[Finding]] = {}
    for finding in draft.findings:
        if finding.held:
            held.setdefault(finding.row, []).append(finding)
    troubles = _troubles(plan, applied)
    records = _records(plan, applied)
    done = []
    for row in table.rows:
        number = row.number
        if number in held:
            said = "; ".join(_said(finding) for finding in held[number])
            fixes = dict.fromkeys(finding.advice for finding in held[number] if finding.advice)
            done.append(Outcome(number, "held", error=said, fix="; ".join(fixes)))
            continue
        partner = draft.partner_of.get(number, "")
        person = draft.person_of.get(number, "")
        parts = (("Account", partner), ("Contact", person))
        error, fix = next((troubles[part] for part in parts if part in troubles), ("", ""))
        seen = [records.get((kind, key), ("", "")) for kind, key in _parts(partner, person)]
        account, contact, user = (record for record, _ in seen)
        account = account or there.get(partner, "")
        verdicts = {verdict for _, verdict in seen}
        status = next((v for v in ("created", "changed") if v in verdicts), "unchanged")
        done.append(
            Outcome(
                number,
                "failed" if error else status,
                partner,
                person,
                (account, contact, user),
                error,
                said_for(command, fix),
            )
        )
    return done


def _said(finding: Finding) -> str:
    return f"{finding.what} (column {finding.column})" if finding.column else finding.what


def _parts(partner: str, person: str) -> tuple[tuple[Kind, str], ...]:
    return (Kind.ACCOUNT, partner), (Kind.CONTACT, person), (Kind.USER, person)


def _troubles(
    plan: Plan | None, applied: ApplyResult | None
) -> dict[tuple[str, str], tuple[str, str]]:
    """What stands in the way of a partner (`Account`, key) or person (`Contact`, key): refusals of
    the org, and what could not be planned."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for failed in applied.errors if applied is not None else ():
        if failed.object in ("Account", "Contact", "User"):
            said = f"{failed.code}: {failed.message}" if failed.code else failed.message
            at = "Account" if failed.object == "Account" else "Contact"
            found.setdefault((at, failed.key), (said, failed.fix))
    for blocked in plan.comparison.blocked if plan is not None else ():
        if blocked.kind in (Kind.ACCOUNT, Kind.CONTACT, Kind.USER):
            at = "Account" if blocked.kind is Kind.ACCOUNT else "Contact"
            found.setdefault((at, blocked.key), (blocked.why, blocked.fix))
    return found


def _records(
    plan: Plan | None, applied: ApplyResult | None
) -> dict[tuple[Kind, str], tuple[str, str]]:
    """Id, and created, changed or unchanged, by kind and key."""
    words = {Verdict.CREATE: "created", Verdict.UPDATE: "changed"}
    found: dict[tuple[Kind, str], tuple[str, str]] = {}
    for difference in plan.comparison.differences if plan is not None else ():
        made = applied.ids.get(difference.ref) if applied is not None else None
        record = made or difference.record_id or ""
        word = words.get(difference.verdict, "unchanged")
        found.setdefault((difference.kind, difference.key), (record, word))
    return found


def write_outcomes(
    folder: Path, table: SourceTable, done: Sequence[Outcome]
) -> tuple[Path | None, Path | None]:
    """success.csv and errors.csv; None for one that would be empty."""
    cells = {row.number: row.cells for row in table.rows}
    good = [o for o in done if not o.error]
    bad = [o for o in done if o.error]
    success = errors = None
    if good:
        success = folder / "success.csv"
        rows = ([*cells[o.row], o.status, o.partner, o.person, *o.ids] for o in good)
        _write(success, (*table.columns, *_DONE), rows)
    if bad:
        errors = folder / "errors.csv"
        rows = ([*cells[o.row], o.error, o.fix, str(o.row)] for o in bad)
        _write(errors, (*table.columns, *_FAILED), rows)
    return success, errors


def write_lead_outcomes(
    folder: Path, table: SourceTable, done: Sequence[LeadOutcome]
) -> tuple[Path | None, Path | None]:
    """The same for leads; success.csv holds owner and status from before."""
    cells = {row.number: row.cells for row in table.rows}
    success = errors = None
    if any(not o.error for o in done):
        success = folder / "success.csv"
        rows = ([*cells[o.row], o.status, o.lead, o.owner, o.was] for o in done if not o.error)
        _write(success, (*table.columns, *_LEADS), rows)
    if any(o.error for o in done):
        errors = folder / "errors.csv"
        bad = ([*cells[o.row], o.error, o.fix, str(o.row)] for o in done if o.error)
        _write(errors, (*table.columns, *_FAILED), bad)
    return success, errors


def write_findings(folder: Path, findings: Iterable[Finding]) -> Path:
    """report.csv: everything that was found, in order of the rows."""
    path = folder / "report.csv"
    rows = (
        [str(f.row), "held" if f.held else "note", f.code, f.column, f.what, f.advice]
        for f in sorted(findings, key=lambda f: f.row)
    )
    _write(path, ("row", "weight", "code", "column", "what", "advice"), rows)
    return path


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # with a byte order mark: Excel takes the file for its own code page otherwise
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([harmless(name) for name in columns])
        for row in rows:
            writer.writerow([harmless(cell) for cell in row])


def counted(done: Iterable[Outcome]) -> Mapping[str, int]:
    """How many rows of each status."""
    counts: dict[str, int] = {}
    for one in done:
        counts[one.status] = counts.get(one.status, 0) + 1
    return counts
