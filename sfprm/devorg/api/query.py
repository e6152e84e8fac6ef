"""/query and /queryAll with pages. Cursors live two days on the org's clock [D]; a locator is
`01g…-offset` [D, R]."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.asking import query_options
from sfprm.devorg.behaviours.contention import lock_rows, unable_to_lock
from sfprm.devorg.cursors import Cursor, Open
from sfprm.devorg.problems import Refusal, not_imitated
from sfprm.devorg.schema import Schema
from sfprm.devorg.soql import explain_query, query_columns, run_query
from sfprm.devorg.soql.definitions import DEFINITIONS
from sfprm.devorg.soql.errors import NotImitated, SoqlError
from sfprm.devorg.soql.listings import TOOLING_ONLY
from sfprm.devorg.soql.names import View
from sfprm.devorg.soql.options import QueryOptions
from sfprm.devorg.soql.parser import parse

__all__ = ["more", "query", "query_all", "tooling"]

_TOOLING = DEFINITIONS | TOOLING_ONLY | {"ApexTrigger"}
DEFAULT_BATCH, MIN_BATCH, MAX_BATCH = 2000, 200, 2000


def query(request: Request) -> Answer:
    """GET /query?q=SOQL; with `columns=true` its columns, and ?explain=SOQL its plan."""
    return _run(request, include_deleted=False, resource="query")


def query_all(request: Request) -> Answer:
    """GET /queryAll?q=SOQL: deleted records too."""
    return _run(request, include_deleted=True, resource="queryAll")


def tooling(request: Request) -> Answer:
    """GET /tooling/query?q=SOQL, of EntityDefinition, FieldDefinition, ValidationRule, ApexTrigger,
    DeployRequest. The answer has three keys more [R].
    """
    answer = _run(request, include_deleted=False, resource="tooling/query", objects=_TOOLING)
    if not isinstance(answer.body, dict) or "records" not in answer.body:
        return answer
    named = {str(one["attributes"]["type"]) for one in answer.body["records"]}
    head = {"size": len(answer.body["records"]), "totalSize": answer.body["totalSize"]}
    tail = {"queryLocator": None, "entityTypeName": next(iter(named), None)}
    return Answer(body={**head, "done": True, **tail, "records": answer.body["records"]})


def more(request: Request, locator: str) -> Answer:
    """GET /query/{locator}: the page that begins at the locator's offset."""
    match = re.fullmatch(r"(01g\w{15})-(\d{1,9})", locator)
    cursor = None
    if match is not None:
        cursor = request.org.cursors.find(match[1], request.access.user_id)
    if match is None or cursor is None or int(match[2]) >= len(cursor.records):
        raise Refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    return _page(request, cursor, match[1], int(match[2]))


def _run(
    request: Request,
    *,
    include_deleted: bool,
    resource: str,
    objects: frozenset[str] | None = None,
) -> Answer:
    explained = request.params.get("explain")
    text = request.params.get("q", "") if explained is None else explained
    if not text.strip():
        raise Refusal(400, "MALFORMED_QUERY", "A query string has to be specified")
    org, access = request.org, request.access
    options = query_options(org, access, request.version, include_deleted=include_deleted)
    if objects is not None:
        seen = options["object_visible"]
        options["object_visible"] = lambda one: one.name in TOOLING_ONLY or seen(one)
        visible = options["visible"]
        options["visible"] = lambda one, field: one.name in TOOLING_ONLY or visible(one, field)
    columns = request.params.get("columns", "").lower() == "true"
    try:
        if objects is not None:
            _only(text, objects, org.schema, options)
        if explained is not None:
            return Answer(body=explain_query(text, org.schema, org.storage, **options))
        if columns:
            return Answer(body=query_columns(text, org.schema, org.storage, **options))
        found = run_query(text, org.schema, org.storage, **options)
    except SoqlError as error:
        raise Refusal(400, error.error_code, error.message) from error
    except NotImitated as error:
        raise not_imitated(error.what) from error
    held = lock_rows(org, found.locked) if found.locked else None
    if held is not None:
        raise Refusal(400, *unable_to_lock(held))
    batch = _batch_size(request) if objects is None else MAX_BATCH
    fits = len(found.records) <= batch
    if fits and not found.nested:
        return Answer(
            body={"totalSize": found.total_size, "done": True, "records": list(found.records)}
        )
    whole = Cursor(found.records, batch, org.clock.now(), access.user_id, resource, found.nested)
    records, end = whole.page(0, _opening(request, whole))
    if end >= len(found.records):
        return Answer(body={"totalSize": found.total_size, "done": True, "records": records})
    id_ = org.cursors.keep(whole)
    return _answer(request, whole, id_, records, end)


def _only(text: str, objects: frozenset[str], schema: Schema, options: QueryOptions) -> None:
    """Tooling knows other objects than data does; those that are not here are not imitated."""
    root = View(schema, options["visible"], options["object_visible"]).root(
        parse(text).sources[0], text
    )
    if root.name not in objects:
        raise NotImitated(f"the tooling object {root.name}")


def _opening(request: Request, cursor: Cursor) -> Open:
    """Opens cursors over children that did not fit into a page."""

    def open_(children: Sequence[dict[str, Any]], place: int) -> str:
        own = replace(cursor, records=children)
        return f"{request.data}/{cursor.resource}/{request.org.cursors.keep(own)}-{place}"

    return open_


def _page(request: Request, cursor: Cursor, id_: str, offset: int) -> Answer:
    records, end = cursor.page(offset, _opening(request, cursor))
    return _answer(request, cursor, id_, records, end)


def _answer(
    request: Request, cursor: Cursor, id_: str, records: list[dict[str, Any]], end: int
) -> Answer:
    done = end >= len(cursor.records)
    body: dict[str, Any] = {"totalSize": len(cursor.records), "done": done}
    if not done:
        body["nextRecordsUrl"] = f"{request.data}/{cursor.resource}/{id_}-{end}"
    body["records"] = records
    return Answer(body=body)


def _batch_size(request: Request) -> int:
    """`Sforce-Query-Options: batchSize=N`, 200 to 2000; anything else is the default [D]."""
    match = re.search(
        r"batchSize\s*=\s*(\d{1,6})", request.headers.get("sforce-query-options", ""), re.I
    )
    if match is None:
        return DEFAULT_BATCH
    return min(max(int(match[1]), MIN_BATCH), MAX_BATCH)
