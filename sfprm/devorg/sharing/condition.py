"""A condition in SQL over one table, whose alias stands as `{t}`, with its parameters."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["NOBODY", "Condition", "among", "both", "either", "inside"]


@dataclass(frozen=True, slots=True)
class Condition:
    """`sql` has a question mark for each of `values`, in order."""

    sql: str
    values: tuple[object, ...] = ()

    def on(self, alias: str) -> Condition:
        """The condition over a table of that alias."""
        return Condition(self.sql.replace("{t}", alias), self.values)


NOBODY = Condition("0")
"""No record fulfils it."""


def either(parts: Sequence[Condition]) -> Condition:
    """One of the parts, none of which may be missing."""
    return _joined(" OR ", parts) if parts else NOBODY


def both(parts: Sequence[Condition]) -> Condition:
    """All of the parts."""
    return _joined(" AND ", parts) if parts else Condition("1")


def among(column: str, ids: Iterable[str]) -> Condition:
    """The column holds one of these ids."""
    values = sorted(ids)
    if len(values) == 1:
        return Condition(f'{{t}}."{column}" = ?', (values[0],))
    listed = "(SELECT value FROM json_each(?))"
    return Condition(f'{{t}}."{column}" IN {listed}', (json.dumps(values),))


def inside(column: str, object_: str, condition: Condition, alias: str) -> Condition:
    """The column holds the id of a record of the object that fulfils the condition (over a table
    that gets this alias, which must be of its own)."""
    inner = condition.on(alias)
    found = f'SELECT {alias}."Id" FROM "{object_}" AS {alias} WHERE {inner.sql}'  # noqa: S608
    return Condition(f'{{t}}."{column}" IN ({found})', inner.values)


def _joined(word: str, parts: Sequence[Condition]) -> Condition:
    if len(parts) == 1:
        return parts[0]
    values = tuple(value for part in parts for value in part.values)
    return Condition("(" + word.join(part.sql for part in parts) + ")", values)
