"""`journal export` and `journal purge`: the journal as a file, and forgetting people in it."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from sfprm.blocks import Block, Text
from sfprm.errors import BadRequest
from sfprm.ids import RecordId
from sfprm.insight.journal_table import COLUMNS, journal_rows
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult

ENDINGS = (".parquet", ".csv", ".jsonl")
PAGE = 20_000


class ExportOptions(JobOptions):
    """Options of `journal export`."""

    out: Path
    days: int | None = Field(None, ge=1)


@dataclass(frozen=True)
class CountResult(JobResult):
    """How many entries, in a sentence."""

    entries: int
    sentence: str

    def blocks(self) -> tuple[Block, ...]:
        return (Text((self.sentence,)),)

    def to_json(self) -> dict[str, Any]:
        return {"entries": self.entries}

    @property
    def counts(self) -> Mapping[str, int]:
        return {"entries": self.entries}


class ExportJob(Job[ExportOptions, CountResult]):
    """Reads the journal alone; needs no org."""

    name: ClassVar[str] = "journal-export"
    summary: ClassVar[str] = "writes the journal to a Parquet, CSV or JSON-lines file"
    recorded: ClassVar[bool] = False
    offline: ClassVar[bool] = True
    needs_programme: ClassVar[bool] = False
    options = ExportOptions

    def run(self, context: JobContext, options: ExportOptions) -> CountResult:
        since = None
        if options.days is not None:
            since = context.clock.now() - timedelta(days=options.days)
        rows = journal_rows(context.store, since)
        try:
            count = _write(options.out, rows)
        except OSError as error:
            raise BadRequest(
                f"{options.out}: {error.strerror}.", hint="Choose another --out."
            ) from None
        return CountResult(count, f"{count:,} journal entries were written to {options.out}.")


def _write(path: Path, rows: Iterator[dict[str, Any]]) -> int:
    match path.suffix.lower():
        case ".parquet":
            return _write_parquet(path, rows)
        case ".csv":
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                count = 0
                for row in rows:
                    writer.writerow(_plain(row))
                    count += 1
                return count
        case ".jsonl":
            with path.open("w", encoding="utf-8") as file:
                return sum(
                    1
                    for row in rows
                    if file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
                )
    raise BadRequest(
        f"{path}: a journal is written as {', '.join(ENDINGS)}.", hint="Give --out one of them."
    )


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """No cell begins a formula; instants as ISO 8601."""
    plain = {}
    for name, value in row.items():
        if isinstance(value, datetime):
            plain[name] = value.isoformat()
        elif isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
            plain[name] = f"'{value}"
        else:
            plain[name] = value
    return plain


def _write_parquet(path: Path, rows: Iterator[dict[str, Any]]) -> int:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        raise BadRequest(
            "Parquet needs a library that is not installed.",
            hint="Run: pip install 'sfprm[parquet]', or give --out the ending .csv.",
        ) from None
    whole = {"sequence", "offer", "refunds"}
    fields = [
        pa.field(name, pa.int64() if name in whole else pa.float64())
        if name in whole or name.startswith("credit_")
        else pa.field(name, pa.timestamp("us", tz="UTC") if name == "decided_at" else pa.string())
        for name in COLUMNS
    ]
    schema = pa.schema(fields)
    count = 0
    with pq.ParquetWriter(path, schema) as writer:
        for page in _pages(rows):
            writer.write_table(pa.Table.from_pylist(page, schema=schema))
            count += len(page)
    return count


def _pages(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    left = iter(rows)
    while page := list(itertools.islice(left, PAGE)):
        yield page


class PurgeOptions(JobOptions):
    """Options of `journal purge`: leads by id, or all that were decided longer ago."""

    leads: tuple[str, ...] = ()
    older_than_days: int | None = Field(None, ge=1)


class PurgeJob(Job[PurgeOptions, CountResult]):
    """Forgets what the state holds of leads; the journal stays provable without it."""

    name: ClassVar[str] = "purge"
    summary: ClassVar[str] = "forgets personal data of leads; decisions stay provable"
    offline: ClassVar[bool] = True
    needs_programme: ClassVar[bool] = False
    options = PurgeOptions

    def run(self, context: JobContext, options: PurgeOptions) -> CountResult:
        if not options.leads and options.older_than_days is None:
            raise BadRequest(
                "Nothing was named to be forgotten.",
                hint="Name leads by id, or give --older-than DAYS.",
            )
        leads = [RecordId(lead) for lead in options.leads]
        before = None
        if options.older_than_days is not None:
            before = context.clock.now() - timedelta(days=options.older_than_days)
        count = context.store.purge_facts(leads=leads, before=before)
        noun = "entry" if count == 1 else "entries"
        return CountResult(
            count, f"Forgotten what {count:,} journal {noun} held of leads; the proofs stay."
        )
