"""The ways that rows go out: Collections, five of them in a composite call, Bulk 2.0.

Each gives one outcome a row, in order, and sends again only rows of which the org said that nothing
was done to them. A lost answer is an outcome too: the code UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sfprm.errors import OutcomeUnknown
from sfprm.ids import RecordId
from sfprm.salesforce import bulk, collections
from sfprm.salesforce.bulk import Fields, Operation
from sfprm.salesforce.collections import (
    MAX_ROWS,
    UNKNOWN,
    VERBS,
    PartlyUnknown,
    RowError,
    RowOutcome,
    id_of,
    is_passing,
    outcomes_of,
    record_of,
)
from sfprm.salesforce.composite import Part, PartAnswer, together
from sfprm.salesforce.refusals import Refusal, classify, read_fault
from sfprm.salesforce.session import Session

__all__ = ["Chunk", "by_bulk", "by_collections", "by_composite", "chunks_of", "is_unknown"]

_LOCK_JOBS = 2
"""Further jobs for rows that a lock refused."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """At most 200 rows of one object that are written alike. `key`: an upsert's external id."""

    object: str
    operation: Operation
    rows: Sequence[Fields] = field(repr=False)
    key: str | None = None

    @property
    def is_repeatable(self) -> bool:
        """Whether writing it twice leaves the org as writing it once."""
        return self.operation != "insert"


def chunks_of(
    object_: str, operation: Operation, rows: Sequence[Fields], key: str | None
) -> list[Chunk]:
    """The rows in chunks, in order."""
    return [
        Chunk(object_, operation, rows[start : start + MAX_ROWS], key)
        for start in range(0, len(rows), MAX_ROWS)
    ]


def is_unknown(outcome: RowOutcome) -> bool:
    """Whether the row was sent and not answered."""
    return outcome.is_unknown


def by_collections(
    session: Session, chunk: Chunk, headers: Mapping[str, str] | None = None
) -> list[RowOutcome]:
    """One call, and further ones for rows that were refused for a lock."""
    object_, rows = chunk.object, chunk.rows
    try:
        match chunk.operation:
            case "insert":
                return collections.create(session, object_, rows, headers=headers)
            case "update":
                return collections.update(session, object_, rows, headers=headers)
            case "upsert":
                return collections.upsert(session, object_, str(chunk.key), rows, headers=headers)
            case "delete":
                return collections.delete(session, [str(row["Id"]) for row in rows])
    except PartlyUnknown as error:
        return error.outcomes


def by_composite(session: Session, chunks: Sequence[Chunk], start: int = 0) -> list[RowOutcome]:
    """All chunks in one call, in order; outcomes of their rows one after the other, from `start`.

    Chunks that a lock or trouble of the org's side kept from being written go again, each by
    Collections, if they are repeatable; else they are UNKNOWN.
    """
    parts = [_part(chunk, f"part{number}") for number, chunk in enumerate(chunks)]
    kind = chunks[0].operation if len({c.operation for c in chunks}) == 1 else "composite"
    repeatable = all(chunk.is_repeatable for chunk in chunks)
    try:
        answers = together(session, parts, kind=kind, repeatable=repeatable)
    except OutcomeUnknown as error:
        return _unknown(sum(len(chunk.rows) for chunk in chunks), error.message, start)
    outcomes: list[RowOutcome] = []
    for chunk, answer in zip(chunks, answers, strict=True):
        told = _read(chunk, answer, start + len(outcomes))
        verb, records = VERBS[chunk.operation], [id_of(row) for row in chunk.rows]
        session.tell_rows(chunk.object, verb, told, records)
        outcomes += told
    _past_trouble(session, chunks, outcomes, start)
    return outcomes


def _past_trouble(
    session: Session, chunks: Sequence[Chunk], outcomes: list[RowOutcome], start: int
) -> None:
    """Send what may be sent again, alike rows together; the new outcomes replace the old."""
    again: dict[Chunk, list[int]] = {}
    rows: list[Fields] = []
    for chunk in chunks:
        alike = replace(chunk, rows=())
        for place in range(len(rows), len(rows) + len(chunk.rows)):
            one = outcomes[place]
            if one.success:
                continue
            if is_passing(one) or (chunk.is_repeatable and is_unknown(one)):
                again.setdefault(alike, []).append(place)
        rows += chunk.rows
    if again:
        session.gate.crowded()
    for alike, places in again.items():
        for chunk in chunks_of(
            alike.object, alike.operation, [rows[place] for place in places], alike.key
        ):
            told = by_collections(session, chunk)
            for one in told:
                place = places[one.index]
                outcomes[place] = replace(one, index=start + place)
            places = places[len(told) :]


def _read(chunk: Chunk, answer: PartAnswer, start: int) -> list[RowOutcome]:
    indexes = range(start, start + len(chunk.rows))
    if answer.status < 300:
        try:
            return outcomes_of(indexes, answer.body, created=chunk.operation == "insert")
        except OutcomeUnknown as error:
            return _unknown(len(indexes), error.message, start)
    fault = read_fault(answer.status, answer.body)
    trouble = classify(fault.code, fault.message) if fault.code else Refusal.PASSING
    if trouble is Refusal.PASSING and (fault.code or answer.status >= 500):
        words = f"{fault.code or answer.status}: {fault.message or 'no reason given'}"
        return _unknown(len(indexes), words, start)
    refused = RowError(fault.code, fault.message, fault.fields)
    return [RowOutcome(index, None, False, errors=(refused,)) for index in indexes]


def _unknown(count: int, words: str, start: int = 0) -> list[RowOutcome]:
    error = RowError(UNKNOWN, words)
    return [RowOutcome(start + n, None, False, errors=(error,)) for n in range(count)]


def _part(chunk: Chunk, name: str) -> Part:
    path = "composite/sobjects"
    if chunk.operation == "delete":
        ids = ",".join(str(row["Id"]) for row in chunk.rows)
        return Part("DELETE", f"{path}?ids={ids}&allOrNone=false", name)
    body: dict[str, Any] = {
        "allOrNone": False,
        "records": [record_of(chunk.object, row) for row in chunk.rows],
    }
    if chunk.operation == "upsert":
        path = f"{path}/{chunk.object}/{chunk.key}"
    return Part("POST" if chunk.operation == "insert" else "PATCH", path, name, body)


def by_bulk(
    session: Session,
    object_: str,
    rows: Sequence[Fields],
    operation: Operation,
    key: str,
    on_job: Callable[[RecordId, int, int], None] | None = None,
    on_outcomes: Callable[[Sequence[RowOutcome]], None] | None = None,
) -> list[RowOutcome]:
    """The rows by bulk jobs; those that a lock refused are told of once, when they are through.

    Rows of a job whose results tell not of them, and of those after it, are UNKNOWN.
    """
    known: dict[int, RowOutcome] = {}

    def settled(told: Sequence[RowOutcome]) -> None:
        known.update({outcome.index: outcome for outcome in told})
        if on_outcomes is not None:
            on_outcomes([outcome for outcome in told if not is_passing(outcome)])

    try:
        outcomes = bulk.ingest(
            session, object_, operation, rows, key=key, on_job=on_job, on_outcomes=settled
        )
    except OutcomeUnknown as error:
        unknown = _unknown(len(rows), error.message)
        rest = [one for one in unknown if one.index not in known]
        if on_outcomes is not None:
            on_outcomes(rest)
        outcomes = [known.get(one.index, one) for one in unknown]
    first_locked = [outcome.index for outcome in outcomes if is_passing(outcome)]
    for _ in range(_LOCK_JOBS):
        locked = [outcome.index for outcome in outcomes if is_passing(outcome)]
        if not locked:
            break
        session.gate.crowded()
        smaller = [rows[index] for index in locked]
        for index, one in zip(
            locked, _once_more(session, object_, smaller, operation, key), strict=True
        ):
            outcomes[index] = replace(one, index=index)
    if first_locked and on_outcomes is not None:
        on_outcomes([outcomes[index] for index in first_locked])
    return outcomes


def _once_more(
    session: Session, object_: str, rows: Sequence[Fields], operation: Operation, key: str
) -> list[RowOutcome]:
    """One more job; a lost outcome is UNKNOWN."""
    try:
        return bulk.ingest(session, object_, operation, rows, key=key)
    except OutcomeUnknown as error:
        return _unknown(len(rows), error.message)
