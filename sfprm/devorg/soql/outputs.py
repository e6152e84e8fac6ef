"""The SELECT list: which keys the answer has, nested as parents and children are (SOQL sheet,
section 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sfprm.devorg.schema import FieldDef, ObjectDef
from sfprm.devorg.soql.bound import (
    Aggregate,
    ChildOutput,
    Column,
    CompoundOutput,
    Computed,
    Expr,
    FieldOutput,
    Hop,
    Output,
    ParentOutput,
    TypeBranches,
)
from sfprm.devorg.soql.errors import NotImitated, SoqlError, framed
from sfprm.devorg.soql.expressions import Expressions
from sfprm.devorg.soql.names import NAME, Names
from sfprm.devorg.soql.tree import Call, ChildQuery, Item, Path, Query, TypeOf, When

__all__ = ["Outputs", "grouped_outputs"]

_ADDRESS_PARTS = (
    ("city", "City"),
    ("country", "Country"),
    ("countryCode", "CountryCode"),
    ("geocodeAccuracy", "GeocodeAccuracy"),
    ("latitude", "Latitude"),
    ("longitude", "Longitude"),
    ("postalCode", "PostalCode"),
    ("state", "State"),
    ("stateCode", "StateCode"),
    ("street", "Street"),
)


@dataclass(slots=True)
class _Level:
    """The keys of one record being put together, in order of first mention."""

    hops: tuple[Hop, ...] = ()
    keys: dict[str, Output | _Level] = field(default_factory=dict)

    def outputs(self) -> tuple[Output, ...]:
        return tuple(
            ParentOutput(key, one.hops, one.outputs()) if isinstance(one, _Level) else one
            for key, one in self.keys.items()
        )


class Outputs:
    """Checks the SELECT list of a query of records."""

    def __init__(
        self,
        query: Query,
        names: Names,
        expressions: Expressions,
        child: Callable[[ChildQuery], ChildOutput],
    ) -> None:
        self._query = query
        self._names = names
        self._expressions = expressions
        self._child = child

    def all(self) -> tuple[Output, ...]:
        """The outputs, parents merged where they are first mentioned."""
        top = _Level()
        has_fields = False
        for item in self._query.items:
            if isinstance(item, ChildQuery):
                found = self._child(item)
                top.keys[found.key] = found
            elif isinstance(item, TypeOf):
                self._typeof(top, item)
            elif isinstance(item.expression, Call) and item.expression.name == "FIELDS":
                has_fields = True
                self._fields(top, item.expression)
            elif isinstance(item.expression, Path):
                self._plain(top, item, item.expression, once=has_fields)
            else:
                self._function(top, item)
        return top.outputs()

    def _plain(self, top: _Level, item: Item, path: Path, *, once: bool) -> None:
        if item.alias is not None:
            raise _malformed("only aggregate expressions use field aliasing")
        column = self._names.column(path)
        if once and not column.hops and column.field.name in top.keys:
            raise SoqlError("INVALID_FIELD", f"duplicate field selected: {column.field.name}")
        self._put(top, column)

    def _put(self, top: _Level, column: Column) -> None:
        level = top
        for depth, hop in enumerate(column.hops, start=1):
            inner = level.keys.get(hop.relationship)
            if not isinstance(inner, _Level):
                inner = _Level(column.hops[:depth])
                level.keys[hop.relationship] = inner
            level = inner
        level.keys[column.field.name] = self._output(column)

    def _output(self, column: Column) -> Output:
        one = column.field
        if one.type == "address":
            prefix = one.name.removesuffix("Address")
            parts = []
            for key, suffix in _ADDRESS_PARTS:
                part = self._names.view.field(column.owner, prefix + suffix)
                if part is not None:
                    parts.append((key, Column(column.hops, part, column.owner)))
            return CompoundOutput(one.name, tuple(parts))
        if one.is_compound:
            raise NotImitated(f"the {one.type} field {one.name}")
        return FieldOutput(one.name, column)

    def _fields(self, top: _Level, call: Call) -> None:
        argument = call.argument.text if isinstance(call.argument, Path) else ""
        kinds = {"all": (True, True), "standard": (True, False), "custom": (False, True)}
        wanted = kinds.get(argument.lower())
        if wanted is None:
            raise _malformed(
                "The SOQL FIELDS function only supports arguments of (all), (custom), (standard); "
                f"({argument}) is not supported."
            )
        standard, custom = wanted
        root = self._names.root
        for one in self._names.view.fields(root):
            if (custom if one.custom else standard) and one.type != "complexvalue":
                if one.name in top.keys:
                    raise SoqlError("INVALID_FIELD", f"duplicate field selected: {one.name}")
                self._put(top, Column((), one, root))

    def _function(self, top: _Level, item: Item) -> None:
        expr = self._expressions.scalar(item.expression)
        if isinstance(expr, Computed) or not isinstance(item.expression, Call):
            raise framed(
                "MALFORMED_QUERY",
                self._query.text,
                item.at,
                "Field must be grouped or aggregated: "
                + (item.expression.text if isinstance(item.expression, Call) else ""),
            )
        if isinstance(expr, Column):
            if item.alias is not None:
                top.keys[item.alias] = FieldOutput(item.alias, expr)
            else:
                self._put(top, expr)

    def _typeof(self, top: _Level, item: TypeOf) -> None:
        hops = self._names.hops(item.path)
        last = hops[-1]
        if not last.pseudo:
            raise framed(
                "INVALID_FIELD",
                self._query.text,
                item.path.at,
                f"TYPEOF needs a polymorphic relationship: {item.path.text}",
            )
        if len(hops) > 1:
            raise NotImitated("TYPEOF over a parent's relationship")
        if last.relationship in top.keys:
            raise _malformed(f"{last.relationship} is both in TYPEOF and in the field list")
        branches = tuple(self._branch(hops, one) for one in item.whens)
        otherwise = _Level()
        for path in item.otherwise:
            field_ = NAME.field(path.text)
            if field_ is None:
                raise self._no_column(path, NAME)
            otherwise.keys[field_.name] = FieldOutput(field_.name, Column(hops, field_, NAME))
        top.keys[last.relationship] = TypeBranches(
            last.relationship, hops, branches, otherwise.outputs()
        )

    def _branch(self, hops: tuple[Hop, ...], when: When) -> tuple[ObjectDef, tuple[Output, ...]]:
        target = next((t for t in hops[-1].targets if t.name.lower() == when.object.lower()), None)
        if target is None:
            raise framed(
                "INVALID_TYPE",
                self._query.text,
                when.at,
                f"{hops[-1].relationship} cannot be of type {when.object}",
            )
        last = hops[-1]
        single = (*hops[:-1], Hop(last.relationship, last.field, (target,), pseudo=False))
        level = _Level()
        for path in when.paths:
            if len(path.parts) > 1:
                raise NotImitated("a parent path inside TYPEOF")
            field_: FieldDef | None = self._names.view.field(target, path.text)
            if field_ is None:
                raise self._no_column(path, target)
            level.keys[field_.name] = self._output(Column(single, field_, target))
        return target, level.outputs()

    def _no_column(self, path: Path, owner: ObjectDef) -> SoqlError:
        try:
            Names(self._names.view, owner, self._query.sources[:1], self._query.text).column(path)
        except SoqlError as error:
            return error
        return _malformed(f"unexpected token: '{path.text}'")


def grouped_outputs(
    query: Query, expressions: Expressions, group: tuple[Expr, ...]
) -> tuple[Output, ...]:
    """The outputs of an aggregated query: aliases as typed, `expr0`, `expr1`… for the aggregates
    and functions without one, a grouped field under the last part of its name.
    """
    outputs: dict[str, Output] = {}
    unnamed = 0
    for item in query.items:
        if not isinstance(item, Item):
            raise _malformed("only root queries support aggregate expressions")
        expr = expressions.in_groups(item.expression, group)
        if item.alias is not None:
            key = item.alias
        elif isinstance(expr, (Aggregate, Computed)):
            key = f"expr{unnamed}"
            unnamed += 1
        else:
            key = expr.field.name
        if key.lower() in (taken.lower() for taken in outputs):
            raise _malformed(f"duplicate alias: {key}")
        outputs[key] = FieldOutput(key, expr)
    return tuple(outputs.values())


def _malformed(message: str) -> SoqlError:
    return SoqlError("MALFORMED_QUERY", message)
