"""The whole way of a query: text in, JSON-ready records out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Unpack

from sfprm.devorg.formats import Place
from sfprm.devorg.schema import Schema
from sfprm.devorg.soql.bound import BoundQuery, ChildOutput, Compare, FieldOutput
from sfprm.devorg.soql.check import check
from sfprm.devorg.soql.columns import column_metadata
from sfprm.devorg.soql.dates import Calendar
from sfprm.devorg.soql.definitions import (
    DEFINITIONS,
    check_definition_query,
    refresh_definitions,
)
from sfprm.devorg.soql.errors import NotImitated, SoqlError
from sfprm.devorg.soql.explain import plans
from sfprm.devorg.soql.listings import LISTINGS, refresh_listing
from sfprm.devorg.soql.names import View
from sfprm.devorg.soql.options import QueryOptions
from sfprm.devorg.soql.parser import parse
from sfprm.devorg.soql.ranges import age_bounds, range_indexed
from sfprm.devorg.soql.records import Record, RecordPlan, group_record
from sfprm.devorg.soql.spool import BLOCK, LARGE, Records, Rows
from sfprm.devorg.soql.sql import Emitter, RowRules, among, rows
from sfprm.devorg.soql.tables import Sql, joined
from sfprm.devorg.storage import Storage
from sfprm.devorg.values import datetime_text

__all__ = ["QueryResult", "explain_query", "query_columns", "run_query"]

MAX_GROUPS = 2_000
"""Rows of an aggregated query, which cannot page (SOQL sheet, section 6)."""

FEW = 5_000
"""Records up to which an index on an instant is taken before all others; counting them costs less
than a millisecond."""

FEW_IN_ORDER = 400_000
"""The same where the records are asked for in the order of that instant, and not all of them: what
a quick client writes in a minute or two."""

_BOUNDS = ("too many", "too large", "at most", "parser stack")
"""What SQLite says of a statement with more columns, tables or depth than it takes."""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """All records, and how many there are; for COUNT() no records and the count. Many records are
    each made when they are read, of rows kept packed.

    `nested`: child sub-queries are among the keys. `locked` holds the ids that FOR UPDATE names:
    whoever answers takes their locks (`behaviours/contention.py`).
    """

    records: Sequence[Record] = ()
    total_size: int = 0
    object: str = ""
    aggregated: bool = False
    nested: bool = False
    locked: tuple[str, ...] = ()


def run_query(
    text: str, schema: Schema, storage: Storage, **options: Unpack[QueryOptions]
) -> QueryResult:
    """Runs a SOQL query as one user sees the org.

    Raises SoqlError with Salesforce's code and words, NotImitated for what is not there yet.
    """
    query, runner = _prepared(text, schema, storage, options)
    return runner.run(query, options["now"])


def query_columns(
    text: str, schema: Schema, storage: Storage, **options: Unpack[QueryOptions]
) -> dict[str, Any]:
    """What the columns of a query are (`&columns=true`). Raises as `run_query`."""
    query, _ = _prepared(text, schema, storage, options)
    return column_metadata(query)


def explain_query(
    text: str, schema: Schema, storage: Storage, **options: Unpack[QueryOptions]
) -> dict[str, Any]:
    """How a query would be run (`?explain=`). Raises as `run_query`."""
    query, runner = _prepared(text, schema, storage, options)
    return plans(query, text, storage, runner.statement(query), runner.counting(query))


def _prepared(
    text: str, schema: Schema, storage: Storage, options: QueryOptions
) -> tuple[BoundQuery, _Runner]:
    """The checked query, and what runs it."""
    number = options.get("version", "66.0").removeprefix("v")
    zone = options["user_zone"]
    calendar = Calendar(
        options["now"],
        zone,
        week_starts=options.get("week_starts", 6),
        fiscal_month=options.get("fiscal_month", 1),
        fiscal_named_by_start=options.get("fiscal_named_by_start", False),
    )
    view = View(schema, options["visible"], options["object_visible"])
    tree = parse(text)
    query = check(tree, view, calendar, version=float(number))
    if query.object.name in DEFINITIONS:
        check_definition_query(tree, query.object.name)
        refresh_definitions(schema, storage, options.get("exists", lambda object_, field: True))
        query = replace(query, limit=None)
    elif query.object.name in LISTINGS:
        refresh_listing(query.object.name, schema, storage)
    rules = RowRules(
        options.get("row_filter"),
        include_deleted=options.get("include_deleted", False) or query.all_rows,
    )
    place = Place(zone, options.get("locale", "en_US"), options.get("currency", "USD"))
    base = f"/services/data/v{number}/sobjects/"
    return query, _Runner(storage, rules, place, base, options.get("user_id"))


class _Runner:
    def __init__(
        self, storage: Storage, rules: RowRules, place: Place, base: str, user_id: str | None
    ) -> None:
        self._storage = storage
        self._rules = rules
        self._place = place
        self._base = base
        self._user_id = user_id

    def run(self, query: BoundQuery, now: datetime) -> QueryResult:
        name = query.object.name
        if query.counting:
            ((count,),) = self._execute(self.counting(query))
            return QueryResult([], count, name)
        if query.grouping_sets is not None:
            groups = self._groups(query)
            return QueryResult(groups, len(groups), name, aggregated=True)
        emitter = self._emitter(query)
        plan = RecordPlan(emitter, query.outputs, self._base)
        found = self._rows(self._selecting(query, emitter, plan))
        if name in DEFINITIONS and len(found) > MAX_GROUPS:
            raise SoqlError(
                "EXCEEDED_ID_LIMIT",
                f"{name} does not support queryMore(), use LIMIT to restrict the results to a "
                "single batch",
            )
        ids: list[str] = []
        if plan.child_outputs or query.tracking:
            ids = [row[plan.id_place] for row in found.between(0, len(found))]
        self._fill_children(plan, ids)
        if query.tracking in ("VIEW", "REFERENCE"):
            self._mark_seen(query, ids, now)
        records: Sequence[Record] = Records(found, plan.record)
        if len(found) <= LARGE:
            records = list(records)
        locked = tuple(ids) if query.tracking == "UPDATE" else ()
        nested = bool(plan.child_outputs)
        return QueryResult(records, len(found), name, nested=nested, locked=locked)

    def statement(self, query: BoundQuery) -> Sql:
        """The SQL of the query itself, without child sub-queries."""
        if query.counting:
            return self.counting(query)
        emitter = self._emitter(query)
        if query.grouping_sets is not None:
            outputs = [one for one in query.outputs if isinstance(one, FieldOutput)]
            return emitter.grouped(query, [o.expr for o in outputs], self._scope(query, emitter))
        return self._selecting(query, emitter, RecordPlan(emitter, query.outputs, self._base))

    def counting(self, query: BoundQuery) -> Sql:
        """The SQL that counts the records."""
        emitter = self._emitter(query)
        return emitter.counting(query, self._scope(query, emitter))

    def _selecting(self, query: BoundQuery, emitter: Emitter, plan: RecordPlan) -> Sql:
        order = self._order(query, emitter)
        emitter.rare = self._rare(query)
        where = emitter.where(query.where, self._scope(query, emitter))
        return (
            Sql("SELECT ")
            + joined(", ", plan.columns)
            + f"\n{emitter.tables.from_clause()}"
            + where
            + "\nORDER BY "
            + order
            + rows(query)
        )

    def _rare(self, query: BoundQuery) -> tuple[Compare, ...]:
        """The bounds of an instant that so few records keep that to begin with them is best."""
        bounds = age_bounds(query.where)
        if not bounds:
            return ()
        # the newest so many: the index has them in order, and reading ends with the last of them
        in_order = query.limit is not None and bool(query.order)
        most = FEW_IN_ORDER if in_order and query.order[0].expr == bounds[0].expr else FEW
        emitter = self._emitter(query)
        conditions = joined(" AND ", [emitter.condition(one) for one in bounds])
        some = Sql(f"SELECT 1 {emitter.tables.from_clause()} WHERE ") + conditions
        counting = Sql("SELECT COUNT(*) FROM (") + some + Sql(" LIMIT ?)", (most + 1,))
        ((count,),) = self._execute(counting)
        return bounds if count <= most else ()

    def _fill_children(self, plan: RecordPlan, ids: list[str]) -> None:
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
        self._fill_children(plan, [row[plan.id_place] for row in found])
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
        """Salesforce promises no order among equals; here it is by Id, so that answers repeat. The
        first rows of a range that nobody ordered are the first of the range: an index has them.
        """
        keys = [key + direction for one in query.order for key, direction in emitter.sort(one)]
        if not query.order and query.limit is not None:
            keys = [Sql(emitter.tables.own(name)) for name in range_indexed(query.where)]
        return joined(", ", [*keys, Sql(emitter.tables.own("Id"))])

    def _scope(self, query: BoundQuery, emitter: Emitter) -> list[Sql]:
        if not query.mine:
            return []
        if self._user_id is None or query.object.field("OwnerId") is None:
            raise NotImitated(f"USING SCOPE mine on {query.object.name}")
        return [Sql(f"{emitter.tables.own('OwnerId')} = ?", (self._user_id,))]

    def _mark_seen(self, query: BoundQuery, ids: list[str], now: datetime) -> None:
        """FOR VIEW and FOR REFERENCE note when the record was looked at (from memory, unverified);
        the list of recently used records is not kept.
        """
        names = {"VIEW": ("LastViewedDate", "LastReferencedDate")}
        fields = names.get(query.tracking or "", ("LastReferencedDate",))
        known = [name for name in fields if query.object.field(name) is not None]
        if known:
            stamp = datetime_text(now)
            with self._storage.transaction():
                for id_ in ids:
                    self._storage.update(query.object.name, id_, dict.fromkeys(known, stamp))

    def _emitter(self, query: BoundQuery) -> Emitter:
        return Emitter(query.object, self._rules, self._place)

    def _rows(self, statement: Sql) -> Rows:
        found = Rows()
        with _bounds():
            self._storage.stream(statement.text, statement.parameters, BLOCK, found.add)
        return found

    def _execute(self, statement: Sql) -> list[tuple[Any, ...]]:
        with _bounds():
            return self._storage.execute(statement.text, statement.parameters)


@contextmanager
def _bounds() -> Iterator[None]:
    """A statement too large for the database is a query too complicated for the org."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if any(words in str(error) for words in _BOUNDS):
            raise SoqlError("QUERY_TOO_COMPLICATED", "Query is too complex") from error
        raise
