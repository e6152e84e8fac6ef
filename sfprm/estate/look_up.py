"""Looking records up by many values of one field, in as few calls as that takes.

By IN lists, which fit about 250 values a call; or, when the org holds few such records, by reading
them all and picking: a migration into a new org must not ask for 30,000 usernames by name.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from sfprm.salesforce.query import count, select
from sfprm.salesforce.soql import Query, split_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session

__all__ = ["look_up"]

_PAGE = 2000
_FEW_CALLS = 3
"""IN lists that are sent without first counting what there is."""


def look_up(
    session: Session,
    fields: tuple[str, ...],
    object_: str,
    field: str,
    values: Iterable[str],
    *also: str,
) -> Iterator[Row]:
    """The rows whose `field` is one of the values (compared without case), under the conditions
    `also`. `field` must be among `fields`."""
    wanted = list(dict.fromkeys(values))
    conditions = split_in(field, wanted)
    if len(conditions) > _FEW_CALLS:
        there = count(session, Query(("Id",), object_, also))
        if 1 + ceil(there / _PAGE) < len(conditions):
            yield from _picked(session, Query(fields, object_, also), field, wanted)
            return
    for condition in conditions:
        yield from select(session, Query(fields, object_, (*also, condition)))


def _picked(session: Session, query: Query, field: str, wanted: list[str]) -> Iterator[Row]:
    folded = {value.strip().lower() for value in wanted}
    for row in select(session, query):
        if str(row.get(field) or "").strip().lower() in folded:
            yield row
