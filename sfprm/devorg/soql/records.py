"""Rows of a statement to JSON-ready records: a plan is made once a query, then run for each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any as Anything

from sfprm.devorg.soql.bound import (
    Aggregate,
    ChildOutput,
    CompoundOutput,
    Expr,
    FieldOutput,
    Output,
    ParentOutput,
    TypeBranches,
)
from sfprm.devorg.soql.sql import SEPARATOR, Emitter
from sfprm.devorg.soql.tables import Sql

__all__ = ["Record", "RecordPlan", "group_record"]

Record = dict[str, Anything]
Row = Sequence[Anything]
Step = Callable[[Record, Row], None]
_Text = frozenset({"string", "picklist", "textarea", "combobox", "email", "phone", "url"})


class RecordPlan:
    """The columns to select for a list of outputs, and how a row of them becomes a record.

    `base` is the address of the sObject resources, `/services/data/v66.0/sobjects/`. The records of
    child relationships are put in `children`, by output, then by the parent's id, before the first
    row is made a record.
    """

    def __init__(self, emitter: Emitter, outputs: tuple[Output, ...], base: str) -> None:
        self._emitter = emitter
        self._base = base
        self.columns: list[Sql] = []
        self.child_outputs: list[ChildOutput] = []
        self.children: list[Mapping[str, Record]] = []
        self.id_place = self._add(emitter.tables.own("Id"))
        self._steps = self._plan(outputs)
        self._kind = emitter.tables.root.name

    def record(self, row: Row) -> Record:
        """The record of one row."""
        made: Record = {
            "attributes": {
                "type": self._kind,
                "url": f"{self._base}{self._kind}/{row[self.id_place]}",
            }
        }
        for step in self._steps:
            step(made, row)
        return made

    def _add(self, sql: Sql | str) -> int:
        self.columns.append(sql if isinstance(sql, Sql) else Sql(sql))
        return len(self.columns) - 1

    def _plan(self, outputs: tuple[Output, ...]) -> list[Step]:
        steps: list[Step] = []
        plain: list[tuple[str, int]] = []
        for output in outputs:
            if isinstance(output, FieldOutput):
                place = self._add(self._emitter.value(output.expr))
                if output.expr.type == "boolean":
                    steps.extend(_copying(plain))
                    plain.clear()
                    steps.append(_flag(output.key, place))
                else:
                    plain.append((output.key, place))
                continue
            steps.extend(_copying(plain))
            plain.clear()
            steps.append(self._nested(output))
        steps.extend(_copying(plain))
        return steps

    def _nested(self, output: Output) -> Step:
        if isinstance(output, CompoundOutput):
            parts = [(key, self._add(self._emitter.value(column))) for key, column in output.parts]
            return _compound(output.key, parts)
        if isinstance(output, ParentOutput):
            return self._parent(output)
        if isinstance(output, TypeBranches):
            return self._branches(output)
        if isinstance(output, ChildOutput):
            self.child_outputs.append(output)
            return self._child(output.key, len(self.child_outputs) - 1)
        raise TypeError(output)

    def _parent(self, output: ParentOutput) -> Step:
        tables = self._emitter.tables
        id_place = self._add(tables.id_of(output.hops))
        last = output.hops[-1]
        kind = "Name" if last.pseudo else last.targets[0].name
        object_place = self._add(tables.object_of(output.hops)) if last.pseudo else None
        inner = self._plan(output.outputs)
        base, key = self._base, output.key

        def step(made: Record, row: Row) -> None:
            id_ = row[id_place]
            if id_ is None:
                made[key] = None
                return
            real = kind if object_place is None else row[object_place]
            parent: Record = {"attributes": {"type": kind, "url": f"{base}{real}/{id_}"}}
            for one in inner:
                one(parent, row)
            made[key] = parent

        return step

    def _branches(self, output: TypeBranches) -> Step:
        tables = self._emitter.tables
        id_place = self._add(tables.id_of(output.hops))
        object_place = self._add(tables.object_of(output.hops))
        branches = {target.name: self._plan(inner) for target, inner in output.branches}
        otherwise = self._plan(output.otherwise)
        base, key = self._base, output.key

        def step(made: Record, row: Row) -> None:
            id_, kind = row[id_place], row[object_place]
            if id_ is None:
                made[key] = None
                return
            parent: Record = {"attributes": {"type": kind, "url": f"{base}{kind}/{id_}"}}
            for one in branches.get(kind, otherwise):
                one(parent, row)
            made[key] = parent

        return step

    def _child(self, key: str, number: int) -> Step:
        def step(made: Record, row: Row) -> None:
            made[key] = self.children[number].get(row[self.id_place])

        return step


def _copying(pairs: list[tuple[str, int]]) -> list[Step]:
    """One step for fields that stand side by side in the row."""
    if not pairs:
        return []
    keys = tuple(key for key, _ in pairs)
    first, last = pairs[0][1], pairs[-1][1] + 1

    def step(made: Record, row: Row) -> None:
        made.update(zip(keys, row[first:last], strict=True))

    return [step]


def _flag(key: str, place: int) -> Step:
    def step(made: Record, row: Row) -> None:
        value = row[place]
        made[key] = None if value is None else bool(value)

    return step


def _compound(key: str, parts: list[tuple[str, int]]) -> Step:
    def step(made: Record, row: Row) -> None:
        values = {name: row[place] for name, place in parts}
        empty = all(value is None for value in values.values())
        made[key] = None if empty else values

    return step


def group_record(keys: Sequence[str], exprs: Sequence[Expr], row: Row) -> Record:
    """One row of an aggregated query."""
    made: Record = {"attributes": {"type": "AggregateResult"}}
    for key, expr, value in zip(keys, exprs, row, strict=False):
        if value is None:
            made[key] = None
        elif isinstance(expr, Aggregate) and expr.name in ("MIN", "MAX") and expr.type in _Text:
            made[key] = value.rpartition(SEPARATOR)[2]
        else:
            made[key] = bool(value) if expr.type == "boolean" else value
    return made
