"""Leads kept back, each with its reasons and the next time to try."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from sfprm.ids import RecordId
from sfprm.routing.values import Code, Reason
from sfprm.store.inserts import insert, pieces
from sfprm.store.records import Parked
from sfprm.store.tables import parked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection


def reasons_json(reasons: Sequence[Reason]) -> list[list[str]]:
    """Pairs of code and detail."""
    return [[reason.code.value, reason.detail] for reason in reasons]


def reasons_from(pairs: Sequence[Sequence[str]]) -> tuple[Reason, ...]:
    """The inverse of `reasons_json`."""
    return tuple(Reason(Code(code), detail) for code, detail in pairs)


def every(connection: Connection) -> list[Parked]:
    """Oldest first."""
    query = select(parked).order_by(parked.c.since, parked.c.lead)
    return [
        Parked(
            lead=RecordId(row.lead),
            since=row.since,
            tries=row.tries,
            next_try=row.next_try,
            reasons=reasons_from(row.reasons),
            tried=row.tried,
        )
        for row in connection.execute(query)
    ]


def park(
    connection: Connection,
    leads: Sequence[tuple[RecordId, Sequence[Reason], datetime | None]],
    now: datetime,
) -> None:
    """Keep leads back, each with reasons and next try; one parked already keeps its `since`."""
    if not leads:
        return
    statement = insert(connection, parked)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["lead"],
            set_={
                "tries": parked.c.tries + 1,
                "next_try": statement.excluded.next_try,
                "reasons": statement.excluded.reasons,
                "tried": statement.excluded.tried,
            },
        ),
        [
            {
                "lead": lead,
                "since": now,
                "tries": 1,
                "next_try": next_try,
                "reasons": reasons_json(reasons),
                "tried": now,
            }
            for lead, reasons, next_try in leads
        ],
    )


def unpark(connection: Connection, leads: Iterable[RecordId]) -> None:
    """No longer kept back."""
    if connection.execute(select(parked.c.lead).limit(1)).first() is None:
        return
    for piece in pieces(leads):
        connection.execute(delete(parked).where(parked.c.lead.in_(piece)))
