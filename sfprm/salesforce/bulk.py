"""Bulk API 2.0 ingest: one job for many rows, and an outcome for each of them.

A job is created, its CSV uploaded once, closed, watched, and its three result files are read.
Results come in no promised order [documented], so rows are found again by a column of ours whose
value is unique. Empty cell: left alone; `#N/A`: set to null [documented]. The org runs rows in
parallel, in transactions of 200; that cannot be switched off, and no header can be sent along.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from sfprm.errors import BadRequest, OrgRefused, OrgUnreachable, OutcomeUnknown, StillWorking
from sfprm.ids import RecordId
from sfprm.salesforce.answer import told_id, understood
from sfprm.salesforce.collections import VERBS, RowError, RowOutcome, id_of
from sfprm.salesforce.session import Session

__all__ = [
    "MAX_BYTES",
    "NOT_PROCESSED",
    "BulkState",
    "Operation",
    "cell",
    "collect",
    "ingest",
    "row_error",
    "watch",
]

Operation = Literal["insert", "update", "upsert", "delete"]
Fields = Mapping[str, Any]

MAX_BYTES = 100_000_000
"""Most bytes of CSV in a job: 150 MB in base64 [documented]."""

NOT_PROCESSED = "NOT_PROCESSED"
"""Our code for rows that a failed or aborted job did not get to: nothing was done to them."""

_ENDED = frozenset({"JobComplete", "Failed", "Aborted"})
_BARE = re.compile(r"[,\"\r\n]|\A\s|\s\Z").search
_FIRST_PACE, _SLOWEST_PACE = 1.0, 15.0


@dataclass(frozen=True, slots=True)
class BulkState:
    """Where a job stands. `processed` and `failed` count rows."""

    id: RecordId
    state: str
    processed: int = 0
    failed: int = 0
    error: str = ""


def ingest(
    session: Session,
    object_: str,
    operation: Operation,
    rows: Sequence[Fields],
    *,
    key: str,
    timeout: float = 3600.0,
    max_bytes: int = MAX_BYTES,
    on_job: Callable[[RecordId, int, int], None] | None = None,
    on_progress: Callable[[BulkState], None] | None = None,
    on_outcomes: Callable[[Sequence[RowOutcome]], None] | None = None,
) -> list[RowOutcome]:
    """Write rows by as many jobs as their size asks for; one outcome a row, in order.

    `key`: the column that tells rows apart: `Id` for update and delete, the external id of an
    upsert, any unique field of an insert. `on_job` is told of each job's id and of the part of the
    rows that it holds (start, end) before the org begins: keep them, and `collect` finds the
    outcomes after a crash. `on_outcomes` is told of each job's outcomes when it has ended.
    `timeout` in seconds a job, then StillWorking; the org goes on.
    """
    texts = _keys(rows, key)
    outcomes: list[RowOutcome] = []
    for start, end, body in _files(rows, key, max_bytes):
        id_ = _loaded(session, object_, operation, body, key)
        if on_job is not None:
            on_job(id_, start, end)
        _close(session, id_)
        state = watch(session, id_, timeout=timeout, on_progress=on_progress)
        told = _outcomes(session, state, texts[start:end], key, start, operation)
        session.tell_rows(object_, VERBS[operation], told, [id_of(r) for r in rows[start:end]])
        if on_outcomes is not None:
            on_outcomes(told)
        outcomes += told
    return outcomes


def collect(
    session: Session,
    job: RecordId,
    rows: Sequence[Fields],
    operation: Operation,
    *,
    key: str,
    timeout: float = 3600.0,
) -> list[RowOutcome]:
    """The outcomes of a job that was begun earlier with just these rows.

    A job that was never closed did nothing: it is aborted, and its rows are NOT_PROCESSED.
    """
    state = _look(session, job)
    if state.state == "Open":
        session.request(
            "PATCH", _path(job), kind="bulk", json={"state": "Aborted"}, repeatable=True
        )
        error = RowError(NOT_PROCESSED, "the job was never begun")
        return [RowOutcome(index, None, False, errors=(error,)) for index in range(len(rows))]
    state = watch(session, job, timeout=timeout)
    told = _outcomes(session, state, _keys(rows, key), key, 0, operation)
    session.tell_rows("", VERBS[operation], told, [id_of(row) for row in rows])
    return told


def watch(
    session: Session,
    job: RecordId,
    *,
    family: Literal["ingest", "query"] = "ingest",
    timeout: float = 3600.0,
    on_progress: Callable[[BulkState], None] | None = None,
) -> BulkState:
    """Wait for a job's end, looking at 1 s, then ever more seldom, at most each 15 s.

    Raises StillWorking after `timeout` seconds. A failed job is a state, not an error.
    """
    end = session.clock.monotonic() + timeout
    pace = _FIRST_PACE
    while True:
        state = _look(session, job, family)
        if on_progress is not None:
            on_progress(state)
        if state.state in _ENDED:
            return state
        if session.clock.monotonic() + pace > end:
            raise StillWorking(f"The org still works on the bulk job {job} ({state.state}).")
        session.clock.sleep(pace)
        pace = min(_SLOWEST_PACE, pace * 1.5)


def cell(value: Any) -> str:
    """A value as a cell of the CSV; None and the empty text set the field to null."""
    match value:
        case None | "":
            return "#N/A"
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        case date():
            return value.isoformat()
        case Mapping() | list() | tuple():
            raise BadRequest("A bulk job holds plain values only, no records inside records.")
        case _:
            return str(value)


def _keys(rows: Sequence[Fields], key: str) -> list[str]:
    """The key column's cells. Raises BadRequest when one is missing or stands twice."""
    texts = [_key_text(row.get(key), key) for row in rows]
    if "" in texts:
        raise BadRequest(f"Row {texts.index('') + 1} has no {key}: its outcome could not be told.")
    twice, times = Counter(texts).most_common(1)[0] if texts else ("", 1)
    if times > 1:
        raise BadRequest(f"{key} {twice!r} stands in more than one row.")
    return texts


def _key_text(value: Any, key: str) -> str:
    if value is None or value == "":
        return ""
    return str(RecordId(str(value))) if key.lower() == "id" else cell(value)


def _files(rows: Sequence[Fields], key: str, max_bytes: int) -> Iterator[tuple[int, int, bytes]]:
    """The rows as CSV files of at most `max_bytes`, each with its part of the rows."""
    columns = [key, *sorted({name for row in rows for name in row} - {key})]
    head = _line(columns)
    buffer, size, start = [head], len(head), 0
    for index, row in enumerate(rows):
        line = _line([cell(row[name]) if name in row else "" for name in columns])
        if size + len(line) > max_bytes and index > start:
            yield start, index, b"".join(buffer)
            buffer, size, start = [head], len(head), index
        buffer.append(line)
        size += len(line)
    if start < len(rows):
        yield start, len(rows), b"".join(buffer)


def _line(cells: Sequence[str]) -> bytes:
    return (",".join(map(_quoted, cells)) + "\n").encode()


def _quoted(text: str) -> str:
    """Quoted where it must be; Python's own writer leaves a lone carriage return bare."""
    return text if _BARE(text) is None else '"' + text.replace('"', '""') + '"'


def _path(job: str, family: str = "ingest") -> str:
    return f"jobs/{family}/{job}"


def _loaded(
    session: Session, object_: str, operation: Operation, body: bytes, key: str
) -> RecordId:
    """A new job with its file, not yet closed: the org has done nothing so far, so all of this
    may be repeated. An upload that failed half-way spoils its job; the next try gets a new one."""
    asked = {
        "object": object_,
        "operation": operation,
        "contentType": "CSV",
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }
    if operation == "upsert":
        asked["externalIdFieldName"] = key
    for last in (False, True):
        told: Any = session.request(
            "POST", "jobs/ingest", kind="bulk", json=asked, repeatable=True
        ).json
        id_ = _state(told).id
        try:
            session.request(
                "PUT",
                f"{_path(id_)}/batches",
                kind="bulk",
                data=body,
                headers={"Content-Type": "text/csv; charset=UTF-8"},
            )
        except OutcomeUnknown:
            session.request(
                "PATCH", _path(id_), kind="bulk", json={"state": "Aborted"}, repeatable=True
            )
            if last:
                raise
            continue
        return id_
    raise AssertionError("the loop above returns or raises")


def _close(session: Session, job: RecordId) -> None:
    try:
        session.request(
            "PATCH", _path(job), kind="bulk", json={"state": "UploadComplete"}, repeatable=True
        )
    except OrgRefused:
        if _look(session, job).state == "Open":  # else an answer was lost: it is closed already
            raise


def _look(session: Session, job: RecordId, family: str = "ingest") -> BulkState:
    return _state(session.request("GET", _path(job, family), kind="bulk").json)


def _state(told: Any) -> BulkState:
    if not isinstance(told, Mapping) or "id" not in told or "state" not in told:
        raise OrgUnreachable("The answer about a bulk job is not Salesforce's.")
    with understood("about a bulk job"):
        return BulkState(
            told_id(told["id"]),
            str(told["state"]),
            int(told.get("numberRecordsProcessed") or 0),
            int(told.get("numberRecordsFailed") or 0),
            str(told.get("errorMessage") or ""),
        )


def _outcomes(
    session: Session,
    state: BulkState,
    keys: Sequence[str],
    key: str,
    start: int,
    operation: Operation,
) -> list[RowOutcome]:
    """One outcome for each key. Raises OutcomeUnknown when the result files tell not of all."""
    by_key = {text: start + number for number, text in enumerate(keys)}
    found: dict[int, RowOutcome] = {}

    def place(line: Mapping[str, str]) -> int | None:
        text = next((v for name, v in line.items() if name.lower() == key.lower()), "")
        text = text or line.get("sf__Id", "")
        return by_key.get(_key_text(text, key)) if text else None

    for line in _results(session, state.id, "successfulResults"):
        index = place(line)
        if index is not None:
            created = line.get("sf__Created", "").lower() == "true" or operation == "insert"
            found[index] = RowOutcome(index, _id(line), True, created)
    for line in _results(session, state.id, "failedResults"):
        index = place(line)
        if index is not None:
            found[index] = RowOutcome(
                index, _id(line), False, errors=(row_error(line.get("sf__Error", "")),)
            )
    if len(found) < len(keys) and state.state != "JobComplete":
        error = RowError(NOT_PROCESSED, state.error or f"the job ended as {state.state}")
        for line in _results(session, state.id, "unprocessedrecords"):
            index = place(line)
            if index is not None:
                found.setdefault(index, RowOutcome(index, None, False, errors=(error,)))
    if len(found) < len(keys):
        raise OutcomeUnknown(
            f"The bulk job {state.id} ({state.state}) tells of {len(found):,} of {len(keys):,} "
            "rows."
        )
    return [found[index] for index in sorted(found)]


def _results(session: Session, job: RecordId, name: str) -> Iterator[Mapping[str, str]]:
    answer = session.request(
        "GET", f"{_path(job)}/{name}", kind="bulk", headers={"Accept": "text/csv"}
    )
    content = io.BytesIO(answer.content)
    return csv.DictReader(io.TextIOWrapper(content, encoding="utf-8-sig", newline=""))


def _id(line: Mapping[str, str]) -> RecordId | None:
    return told_id(line["sf__Id"]) if line.get("sf__Id") else None


def row_error(text: str) -> RowError:
    """`CODE:message:fields --` [recorded] as the code, the words and the fields."""
    code, _, rest = text.partition(":")
    if not rest:
        return RowError("", text)
    words, _, fields = rest.removesuffix("--").rstrip().rpartition(":")
    if not words:
        return RowError(code, fields)
    names = tuple(fields.replace(",", " ").split())
    return RowError(code, words, names)
