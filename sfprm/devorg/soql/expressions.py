"""Operands: fields, functions of fields, aggregates; and where each may stand (SOQL sheet,
section 4)."""

from __future__ import annotations

from collections.abc import Callable

from sfprm.devorg.formats import FORMATTED
from sfprm.devorg.functions import DATE_PARTS, FISCAL_PARTS, RADIUS
from sfprm.devorg.schema.model import INT_TYPES, REAL_TYPES
from sfprm.devorg.soql.bound import Aggregate, Column, Computed, Distance, Expr
from sfprm.devorg.soql.dates import Calendar
from sfprm.devorg.soql.errors import SoqlError, framed
from sfprm.devorg.soql.names import Names
from sfprm.devorg.soql.tree import Call, Expression, Path
from sfprm.devorg.soql.tree import Distance as DistanceCall

__all__ = ["AGGREGATES", "Expressions", "is_aggregate"]

AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX", "GROUPING"})
_NEVER_AGGREGATED = frozenset(
    {"base64", "time", "address", "anyType", "location", "multipicklist", "encryptedstring"}
)
_NUMERIC = INT_TYPES | REAL_TYPES


def is_aggregate(expression: Expression) -> bool:
    """Whether this is, or wraps, a function over a group of records."""
    if not isinstance(expression, Call):
        return False
    return expression.name in AGGREGATES or (
        expression.argument is not None and is_aggregate(expression.argument)
    )


class Expressions:
    """Checks the operands of one query."""

    def __init__(self, names: Names, calendar: Calendar) -> None:
        self.names = names
        self._calendar = calendar

    def scalar(self, expression: Expression) -> Expr:
        """A field, or a function of one record's field."""
        if isinstance(expression, Path):
            return self.names.column(expression)
        if isinstance(expression, DistanceCall):
            return self._distance(expression)
        name = expression.name
        if name in AGGREGATES:
            # Unverified: the wording for an aggregate where only a record's value can stand.
            raise _malformed(f"unexpected token: '{expression.text}'")
        if name == "TOLABEL":
            return self._argument(expression)
        if name in DATE_PARTS or name in FISCAL_PARTS or name in ("HOUR_IN_DAY", "DAY_ONLY"):
            return self._date_function(expression)
        if name == "CONVERTCURRENCY":
            # Documented for orgs with several currencies only; code and words unverified.
            raise _malformed("convertCurrency() is only supported in multi-currency organizations")
        raise _malformed(f"unexpected token: '{expression.text.partition('(')[0]}'")

    def sortable(self, expression: Expression) -> Expr:
        """An operand of ORDER BY in a query of records."""
        expr = self.scalar(expression)
        if isinstance(expr, Column) and (not expr.field.sortable or expr.field.is_compound):
            raise framed(
                "INVALID_FIELD",
                self.names.text,
                expression.at,
                f"field '{expr.field.name}' can not be sorted in a query call",
            )
        return expr

    def groupable(self, expression: Expression) -> Expr:
        """An operand of GROUP BY."""
        expr = self.scalar(expression)
        if isinstance(expr, Column) and not expr.field.groupable:
            raise framed(
                "INVALID_FIELD",
                self.names.text,
                expression.at,
                f"field '{expr.field.name}' can not be grouped in a query call",
            )
        return expr

    def selected(self, expression: Expression) -> Expr:
        """An operand of SELECT in a query of records: FORMAT may stand here."""
        if isinstance(expression, Call) and expression.name == "FORMAT":
            return self._format(expression, self.scalar)
        return self.scalar(expression)

    def _format(self, call: Call, resolve: Callable[[Expression], Expr]) -> Expr:
        if call.argument is None:
            raise _malformed("unexpected token: ')'")
        inner = resolve(call.argument)
        if inner.type not in FORMATTED:
            return inner
        column = inner.argument if isinstance(inner, Aggregate) else inner
        scale = column.field.scale if isinstance(column, Column) else 0
        if isinstance(inner, Aggregate) and inner.name == "AVG":
            scale = max(scale, 2)
        return Computed("FORMAT", inner, "string", (inner.type, scale))

    def _distance(self, call: DistanceCall) -> Distance:
        column = self.names.column(call.path)
        name = column.field.name
        # Words unverified, here and below.
        if column.type not in ("location", "address"):
            raise self._framed(call, f"field {name} does not support function DISTANCE")
        if call.unit not in RADIUS:
            raise self._framed(call, f"Invalid unit '{call.unit}' for DISTANCE: use 'mi' or 'km'")
        if not (abs(call.latitude) <= 90 and abs(call.longitude) <= 180):
            raise self._framed(call, "Invalid GEOLOCATION: latitude or longitude is out of range")
        parts = self.names.place_of(column)
        if parts is None:
            raise self._framed(call, f"field {name} does not support function DISTANCE")
        return Distance(*parts, (call.latitude, call.longitude), call.unit)

    def _framed(self, call: DistanceCall, message: str) -> SoqlError:
        return framed("MALFORMED_QUERY", self.names.text, call.at, message)

    def in_groups(
        self, expression: Expression, group: tuple[Expr, ...], *, ordering: bool = False
    ) -> Expr:
        """An operand of SELECT, HAVING or ORDER BY in an aggregated query."""
        if isinstance(expression, Call) and expression.name in AGGREGATES:
            return self._aggregate(expression, group)
        if isinstance(expression, Call) and expression.name == "FORMAT" and not ordering:
            return self._format(expression, lambda one: self.in_groups(one, group))
        if is_aggregate(expression):
            shown = expression.text if isinstance(expression, Call) else ""
            raise _malformed(f"unexpected token: '{shown}'")
        expr = self.scalar(expression)
        inner = expr.argument if isinstance(expr, Computed) else None
        if expr not in group and (inner is None or inner not in group):
            what = "Ordered field" if ordering else "Field"
            shown = expression.text if isinstance(expression, (Path, Call)) else ""
            raise framed(
                "MALFORMED_QUERY",
                self.names.text,
                expression.at,
                f"{what} must be grouped or aggregated: {shown}",
            )
        return expr

    def shown(self, expr: Expr) -> str:
        """An expression as the org's messages name it."""
        if isinstance(expr, Column):
            return expr.field.name
        if isinstance(expr, Distance):
            return "DISTANCE"
        inner = self.shown(expr.argument) if expr.argument is not None else ""
        return f"{expr.name}({inner})"

    def _argument(self, call: Call) -> Expr:
        if call.argument is None:
            raise _malformed("unexpected token: ')'")
        return self.scalar(call.argument)

    def _date_function(self, call: Call) -> Expr:
        inner = call.argument
        local = isinstance(inner, Call) and inner.name == "CONVERTTIMEZONE"
        if isinstance(inner, Call) and local:
            argument = self._argument(inner)
        else:
            argument = self._argument(call)
        wants_instant = local or call.name in ("HOUR_IN_DAY", "DAY_ONLY")
        if argument.type != "datetime" and (wants_instant or argument.type != "date"):
            # Unverified wording.
            raise framed(
                "MALFORMED_QUERY",
                self.names.text,
                call.at,
                f"field {self.shown(argument)} does not support function {call.name}",
            )
        if local:
            argument = Computed("CONVERTTIMEZONE", argument, "datetime")
        if call.name in FISCAL_PARTS:
            year = (self._calendar.fiscal_month, int(self._calendar.fiscal_named_by_start))
            return Computed(call.name, argument, "int", year)
        return Computed(call.name, argument, "date" if call.name == "DAY_ONLY" else "int")

    def _aggregate(self, call: Call, group: tuple[Expr, ...]) -> Aggregate:
        if call.argument is None:
            if call.name != "COUNT":
                raise _malformed("unexpected token: ')'")
            return Aggregate("COUNT", None, "int")
        argument = self.scalar(call.argument)
        if call.name == "GROUPING":
            if argument not in group:
                raise _malformed(f"Field must be grouped: {self.shown(argument)}")
            return Aggregate("GROUPING", argument, "int")
        kind = argument.type
        supported = kind not in _NEVER_AGGREGATED and (
            kind in _NUMERIC if call.name in ("SUM", "AVG") else kind != "boolean"
        )
        if isinstance(argument, Column) and kind == "textarea":
            supported = argument.field.groupable
        if not supported:
            raise _malformed(
                f"field {self.shown(argument)} does not support aggregate operator {call.name}"
            )
        if argument in group:
            raise _malformed(f"Grouped field should not be aggregated: {self.shown(argument)}")
        result = {"COUNT": "int", "COUNT_DISTINCT": "int", "AVG": "double"}.get(call.name, kind)
        return Aggregate(call.name, argument, result)


def _malformed(message: str) -> SoqlError:
    return SoqlError("MALFORMED_QUERY", message)
