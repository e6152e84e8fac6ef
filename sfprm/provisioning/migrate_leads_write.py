"""Writing owners and status of leads, each row journalled before and after; and the way back.

Stopped at any point, the same command again finishes: a lead that is as wanted is not written. What
a run may have written (its steps `sent` or `done`) can be taken back, lead by lead, where nobody
has changed the lead since.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.ids import RecordId
from sfprm.salesforce.collections import AUTO_ASSIGN_OFF, MAX_ROWS, update
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, split_in
from sfprm.store.records import Step, StepState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sfprm.events import Progress
    from sfprm.ids import RunId
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreWriter

__all__ = ["MOVE_LEAD", "Back", "LeadWrite", "Stays", "read_now", "way_back", "write_leads"]

MOVE_LEAD = "MoveLead"
"""Kind of the steps. `before` and `after` hold OwnerId and Status, as far as they change."""
_WRITTEN = (StepState.SENT, StepState.DONE)
_NOW = ("Id", "OwnerId", "Owner.Name", "Status", "Name", "Company", "IsConverted")
_WORDS = {"OwnerId": "owner", "Status": "status"}


@dataclass(frozen=True, slots=True)
class LeadWrite:
    """One lead's fields, as they are and as they are to be. `row` names it in the answer."""

    row: int
    lead: RecordId
    before: Mapping[str, str]
    after: Mapping[str, str]


def write_leads(
    session: Session,
    store: StoreWriter,
    run: RunId,
    writes: Sequence[LeadWrite],
    progress: Progress,
) -> dict[int, tuple[str, str]]:
    """Write them, read the owners back, and say of each row that failed why, and the fix.

    `run` has been started in the store. Without the org's assignment rules (`Sforce-Auto-Assign:
    FALSE`). An owner that is another right after our write was changed by automation
    (operations.md, rule 13). Raises TryLater and its kin when the org cannot be reached.
    """
    store.add_steps(
        [
            Step(
                run,
                number,
                MOVE_LEAD,
                one.lead,
                StepState.PLANNED,
                before=one.before,
                after=one.after,
                record_id=one.lead,
            )
            for number, one in enumerate(writes, start=1)
        ]
    )
    failed: dict[int, tuple[str, str]] = {}
    progress.stage("leads", len(writes))
    for at in range(0, len(writes), MAX_ROWS):
        failed |= _chunk(session, store, run, at + 1, writes[at : at + MAX_ROWS])
        progress.advance(len(writes[at : at + MAX_ROWS]))
    return failed


def _chunk(
    session: Session, store: StoreWriter, run: RunId, first: int, part: Sequence[LeadWrite]
) -> dict[int, tuple[str, str]]:
    numbers = range(first, first + len(part))
    store.set_steps(run, numbers, StepState.SENT)
    rows = [{"Id": one.lead, **one.after} for one in part]
    refused: dict[int, str] = {}
    failed: dict[int, tuple[str, str]] = {}
    answers = update(session, "Lead", rows, headers=AUTO_ASSIGN_OFF)
    for number, one, outcome in zip(numbers, part, answers, strict=True):
        if outcome.error is not None:
            refused[number] = "; ".join(str(error) for error in outcome.errors)
            failed[one.row] = refused[number], outcome.error.hint
    overtaken = _overtaken(session, [one for one in part if one.row not in failed])
    store.set_steps(run, list(refused), StepState.FAILED, messages=refused)
    words = {n: overtaken[one.row][0] for n, one in zip(numbers, part, strict=True)
             if one.row in overtaken}  # fmt: skip
    done = [number for number in numbers if number not in refused]
    store.set_steps(run, done, StepState.DONE, messages=words)
    return failed | overtaken


def _overtaken(session: Session, part: Sequence[LeadWrite]) -> dict[int, tuple[str, str]]:
    """Rows whose owner is another right after our write."""
    written = {one.lead: one for one in part if "OwnerId" in one.after}
    found = {}
    for condition in split_in("Id", sorted(written)):
        for row in select(session, Query(("Id", "OwnerId"), "Lead", (condition,))):
            wanted = written[RecordId(row["Id"])]
            if row["OwnerId"] != wanted.after["OwnerId"]:
                found[wanted.row] = (
                    f"automation of the org gave the lead to {row['OwnerId']} right after",
                    "look for flows, triggers and other routers on Lead (`sfprm check` lists them)",
                )
    return found


# the way back


@dataclass(frozen=True, slots=True)
class Stays:
    """A lead that is not taken back, and why."""

    lead: RecordId
    label: str
    why: str


@dataclass(frozen=True, slots=True)
class Back:
    """What takes a run back. `already`: leads that are as they were before it."""

    writes: tuple[LeadWrite, ...]
    stays: tuple[Stays, ...]
    already: int
    labels: Mapping[RecordId, str]


def read_now(session: Session, leads: Iterable[RecordId]) -> dict[RecordId, Row]:
    """The leads as they are; one call for some 250 of them."""
    return {
        RecordId(row["Id"]): row
        for condition in split_in("Id", sorted(set(leads)))
        for row in select(session, Query(_NOW, "Lead", (condition,)))
    }


def way_back(steps: Sequence[Step], now: Mapping[RecordId, Row]) -> Back:
    """What takes those steps back, by the leads as they are now. Pure.

    A lead of which anything has moved since stays as a whole: half of it back would be neither.
    """
    writes: list[LeadWrite] = []
    stays: list[Stays] = []
    labels: dict[RecordId, str] = {}
    already = 0
    for step in steps:
        if step.kind != MOVE_LEAD or step.state not in _WRITTEN:
            continue
        lead = RecordId(step.key)
        row = now.get(lead)
        labels[lead] = _label(row) if row is not None else lead
        why = _moved(step, row)
        if why:
            stays.append(Stays(lead, labels[lead], why))
            continue
        assert row is not None
        back = {name: was for name, was in step.before.items() if row[name] != was}
        if back:
            writes.append(LeadWrite(step.number, lead, {n: row[n] for n in back}, back))
        else:
            already += 1
    return Back(tuple(writes), tuple(stays), already, labels)


def _moved(step: Step, row: Row | None) -> str:
    """What somebody has done to the lead since; '' when it is as the run left it, or before."""
    if row is None:
        return "the agent does not see it any more: deleted, or not shared with it"
    if row["IsConverted"]:
        return "it is converted"
    moved = [
        f"its {_WORDS.get(name, name)} is {_shown(name, row)} by now"
        for name, after in step.after.items()
        if row[name] not in (after, step.before.get(name))
    ]
    return " and ".join(moved)


def _shown(name: str, row: Row) -> str:
    return str(
        (row.get("Owner") or {}).get("Name") or row[name] if name == "OwnerId" else row[name]
    )


def _label(row: Row) -> str:
    company = row.get("Company")
    return f"{row['Name']}, {company}" if company else str(row["Name"])
