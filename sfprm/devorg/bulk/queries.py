"""Query jobs: what they may ask, and their results as CSV.

No GROUP BY, OFFSET or TYPEOF [D], no aggregates and no child sub-queries [M]; no compound fields
[P]. The words for sub-queries and compound fields are those seen in the wild [P], the others are
unverified, and so is the code API_ERROR. A column has the name of its field as the schema spells
it, with the path of its parents; every value is in quotes, null is empty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sfprm.devorg.asking import query_options
from sfprm.devorg.bulk.dialect import Dialect
from sfprm.devorg.problems import Refusal, not_imitated
from sfprm.devorg.soql.errors import NotImitated, SoqlError
from sfprm.devorg.soql.parser import parse
from sfprm.devorg.soql.run import query_columns, run_query
from sfprm.devorg.soql.tree import Call, ChildQuery, Item, Path, Query, TypeOf

if TYPE_CHECKING:
    from sfprm.devorg.org import Org
    from sfprm.devorg.permissions import Access
    from sfprm.devorg.schema import FieldDef, ObjectDef

__all__ = ["check", "run"]

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
) -> tuple[str, list[str]]:
    """(header line, all lines) of a query's result. Raises Refusal."""
    query = _parsed(text)
    definition = org.schema.object(query.sources[0].text)
    assert definition is not None
    paths = _paths(query, definition)
    options = query_options(org, access, version, include_deleted=deleted)
    with _refusing():
        records = run_query(text, org.schema, org.storage, **options).records
    header = dialect.line([".".join(_walk(org, definition, path)[0]) for path in paths])
    folded = [[part.lower() for part in path] for path in paths]
    return header, [dialect.line([_cell(one, path) for path in folded]) for one in records]


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
    for item in query.items:
        if not isinstance(item, Item):
            continue
        expression = item.expression
        if isinstance(expression, Path):
            parts = expression.parts
            if len(parts) > 1 and parts[0].lower() in names and definition.parent(parts[0]) is None:
                parts = parts[1:]
            paths.append(parts)
        elif isinstance(expression, Call) and expression.name not in _AGGREGATES:
            raise not_imitated(f"{expression.name}() in a Bulk query")
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


def _cell(record: Mapping[str, Any], path: list[str]) -> str:
    value: Any = record
    for part in path:
        if not isinstance(value, Mapping):
            return ""
        value = next((one for name, one in value.items() if name.lower() == part), None)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _refused(message: str) -> Refusal:
    return Refusal(400, "API_ERROR", message)
