"""Who asks a query, and where and when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Required, TypedDict

from sfprm.devorg.schema import FieldDef, ObjectDef
from sfprm.devorg.soql.definitions import Exists

__all__ = ["QueryOptions", "RowFilter"]

RowFilter = Callable[[str], tuple[str, list[object]] | None]


class QueryOptions(TypedDict, total=False):
    """What a query depends on besides its text, the schema and the records.

    `visible` and `object_visible` hide fields and objects from the user; `exists` tells which are
    in the org at all (default: all). `row_filter(object name)` gives None, or an SQL condition with
    its parameters that the user's records fulfil, `{t}` standing for the table's alias, as in
    `{t}."OwnerId" = ?`; it governs the object queried, child sub-queries and semi-joins.
    `user_zone` is an IANA name, `week_starts` 0 (Monday) to 6 (Sunday, the default), `locale`
    (en_US) and `currency` (USD) serve FORMAT, `fiscal_month` is 1 to 12. `version` (66.0) goes into
    the records' addresses and bounds the depth of child sub-queries.
    """

    visible: Required[Callable[[ObjectDef, FieldDef], bool]]
    object_visible: Required[Callable[[ObjectDef], bool]]
    now: Required[datetime]
    user_zone: Required[str]
    exists: Exists
    row_filter: RowFilter | None
    include_deleted: bool
    version: str
    user_id: str | None
    week_starts: int
    fiscal_month: int
    fiscal_named_by_start: bool
    locale: str
    currency: str
