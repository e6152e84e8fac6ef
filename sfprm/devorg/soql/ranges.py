"""Which index a condition is best read along."""

from __future__ import annotations

from collections.abc import Iterator

from sfprm.devorg.ddl import is_indexed
from sfprm.devorg.soql.bound import All, Column, Compare, In, Predicate

__all__ = ["age_bounds", "range_indexed"]


def range_indexed(where: Predicate | None) -> list[str]:
    """The indexed field of the queried object that the condition bounds from one side or both,
    where no indexed field is fixed to single values; at most one.
    """
    bounded = []
    for part in _parts(where):
        if not isinstance(part, (Compare, In)):
            continue
        column = part.expr
        if not isinstance(column, Column) or column.hops or column.field.is_text:
            continue
        if not (is_indexed(column.field) or column.type == "id"):
            continue
        if isinstance(part, In) or part.op == "=":
            return []
        bounded.append(column.field.name)
    return bounded[:1]


def age_bounds(where: Predicate | None) -> tuple[Compare, ...]:
    """The bounds of an indexed instant of the queried object, where they compete with another
    indexed field: what was changed since, of some owners. Which of the two finds fewer records,
    only the records tell. Empty where there is nothing to choose; bounds of one field only.
    """
    bounds: list[Compare] = []
    rivals = False
    for part in _parts(where):
        if not isinstance(part, (Compare, In)):
            continue
        column = part.expr
        if not isinstance(column, Column) or column.hops or not is_indexed(column.field):
            continue
        if isinstance(part, In) or part.op == "=":
            rivals = True
        elif column.type == "datetime" and (not bounds or bounds[0].expr == column):
            bounds.append(part)
    return tuple(bounds) if rivals else ()


def _parts(where: Predicate | None) -> Iterator[Predicate]:
    if isinstance(where, All):
        for part in where.parts:
            yield from _parts(part)
    elif where is not None:
        yield where
