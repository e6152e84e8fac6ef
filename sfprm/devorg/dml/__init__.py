"""Writing records, in Salesforce's order: parse and check each value, defaults, required fields,
references, unique fields, the behaviours' own rules, audit fields, the write, the behaviours'
consequences. One chunk of rows of one object goes through together."""

from __future__ import annotations

from sfprm.devorg.dml.context import Batch, Context, Row
from sfprm.devorg.dml.parse import parse_rows
from sfprm.devorg.dml.run import delete_rows, insert_rows, update_rows, write_all

__all__ = [
    "Batch",
    "Context",
    "Row",
    "delete_rows",
    "insert_rows",
    "parse_rows",
    "update_rows",
    "write_all",
]
