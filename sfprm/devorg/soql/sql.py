"""A checked query to SQL. Values go in as parameters only; identifiers come from the schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from sfprm.devorg.formats import Place
from sfprm.devorg.functions import FISCAL_PARTS, RADIUS
from sfprm.devorg.schema import ObjectDef
from sfprm.devorg.schema.model import TEXT_TYPES
from sfprm.devorg.soql.bound import (
    Aggregate,
    All,
    Any,
    BoundQuery,
    Column,
    Compare,
    Complement,
    Computed,
    Distance,
    Expr,
    In,
    Includes,
    IsNull,
    Like,
    Predicate,
    Select,
    Sort,
    Within,
)
from sfprm.devorg.soql.tables import Aliases, Sql, Tables, joined
from sfprm.devorg.values import case_variants, fold

__all__ = ["SEPARATOR", "Emitter", "RowRules"]

SEPARATOR = "\x01"
"""Stands between the sort key and the text in the MIN or MAX of a text."""

_TEXT = TEXT_TYPES
_MANY = 100
_RARE = "0.000001"
_ANY_OF = " IN (SELECT value FROM json_each(?))"


class RowRules:
    """Which records of an object count: not the deleted ones, only those that the user may see,
    only the user's own where asked.
    """

    def __init__(
        self,
        row_filter: Callable[[str], tuple[str, list[object]] | None] | None,
        *,
        include_deleted: bool,
    ) -> None:
        self._row_filter = row_filter
        self._include_deleted = include_deleted

    def of(self, object_: ObjectDef, alias: str) -> list[Sql]:
        """The conditions on a table under this alias."""
        found = []
        if not self._include_deleted and object_.field("IsDeleted") is not None:
            found.append(Sql(f'{alias}."IsDeleted" = 0'))
        rule = self._row_filter(object_.name) if self._row_filter is not None else None
        if rule is not None:
            found.append(Sql("(" + rule[0].replace("{t}", alias) + ")", tuple(rule[1])))
        return found


class Emitter:
    """Makes the SQL of one SELECT and of the sub-selects within."""

    def __init__(
        self, root: ObjectDef, rules: RowRules, place: Place, aliases: Aliases | None = None
    ) -> None:
        self._aliases = aliases or Aliases()
        self._rules = rules
        self._place = place
        self.tables = Tables(root, self._aliases)
        self.rare: tuple[Predicate, ...] = ()
        """Conditions known to hold for few records: the database is told so, and begins there."""

    # Values

    def value(self, expr: Expr) -> Sql:
        """An expression as it is answered. The MIN or MAX of a text has its sort key before it,
        up to SEPARATOR.
        """
        if isinstance(expr, Column):
            return Sql(self.tables.column(expr))
        if isinstance(expr, Computed):
            return self._computed(expr)
        if isinstance(expr, Distance):
            sides = [Sql(self.tables.column(one)) for one in (expr.latitude, expr.longitude)]
            there = Sql("?, ?, ?)", (*expr.point, RADIUS[expr.unit]))
            return Sql("sf_distance(") + joined(", ", [*sides, there])
        if expr.argument is None:
            return Sql("COUNT(*)")
        if expr.name in ("MIN", "MAX") and expr.type in _TEXT:
            keys = self._sort_keys(expr.argument)
            tail = f" || char(1) || {self.value(expr.argument).text}"
            return Sql(f"{expr.name}(") + joined(" || ", keys) + tail + ")"
        if expr.name == "COUNT_DISTINCT":
            return Sql("COUNT(DISTINCT ") + self.key(expr.argument) + ")"
        return Sql(f"{expr.name}(") + self.value(expr.argument) + ")"

    def key(self, expr: Expr) -> Sql:
        """An expression as it is compared and grouped: text in upper case."""
        if isinstance(expr, Aggregate) and expr.type in _TEXT:
            packed = self.value(expr)
            return Sql("sf_fold(substr(") + packed + ", instr(" + packed + ", char(1)) + 1))"
        if expr.type in _TEXT and not _exact(expr):
            return Sql("sf_fold(") + self.value(expr) + ")"
        return self.value(expr)

    def _computed(self, expr: Computed) -> Sql:
        inner = self.value(expr.argument)
        if expr.name == "CONVERTTIMEZONE":
            return Sql("sf_local(") + inner + Sql(", ?)", (self._place.zone,))
        if expr.name == "DAY_ONLY":
            return Sql("substr(") + inner + ", 1, 10)"
        if expr.name == "HOUR_IN_DAY":
            return Sql("sf_hour(") + inner + ")"
        if expr.name == "FORMAT":
            place = self._place
            given = (*expr.parameters, place.zone, place.locale, place.currency)
            return Sql("sf_format(?, ?, ?, ?, ?, ", given) + inner + ")"
        if expr.name in FISCAL_PARTS:
            return Sql("sf_fiscal(?, ?, ?, ", (expr.name, *expr.parameters)) + inner + ")"
        return Sql("sf_part(?, ", (expr.name,)) + inner + ")"

    # Order

    def sort(self, one: Sort, *, grouped: bool = False) -> list[tuple[Sql, str]]:
        """The SQL sort keys of an ORDER BY entry, with their directions. Groups may have a null
        in any field, as subtotals do.
        """
        direction = " DESC" if one.descending else ""
        expr = one.expr
        stamped = (
            isinstance(expr, Column)
            and not expr.hops
            and not expr.field.nillable
            and expr.type in ("id", "datetime")
        )
        # SQLite's own place for nulls needs no word, nor do stamps that are never null: so an
        # index serves ORDER BY CreatedDate in both directions.
        if one.nulls_last != one.descending and (grouped or not stamped):
            direction += " NULLS LAST" if one.nulls_last else " NULLS FIRST"
        keys = [self.value(expr)] if isinstance(expr, Aggregate) else self._sort_keys(expr)
        return [(key, direction) for key in keys]

    def _sort_keys(self, expr: Expr) -> list[Sql]:
        """Text sorts in upper case; a picklist in Setup order, unknown values behind."""
        key = self.key(expr)
        if isinstance(expr, Column) and expr.type == "picklist" and expr.field.picklist:
            column = self.tables.column(expr)
            whens = "".join(
                f" WHEN ? THEN '{place:05d}'" for place in range(len(expr.field.picklist))
            )
            rank = f"(CASE WHEN {column} IS NULL THEN NULL ELSE CASE {column} COLLATE NOCASE"
            behind = f"{len(expr.field.picklist):05d}"
            return [Sql(f"{rank}{whens} ELSE '{behind}' END END)", expr.field.picklist), key]
        return [key]

    # Conditions

    def where(self, predicate: Predicate | None, more: Sequence[Sql] = ()) -> Sql:
        """The WHERE clause, with the rules for the queried object's records; may be empty."""
        parts = [*more, *self._rules.of(self.tables.root, self.tables.alias)]
        if predicate is not None:
            parts.append(self.condition(predicate))
        return Sql("\nWHERE ") + joined(" AND ", parts) if parts else Sql("")

    def condition(self, one: Predicate) -> Sql:
        """A predicate. A null inside counts as not true; only a complement has to say so."""
        if one in self.rare:
            return Sql("likelihood(") + self._bare(one) + f", {_RARE})"
        return self._bare(one)

    def _bare(self, one: Predicate) -> Sql:
        if isinstance(one, (All, Any)):
            word = " AND " if isinstance(one, All) else " OR "
            return _bracketed(word, [self.condition(part) for part in one.parts])
        if isinstance(one, Complement):
            return Sql("(") + self.condition(one.inner) + ") IS NOT TRUE"
        if isinstance(one, IsNull):
            return self.value(one.expr) + " IS NULL"
        if isinstance(one, Compare):
            return self._compare(one)
        if isinstance(one, In):
            return self._in(one)
        if isinstance(one, Like):
            return self._like(one)
        if isinstance(one, Includes):
            return self._includes(one)
        return self._within(one)

    def _compare(self, one: Compare) -> Sql:
        expr, value = one.expr, one.value
        if expr.type in _TEXT and isinstance(value, str) and not _exact(expr):
            alike = _alike(expr, [value]) if one.op == "=" else None
            if alike is not None and len(alike) == 1:
                return self.value(expr) + Sql(" COLLATE NOCASE = ?", tuple(alike))
            if alike is not None:
                marks = ", ".join("?" * len(alike))
                return self.value(expr) + Sql(f" COLLATE NOCASE IN ({marks})", tuple(alike))
            return self.key(expr) + Sql(f" {one.op} ?", (fold(value),))
        return self._operand(expr) + Sql(f" {one.op} ?", (value,))

    def _operand(self, expr: Expr) -> Sql:
        """A value to be compared: the checkbox of a missing parent counts as false."""
        shown = self.value(expr)
        if expr.type == "boolean" and isinstance(expr, Column) and expr.hops:
            return Sql(f"coalesce({shown.text}, 0)")
        return shown

    def _in(self, one: In) -> Sql:
        parts = []
        if one.values:
            values: list[object] = list(one.values)
            left = self._operand(one.expr)
            if one.expr.type in _TEXT and not _exact(one.expr):
                texts = [str(value) for value in values]
                alike = _alike(one.expr, texts)
                left = self.key(one.expr) if alike is None else left + " COLLATE NOCASE"
                values = [fold(text) for text in texts] if alike is None else list(alike)
            if len(values) > _MANY:
                parts.append(left + Sql(_ANY_OF, (json.dumps(values),)))
            else:
                marks = ", ".join("?" * len(values))
                parts.append(left + Sql(f" IN ({marks})", tuple(values)))
        if one.or_null:
            parts.append(self.value(one.expr) + " IS NULL")
        return Sql("(") + joined(" OR ", parts) + ")" if parts else Sql("0")

    def _like(self, one: Like) -> Sql:
        if one.pattern.isascii():
            return self.value(one.expr) + Sql(" LIKE ? ESCAPE '\\'", (one.pattern,))
        return self.key(one.expr) + Sql(" LIKE ? ESCAPE '\\'", (fold(one.pattern),))

    def _includes(self, one: Includes) -> Sql:
        key = self.key(one.expr)
        groups = []
        for group in one.groups:
            tests = [
                Sql("instr(';' || ") + key + Sql(" || ';', ?) > 0", (";" + fold(value) + ";",))
                for value in group
            ]
            groups.append(Sql("(") + joined(" AND ", tests) + ")" if tests else Sql("0"))
        return Sql("(") + joined(" OR ", groups) + ")"

    def _within(self, one: Within) -> Sql:
        return self.value(one.expr) + " IN (" + self._select(one.select) + ")"

    def _select(self, one: Select) -> Sql:
        inner = Emitter(one.object, self._rules, self._place, self._aliases)
        column = inner.value(one.column)
        where = inner.where(one.where, [column + " IS NOT NULL"])
        return Sql("SELECT ") + column + f"\n{inner.tables.from_clause()}" + where

    # Whole statements that answer no records

    def counting(self, query: BoundQuery, more: Sequence[Sql]) -> Sql:
        """SELECT COUNT(), up to LIMIT."""
        where = self.where(query.where, more)
        inner = Sql(f"SELECT 1\n{self.tables.from_clause()}") + where + rows(query)
        return Sql("SELECT COUNT(*) FROM (") + inner + ")"  # noqa: S608

    def grouped(self, query: BoundQuery, exprs: Sequence[Expr], more: Sequence[Sql]) -> Sql:
        """An aggregated query: `exprs` as columns, one SELECT a grouping set."""
        selects = []
        directions: list[str] = []
        for kept_places in query.grouping_sets or ():
            kept = tuple(query.group[place] for place in kept_places)
            dropped = tuple(one for one in query.group if one not in kept)
            columns = [self._in_set(one, dropped) for one in exprs]
            directions = []
            for one in query.order:
                fixed = _fixed(one.expr, dropped)
                for key, direction in self.sort(one, grouped=True):
                    columns.append(key if fixed is None else fixed)
                    directions.append(direction)
            where = self.where(query.where, more)
            tail = Sql("")
            if query.group:
                # The grand total is one group, and none where there are no records.
                keys = [self.key(one) for one in kept] or [Sql("NULL")]
                tail = Sql("\nGROUP BY ") + joined(", ", keys)
            if query.having is not None:
                tail += Sql("\nHAVING ") + self._having(query.having, dropped)
            named = [column + f" AS c{place}" for place, column in enumerate(columns)]
            selects.append(
                Sql("SELECT ")
                + joined(", ", named)
                + f"\n{self.tables.from_clause()}"
                + where
                + tail
            )
        statement = Sql("SELECT * FROM (") + joined("\nUNION ALL\n", selects) + ")"  # noqa: S608
        if directions:
            sorts = ", ".join(
                f"c{len(exprs) + place}{direction}" for place, direction in enumerate(directions)
            )
            statement += f"\nORDER BY {sorts}"
        return statement + rows(query)

    def _in_set(self, expr: Expr, dropped: tuple[Expr, ...]) -> Sql:
        return _fixed(expr, dropped) or self.value(expr)

    def _having(self, predicate: Predicate, dropped: tuple[Expr, ...]) -> Sql:
        if isinstance(predicate, (All, Any)):
            word = " AND " if isinstance(predicate, All) else " OR "
            parts = [self._having(one, dropped) for one in predicate.parts]
            return Sql("(") + joined(word, parts) + ")"
        if isinstance(predicate, Complement):
            return Sql("(") + self._having(predicate.inner, dropped) + ") IS NOT TRUE"
        expr = predicate.expr
        fixed = _fixed(expr, dropped)
        if fixed is not None and isinstance(predicate, Compare):
            return fixed + Sql(f" {predicate.op} ?", (predicate.value,))
        if fixed is not None:
            nullable = isinstance(predicate, IsNull) or (
                isinstance(predicate, In) and predicate.or_null
            )
            return Sql("1" if nullable else "0")
        return self.condition(predicate)


def rows(query: BoundQuery) -> Sql:
    """LIMIT and OFFSET."""
    if query.limit is None and query.offset is None:
        return Sql("")
    limit = -1 if query.limit is None else query.limit
    return Sql("\nLIMIT ? OFFSET ?", (limit, query.offset or 0))


def among(column: str, ids: Sequence[str]) -> Sql:
    """The condition that a column is one of these ids, however many."""
    return Sql(column + _ANY_OF, (json.dumps(list(ids)),))


def _bracketed(word: str, parts: list[Sql]) -> Sql:
    """Conditions with AND or OR between. Long lists are bracketed in pieces, as SQLite's parser
    bounds the depth of an expression.
    """
    while len(parts) > _MANY:
        pieces = [parts[place : place + _MANY] for place in range(0, len(parts), _MANY)]
        parts = [Sql("(") + joined(word, piece) + ")" for piece in pieces]
    return Sql("(") + joined(word, parts) + ")"


def _alike(expr: Expr, texts: Sequence[str]) -> list[str] | None:
    """The texts that equal one of these but for the case of ASCII letters, which an index knows;
    None where they are too many, or where there is no column.
    """
    if not isinstance(expr, Column):
        return None
    found: list[str] = []
    for text in texts:
        variants = [text] if text.isascii() else case_variants(text)
        if variants is None:
            return None
        found += variants
    return found


def _exact(expr: Expr) -> bool:
    return isinstance(expr, Column) and expr.field.case_sensitive


def _fixed(expr: Expr, dropped: tuple[Expr, ...]) -> Sql | None:
    """What an expression is in all rows of a grouping set that drops these group fields; None
    where it is not fixed.
    """
    if isinstance(expr, Aggregate):
        if expr.name != "GROUPING":
            return None
        return Sql("1" if expr.argument in dropped else "0")
    if expr in dropped or (isinstance(expr, Computed) and expr.argument in dropped):
        return Sql("NULL")
    return None
