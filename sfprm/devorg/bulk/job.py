"""A job as a value, the table of its states, and how it is shown.

States and fields as documented [D]; `jobType`, `retries` and the processing times as seen in a
recorded answer [P]."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sfprm.devorg.bulk.dialect import Dialect

__all__ = ["MOVES", "Event", "Job", "State"]


class State(StrEnum):
    """Where a job stands."""

    OPEN = "Open"
    UPLOADED = "UploadComplete"
    RUNNING = "InProgress"
    DONE = "JobComplete"
    FAILED = "Failed"
    ABORTED = "Aborted"


class Event(StrEnum):
    """What happens to a job."""

    CLOSE = "close"
    BEGIN = "begin"
    FINISH = "finish"
    FAIL = "fail"
    ABORT = "abort"


MOVES: dict[tuple[State, Event], State] = {
    (State.OPEN, Event.CLOSE): State.UPLOADED,
    (State.OPEN, Event.ABORT): State.ABORTED,
    (State.UPLOADED, Event.BEGIN): State.RUNNING,
    (State.UPLOADED, Event.ABORT): State.ABORTED,
    (State.RUNNING, Event.FINISH): State.DONE,
    (State.RUNNING, Event.FAIL): State.FAILED,
    (State.RUNNING, Event.ABORT): State.ABORTED,
}
"""Legal moves; anything absent is refused."""

WORKING = frozenset({State.UPLOADED, State.RUNNING})


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `kind` is ingest or query. Stamps are texts as the API writes them; `closed` is the
    exact instant of closing in ISO form. `total` is None until the data was read through; `offset`
    is the character of the data at which the next row begins; `processed` and `failed` count rows.
    `outcome` is what the work came to, hidden until the job was polled once while not done.
    `lock` is a fault that every other row meets, as (code, message)."""

    id: str
    kind: str
    operation: str
    object: str
    user_id: str
    version: str
    created: str
    modified: str
    state: State
    delimiter: str = "COMMA"
    line_ending: str = "LF"
    external_id: str | None = None
    assignment_rule: str | None = None
    query: str | None = None
    uploaded: bool = False
    closed: str | None = None
    polled: bool = False
    total: int | None = None
    offset: int = 0
    processed: int = 0
    failed: int = 0
    milliseconds: int = 0
    outcome: Event | None = None
    error: str | None = None
    lock: tuple[str, str] | None = None

    @property
    def dialect(self) -> Dialect:
        """How its CSV is written."""
        return Dialect(self.delimiter, self.line_ending)

    @property
    def working(self) -> bool:
        """Closed and not at its end."""
        return self.state in WORKING

    def moved(self, event: Event, stamp: str) -> Job | None:
        """The job after an event at an instant; None when the event is not legal now."""
        state = MOVES.get((self.state, event))
        return None if state is None else replace(self, state=state, modified=stamp)

    def shown(self) -> dict[str, Any]:
        """As answered on creation and on a change of state."""
        body: dict[str, Any] = {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": self.user_id,
            "createdDate": self.created,
            "systemModstamp": self.modified,
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
            "lineEnding": self.line_ending,
            "columnDelimiter": self.delimiter,
        }
        if self.external_id is not None:
            body["externalIdFieldName"] = self.external_id
        if self.assignment_rule is not None:
            body["assignmentRuleId"] = self.assignment_rule
        if self.state is State.OPEN:
            body["contentUrl"] = f"services/data/v{self.version}/jobs/ingest/{self.id}/batches"
        return body

    def listed(self) -> dict[str, Any]:
        """As in the list of all jobs."""
        body = self.shown()
        body["jobType"] = "V2Query" if self.kind == "query" else "V2Ingest"
        return body

    def detailed(self) -> dict[str, Any]:
        """As answered to a poll. Rows count as they are processed."""
        body = self.listed()
        body["retries"] = 0
        body["totalProcessingTime"] = self.milliseconds
        body["numberRecordsProcessed"] = self.processed
        if self.kind == "ingest":
            body["numberRecordsFailed"] = self.failed
            body["apiActiveProcessingTime"] = self.milliseconds
            body["apexProcessingTime"] = 0
        if self.error is not None and not self.working:
            body["errorMessage"] = self.error
        return body
