"""SOQL: text → tokens (`lexer`) → tree (`parser`, `tree`) → checked against the schema and the
user's permissions (`check`) → SQL on real columns (`sql`) → JSON-ready records (`run`)."""

from __future__ import annotations

from sfprm.devorg.soql.errors import NotImitated, SoqlError
from sfprm.devorg.soql.run import QueryResult, explain_query, query_columns, run_query

__all__ = ["NotImitated", "QueryResult", "SoqlError", "explain_query", "query_columns", "run_query"]
