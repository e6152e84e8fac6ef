"""SOQL from typed values: quoting, a small builder, and IN lists cut to fit a URL.

String literals escape `\\ ' " \\n \\r \\t \\b \\f`; in LIKE also `%` and `_`. A GET is held to
about 16 KB of address and headers, so long lists are split.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Self
from urllib.parse import quote

from sfprm.errors import Bug
from sfprm.ids import RecordId

__all__ = [
    "URL_ROOM",
    "Query",
    "Value",
    "compare",
    "contains",
    "eq",
    "in_",
    "in_query",
    "like",
    "literal",
    "ne",
    "not_in",
    "split_in",
]

Value = str | int | float | bool | None | datetime | date | RecordId
"""What SOQL can compare with."""

URL_ROOM = 12_000
"""Characters of a percent-encoded query that keep a GET well under Salesforce's 16,384 bytes."""

_ESCAPES = str.maketrans(
    {
        "\\": "\\\\",
        "'": "\\'",
        '"': '\\"',
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\b": "\\b",
        "\f": "\\f",
    }
)
_PATH = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*\Z")


def literal(value: Value) -> str:
    """The value as SOQL writes it: quoted text, bare numbers, UTC dateTimes to the second.

    Raises Bug for a dateTime without zone and for numbers that SOQL cannot write.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f"'{value.translate(_ESCAPES)}'"
        case datetime():
            if value.tzinfo is None:
                raise Bug("A dateTime without a zone cannot be compared with the org's.")
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case date():
            return value.isoformat()
        case int():
            return str(value)
        case float():
            text = format(value, "f")  # SOQL has no exponents
            if not text.lstrip("-").replace(".", "", 1).isdigit():
                raise Bug(f"{value!r} is not a number that SOQL can write.")
            return text.rstrip("0").rstrip(".")


def _path(field: str) -> str:
    if not _PATH.match(field):
        raise Bug(f"{field!r} is not a field name.")
    return field


def like(field: str, pattern: str) -> str:
    """`field LIKE pattern`; `%` and `_` in the pattern are wildcards. See `contains`."""
    return f"{_path(field)} LIKE {literal(pattern)}"


def contains(field: str, text: str) -> str:
    """The field holds the text anywhere; `%` and `_` in it mean themselves."""
    quoted = literal(text)[1:-1].replace("%", "\\%").replace("_", "\\_")
    return f"{_path(field)} LIKE '%{quoted}%'"


def compare(field: str, operator: str, value: Value) -> str:
    """`field operator value`, for = != < <= > >=."""
    if operator not in ("=", "!=", "<", "<=", ">", ">="):
        raise Bug(f"{operator!r} is not a comparison of SOQL's.")
    return f"{_path(field)} {operator} {literal(value)}"


def eq(field: str, value: Value) -> str:
    """`field = value`; text compares without regard to case."""
    return compare(field, "=", value)


def ne(field: str, value: Value) -> str:
    """`field != value`; rows where the field is empty match too."""
    return compare(field, "!=", value)


def in_(field: str, values: Iterable[Value]) -> str:
    """`field IN (…)`. Of no values it is a condition that no row meets: SOQL has no empty list."""
    listed = ", ".join(literal(value) for value in values)
    return f"{_path(field)} IN ({listed})" if listed else "Id = null"


def not_in(field: str, values: Iterable[Value]) -> str:
    """`field NOT IN (…)`; of no values, a condition that every row meets."""
    listed = ", ".join(literal(value) for value in values)
    return f"{_path(field)} NOT IN ({listed})" if listed else "Id != null"


def split_in(field: str, values: Iterable[Value], room: int = URL_ROOM) -> list[str]:
    """IN conditions of at most `room` percent-encoded characters each, together all values.

    A value longer than the room stands alone. Of no values: no conditions. Order is kept.
    """
    parts: list[list[str]] = []
    used = 0
    start = len(quote(f"{_path(field)} IN ()"))
    for value in values:
        text = literal(value)
        size = len(quote(text + ", ", safe=""))
        if not parts or used + size > room:
            parts.append([])
            used = start
        parts[-1].append(text)
        used += size
    return [f"{field} IN ({', '.join(part)})" for part in parts]


@dataclass(frozen=True, slots=True)
class Query:
    """A SELECT. `where` holds conditions that must all hold; `order_by` items may say DESC.

    Without `order_by` Salesforce promises no order.
    """

    select: tuple[str, ...]
    from_: str
    where: tuple[str, ...] = ()
    order_by: tuple[str, ...] = ()
    limit: int | None = None

    def text(self) -> str:
        """The statement."""
        if not self.select:
            raise Bug("A query must select something.")
        parts = ["SELECT " + ", ".join(self.select), "FROM " + self.from_]
        if self.where:
            conditions = (c if len(self.where) == 1 else f"({c})" for c in self.where)
            parts.append("WHERE " + " AND ".join(conditions))
        if self.order_by:
            parts.append("ORDER BY " + ", ".join(self.order_by))
        if self.limit is not None:
            parts.append(f"LIMIT {self.limit:d}")
        return " ".join(parts)

    def also(self, *conditions: str) -> Self:
        """The same query under further conditions."""
        return replace(self, where=self.where + conditions)


def in_query(field: str, query: Query) -> str:
    """`field IN (SELECT …)`; at most two a statement, without order or limit [documented]."""
    return f"{_path(field)} IN ({query.text()})"
