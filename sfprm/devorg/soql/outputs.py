"""The SELECT list: which keys the answer has, nested as parents and children are (SOQL sheet,
section 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sfprm.devorg.schema import ObjectDef
from sfprm.devorg.soql.bound import (
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
from sfprm.devorg.soql.names import Names
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
        self._unnamed = 0

    def all(self) -> tuple[Output, ...]:
        """The outputs, parents merged where they are first mentioned."""
        top = _Level()
        has_fields = False
        for item in self._query.items:
            if isinstance(item, ChildQuery):
                # An alias of a sub-query is taken; the key is the relationship's name all the same
                # (aliases of sub-queries are in the grammar only: SOQL sheet, section 1).
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
        level = self._level(top, column.hops)
        if isinstance(level.keys.get(column.field.name), TypeBranches):
            raise _malformed(f"{column.field.name} is both in TYPEOF and in the field list")
        level.keys[column.field.name] = self._output(column)

    def _level(self, top: _Level, hops: tuple[Hop, ...]) -> _Level:
        """The keys of the parent some hops away, put where it is first mentioned."""
        level = top
        for depth in range(len(top.hops) + 1, len(hops) + 1):
            key = hops[depth - 1].relationship
            inner = level.keys.get(key)
            if isinstance(inner, TypeBranches):
                raise _malformed(f"{key} is both in TYPEOF and in the field list")
            if not isinstance(inner, _Level):
                inner = _Level(hops[:depth])
                level.keys[key] = inner
            level = inner
        return level

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
        if one.type == "location":
            place = self._names.place_of(column)
            named = zip(("latitude", "longitude"), place or (), strict=False)
            return CompoundOutput(one.name, tuple(named))
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
        expr = self._expressions.selected(item.expression)
        if isinstance(expr, Computed) and expr.name == "FORMAT":
            inner = expr.argument
            named = inner.field.name if isinstance(inner, Column) and not inner.hops else None
            self._keyed(top, item, expr, named)
        elif isinstance(expr, Computed):
            raise framed(
                "MALFORMED_QUERY",
                self._query.text,
                item.at,
                "Field must be grouped or aggregated: "
                + (item.expression.text if isinstance(item.expression, Call) else ""),
            )
        elif isinstance(expr, Column) and item.alias is None:
            self._put(top, expr)
        else:
            self._keyed(top, item, expr, None)

    def _keyed(self, top: _Level, item: Item, expr: Expr, name: str | None) -> None:
        """A function's value under its alias, else its field's name, else a number."""
        key = item.alias or name
        if key is None:
            key = f"expr{self._unnamed}"
            self._unnamed += 1
        if key.lower() in (taken.lower() for taken in top.keys):
            raise _malformed(f"duplicate alias: {key}")
        top.keys[key] = FieldOutput(key, expr)

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
        level = self._level(top, hops[:-1])
        if last.relationship in level.keys:
            raise _malformed(f"{last.relationship} is both in TYPEOF and in the field list")
        branches = tuple(self._branch(hops, one) for one in item.whens)
        otherwise = _Level(hops)
        for path in item.otherwise:
            self._put(otherwise, self._names.under(hops, path))
        level.keys[last.relationship] = TypeBranches(
            last.relationship, hops, branches, otherwise.outputs()
        )

    def _branch(self, hops: tuple[Hop, ...], when: When) -> tuple[ObjectDef, tuple[Output, ...]]:
        last = hops[-1]
        target = next((t for t in last.targets if t.name.lower() == when.object.lower()), None)
        if target is None:
            raise framed(
                "INVALID_TYPE",
                self._query.text,
                when.at,
                f"{last.relationship} cannot be of type {when.object}",
            )
        single = (*hops[:-1], Hop(last.relationship, last.field, (target,), pseudo=False))
        self._names.relationships.add((*(one.relationship for one in hops), target.name))
        level = _Level(single)
        for path in when.paths:
            self._put(level, self._names.under(single, path))
        return target, level.outputs()


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
        elif not isinstance(expr, Column):
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
