"""The tree of a SOQL query, as written: names unresolved, offsets kept for error messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as Only

__all__ = [
    "And",
    "Call",
    "ChildQuery",
    "Comparison",
    "Condition",
    "DateWord",
    "Distance",
    "Expression",
    "Grouping",
    "Item",
    "Literal",
    "Not",
    "Or",
    "Ordering",
    "Path",
    "Query",
    "SemiJoin",
    "Source",
    "TypeOf",
    "When",
]


@dataclass(frozen=True, slots=True)
class Path:
    """A field path, `Account.Owner.Name`. `at` is the offset of its first character."""

    parts: tuple[str, ...]
    at: int

    @property
    def text(self) -> str:
        """The path with its dots."""
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class Call:
    """A function over a field or over another function; `name` in upper case."""

    name: str
    argument: Expression | None
    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Distance:
    """DISTANCE(field, GEOLOCATION(latitude, longitude), unit); angles in degrees."""

    path: Path
    latitude: float
    longitude: float
    unit: str
    at: int


Expression = Path | Call | Distance


@dataclass(frozen=True, slots=True)
class DateWord:
    """A word for a range of time, TODAY or LAST_N_DAYS with its number."""

    word: str
    count: int | None = None


LiteralKind = Only["string", "number", "date", "datetime", "time", "boolean", "null", "dateword"]


@dataclass(frozen=True, slots=True)
class Literal:
    """A value. `value` is str for string, date, datetime and time; int or float for number; bool;
    None; or a DateWord. After LIKE a string holds a pattern with backslash escapes.
    """

    kind: LiteralKind
    value: str | int | float | bool | DateWord | None
    at: int


@dataclass(frozen=True, slots=True)
class Source:
    """What FROM names, with its alias."""

    parts: tuple[str, ...]
    alias: str | None
    at: int

    @property
    def text(self) -> str:
        """The name with its dots."""
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class SemiJoin:
    """The sub-select after IN: one field of another object."""

    path: Path
    sources: tuple[Source, ...]
    where: Condition | None
    at: int
    with_: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left op right`; the list operators have a tuple or a sub-select on the right. `op` is one
    of = != < <= > >= LIKE IN, NOT IN, INCLUDES, EXCLUDES.
    """

    left: Expression
    op: str
    right: Literal | tuple[Literal, ...] | SemiJoin
    at: int


@dataclass(frozen=True, slots=True)
class Not:
    """NOT condition."""

    inner: Condition


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    parts: tuple[Condition, ...]


Condition = Comparison | Not | And | Or


@dataclass(frozen=True, slots=True)
class Item:
    """One expression of the SELECT list."""

    expression: Expression
    alias: str | None
    at: int


@dataclass(frozen=True, slots=True)
class ChildQuery:
    """A query in the SELECT list, over a child relationship."""

    query: Query
    at: int
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class When:
    """One WHEN of a TYPEOF; `at` is the offset of the object's name."""

    object: str
    paths: tuple[Path, ...]
    at: int


@dataclass(frozen=True, slots=True)
class TypeOf:
    """TYPEOF path WHEN … THEN … ELSE … END."""

    path: Path
    whens: tuple[When, ...]
    otherwise: tuple[Path, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Grouping:
    """GROUP BY: `kind` is "", ROLLUP or CUBE."""

    kind: str
    expressions: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Ordering:
    """One ORDER BY entry. Nulls come first unless told."""

    expression: Expression
    descending: bool
    nulls_last: bool
    at: int


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query, or a sub-query of the SELECT list. `counting` means SELECT COUNT(),
    `all_rows` ALL ROWS, `with_` is the mode that WITH names.
    """

    text: str
    counting: bool
    items: tuple[Item | ChildQuery | TypeOf, ...]
    sources: tuple[Source, ...]
    scope: str | None
    where: Condition | None
    with_: str | None
    grouping: Grouping | None
    having: Condition | None
    order: tuple[Ordering, ...]
    limit: int | None
    offset: int | None
    tracking: str | None
    updating: tuple[str, ...]
    all_rows: bool = False
