"""Query jobs: what they may ask, and their results as CSV.

No GROUP BY, OFFSET or TYPEOF [D], no aggregates and no child sub-queries [M]; no compound fields
[P]. The words for sub-queries and compound fields are those seen in the wild [P], the others are
unverified, and so is the code API_ERROR. What a function gives has its alias as its column, else
the name that it has over REST (unverified); FIELDS() is not imitated here. A column has the name of
its field as the schema spells it, with the path of its parents; every value is in quotes, null is
empty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sfprm.devorg.asking import query_options
from sfprm.devorg.bulk.dialect import Dialect
from sfprm.devorg.problems import Refusal, not_imitated
from sfprm.devorg.soql.errors import NotImitated, SoqlError
from sfprm.devorg.soql.parser import parse
from sfprm.devorg.soql.run import query_columns, run_query
from sfprm.devorg.soql.tree import (
    And,
    Call,
    ChildQuery,
    Comparison,
    Condition,
    Expression,
    Item,
    Not,
    Or,
    Path,
    Query,
    SemiJoin,
    TypeOf,
)

if TYPE_CHECKING:
    from sfprm.devorg.org import Org
    from sfprm.devorg.permissions import Access
    from sfprm.devorg.schema import FieldDef, ObjectDef
    from sfprm.devorg.soql.options import QueryOptions

__all__ = ["check", "run"]

WINDOW = 10_000
"""Records read at a time."""
Record = dict[str, Any]
_NAMED_BY_FIELD = frozenset({"TOLABEL", "FORMAT", "CONVERTCURRENCY"})
_AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX", "GROUPING"})


def check(org: Org, access: Access, text: str, version: str) -> str:
    """The object that a query is about. Raises Refusal 400 for one that no job may have, 501 for
    what is not imitated."""
    query = _parsed(text)
    for item in query.items:
        if isinstance(item, ChildQuery):
            raise _refused(
                "Aggregate Relationships not supported in Bulk V2 Query with CSV content type"
            )
        if isinstance(item, TypeOf):
            raise _refused("TYPEOF is not supported in Bulk V2 Query")
    if query.counting or query.grouping is not None or _aggregated(query):
        raise _refused("GROUP BY and aggregate functions are not supported in Bulk V2 Query")
    if query.offset is not None:
        raise _refused("OFFSET is not supported in Bulk V2 Query")
    definition = org.schema.object(query.sources[0].text)
    if definition is None or not org.object_visible(access, definition):
        _bind(org, access, text, version)  # refused in the words of SOQL
        raise _refused(f"Entity '{query.sources[0].text}' is not supported by the Bulk API.")
    for path in _paths(query, definition):
        found = _walk(org, definition, path)[1]
        if found is not None and found.is_compound:
            raise _refused("Selecting compound data not supported in Bulk Query")
    _bind(org, access, text, version)
    return definition.name


def _bind(org: Org, access: Access, text: str, version: str) -> None:
    """Check a query against the schema without running it. Raises Refusal."""
    with _refusing():
        query_columns(text, org.schema, org.storage, **query_options(org, access, version))


def run(
    org: Org, access: Access, text: str, version: str, dialect: Dialect, *, deleted: bool
) -> Iterator[list[str]]:
    """A query's result as lines, in pieces: the header alone first. Raises Refusal."""
    query = _parsed(text)
    definition = org.schema.object(query.sources[0].text)
    assert definition is not None
    paths = _paths(query, definition)
    yield [dialect.line([".".join(_walk(org, definition, path)[0]) for path in paths])]
    folded = [[part.lower() for part in path] for path in paths]
    options = query_options(org, access, version, include_deleted=deleted)
    windows = _windows if _in_order_of_ids(query) else _whole
    for records in windows(org, text, definition, options):
        columns = [_column(records, path) for path in folded]
        yield [dialect.line(cells) for cells in zip(*columns, strict=True)]


def _whole(
    org: Org, text: str, definition: ObjectDef, options: QueryOptions
) -> Iterator[Sequence[Record]]:
    with _refusing():
        yield run_query(text, org.schema, org.storage, **options).records


def _windows(
    org: Org, text: str, definition: ObjectDef, options: QueryOptions
) -> Iterator[Sequence[Record]]:
    """The result window by window along the ids, so that a million records are never in memory
    together."""
    others = options.get("row_filter")
    last = ""

    def after(object_: str) -> tuple[str, list[object]] | None:
        found = others(object_) if others is not None else None
        if object_ != definition.name:
            return found
        condition, parameters = found if found is not None else ("1", [])
        return f'({condition}) AND {{t}}."Id" > ?', [*parameters, last]

    while True:
        with _refusing():
            windowed: QueryOptions = {**options, "row_filter": after}
            limited = f"{text.rstrip()} LIMIT {WINDOW}"
            records = run_query(limited, org.schema, org.storage, **windowed).records
        yield records
        if len(records) != WINDOW:
            return
        last = str(records[-1]["attributes"]["url"]).rpartition("/")[2]


def _in_order_of_ids(query: Query) -> bool:
    """Nothing in the query says how many records or in which order, and no sub-select could be
    about the same object."""
    plain = not (query.order or query.tracking or query.updating or query.all_rows or query.with_)
    return plain and query.limit is None and not _has_semi_join(query.where)


def _has_semi_join(condition: Condition | None) -> bool:
    match condition:
        case Comparison():
            return isinstance(condition.right, SemiJoin)
        case Not():
            return _has_semi_join(condition.inner)
        case And() | Or():
            return any(_has_semi_join(part) for part in condition.parts)
        case _:
            return False


def _parsed(text: str) -> Query:
    with _refusing():
        return parse(text)


@contextmanager
def _refusing() -> Iterator[None]:
    """What the query language refuses, as the answer to the request."""
    try:
        yield
    except SoqlError as error:
        raise Refusal(400, error.error_code, error.message) from error
    except NotImitated as error:
        raise not_imitated(error.what) from error


def _aggregated(query: Query) -> bool:
    return any(
        isinstance(item, Item)
        and isinstance(item.expression, Call)
        and item.expression.name in _AGGREGATES
        for item in query.items
    )


def _paths(query: Query, definition: ObjectDef) -> list[tuple[str, ...]]:
    """The paths selected, without the name or alias of the object."""
    names = {definition.name.lower(), (query.sources[0].alias or "").lower()}
    paths: list[tuple[str, ...]] = []
    unnamed = 0
    for item in query.items:
        if not isinstance(item, Item):
            continue
        expression: Expression | None = item.expression
        function = expression.name if isinstance(expression, Call) else ""
        if function == "FIELDS":
            raise not_imitated("FIELDS() in a Bulk query")
        if isinstance(expression, Call) and not item.alias and function in _NAMED_BY_FIELD:
            expression = expression.argument
        if isinstance(expression, Path) and not item.alias:
            parts = expression.parts
            if len(parts) > 1 and parts[0].lower() in names and definition.parent(parts[0]) is None:
                parts = parts[1:]
            if function != "FORMAT" or len(parts) == 1:
                paths.append(parts)
                continue
        if function not in _AGGREGATES:
            paths.append((item.alias or f"expr{unnamed}",))
            unnamed += 0 if item.alias else 1
    return list({tuple(part.lower() for part in path): path for path in paths}.values())


def _walk(
    org: Org, definition: ObjectDef, path: tuple[str, ...]
) -> tuple[list[str], FieldDef | None]:
    """A path as the schema spells it, and its field. What lies behind a polymorphic parent stays as
    typed, its field unknown."""
    spelt: list[str] = []
    owner: ObjectDef | None = definition
    for part in path[:-1]:
        field = owner.parent(part) if owner is not None else None
        spelt.append(str(field.relationship_name) if field is not None else part)
        single = field is not None and len(field.reference_to) == 1
        owner = org.schema.object(field.reference_to[0]) if field is not None and single else None
    last = owner.field(path[-1]) if owner is not None else None
    return [*spelt, last.name if last is not None else path[-1]], last


def _column(records: Sequence[Record], path: list[str]) -> list[str]:
    """One column's cells. All records spell a field of theirs alike; parents may differ."""
    if len(path) == 1 and records:
        name = next((name for name in records[0] if name.lower() == path[0]), path[0])
        return [_text(record.get(name)) for record in records]
    return [_cell(record, path) for record in records]


def _cell(record: Mapping[str, Any], path: list[str]) -> str:
    value: Any = record
    for part in path:
        if not isinstance(value, Mapping):
            return ""
        value = next((one for name, one in value.items() if name.lower() == part), None)
    return _text(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _refused(message: str) -> Refusal:
    return Refusal(400, "API_ERROR", message)
