"""Decisions that wait to be written to the org, read for just that.

What was tried, the lead's facts and the classes of eligibility are left packed: unpacking them
costs several times what the rest does, and writing an owner needs none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from sfprm.ids import RecordId, RunId
from sfprm.store.journal_rows import LIVE
from sfprm.store.packing import unpack_choices
from sfprm.store.records import JournalChoice, JournalEntry, Stream, WriteState
from sfprm.store.tables import acts, journal
from sfprm.store.words import texts_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["to_write"]

_WORDS = ("chain", "outcome", "owner_seen", "owner_new", "rule", "pool", "notify")


def to_write(connection: Connection, first: int, last: int) -> list[JournalEntry]:
    """Decisions of the live stream from `first` to `last` of which it is not known what became, in
    order; with empty `trials`, `facts`, `label`, `intake` and `owner_name`."""
    query = (
        select(
            *(journal.c[name] for name in ("sequence", "lead", "offer", "refunds", "state")),
            *(journal.c[name] for name in (*_WORDS, "choices", "next_try", "hash")),
            *(acts.c[name] for name in ("kind", "run", "programme", "algorithm", "decided_at")),
        )
        .join(acts, acts.c.id == journal.c.act)
        .where(
            journal.c.sequence.between(first, last),
            journal.c.stream == LIVE,
            journal.c.state == WriteState.DECIDED.value,
        )
        .order_by(journal.c.sequence)
    )
    rows = [(row, unpack_choices(row.choices)) for row in connection.execute(query)]
    texts = texts_of(
        connection,
        {
            number
            for row, choices in rows
            for number in (
                *(getattr(row, name) for name in _WORDS),
                *(n for choice in choices for n in (choice.ledger, choice.winner)),
            )
        },
    )
    ids: dict[str, RecordId] = {}

    def id_of(text: str) -> RecordId:
        known = ids.get(text)
        if known is None:
            known = ids[text] = RecordId(text)
        return known

    found = []
    for row, choices in rows:
        said = {name: texts.get(getattr(row, name)) for name in _WORDS}
        found.append(
            JournalEntry(
                sequence=row.sequence,
                stream=Stream.LIVE.value,
                kind=row.kind,
                chain=said["chain"] or "",
                run=RunId(row.run),
                lead=RecordId(row.lead),
                offer=row.offer or 0,
                decided_at=row.decided_at,
                outcome=said["outcome"] or "",
                owner_seen=id_of(said["owner_seen"] or ""),
                owner_new=id_of(said["owner_new"]) if said["owner_new"] else None,
                owner_name="",
                state=WriteState(row.state),
                rule=said["rule"],
                trials=(),
                pool=said["pool"],
                choices=tuple(
                    JournalChoice(
                        ledger=texts[c.ledger],
                        class_digest="",
                        winner=texts[c.winner],
                        before=c.before,
                        after=c.after,
                        sequence=c.sequence,
                    )
                    for c in choices
                ),
                facts={},
                label="",
                intake="",
                programme=row.programme or "",
                algorithm=row.algorithm,
                reasons=(),
                next_try=row.next_try,
                hash=row.hash,
                notify=said["notify"],
                refunds=row.refunds,
            )
        )
    return found
