"""Notices as rows: due, meant to go, and what became of them.

`due` is noted in the transaction that makes the news true, so none is lost when a run dies after
it. Before a notice is handed over it becomes `intended`; one that is found so later may have gone
out, and is never sent again. Then: `sent`, `failed`, `unknown`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from sfprm.store.inserts import insert, pieces
from sfprm.store.offer_tables import mails

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

__all__ = ["DUE", "INTENDED", "intend", "note_due", "open_rows"]

DUE, INTENDED = "due", "intended"


def note_due(connection: Connection, notices: Sequence[tuple[int, str]], at: datetime) -> None:
    """Note that notices (entry, key) are to go out; those that are known already stay as they
    are."""
    rows = [
        {"entry": entry, "notice": notice, "state": DUE, "at": at, "words": ""}
        for entry, notice in notices
    ]
    if rows:
        statement = insert(connection, mails)
        connection.execute(
            statement.on_conflict_do_nothing(index_elements=["entry", "notice"]), rows
        )


def intend(
    connection: Connection, notices: Iterable[tuple[int, str]], at: datetime
) -> set[tuple[int, str]]:
    """Note that notices are about to be handed over; returns those that may be."""
    fresh: set[tuple[int, str]] = set()
    for entry, notice in notices:
        done = connection.execute(
            mails.update()
            .where(mails.c.entry == entry, mails.c.notice == notice, mails.c.state == DUE)
            .values(state=INTENDED, at=at)
        )
        if done.rowcount != 1:
            done = connection.execute(
                insert(connection, mails)
                .values(entry=entry, notice=notice, state=INTENDED, at=at, words="")
                .on_conflict_do_nothing(index_elements=["entry", "notice"]),
                execution_options={"preserve_rowcount": True},
            )
        if done.rowcount == 1:
            fresh.add((entry, notice))
    return fresh


def open_rows(connection: Connection) -> list[tuple[int, str, str, datetime, str]]:
    """Those that are due or were meant to go, in order: entry, key, state, instant, words."""
    columns = (mails.c.entry, mails.c.notice, mails.c.state, mails.c.at, mails.c.words)
    query = select(*columns).where(mails.c.state.in_((DUE, INTENDED))).order_by(mails.c.id)
    return [(r.entry, r.notice, r.state, r.at, r.words) for r in connection.execute(query)]


def ended(
    connection: Connection, notices: Iterable[tuple[int, str]], state: str, words: str
) -> None:
    """What became of notices."""
    by_key: dict[str, list[int]] = {}
    for entry, notice in notices:
        by_key.setdefault(notice, []).append(entry)
    for notice, entries in by_key.items():
        for piece in pieces(entries):
            connection.execute(
                mails.update()
                .where(mails.c.entry.in_(piece), mails.c.notice == notice)
                .values(state=state, words=words)
            )
