"""Texts that the journal repeats, each kept once and named by a number: ids of owners, names of
rules, pools, ledgers and members, reasons. Words are only ever added."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import select

from sfprm.errors import Bug
from sfprm.store.inserts import insert, pieces
from sfprm.store.tables import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:16]


def numbers_of(connection: Connection, texts: Iterable[str]) -> dict[str, int]:
    """The numbers of those texts that have one."""
    by_key = {_key(text): text for text in texts}
    found: dict[str, int] = {}
    for piece in pieces(by_key):
        query = select(words.c.id, words.c.digest).where(words.c.digest.in_(piece))
        found.update({by_key[bytes(row.digest)]: row.id for row in connection.execute(query)})
    return found


def number_all(connection: Connection, texts: Iterable[str]) -> dict[str, int]:
    """The numbers of all those texts; new ones get one."""
    wanted = set(texts)
    found = numbers_of(connection, wanted)
    missing = sorted(wanted - found.keys())
    if missing:
        connection.execute(
            insert(connection, words).on_conflict_do_nothing(),
            [{"digest": _key(text), "text": text} for text in missing],
        )
        found.update(numbers_of(connection, missing))
    return found


def texts_of(connection: Connection, numbers: Iterable[int | None]) -> Mapping[int, str]:
    """The texts of those numbers. Raises Bug for one that is not kept."""
    wanted = {number for number in numbers if number}
    found: dict[int, str] = {}
    for piece in pieces(wanted):
        query = select(words.c.id, words.c.text).where(words.c.id.in_(piece))
        found.update({row.id: row.text for row in connection.execute(query)})
    if len(found) < len(wanted):
        raise Bug(
            f"The journal refers to word {min(wanted - found.keys())}, which is not kept.",
            hint="Run `sfprm state verify`; restore a backup with `sfprm state restore`.",
        )
    return found
