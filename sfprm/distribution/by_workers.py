"""Decisions of one run carried out by several workers: ranges of the journal, each by one.

What to do stands in the journal, so a range needs no more than its first and last number, and a
range that was begun by a worker that died is finished as any interrupted run is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from sfprm.distribution.carry import Carrier, Settled
from sfprm.store.records import WriteState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfprm.clock import Clock
    from sfprm.distribution.carry import Tally
    from sfprm.events import Progress
    from sfprm.programme.model import Programme
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreReader, StoreWriter
    from sfprm.store.records import JournalEntry

__all__ = ["PART", "Hands", "Spread", "carry_range"]

PART = "carry"
"""The kind of these parts."""
ROWS = 400
"""Decisions of one part: two calls to write them, one to read them back."""


class Hands(Protocol):
    """Those who take parts (`sfprm.jobs.hands`)."""

    def give_all(self, wanted: Sequence[tuple[str, Any, Sequence[int]]]) -> None:
        """Hand several out, in this order."""

    def gather(self) -> list[Any]:
        """The results of all parts, in order."""


class Spread:
    """Hands the decisions of a run out as they are journalled; `gather` waits for all of them and
    adds what became of them to the tally."""

    def __init__(
        self, hands: Hands, carrier: Carrier, store: StoreReader, *, tell_all: bool = False
    ) -> None:
        self._hands, self._carrier, self._store = hands, carrier, store
        self._tell_all = tell_all

    def carry_out(self, entries: Sequence[JournalEntry]) -> None:
        """Have the entries (of one batch) written, by whoever is free; few of them at once."""
        if len(entries) < ROWS:
            self._carrier.carry_out(entries)
            return
        wanted: list[tuple[str, Any, Sequence[int]]] = []
        for at in range(0, len(entries), ROWS):
            part = entries[at : at + ROWS]
            span = {"first": part[0].sequence, "last": part[-1].sequence}
            wanted.append((PART, {**span, "tell_all": self._tell_all}, ()))
        self._hands.give_all(wanted)

    def gather(self) -> None:
        """Wait, and count."""
        _add(self._carrier.tally, self._hands.gather(), self._store)


def carry_range(
    session: Session,
    store: StoreWriter,
    clock: Clock,
    progress: Progress,
    programme: Programme,
    *,
    first: int,
    last: int,
    again: bool,
    tell_all: bool = False,
) -> dict[str, Any]:
    """Carry out what is open of the journal from `first` to `last`; what became of it, as JSON.

    `again`: somebody may have begun this before, so the org is read before it is written.
    `tell_all`: every confirmed decision is to be told, not only those that ask for it.
    """
    carrier = Carrier(
        session, store, clock, progress, programme, tell_all=tell_all, among_others=True
    )
    if again:
        found = store.entries(states=(WriteState.DECIDED,), after=first - 1, limit=last - first + 1)
        carrier.finish([entry for entry in found if entry.sequence <= last])
    else:
        carrier.carry_out(store.to_write(first, last))
    tally = carrier.tally
    return {
        "confirmed": tally.confirmed,
        "parked": tally.parked,
        "unseen": tally.unseen,
        "to_tell": [entry.sequence for entry in tally.to_tell],
        "not_done": [
            {"entry": s.entry.sequence, "state": s.state.value, "words": s.words}
            for s in tally.not_done
        ],
    }


def _add(tally: Tally, told: Sequence[dict[str, Any]], store: StoreReader) -> None:
    named = [n for one in told for n in (*one["to_tell"], *(d["entry"] for d in one["not_done"]))]
    entries = _entries(store, named)
    for one in told:
        tally.confirmed += one["confirmed"]
        tally.parked += one["parked"]
        tally.unseen += one["unseen"]
        tally.to_tell.extend(entries[number] for number in one["to_tell"])
        tally.not_done.extend(
            Settled(entries[not_done["entry"]], WriteState(not_done["state"]), not_done["words"])
            for not_done in one["not_done"]
        )


def _entries(store: StoreReader, sequences: Sequence[int]) -> dict[int, JournalEntry]:
    """Those entries, read a stretch at a time."""
    found: dict[int, JournalEntry] = {}
    for sequence in sorted(set(sequences)):
        if sequence not in found:
            some = store.entries(after=sequence - 1, limit=ROWS)
            found |= {entry.sequence: entry for entry in some}
    return {sequence: found[sequence] for sequence in sequences}
