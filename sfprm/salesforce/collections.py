"""Writing many records a call: sObject Collections, 200 at most, each with its own outcome.

Never all-or-none: one bad row must not hold back 199 good ones. Rows refused for a lock are sent
again here, alone, after a growing wait; no other row is ever sent twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sfprm.errors import BadRequest, OrgUnreachable, OutcomeUnknown, RowRefused
from sfprm.ids import RecordId
from sfprm.salesforce.answer import told_id
from sfprm.salesforce.refusals import Refusal, classify, hint_for, scrub
from sfprm.salesforce.session import Session

__all__ = [
    "AUTO_ASSIGN_OFF",
    "MAX_ROWS",
    "UNKNOWN",
    "VERBS",
    "PartlyUnknown",
    "RowError",
    "RowOutcome",
    "create",
    "delete",
    "id_of",
    "is_passing",
    "outcomes_of",
    "record_of",
    "update",
    "upsert",
]

MAX_ROWS = 200
"""Most records in one Collections call [documented]."""

AUTO_ASSIGN_OFF: Mapping[str, str] = {"Sforce-Auto-Assign": "FALSE"}
"""Keeps the org's assignment rules from overwriting an owner: for every Lead and Case write.

Absent, the org takes it for TRUE [documented]; whether Collections honour it is unverified."""

UNKNOWN = "OUTCOME_UNKNOWN"
"""Our code for rows that were sent and not answered: read them back before writing them again."""

VERBS: Mapping[str, str] = {
    "insert": "create",
    "update": "update",
    "upsert": "upsert",
    "delete": "delete",
}
"""What operations are called where rows are counted, by what Bulk 2.0 calls them."""

_LOCK_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each repeat of rows that a lock refused."""

_IDS = ("Id", "ID", "iD")
"""Ways to spell the field other than Collections' own."""

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row was refused, in Salesforce's words."""

    code: str
    message: str
    fields: tuple[str, ...] = ()

    @property
    def refusal(self) -> Refusal:
        return classify(self.code, self.message)

    @property
    def hint(self) -> str:
        """The next step for the reader."""
        return hint_for(self.code, self.message)

    def __str__(self) -> str:
        where = f" [{', '.join(self.fields)}]" if self.fields else ""
        return f"{self.code}: {scrub(self.message)}{where}"


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of the row at `index` (from 0) of the rows given."""

    index: int
    id: RecordId | None
    success: bool
    created: bool = False
    errors: tuple[RowError, ...] = ()

    @property
    def is_unknown(self) -> bool:
        """Whether the row was sent and not answered."""
        return any(error.code == UNKNOWN for error in self.errors)

    @property
    def error(self) -> RowRefused | None:
        """The refusal as an error, or None for a row that was written."""
        if self.success:
            return None
        first = self.errors[0] if self.errors else RowError("", "no reason given")
        said = "; ".join(str(error) for error in self.errors) or "no reason given"
        return RowRefused(f"Salesforce refused the row: {said}", code=first.code, hint=first.hint)


class PartlyUnknown(OutcomeUnknown):
    """A call got no clear answer. `outcomes`: of all rows up to its last one; those that nobody
    knows of have the code UNKNOWN."""

    def __init__(self, error: OutcomeUnknown, outcomes: Sequence[RowOutcome]) -> None:
        super().__init__(error.message, hint=error.hint)
        self.outcomes = list(outcomes)


def create(
    session: Session,
    object_: str,
    rows: Sequence[Fields],
    *,
    headers: Mapping[str, str] | None = None,
    chunk: int = MAX_ROWS,
) -> list[RowOutcome]:
    """Insert; one outcome a row, in order. Not repeatable: a lost answer is OutcomeUnknown.

    Raises PartlyUnknown at the first chunk without a clear answer; chunks before it are in.
    """
    return _write(session, "POST", "composite/sobjects", object_, rows, headers, chunk, False)


def update(
    session: Session,
    object_: str,
    rows: Sequence[Fields],
    *,
    headers: Mapping[str, str] | None = None,
    chunk: int = MAX_ROWS,
) -> list[RowOutcome]:
    """Update rows by their `Id`; one outcome a row, in order. Repeatable: values are absolute."""
    return _write(session, "PATCH", "composite/sobjects", object_, rows, headers, chunk, True)


def upsert(
    session: Session,
    object_: str,
    key_field: str,
    rows: Sequence[Fields],
    *,
    headers: Mapping[str, str] | None = None,
    chunk: int = MAX_ROWS,
) -> list[RowOutcome]:
    """Create or update by a unique external-id field that each row holds. Repeatable."""
    path = f"composite/sobjects/{object_}/{key_field}"
    return _write(session, "PATCH", path, object_, rows, headers, chunk, True)


def delete(session: Session, ids: Sequence[str]) -> list[RowOutcome]:
    """Delete by id; one outcome an id, in order.

    Repeatable, but a repeat may find its own work done: ENTITY_IS_DELETED is then a failure here.
    """

    def send(part: Sequence[tuple[int, str]]) -> list[RowOutcome]:
        params = {"ids": ",".join(id_ for _, id_ in part), "allOrNone": "false"}
        answer = session.request(
            "DELETE", "composite/sobjects", kind="delete", params=params, repeatable=True
        )
        outcomes = outcomes_of([index for index, _ in part], answer.json, created=False)
        session.tell_rows("", "delete", outcomes, [id_ for _, id_ in part])
        return outcomes

    return _in_chunks(session, list(ids), send, MAX_ROWS)


def _write(
    session: Session,
    method: str,
    path: str,
    object_: str,
    rows: Sequence[Fields],
    headers: Mapping[str, str] | None,
    chunk: int,
    repeatable: bool,
) -> list[RowOutcome]:
    inserts = method == "POST"
    kind = "create" if inserts else "upsert" if path != "composite/sobjects" else "update"

    def send(part: Sequence[tuple[int, Fields]]) -> list[RowOutcome]:
        records = [record_of(object_, row) for _, row in part]
        answer = session.request(
            method,
            path,
            kind=kind,
            json={"allOrNone": False, "records": records},
            headers=headers,
            repeatable=repeatable,
        )
        outcomes = outcomes_of([index for index, _ in part], answer.json, created=inserts)
        session.tell_rows(object_, kind, outcomes, [id_of(row) for _, row in part])
        return outcomes

    return _in_chunks(session, list(rows), send, chunk)


def record_of(object_: str, row: Fields) -> dict[str, Any]:
    """The row as Collections wants it: its type first, the id spelt in lower case."""
    record: dict[str, Any] = {"attributes": {"type": object_}, **row}
    for name in _IDS:
        if name in record:
            record["id"] = record.pop(name)
    return record


def id_of(row: Fields) -> str:
    """The record that the row names; empty for one that is to be made, or is named by a key."""
    return str(row.get("Id") or row.get("id") or "")


def _in_chunks(
    session: Session,
    rows: Sequence[Any],
    send: Callable[[Sequence[tuple[int, Any]]], list[RowOutcome]],
    chunk: int,
) -> list[RowOutcome]:
    if not 1 <= chunk <= MAX_ROWS:
        raise BadRequest(f"A chunk holds 1 to {MAX_ROWS} records, not {chunk}.")
    numbered = list(enumerate(rows))
    outcomes: list[RowOutcome] = []
    for start in range(0, len(numbered), chunk):
        try:
            outcomes += _past_locks(session, numbered[start : start + chunk], send)
        except PartlyUnknown as error:
            raise PartlyUnknown(error, [*outcomes, *error.outcomes]) from error
    return outcomes


def _past_locks(
    session: Session,
    part: Sequence[tuple[int, Any]],
    send: Callable[[Sequence[tuple[int, Any]]], list[RowOutcome]],
) -> list[RowOutcome]:
    by_index: dict[int, RowOutcome] = {}
    now = list(part)
    for wait in (*_LOCK_WAITS, None):
        try:
            by_index.update({outcome.index: outcome for outcome in send(now)})
        except OutcomeUnknown as error:
            unknown = RowError(UNKNOWN, error.message)
            lost = {index: RowOutcome(index, None, False, errors=(unknown,)) for index, _ in now}
            raise PartlyUnknown(error, [(by_index | lost)[index] for index, _ in part]) from error
        now = [(index, row) for index, row in now if is_passing(by_index[index])]
        if not now or wait is None:
            break
        session.gate.crowded()
        session.clock.sleep(wait)
    return [by_index[index] for index, _ in part]


def is_passing(outcome: RowOutcome) -> bool:
    """Whether the row may be sent again as it is: nothing was done to it, for a passing reason."""
    return any(error.refusal in (Refusal.LOCK, Refusal.BUSY) for error in outcome.errors)


def outcomes_of(indexes: Sequence[int], results: Any, *, created: bool) -> list[RowOutcome]:
    """The outcomes in an answer of Collections, for the rows at `indexes`.

    Raises OutcomeUnknown when it tells not of each of them.
    """
    if not isinstance(results, list) or len(results) != len(indexes):
        raise OutcomeUnknown(
            f"{len(indexes)} records were sent, and the answer does not tell of each of them."
        )
    try:
        return [_outcome(at, item, created) for at, item in zip(indexes, results, strict=True)]
    except (AttributeError, TypeError, OrgUnreachable) as error:
        raise OutcomeUnknown(
            f"{len(indexes)} records were sent, and the answer is not Salesforce's."
        ) from error


def _outcome(index: int, item: Mapping[str, Any], created: bool) -> RowOutcome:
    success, id_ = bool(item.get("success")), item.get("id")
    outcome = RowOutcome(
        index,
        told_id(id_) if id_ else None,
        success,
        created=success and bool(item.get("created", created)),
    )
    return outcome if success else replace(outcome, errors=tuple(_errors(item.get("errors") or ())))


def _errors(items: Iterable[Mapping[str, Any]]) -> Iterable[RowError]:
    for item in items:
        yield RowError(
            str(item.get("statusCode") or item.get("errorCode") or ""),
            str(item.get("message") or ""),
            tuple(str(name) for name in item.get("fields") or ()),
        )
