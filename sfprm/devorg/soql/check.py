"""A tree against the schema and the user's permissions: names, types, grouping, limits.

The order of the checks (FROM, GROUP BY, ORDER BY, SELECT, WHERE) is unproved for Salesforce; one
live run had the complaint about ORDER BY before the one about SELECT (SOQL sheet, 7b)."""

from __future__ import annotations

from dataclasses import dataclass

from sfprm.devorg.schema import ObjectDef
from sfprm.devorg.soql.bound import BoundQuery, ChildOutput, Column, Expr, Predicate, Select, Sort
from sfprm.devorg.soql.dates import Calendar
from sfprm.devorg.soql.errors import NotImitated, SoqlError, framed
from sfprm.devorg.soql.expressions import Expressions, is_aggregate
from sfprm.devorg.soql.filters import Filters
from sfprm.devorg.soql.names import Names, View
from sfprm.devorg.soql.outputs import Outputs, grouped_outputs
from sfprm.devorg.soql.tree import Call, ChildQuery, Item, Query, SemiJoin

__all__ = ["check"]

MAX_OFFSET = 2_000
MAX_LIMIT = 2**31 - 1
MAX_CHILD_QUERIES = 20
MAX_RELATIONSHIPS = 55
MAX_ROLLUP = 3
MAX_SORTS = 32


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a query stands: how many child relationships below the root, and how deep it may."""

    level: int
    deepest: int


def check(query: Query, view: View, calendar: Calendar, *, version: float) -> BoundQuery:
    """The checked query. Raises SoqlError or NotImitated."""
    root = view.root(query.sources[0], query.text)
    return _Checker(view, calendar).query(query, root, _Place(0, 4 if version >= 58 else 1))


class _Checker:
    def __init__(self, view: View, calendar: Calendar) -> None:
        self._view = view
        self._calendar = calendar
        self._child_queries = 0

    def query(self, query: Query, root: ObjectDef, place: _Place) -> BoundQuery:
        names = Names(self._view, root, query.sources, query.text)
        expressions = Expressions(names, self._calendar)
        filters = Filters(query.text, self._calendar, expressions.scalar, self._select_for(names))
        aggregated = query.grouping is not None or any(
            isinstance(item, Item) and is_aggregate(item.expression) for item in query.items
        )
        if aggregated and place.level:
            raise _malformed("only root queries support aggregate expressions")
        _check_rows(query, aggregated=aggregated, level=place.level)
        if query.updating:
            raise NotImitated("UPDATE " + ", ".join(query.updating))
        scope = (query.scope or "everything").lower()
        if scope not in ("everything", "mine"):
            raise NotImitated(f"USING SCOPE {scope}")
        group = tuple(
            expressions.groupable(one)
            for one in (query.grouping.expressions if query.grouping else ())
        )
        for position, one in enumerate(group):
            if one in group[:position]:
                shown = expressions.shown(one)
                raise _malformed(f"duplicate grouping expression: {shown}")
        order = self._order(query, expressions, group, aggregated=aggregated)
        if aggregated:
            outputs = grouped_outputs(query, expressions, group)
        elif query.counting:
            outputs = ()
        else:
            outputs = Outputs(
                query, names, expressions, lambda child: self._child(child, query, names, place)
            ).all()
        where = filters.predicate(query.where) if query.where else None
        having: Predicate | None = None
        if query.having is not None:
            having = Filters(
                query.text,
                self._calendar,
                lambda one: expressions.in_groups(one, group),
                self._select_for(names),
            ).predicate(query.having)
        if len(names.relationships) > MAX_RELATIONSHIPS:
            raise _malformed(
                "Maximum number of parent relationships in a query is 55. "
                f"The query has {len(names.relationships)}."
            )
        return BoundQuery(
            object=root,
            counting=query.counting,
            outputs=outputs,
            where=where,
            group=group,
            grouping_sets=_grouping_sets(query) if aggregated else None,
            having=having,
            order=order,
            limit=None if query.limit is None else min(query.limit, MAX_LIMIT),
            offset=query.offset,
            mine=scope == "mine",
            tracking=query.tracking,
            all_rows=query.all_rows,
        )

    def _order(
        self, query: Query, expressions: Expressions, group: tuple[Expr, ...], *, aggregated: bool
    ) -> tuple[Sort, ...]:
        if len(query.order) > MAX_SORTS:
            raise _malformed("Maximum number of ORDER BY fields is 32")
        sorts = []
        for one in query.order:
            if aggregated:
                expr = expressions.in_groups(one.expression, group, ordering=True)
            else:
                expr = expressions.sortable(one.expression)
            sorts.append(Sort(expr, one.descending, one.nulls_last))
        return tuple(sorts)

    def _child(self, child: ChildQuery, outer: Query, names: Names, place: _Place) -> ChildOutput:
        query = child.query
        source = query.sources[0]
        parts = source.parts
        own_names = {names.root.name.lower(), (outer.sources[0].alias or "").lower()}
        if len(parts) == 2 and parts[0].lower() in own_names:
            parts = parts[1:]
        self._child_queries += 1
        if self._child_queries > MAX_CHILD_QUERIES:
            raise _malformed("Maximum number of child relationship sub-queries is 20")
        if place.level >= place.deepest:
            raise _malformed(
                f"SOQL statements cannot query aggregate relationships more than {place.deepest} "
                "level away from the root entity object."
            )
        link = names.root.child(parts[0]) if len(parts) == 1 else None
        object_ = self._view.object(link.child) if link else None
        if link is None or object_ is None or self._view.field(object_, link.field) is None:
            raise framed(
                "INVALID_TYPE",
                query.text,
                source.at,
                f"Didn't understand relationship '{source.text}' in FROM part of query call. If "
                "you are attempting to use a custom relationship, be sure to append the '__r' "
                "after the custom relationship name. Please reference your WSDL or the describe "
                "call for the appropriate names.",
            )
        if names.root.name == "EntityDefinition":
            raise NotImitated("sub-queries of EntityDefinition")
        if query.counting:
            raise _malformed("only root queries support aggregate expressions")
        if query.offset is not None and outer.limit != 1:
            # Unverified wording; the rule is from memory (SOQL sheet, section 6).
            raise _malformed("OFFSET cannot be used in sub-queries unless the parent has LIMIT 1")
        bound = self.query(query, object_, _Place(place.level + 1, place.deepest))
        return ChildOutput(str(link.name), link, bound)

    def _select_for(self, outer: Names) -> _SelectCheck:
        return _SelectCheck(self._view, self._calendar, outer)


class _SelectCheck:
    """Checks the sub-selects of semi-joins in one query."""

    def __init__(self, view: View, calendar: Calendar, outer: Names) -> None:
        self._view = view
        self._calendar = calendar
        self._outer = outer

    def __call__(self, join: SemiJoin, left: Column, at: int) -> Select:
        text = self._outer.text
        root = self._view.root(join.sources[0], text)
        if root.name == self._outer.root.name:
            raise _malformed("The inner and outer selects should not be on the same object type")
        names = Names(self._view, root, join.sources, text)
        column = names.column(join.path)
        if not column.field.is_id:
            raise framed(
                "MALFORMED_QUERY",
                text,
                join.path.at,
                f"The field '{column.field.name}' in the subquery must be an id or a reference",
            )
        if not _referred(left) & _referred(column):
            raise framed(
                "MALFORMED_QUERY",
                text,
                at,
                f"The selected field '{column.field.name}' in the subquery and the left operand "
                f"field in the where expression in the outer query '{left.field.name}' should "
                "point to the same object type",
            )
        filters = Filters(text, self._calendar, Expressions(names, self._calendar).scalar, _nested)
        return Select(root, column, filters.predicate(join.where) if join.where else None)


def _nested(join: SemiJoin, left: Column, at: int) -> Select:
    raise _malformed("Nesting of semi join sub-selects is not supported")


def _referred(column: Column) -> frozenset[str]:
    if column.type == "id":
        return frozenset({column.owner.name})
    return frozenset(column.field.reference_to)


def _grouping_sets(query: Query) -> tuple[tuple[int, ...], ...]:
    if query.grouping is None:
        return ((),)
    count = len(query.grouping.expressions)
    if query.grouping.kind and count > MAX_ROLLUP:
        raise _malformed(f"Maximum number of fields in {query.grouping.kind} is 3")
    if query.grouping.kind == "ROLLUP":
        return tuple(tuple(range(kept)) for kept in range(count, -1, -1))
    if query.grouping.kind == "CUBE":
        return tuple(
            tuple(place for place in range(count) if mask & (1 << place))
            for mask in range(2**count - 1, -1, -1)
        )
    return (tuple(range(count)),)


def _check_rows(query: Query, *, aggregated: bool, level: int) -> None:
    if query.limit is not None and query.limit < 0:
        raise _malformed("Limit must be a non-negative value")
    if query.offset is not None and query.offset < 0:
        raise _malformed("SOQL offset must be a non-negative value")
    if query.offset is not None and query.offset > MAX_OFFSET:
        raise SoqlError("NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
    if query.counting and (query.grouping is not None or query.order):
        # The rule is documented (use COUNT(field) instead), the wording unverified.
        clause = "GROUP BY" if query.grouping is not None else "ORDER BY"
        raise _malformed(f"COUNT() cannot be used with {clause}")
    if aggregated and query.grouping is None:
        for given, clause in (
            (query.limit is not None, "LIMIT"),
            (query.offset is not None, "OFFSET"),
            (bool(query.order), "ORDER BY"),
        ):
            if given:
                raise _malformed(
                    "Non-grouped query that uses overall aggregate functions cannot also use "
                    f"{clause}"
                )
    unbounded = [
        item.expression
        for item in query.items
        if isinstance(item, Item)
        and isinstance(item.expression, Call)
        and item.expression.name == "FIELDS"
        and "standard" not in item.expression.text.lower()
    ]
    if unbounded and (query.limit is None or query.limit > 200):
        raise _malformed("The SOQL FIELDS function must have a LIMIT of at most 200")


def _malformed(message: str) -> SoqlError:
    return SoqlError("MALFORMED_QUERY", message)
