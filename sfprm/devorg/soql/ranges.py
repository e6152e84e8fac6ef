"""Which index a condition without ORDER BY is best read along."""

from __future__ import annotations

from collections.abc import Iterator

from sfprm.devorg.ddl import is_indexed
from sfprm.devorg.soql.bound import All, Column, Compare, In, Predicate

__all__ = ["range_indexed"]


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


def _parts(where: Predicate | None) -> Iterator[Predicate]:
    if isinstance(where, All):
        for part in where.parts:
            yield from _parts(part)
    elif where is not None:
        yield where
