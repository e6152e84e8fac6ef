"""Columns and joins of one SELECT: which table stands for which object, under which alias."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sfprm.devorg.schema import ObjectDef
from sfprm.devorg.soql.bound import Column, Hop
from sfprm.devorg.storage import quoted

__all__ = ["Aliases", "Sql", "Tables", "joined"]


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL with the parameters of its question marks, in order."""

    text: str
    parameters: tuple[object, ...] = ()

    def __add__(self, other: Sql | str) -> Sql:
        if isinstance(other, str):
            return Sql(self.text + other, self.parameters)
        return Sql(self.text + other.text, self.parameters + other.parameters)


def joined(separator: str, parts: list[Sql]) -> Sql:
    """The pieces one after the other, with a separator."""
    parameters: list[object] = []
    for part in parts:
        parameters.extend(part.parameters)
    return Sql(separator.join(part.text for part in parts), tuple(parameters))


class Aliases:
    """Table aliases t0, t1, …, each given once in a statement."""

    def __init__(self) -> None:
        self._next = 0

    def new(self) -> str:
        """An alias not given before."""
        self._next += 1
        return f"t{self._next - 1}"


_HopKey = tuple[tuple[str, tuple[str, ...]], ...]

_NAME_OF = {"Case": "CaseNumber", "Task": "Subject"}
"""What stands for the Name of objects that have none."""


class Tables:
    """The tables of one SELECT. Asking for a column joins what it needs, each parent once, so the
    FROM clause is made last.
    """

    def __init__(self, root: ObjectDef, aliases: Aliases) -> None:
        self.root = root
        self._aliases = aliases
        self.alias = aliases.new()
        self._joins: dict[_HopKey, list[tuple[ObjectDef, str]]] = {}
        self._lines: list[str] = []

    def from_clause(self) -> str:
        """FROM with all joins asked for so far. Parents are outer joins: a record without the
        parent stays (SOQL sheet, section 2).
        """
        return "\n".join([f"FROM {quoted(self.root.name)} AS {self.alias}", *self._lines])

    def own(self, field: str) -> str:
        """A column of the queried object itself."""
        return f"{self.alias}.{quoted(field)}"

    def column(self, column: Column) -> str:
        """The SQL of a column."""
        name = column.field.name
        if not column.hops:
            return self.own(name)
        if column.hops[-1].pseudo:
            return self.pseudo(column.hops, name)
        ((_, alias),) = self._joined(column.hops)
        return f"{alias}.{quoted(name)}"

    def pseudo(self, hops: tuple[Hop, ...], name: str) -> str:
        """A column of the pseudo-object Name: that of whichever parent is there."""
        tables = self._joined(hops)
        if name == "Type":
            cases = "".join(
                f" WHEN {alias}.\"Id\" IS NOT NULL THEN '{_type_word(target)}'"
                for target, alias in tables
            )
            return f"(CASE{cases} END)"
        found = []
        for target, alias in tables:
            if target.name == "Group" and name not in ("Id", "Name"):
                continue
            actual = name if target.field(name) else _NAME_OF.get(target.name, "")
            if name not in ("Name", actual) or target.field(actual) is None:
                continue
            found.append(f"{alias}.{quoted(actual)}")
        if not found:
            return "NULL"
        return f"coalesce({', '.join(found)})" if len(found) > 1 else found[0]

    def id_of(self, hops: tuple[Hop, ...]) -> str:
        """The id of the parent at the end of the steps, null where there is none."""
        if not hops:
            return self.own("Id")
        ids = [f'{alias}."Id"' for _, alias in self._joined(hops)]
        return f"coalesce({', '.join(ids)})" if len(ids) > 1 else ids[0]

    def object_of(self, hops: tuple[Hop, ...]) -> str:
        """The name of the object that the parent really is."""
        cases = "".join(
            f" WHEN {alias}.\"Id\" IS NOT NULL THEN '{target.name}'"
            for target, alias in self._joined(hops)
        )
        return f"(CASE{cases} END)"

    def _joined(self, hops: tuple[Hop, ...]) -> list[tuple[ObjectDef, str]]:
        key = tuple((one.relationship, tuple(t.name for t in one.targets)) for one in hops)
        known = self._joins.get(key)
        if known is None:
            known = list(self._join(hops))
            self._joins[key] = known
        return known

    def _join(self, hops: tuple[Hop, ...]) -> Iterator[tuple[ObjectDef, str]]:
        before, last = hops[:-1], hops[-1]
        if not before:
            source = self.own(last.field.name)
        elif before[-1].pseudo:
            source = self.pseudo(before, last.field.name)
        else:
            ((_, parent),) = self._joined(before)
            source = f"{parent}.{quoted(last.field.name)}"
        for target in last.targets:
            alias = self._aliases.new()
            # A field's definition names its object by name, not by id.
            key = "DurableId" if target.name == "EntityDefinition" else "Id"
            self._lines.append(
                f"LEFT JOIN {quoted(target.name)} AS {alias} ON {alias}.{quoted(key)} = {source}"
            )
            yield target, alias


def _type_word(target: ObjectDef) -> str:
    """What Owner.Type says: a Group that can own records is a Queue (SOQL sheet, section 2)."""
    return "Queue" if target.name == "Group" else target.name
