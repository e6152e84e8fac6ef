"""/recent: the records looked at last, a bare list [R].

Kept by the records' own LastViewedDate, which a query FOR VIEW sets; not per user, and not set by
reading a record over REST (unverified). 200 unless `limit` says otherwise, at most 2,000 [M]."""

from __future__ import annotations

from typing import Any

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.api.records import readable, render, seen
from sfprm.devorg.problems import Refusal, not_imitated

__all__ = ["recent", "sub_resource"]

DEFAULT, MOST = 200, 2000


def recent(request: Request) -> Answer:
    """GET /recent?limit=n: the latest first."""
    text = request.params.get("limit", str(DEFAULT))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MOST:
        raise Refusal(400, "INVALID_ARGUMENT", f"limit must be 1 to {MOST}")
    org, access = request.org, request.access
    found: list[tuple[str, dict[str, Any]]] = []
    for definition in org.schema.objects():
        if definition.field("LastViewedDate") is None or not org.object_visible(access, definition):
            continue
        living = ' AND "IsDeleted" = 0' if definition.field("IsDeleted") else ""
        rows = org.storage.execute(
            f'SELECT "Id", "LastViewedDate" FROM "{definition.name}" '  # noqa: S608
            f'WHERE "LastViewedDate" IS NOT NULL{living} ORDER BY "LastViewedDate" DESC LIMIT ?',
            (int(text),),
        )
        names = [one for one in readable(request, definition) if one.name in {"Id", "Name"}]
        at = {str(id_): str(stamp) for id_, stamp in rows}
        for record in seen(request, definition, org.storage.find(definition.name, Id=sorted(at))):
            found.append((at[str(record["Id"])], render(request, definition, record, names)))
    found.sort(key=lambda one: one[0], reverse=True)
    return Answer(body=[record for _, record in found[: int(text)]])


def sub_resource(request: Request, object: str, rest: str = "") -> Answer:
    """List views, layouts and quick actions of an object: not imitated, and said so."""
    raise not_imitated(f"the resource {request.method} {request.path}")
