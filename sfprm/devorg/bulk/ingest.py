"""Ingest jobs at work: rows go through the same order of execution as every other write, in
transactions of 200 [D].

No `Sforce-Auto-Assign` can be sent with a job: an `assignmentRuleId` runs that rule, without one
none runs [D, rest.md "Unverified" 2]. A value of the wrong type fails its row alone:
`INVALID_TYPE_ON_FIELD_IN_RECORD:Label: value not of required type: x` [M]. Errors are
`CODE:message:fields --`, the fields with spaces between them (for several unverified). Rows that
meet a lock fail and are not tried again [D, practice.md]; a fault `lock` on the upload makes every
other row meet one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from sfprm.devorg.api.exchange import Request
from sfprm.devorg.api.upserts import upsert_rows
from sfprm.devorg.api.writing import find_object, transaction
from sfprm.devorg.bulk.columns import Columns, read_columns
from sfprm.devorg.bulk.dialect import CsvProblem
from sfprm.devorg.dml import Context, Row, delete_rows, insert_rows, parse_rows, update_rows
from sfprm.devorg.dml.coerce import coerce
from sfprm.devorg.ids import is_id
from sfprm.devorg.problems import Refusal, RowProblem
from sfprm.devorg.stamps import stamp_text

if TYPE_CHECKING:
    from sfprm.devorg.bulk.job import Job
    from sfprm.devorg.org import Org
    from sfprm.devorg.schema import ObjectDef

__all__ = ["TRANSACTION", "Done", "Work", "error_text"]

TRANSACTION = 200
MAX_CELL = 32_000
MAX_RECORD = 400_000
MAX_FIELDS = 5_000

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """What one transaction did: lines of the two results files, the offset after its last row."""

    successful: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    offset: int = 0


class Work:
    """One job's work over its data. Raises CsvProblem when the data is not for this job."""

    def __init__(self, org: Org, job: Job, text: str) -> None:
        self._org = org
        self._job = job
        self._text = text
        self._dialect = job.dialect
        self._request = Request(
            org=org,
            method="PUT",
            path=f"/services/data/v{job.version}/jobs/ingest/{job.id}/batches",
            params={},
            headers={},
            body=b"",
            base="",
            version=job.version,
            caller=org.permissions.of(job.user_id),
        )
        self.header, self.start = self._dialect.header(text)
        if len(self.header) > MAX_FIELDS:
            raise CsvProblem(
                f"InvalidBatch : Number of columns in row exceeded maximum: {MAX_FIELDS}"
            )
        self._definition: ObjectDef = find_object(self._request, job.object)
        self._columns: Columns = read_columns(
            org,
            self._request.access,
            self._definition,
            job.operation,
            job.external_id,
            self.header,
        )

    def run(self, offset: int) -> Done:
        """One transaction: the next rows from `offset` on, written. Raises Refusal for what the
        org does not imitate."""
        chunk = list(islice(self._dialect.rows(self._text, offset), TRANSACTION))
        if not chunk:
            return Done(offset=len(self._text))
        cells = [row for row, _ in chunk]
        done = Done(offset=chunk[-1][1])
        for row, values in zip(self._rows(cells), cells, strict=True):
            if row.problem is None:
                head = [str(row.id), "true" if row.created else "false"]
                done.successful.append(self._dialect.line([*head, *values]))
            else:
                known = self._job.operation != "insert" and is_id(row.id)
                head = [str(row.id) if known else "", error_text(row.problem)]
                done.failed.append(self._dialect.line([*head, *values]))
        return done

    def _rows(self, cells: Sequence[Sequence[str]]) -> list[Row]:
        records = [self._columns.record(values) for values in cells]
        rows: dict[int, Row] = {}
        for place, values in enumerate(cells):
            problem = _too_large(values) or self._nameless(records[place])
            if problem is not None:
                rows[place] = Row(place, problem=problem)
        try:
            self._write(records, rows)
        except Refusal as refusal:
            if refusal.code != "JSON_PARSER_ERROR":
                raise
            # A value has the wrong type: set its row apart, and write the others
            for place, record in enumerate(records):
                wrong = self._mistyped(record)
                if wrong is not None and place not in rows:
                    rows[place] = Row(place, problem=wrong)
            self._write(records, rows)
        return [rows[place] for place in range(len(cells))]

    def _write(self, records: Sequence[Record], rows: dict[int, Row]) -> None:
        """Write the records that have no row yet; each gets its row."""
        places = [place for place in range(len(records)) if place not in rows]
        chosen = [records[place] for place in places]
        org = self._org
        now = stamp_text(org.clock.now())
        rule = self._job.assignment_rule
        lock = RowProblem(*self._job.lock) if self._job.lock is not None else None
        context = Context(org, self._request.access, now, rule if rule is not None else False, lock)
        context.mixed_with(self._definition.name)
        with transaction(org):
            written = self._operate(context, chosen)
        rows.update(zip(places, written, strict=True))

    def _operate(self, context: Context, records: Sequence[Record]) -> list[Row]:
        definition = self._definition
        match self._job.operation:
            case "insert":
                rows = parse_rows(context, definition, "insert", records)
                insert_rows(context, definition, rows)
            case "update":
                rows = parse_rows(context, definition, "update", records)
                update_rows(context, definition, rows)
            case "upsert":
                key = definition.field(self._job.external_id or "Id")
                assert key is not None
                rows = upsert_rows(self._request, context, definition, key, records)
            case _:
                rows = [Row(place, id=record["Id"]) for place, record in enumerate(records)]
                delete_rows(context, definition, rows)
                if self._job.operation == "hardDelete":
                    self._erase(rows)
        return rows

    def _erase(self, rows: Sequence[Row]) -> None:
        """Take deleted rows out of the recycle bin too. What hung on them stays in the bin
        (unverified)."""
        for row in rows:
            if row.problem is None and row.id is not None:
                self._org.storage.delete(self._definition.name, row.id)
                self._org.bulk.store.erase(self._definition.name, row.id)

    def _nameless(self, record: Record) -> RowProblem | None:
        """The refusal of a row that names no record [M]."""
        operation = self._job.operation
        if operation in {"insert", "upsert"} or record.get("Id"):
            return None
        verb = "an update" if operation == "update" else "a delete"
        return RowProblem("MISSING_ARGUMENT", f"Id not specified in {verb} call", "Id")

    def _mistyped(self, record: Record) -> RowProblem | None:
        for one in self._columns.fields():
            value = record.get(one.name)
            if value is None or one.name == "Id":
                continue
            try:
                coerce(one, value)
            except Refusal:
                return RowProblem(
                    "INVALID_TYPE_ON_FIELD_IN_RECORD",
                    f"{one.label}: value not of required type: {value}",
                    one.name,
                )
            except RowProblem:
                continue
        return None


def error_text(problem: RowProblem) -> str:
    """A row's problem as `sf__Error` has it [R]."""
    return f"{problem.code}:{problem.message}:{' '.join(problem.fields)} --"


def _too_large(values: Sequence[str]) -> RowProblem | None:
    """A value over 32,000 characters, or a record over 400,000 [D]; the words are unverified."""
    if any(len(value) > MAX_CELL for value in values):
        return RowProblem("STRING_TOO_LONG", f"data value too large (max length={MAX_CELL})")
    if sum(map(len, values)) > MAX_RECORD:
        return RowProblem("STRING_TOO_LONG", f"record too large (max length={MAX_RECORD})")
    return None
