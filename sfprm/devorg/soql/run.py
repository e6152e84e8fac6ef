"""The whole way of a query: text in, JSON-ready records out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sfprm.devorg.schema import FieldDef, ObjectDef, Schema
from sfprm.devorg.soql.bound import BoundQuery, ChildOutput, FieldOutput
from sfprm.devorg.soql.check import check
from sfprm.devorg.soql.dates import Calendar
from sfprm.devorg.soql.errors import NotImitated, SoqlError
from sfprm.devorg.soql.names import View
from sfprm.devorg.soql.parser import parse
from sfprm.devorg.soql.records import Record, RecordPlan, group_record
from sfprm.devorg.soql.sql import Emitter, RowRules, among, rows
from sfprm.devorg.soql.tables import Sql, joined
from sfprm.devorg.storage import Storage
from sfprm.devorg.values import datetime_text

__all__ = ["QueryResult", "run_query"]

MAX_GROUPS = 2_000
"""Rows of an aggregated query, which cannot page (SOQL sheet, section 6)."""

_BOUNDS = ("too many", "too large", "at most", "parser stack")
"""What SQLite says of a statement with more columns, tables or depth than it takes."""

RowFilter = Callable[[str], tuple[str, list[object]] | None]


@dataclass(frozen=True, slots=True)
class QueryResult:
    """All records, and how many there are; for COUNT() no records and the count."""

    records: list[Record] = field(default_factory=list)
    total_size: int = 0
    object: str = ""
    aggregated: bool = False


def run_query(
    text: str,
    schema: Schema,
    storage: Storage,
    *,
    visible: Callable[[ObjectDef, FieldDef], bool],
    object_visible: Callable[[ObjectDef], bool],
    now: datetime,
    user_zone: str,
    row_filter: RowFilter | None = None,
    include_deleted: bool = False,
    version: str = "66.0",
    user_id: str | None = None,
    week_starts: int = 6,
    fiscal_month: int = 1,
) -> QueryResult:
    """Runs a SOQL query as one user sees the org.

    `visible` and `object_visible` hide fields and objects. `row_filter(object name)` gives None,
    or an SQL condition with its parameters that the user's records fulfil, `{t}` standing for the
    table's alias, as in `{t}."OwnerId" = ?`; it governs the object queried, child sub-queries and
    semi-joins. `user_zone` is an IANA name, `week_starts` 0 (Monday) to 6 (Sunday). `version`
    goes into the records' addresses and bounds the depth of child sub-queries.

    Raises SoqlError with Salesforce's code and words, NotImitated for what is not there yet.
    """
    number = version.removeprefix("v")
    calendar = Calendar(now, user_zone, week_starts=week_starts, fiscal_month=fiscal_month)
    view = View(schema, visible, object_visible)
    query = check(parse(text), view, calendar, version=float(number))
    rules = RowRules(row_filter, include_deleted=include_deleted)
    runner = _Runner(storage, rules, user_zone, f"/services/data/v{number}/sobjects/", user_id)
    return runner.run(query, now)


class _Runner:
    def __init__(
        self, storage: Storage, rules: RowRules, zone: str, base: str, user_id: str | None
    ) -> None:
        self._storage = storage
        self._rules = rules
        self._zone = zone
        self._base = base
        self._user_id = user_id

    def run(self, query: BoundQuery, now: datetime) -> QueryResult:
        name = query.object.name
        if query.counting:
            emitter = self._emitter(query)
            ((count,),) = self._execute(emitter.counting(query, self._scope(query, emitter)))
            return QueryResult([], count, name)
        if query.grouping_sets is not None:
            found = self._groups(query)
            return QueryResult(found, len(found), name, aggregated=True)
        records = self._records(query)
        if query.tracking in ("VIEW", "REFERENCE"):
            self._mark_seen(query, records, now)
        return QueryResult([record for _, record in records], len(records), name)

    def _records(self, query: BoundQuery) -> list[tuple[str, Record]]:
        emitter = self._emitter(query)
        plan = RecordPlan(emitter, query.outputs, self._base)
        order = self._order(query, emitter)
        where = emitter.where(query.where, self._scope(query, emitter))
        statement = (
            Sql("SELECT ")
            + joined(", ", plan.columns)
            + f"\n{emitter.tables.from_clause()}"
            + where
            + "\nORDER BY "
            + order
            + rows(query)
        )
        found = self._execute(statement)
        self._fill_children(plan, found)
        return [(row[plan.id_place], plan.record(row)) for row in found]

    def _fill_children(self, plan: RecordPlan, found: Sequence[tuple[Any, ...]]) -> None:
        if plan.child_outputs:
            ids = [row[plan.id_place] for row in found]
            plan.children = [self._children(one, ids) for one in plan.child_outputs]

    def _children(self, output: ChildOutput, parents: list[str]) -> dict[str, Record]:
        """The child sets of all these parents in one statement, by the parent's id."""
        query = output.query
        emitter = self._emitter(query)
        plan = RecordPlan(emitter, query.outputs, self._base)
        link = emitter.tables.own(output.link.field)
        order = self._order(query, emitter)
        number = Sql(f"row_number() OVER (PARTITION BY {link} ORDER BY ") + order + ")"
        columns = [*plan.columns, Sql(link), number]
        named = [column + f" AS c{place}" for place, column in enumerate(columns)]
        scope = [among(link, parents), *self._scope(query, emitter)]
        where = emitter.where(query.where, scope)
        place = len(plan.columns) + 1
        skipped = query.offset or 0
        last = -1 if query.limit is None else skipped + query.limit
        statement = (
            Sql("SELECT * FROM (SELECT ")  # noqa: S608
            + joined(", ", named)
            + f"\n{emitter.tables.from_clause()}"
            + where
            + Sql(
                f")\nWHERE c{place} > ? AND (? < 0 OR c{place} <= ?)\nORDER BY c{place}",
                (skipped, last, last),
            )
        )
        found = self._execute(statement)
        self._fill_children(plan, found)
        sets: dict[str, Record] = {}
        for row in found:
            one = sets.setdefault(row[place - 1], {"totalSize": 0, "done": True, "records": []})
            one["records"].append(plan.record(row))
            one["totalSize"] += 1
        return sets

    def _groups(self, query: BoundQuery) -> list[Record]:
        emitter = self._emitter(query)
        outputs = [one for one in query.outputs if isinstance(one, FieldOutput)]
        keys = [one.key for one in outputs]
        exprs = [one.expr for one in outputs]
        found = self._execute(emitter.grouped(query, exprs, self._scope(query, emitter)))
        if len(found) > MAX_GROUPS:
            raise SoqlError(
                "EXCEEDED_ID_LIMIT",
                "Aggregate query does not support queryMore(), use LIMIT to restrict the results "
                "to a single batch",
            )
        return [group_record(keys, exprs, row) for row in found]

    def _order(self, query: BoundQuery, emitter: Emitter) -> Sql:
        """Salesforce promises no order among equals; here it is by Id, so that answers repeat."""
        keys = [key + direction for one in query.order for key, direction in emitter.sort(one)]
        return joined(", ", [*keys, Sql(emitter.tables.own("Id"))])

    def _scope(self, query: BoundQuery, emitter: Emitter) -> list[Sql]:
        if not query.mine:
            return []
        if self._user_id is None or query.object.field("OwnerId") is None:
            raise NotImitated(f"USING SCOPE mine on {query.object.name}")
        return [Sql(f"{emitter.tables.own('OwnerId')} = ?", (self._user_id,))]

    def _mark_seen(
        self, query: BoundQuery, records: list[tuple[str, Record]], now: datetime
    ) -> None:
        """FOR VIEW and FOR REFERENCE note when the record was looked at (from memory, unverified);
        the list of recently used records is not kept.
        """
        names = {"VIEW": ("LastViewedDate", "LastReferencedDate")}
        fields = names.get(query.tracking or "", ("LastReferencedDate",))
        known = [name for name in fields if query.object.field(name) is not None]
        if known:
            stamp = datetime_text(now)
            with self._storage.transaction():
                for id_, _ in records:
                    self._storage.update(query.object.name, id_, dict.fromkeys(known, stamp))

    def _emitter(self, query: BoundQuery) -> Emitter:
        return Emitter(query.object, self._rules, self._zone)

    def _execute(self, statement: Sql) -> list[tuple[Any, ...]]:
        try:
            return self._storage.execute(statement.text, statement.parameters)
        except sqlite3.OperationalError as error:
            if any(words in str(error) for words in _BOUNDS):
                raise SoqlError("QUERY_TOO_COMPLICATED", "Query is too complex") from error
            raise
