"""/sobjects/X/updated and /deleted: which records changed or went in a span of time.

Seconds of start and end are dropped; at most 30 days back; start at or after end is
INVALID_REPLICATION_DATE; more than 600,000 ids EXCEEDED_ID_LIMIT; based on SystemModstamp [D]. The
span takes its start in and leaves its end out, so that spans put end to end cover all once
(unverified). `latestDateCovered` is the end, or the present minute when that is earlier: no
transaction is ever under way while the org answers. Both feeds together name a record once: the
deleted is not among the updated. The words are unverified."""

from __future__ import annotations

from datetime import datetime, timedelta

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.api.writing import find_object
from sfprm.devorg.problems import Refusal
from sfprm.devorg.schema import ObjectDef
from sfprm.devorg.stamps import read_stamp, stamp_text

__all__ = ["deleted", "updated"]

BACK = timedelta(days=30)
MAX_IDS = 600_000


def updated(request: Request, object: str) -> Answer:
    """GET /sobjects/X/updated?start=&end=: ids, the earliest change first."""
    definition = _replicated(request, object)
    start, end = _span(request)
    living = ' AND "IsDeleted" = 0' if definition.field("IsDeleted") else ""
    ids = [str(id_) for id_, _ in _stamped(request, definition, living, start, end)]
    return Answer(body={"ids": ids, "latestDateCovered": _covered(request, end)})


def deleted(request: Request, object: str) -> Answer:
    """GET /sobjects/X/deleted?start=&end=: ids with the instant of deletion, the earliest first,
    those past the recycle bin among them."""
    definition = _replicated(request, object)
    start, end = _span(request)
    found: list[tuple[str, str]] = []
    if definition.field("IsDeleted"):
        found = _stamped(request, definition, ' AND "IsDeleted" = 1', start, end)
    store = request.org.bulk.store
    store.prepare()
    found = sorted([*found, *store.erased(definition.name, start, end)], key=lambda one: one[1])
    oldest = _minute(request.org.clock.now() - BACK)
    return Answer(
        body={
            "deletedRecords": [{"id": id_, "deletedDate": stamp} for id_, stamp in found],
            "earliestDateAvailable": stamp_text(oldest),
            "latestDateCovered": _covered(request, end),
        }
    )


def _replicated(request: Request, object: str) -> ObjectDef:
    definition = find_object(request, object)
    if not definition.replicateable or definition.field("SystemModstamp") is None:
        raise Refusal(
            400, "INVALID_TYPE_FOR_OPERATION", f"{definition.name} has no feed of its changes"
        )
    return definition


def _stamped(
    request: Request, definition: ObjectDef, condition: str, start: datetime, end: datetime
) -> list[tuple[str, str]]:
    shared = request.org.sharing.condition(request.access, definition.name, "read")
    sight = f" AND ({shared.on('r').sql})" if shared is not None else ""
    rows = request.org.storage.execute(
        f'SELECT "Id", "SystemModstamp" FROM "{definition.name}" AS r '  # noqa: S608
        f'WHERE "SystemModstamp" >= ? AND "SystemModstamp" < ?{condition}{sight} '
        f'ORDER BY "SystemModstamp", "Id" LIMIT {MAX_IDS + 1}',
        (stamp_text(start), stamp_text(end), *(shared.values if shared is not None else ())),
    )
    if len(rows) > MAX_IDS:
        raise Refusal(400, "EXCEEDED_ID_LIMIT", f"more than {MAX_IDS} ids: take a shorter span")
    return [(str(id_), str(stamp)) for id_, stamp in rows]


def _span(request: Request) -> tuple[datetime, datetime]:
    start, end = (_instant(request, name) for name in ("start", "end"))
    if start >= end:
        raise Refusal(
            400,
            "INVALID_REPLICATION_DATE",
            "startDate has to be at least one minute before endDate",
        )
    if start < _minute(request.org.clock.now() - BACK):
        raise Refusal(400, "INVALID_REPLICATION_DATE", "startDate cannot be more than 30 days ago")
    return start, end


def _instant(request: Request, name: str) -> datetime:
    text = request.params.get(name, "")
    try:
        return _minute(read_stamp(text))
    except (ValueError, OverflowError) as error:
        raise Refusal(
            400,
            "INVALID_REPLICATION_DATE",
            f"{name} must be an instant with an offset, such as 2026-01-01T00:00:00Z: {text[:40]}",
        ) from error


def _minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


def _covered(request: Request, end: datetime) -> str:
    return stamp_text(min(end, _minute(request.org.clock.now())))
