"""Conditions against the schema: which operator and value a field takes, and what it then means
(SOQL sheet, sections 2 and 7b)."""

from __future__ import annotations

from collections.abc import Callable

from sfprm.devorg.ids import canonical
from sfprm.devorg.schema.model import INT_TYPES, REAL_TYPES
from sfprm.devorg.soql.bound import (
    All,
    Any,
    Column,
    Compare,
    Complement,
    Distance,
    Expr,
    In,
    Includes,
    IsNull,
    Like,
    Predicate,
    Select,
    Value,
    Within,
)
from sfprm.devorg.soql.dates import Calendar
from sfprm.devorg.soql.errors import SoqlError, framed
from sfprm.devorg.soql.tree import (
    And,
    Comparison,
    Condition,
    DateWord,
    Expression,
    Literal,
    Not,
    Or,
    SemiJoin,
)

__all__ = ["Filters"]

_TEXTUAL = frozenset(
    {"string", "textarea", "picklist", "multipicklist", "combobox", "email", "phone", "url"}
)
_MAX_STRING = 4_000
_EQUALITY = frozenset({"=", "!=", "IN", "NOT IN"})


class Filters:
    """Turns the conditions of one query into predicates.

    `resolve` gives the checked expression of an operand; `select` checks a semi-join's sub-select
    against the left operand's offset and column.
    """

    def __init__(
        self,
        text: str,
        calendar: Calendar,
        resolve: Callable[[Expression], Expr],
        select: Callable[[SemiJoin, Column, int], Select],
    ) -> None:
        self._text = text
        self._calendar = calendar
        self._resolve = resolve
        self._select = select
        self._joins = 0

    def predicate(
        self, condition: Condition, *, top: bool = True, under_or: bool = False
    ) -> Predicate:
        """The predicate of a condition. Raises SoqlError."""
        if isinstance(condition, Not):
            inner = self.predicate(condition.inner, top=False, under_or=under_or)
            return Complement(inner)
        if isinstance(condition, And):
            return All(
                tuple(self.predicate(one, top=top, under_or=under_or) for one in condition.parts)
            )
        if isinstance(condition, Or):
            return Any(
                tuple(self.predicate(one, top=False, under_or=True) for one in condition.parts)
            )
        if isinstance(condition.right, SemiJoin):
            return self._semijoin(condition, condition.right, top=top, under_or=under_or)
        return self._comparison(condition)

    def _semijoin(
        self, comparison: Comparison, join: SemiJoin, *, top: bool, under_or: bool
    ) -> Predicate:
        if under_or:
            raise _malformed("Semi join sub-selects are not allowed with the 'OR' operator")
        if not top:
            raise _malformed(
                "Semi join sub-selects are only allowed at the top level WHERE expressions"
            )
        self._joins += 1
        if self._joins > 2:
            raise _malformed("Maximum 2 semi join sub-selects are allowed")
        left = self._filterable(comparison)
        if not isinstance(left, Column) or not left.field.is_id:
            # The rule is from memory, the words are unverified.
            raise self._framed(
                comparison,
                "MALFORMED_QUERY",
                f"The left operand '{_shown(left)}' of a semi join must be an id or a reference",
            )
        within = Within(left, self._select(join, left, comparison.at))
        return Complement(within) if comparison.op == "NOT IN" else within

    def _filterable(self, comparison: Comparison) -> Expr:
        expr = self._resolve(comparison.left)
        if isinstance(expr, Column) and (expr.field.is_compound or not expr.field.filterable):
            raise self._framed(
                comparison,
                "INVALID_FIELD",
                f"field '{expr.field.name}' can not be filtered in a query call",
            )
        return expr

    def _comparison(self, comparison: Comparison) -> Predicate:
        expr = self._filterable(comparison)
        if isinstance(expr, Distance) and comparison.op not in ("<", ">", "<=", ">="):
            # DISTANCE is compared by < and > only (SOQL sheet, section 4); words unverified.
            raise self._framed(
                comparison, "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on DISTANCE"
            )
        op, right = comparison.op, comparison.right
        self._check_operator(comparison, expr)
        if op in ("INCLUDES", "EXCLUDES") and isinstance(right, tuple):
            groups = []
            for literal in right:
                value = self._value(comparison, expr, literal)
                groups.append(tuple(part for part in str(value).split(";") if part))
            includes = Includes(expr, tuple(groups))
            return Complement(includes) if op == "EXCLUDES" else includes
        if isinstance(right, tuple):
            one_of = self._one_of(comparison, expr, right)
            return Complement(one_of) if op == "NOT IN" else one_of
        if not isinstance(right, Literal):
            raise TypeError(right)
        if op == "LIKE":
            return Like(expr, str(right.value))
        if isinstance(right.value, DateWord):
            return self._range(comparison, expr, op, right.value)
        value = self._value(comparison, expr, right)
        if value is None and op not in ("=", "!="):
            # Unverified: the wording follows that of LIKE NULL.
            raise _malformed("unexpected token: 'null'")
        if op == "!=":
            return Complement(self._equal(expr, value))
        return self._equal(expr, value) if op == "=" else Compare(expr, op, _given(value))

    def _equal(self, expr: Expr, value: Value | None) -> Predicate:
        if value is None:
            return Compare(expr, "=", 0) if expr.type == "boolean" else IsNull(expr)
        if expr.type == "multipicklist" and isinstance(expr, Column):
            order = {text.lower(): place for place, text in enumerate(expr.field.picklist)}
            parts = str(value).split(";")
            parts.sort(key=lambda part: order.get(part.lower(), len(order)))
            value = ";".join(parts)
        return Compare(expr, "=", value)

    def _one_of(
        self, comparison: Comparison, expr: Expr, literals: tuple[Literal, ...]
    ) -> Predicate:
        values: list[Value] = []
        others: list[Predicate] = []
        or_null = False
        for literal in literals:
            if isinstance(literal.value, DateWord):
                others.append(self._range(comparison, expr, "=", literal.value))
                continue
            value = self._value(comparison, expr, literal)
            if value is None and expr.type == "boolean":
                values.append(0)
            elif value is None:
                or_null = True
            elif expr.type == "multipicklist":
                others.append(self._equal(expr, value))
            else:
                values.append(value)
        found = In(expr, tuple(values), or_null)
        return Any((found, *others)) if others else found

    def _range(self, comparison: Comparison, expr: Expr, op: str, word: DateWord) -> Predicate:
        start: Value
        end: Value
        try:
            if expr.type == "datetime":
                start, end = self._calendar.instants(word.word, word.count)
            elif expr.type == "date":
                first, behind = self._calendar.days(word.word, word.count)
                start, end = first.isoformat(), behind.isoformat()
            else:
                raise self._wrong_kind(comparison, expr)
        except OverflowError:
            raise self._framed(
                comparison, "INVALID_FIELD", f"Invalid date: {word.word}:{word.count}"
            ) from None
        if op in ("<", ">="):
            return Compare(expr, op, start)
        if op == "<=":
            return Compare(expr, "<", end)
        if op == ">":
            return Compare(expr, ">=", end)
        inside = All((Compare(expr, ">=", start), Compare(expr, "<", end)))
        return Complement(inside) if op == "!=" else inside

    def _check_operator(self, comparison: Comparison, expr: Expr) -> None:
        op, kind = comparison.op, expr.type
        if kind == "multipicklist":
            wrong = op not in _EQUALITY | {"INCLUDES", "EXCLUDES"}
        elif op in ("INCLUDES", "EXCLUDES"):
            wrong = True
        elif op == "LIKE":
            wrong = kind not in _TEXTUAL
        else:
            wrong = kind == "boolean" and op not in _EQUALITY
        if wrong:
            shown = "id" if kind == "reference" else kind
            raise self._framed(
                comparison,
                "INVALID_QUERY_FILTER_OPERATOR",
                f"invalid operator on {shown} field",
            )

    def _value(self, comparison: Comparison, expr: Expr, literal: Literal) -> Value | None:
        """The literal as a stored value; None for null and for the empty string."""
        kind, value = expr.type, literal.value
        if value is None:
            return None
        given = literal.kind
        if kind in ("id", "reference") and isinstance(value, str) and given == "string":
            if value == "":
                return None
            try:
                return canonical(value)
            except ValueError:
                raise self._framed(
                    comparison, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {value}"
                ) from None
        if isinstance(value, str) and given == "string" and kind in _TEXTUAL:
            if len(value) > _MAX_STRING:
                raise _malformed("SOQL WHERE strings cannot be longer than 4000 characters.")
            return value or None
        if kind == "boolean" and isinstance(value, bool):
            return int(value)
        if kind in INT_TYPES | REAL_TYPES and given == "number" and isinstance(value, (int, float)):
            return value if abs(value) < 2**63 else float(value)
        if kind == given and isinstance(value, str) and kind in ("date", "datetime", "time"):
            if kind == "time":
                return value if "." in value else value.replace("Z", ".000Z")
            return value
        raise self._wrong_kind(comparison, expr)

    def _wrong_kind(self, comparison: Comparison, expr: Expr) -> SoqlError:
        kind = expr.type
        name = expr.field.name if isinstance(expr, Column) else _shown(expr)
        if kind in _TEXTUAL or kind in ("id", "reference"):
            wanted = "string and should be enclosed in quotes"
        else:
            names = {"datetime": "dateTime", "currency": "double", "percent": "double"}
            wanted = f"{names.get(kind, kind)} and should not be enclosed in quotes"
        return self._framed(
            comparison,
            "INVALID_FIELD",
            f"value of filter criterion for field '{name}' must be of type {wanted}",
        )

    def _framed(self, comparison: Comparison, code: str, message: str) -> SoqlError:
        return framed(code, self._text, comparison.at, message)


def _shown(expr: Expr) -> str:
    if isinstance(expr, Column):
        return expr.field.name
    if isinstance(expr, Distance):
        return "DISTANCE"
    inner = _shown(expr.argument) if expr.argument is not None else ""
    return f"{expr.name}({inner})"


def _given(value: Value | None) -> Value:
    if value is None:
        raise TypeError("null has no order")
    return value


def _malformed(message: str) -> SoqlError:
    return SoqlError("MALFORMED_QUERY", message)
