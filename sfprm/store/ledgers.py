"""Ledgers of credits, and the checkpoints that a replay starts from."""

from __future__ import annotations

import json
import zlib
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update

from sfprm.routing.values import Ledger
from sfprm.store.canonical import canonical
from sfprm.store.inserts import insert, pieces
from sfprm.store.records import Checkpoint
from sfprm.store.tables import checkpoints, ledger_members, ledgers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

CHECKPOINT_EVERY = 256
"""Most choices between two checkpoints of a small ledger, but for those of one batch: states within
a batch are never seen, so a batch's choices lie between two checkpoints whatever their number."""

CHECKPOINT_MEMBERS = 4
"""A large ledger waits for so many choices a member: its checkpoints are as long as it is."""


def lock(connection: Connection, keys: Sequence[str]) -> None:
    """Hold those ledgers until the transaction ends; makes rows for new ones.

    In key order, so that two who want the same two never wait for each other. SQLite holds
    everything already.
    """
    ordered = sorted(set(keys))
    if ordered:
        connection.execute(
            insert(connection, ledgers).on_conflict_do_nothing(),
            [{"key": key, "house": 0, "sequence": 0, "ever": 0} for key in ordered],
        )
    for piece in pieces(ordered):
        connection.execute(
            select(ledgers.c.key)
            .where(ledgers.c.key.in_(piece))
            .order_by(ledgers.c.key)
            .with_for_update()
        ).all()


def find(connection: Connection, keys: Iterable[str]) -> dict[str, Ledger]:
    """Those ledgers; one never written comes back empty."""
    wanted = list(dict.fromkeys(keys))
    found: dict[str, Ledger] = {}
    for piece in pieces(wanted):
        found.update(_read(connection, piece))
    return {key: found.get(key, Ledger(key)) for key in wanted}


def every(connection: Connection) -> dict[str, Ledger]:
    """Every ledger there is, by key."""
    keys = connection.execute(select(ledgers.c.key).order_by(ledgers.c.key)).scalars()
    return find(connection, keys)


def _read(connection: Connection, keys: list[str]) -> dict[str, Ledger]:
    credits: dict[str, dict[str, int]] = {key: {} for key in keys}
    last_won: dict[str, dict[str, int]] = {key: {} for key in keys}
    members = (
        select(ledger_members)
        .where(ledger_members.c.ledger.in_(keys))
        .order_by(ledger_members.c.ledger, ledger_members.c.member)
    )
    for row in connection.execute(members):
        if row.credit is not None:
            credits[row.ledger][row.member] = row.credit
        if row.last_won is not None:
            last_won[row.ledger][row.member] = row.last_won
    return {
        row.key: Ledger(
            key=row.key,
            credits=MappingProxyType(credits[row.key]),
            house=row.house,
            last_won=MappingProxyType(last_won[row.key]),
            sequence=row.sequence,
            ever=row.ever,
        )
        for row in connection.execute(select(ledgers).where(ledgers.c.key.in_(keys)))
    }


def write(connection: Connection, ledger: Ledger) -> None:
    """Store a locked ledger's new state."""
    connection.execute(
        update(ledgers)
        .where(ledgers.c.key == ledger.key)
        .values(house=ledger.house, sequence=ledger.sequence, ever=ledger.ever)
    )
    members = sorted({*ledger.credits, *ledger.last_won})
    gone = delete(ledger_members).where(ledger_members.c.ledger == ledger.key)
    connection.execute(gone)
    if members:
        connection.execute(
            ledger_members.insert(),
            [
                {
                    "ledger": ledger.key,
                    "member": member,
                    "credit": ledger.credits.get(member),
                    "last_won": ledger.last_won.get(member),
                }
                for member in members
            ],
        )


def keep_checkpoint(connection: Connection, ledger: Ledger, journal: int) -> None:
    """Keep the ledger as it is after journal entry `journal`, when its last checkpoint (or its
    beginning) is long enough ago."""
    wait = max(CHECKPOINT_EVERY, CHECKPOINT_MEMBERS * len(ledger.credits))
    last = connection.execute(
        select(func.max(checkpoints.c.sequence)).where(checkpoints.c.ledger == ledger.key)
    ).scalar()
    if ledger.sequence - (last or 0) < wait:
        return
    connection.execute(
        insert(connection, checkpoints)
        .values(
            ledger=ledger.key,
            journal=journal,
            sequence=ledger.sequence,
            content=_content(ledger),
        )
        .on_conflict_do_nothing()
    )


def checkpoint(connection: Connection, key: str, before: int) -> Checkpoint:
    """The latest checkpoint from before that journal entry; the empty ledger when none is."""
    row = connection.execute(
        select(checkpoints)
        .where(checkpoints.c.ledger == key, checkpoints.c.journal < before)
        .order_by(checkpoints.c.journal.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return Checkpoint(Ledger(key), 0)
    return Checkpoint(_from_content(key, row.content), row.journal)


def _content(ledger: Ledger) -> bytes:
    text = canonical(
        {
            "credits": dict(ledger.credits),
            "house": ledger.house,
            "last_won": dict(ledger.last_won),
            "sequence": ledger.sequence,
            "ever": ledger.ever,
        }
    )
    return zlib.compress(text.encode())


def _from_content(key: str, packed: bytes) -> Ledger:
    content = json.loads(zlib.decompress(packed))
    return Ledger(
        key=key,
        credits=MappingProxyType(content["credits"]),
        house=content["house"],
        last_won=MappingProxyType(content["last_won"]),
        sequence=content["sequence"],
        ever=content["ever"],
    )
