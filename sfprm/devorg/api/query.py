"""/query and /queryAll with pages. Cursors live two days on the org's clock [D]; a locator is
`01g…-offset` [D, R]."""

from __future__ import annotations

import re
from typing import Any

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.cursors import Cursor
from sfprm.devorg.problems import Refusal, not_imitated
from sfprm.devorg.soql.errors import NotImitated, SoqlError
from sfprm.devorg.soql.run import run_query

__all__ = ["more", "query", "query_all"]

DEFAULT_BATCH, MIN_BATCH, MAX_BATCH = 2000, 200, 2000


def query(request: Request) -> Answer:
    """GET /query?q=SOQL."""
    return _run(request, include_deleted=False, resource="query")


def query_all(request: Request) -> Answer:
    """GET /queryAll?q=SOQL: deleted records too."""
    return _run(request, include_deleted=True, resource="queryAll")


def more(request: Request, locator: str) -> Answer:
    """GET /query/{locator}: the page that begins at the locator's offset."""
    match = re.fullmatch(r"(01g\w{15})-(\d{1,9})", locator)
    cursor = None
    if match is not None:
        cursor = request.org.cursors.find(match[1], request.access.user_id)
    if match is None or cursor is None or int(match[2]) >= len(cursor.records):
        raise Refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    return _page(request, cursor, match[1], int(match[2]))


def _run(request: Request, *, include_deleted: bool, resource: str) -> Answer:
    if "explain" in request.params:
        raise not_imitated("query plans (explain)")
    text = request.params.get("q", "")
    if not text.strip():
        raise Refusal(400, "MALFORMED_QUERY", "A query string has to be specified")
    org, access = request.org, request.access
    user = access.user
    try:
        found = run_query(
            text,
            org.schema,
            org.storage,
            visible=lambda object_, field: org.visible(access, object_, field),
            object_visible=lambda object_: org.object_visible(access, object_),
            now=org.clock.now(),
            user_zone=str(user.get("TimeZoneSidKey") or "GMT"),
            include_deleted=include_deleted,
            version=request.version,
            user_id=access.user_id,
        )
    except SoqlError as error:
        raise Refusal(400, error.error_code, error.message) from error
    except NotImitated as error:
        raise not_imitated(error.what) from error
    batch = _batch_size(request)
    if len(found.records) <= batch:
        return Answer(body={"totalSize": found.total_size, "done": True, "records": found.records})
    id_ = org.cursors.keep(found.records, batch, access.user_id, resource)
    cursor = org.cursors.find(id_, access.user_id)
    assert cursor is not None
    return _page(request, cursor, id_, 0)


def _page(request: Request, cursor: Cursor, id_: str, offset: int) -> Answer:
    end = offset + cursor.batch
    done = end >= len(cursor.records)
    body: dict[str, Any] = {"totalSize": len(cursor.records), "done": done}
    if not done:
        body["nextRecordsUrl"] = f"{request.data}/{cursor.resource}/{id_}-{end}"
    body["records"] = cursor.records[offset:end]
    return Answer(body=body)


def _batch_size(request: Request) -> int:
    """`Sforce-Query-Options: batchSize=N`, 200 to 2000; anything else is the default [D]."""
    match = re.search(
        r"batchSize\s*=\s*(\d{1,6})", request.headers.get("sforce-query-options", ""), re.I
    )
    if match is None:
        return DEFAULT_BATCH
    return min(max(int(match[1]), MIN_BATCH), MAX_BATCH)
