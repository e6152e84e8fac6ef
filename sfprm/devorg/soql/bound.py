"""A checked query: names are schema fields, values are as they are stored."""

from __future__ import annotations

from dataclasses import dataclass

from sfprm.devorg.schema import ChildRelationship, FieldDef, ObjectDef

__all__ = [
    "Aggregate",
    "All",
    "Any",
    "BoundQuery",
    "ChildOutput",
    "Column",
    "Compare",
    "Complement",
    "CompoundOutput",
    "Computed",
    "Distance",
    "Expr",
    "FieldOutput",
    "Hop",
    "In",
    "Includes",
    "IsNull",
    "Like",
    "Output",
    "ParentOutput",
    "Predicate",
    "Select",
    "Sort",
    "TypeBranches",
    "Value",
    "Within",
]

Value = str | int | float


@dataclass(frozen=True, slots=True)
class Hop:
    """One step to a parent, over the reference field `field`. With `pseudo`, the parent may be of
    several objects and is read as the pseudo-object Name.
    """

    relationship: str
    field: FieldDef
    targets: tuple[ObjectDef, ...]
    pseudo: bool


@dataclass(frozen=True, slots=True)
class Column:
    """A field of the queried object, or of a parent some hops away."""

    hops: tuple[Hop, ...]
    field: FieldDef
    owner: ObjectDef

    @property
    def type(self) -> str:
        """The field's type."""
        return self.field.type


@dataclass(frozen=True, slots=True)
class Computed:
    """A function of a row's value: a date function, convertTimezone, or FORMAT. `parameters` go
    before the value: of a fiscal function, the year's first month and 1 where the year is named by
    its beginning; of FORMAT, the value's type and its digits behind the point.
    """

    name: str
    argument: Expr
    type: str
    parameters: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Distance:
    """The distance between a place in the row and a given one; null where the row has none."""

    latitude: Column
    longitude: Column
    point: tuple[float, float]
    unit: str

    @property
    def type(self) -> str:
        """A distance is a double, in its unit."""
        return "double"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A function of a group's values; `argument` is None for COUNT() in ORDER BY or HAVING."""

    name: str
    argument: Expr | None
    type: str


Expr = Column | Computed | Distance | Aggregate


# Predicates. Each is true or not true; a complement is true wherever the inner one is not, nulls
# included (SOQL sheet, section 2: unverified there, from experience).


@dataclass(frozen=True, slots=True)
class Compare:
    """expr op value; `op` is one of = < <= > >=. Never true for a null field."""

    expr: Expr
    op: str
    value: Value


@dataclass(frozen=True, slots=True)
class IsNull:
    """The field is null."""

    expr: Expr


@dataclass(frozen=True, slots=True)
class In:
    """The field is one of the values, or null where `or_null`."""

    expr: Expr
    values: tuple[Value, ...]
    or_null: bool


@dataclass(frozen=True, slots=True)
class Like:
    """The text matches the pattern (wildcards % and _, escaped by a backslash)."""

    expr: Expr
    pattern: str


@dataclass(frozen=True, slots=True)
class Includes:
    """A multi-select field holds all values of at least one of the groups."""

    expr: Expr
    groups: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Within:
    """The id is among those that the sub-select gives."""

    expr: Expr
    select: Select


@dataclass(frozen=True, slots=True)
class Complement:
    """Not that."""

    inner: Predicate


@dataclass(frozen=True, slots=True)
class All:
    """Every part."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one part."""

    parts: tuple[Predicate, ...]


Predicate = Compare | IsNull | In | Like | Includes | Within | Complement | All | Any


@dataclass(frozen=True, slots=True)
class Select:
    """A semi-join's sub-select."""

    object: ObjectDef
    column: Column
    where: Predicate | None


# Outputs


@dataclass(frozen=True, slots=True)
class FieldOutput:
    """One key with one value."""

    key: str
    expr: Expr


@dataclass(frozen=True, slots=True)
class CompoundOutput:
    """One key with an address made of (part, column)."""

    key: str
    parts: tuple[tuple[str, Column], ...]


@dataclass(frozen=True, slots=True)
class ParentOutput:
    """One key with a parent record; null where there is none."""

    key: str
    hops: tuple[Hop, ...]
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class TypeBranches:
    """TYPEOF: the outputs by object of the parent; `otherwise` for the objects not named."""

    key: str
    hops: tuple[Hop, ...]
    branches: tuple[tuple[ObjectDef, tuple[Output, ...]], ...]
    otherwise: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class ChildOutput:
    """One key with the records of a child relationship."""

    key: str
    link: ChildRelationship
    query: BoundQuery


Output = FieldOutput | CompoundOutput | ParentOutput | TypeBranches | ChildOutput


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort key."""

    expr: Expr
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """A query ready to be made SQL. `grouping_sets` lists, for an aggregated query, which of the
    `group` expressions each set of groups keeps (one set but for ROLLUP and CUBE); None for a
    query of records.
    """

    object: ObjectDef
    counting: bool
    outputs: tuple[Output, ...]
    where: Predicate | None
    group: tuple[Expr, ...]
    grouping_sets: tuple[tuple[int, ...], ...] | None
    having: Predicate | None
    order: tuple[Sort, ...]
    limit: int | None
    offset: int | None
    mine: bool
    tracking: str | None
    all_rows: bool = False
