"""Ledgers made again from the journal: from a checkpoint, through choices and refunds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.routing.credits import Book, refund
from sfprm.routing.replay import ReplayMismatch
from sfprm.store.records import LedgerMove, MoveKind

if TYPE_CHECKING:
    from sfprm.routing.values import EligibilityClass, Ledger
    from sfprm.store.api import StoreReader


class Replay:
    """A ledger being made again, move by move."""

    def __init__(self, ledger: Ledger) -> None:
        self._key = ledger.key
        self._book = Book(ledger)

    def move(self, move: LedgerMove, eligibility: EligibilityClass) -> None:
        """Make one move again. Raises ReplayMismatch when the journal says another result."""
        where = f"{self._key}, journal entry {move.journal}"
        if move.kind is MoveKind.REFUND:
            after = refund(self._book.ledger(), eligibility, move.winner)
            if after.credits.get(move.winner, 0) != move.after:
                raise ReplayMismatch(f"{where}: the refund gives other credits.")
            self._book = Book(after)
            return
        choice = self._book.choose(eligibility)
        if choice.winner != move.winner:
            raise ReplayMismatch(
                f"{where}: the journal says {move.winner}, the replay gives {choice.winner}."
            )
        if (choice.before, choice.after, choice.sequence) != (
            move.before,
            move.after,
            move.sequence,
        ):
            raise ReplayMismatch(f"{where}: the replay gives other credits.")

    def ledger(self) -> Ledger:
        """The ledger as it is now."""
        return self._book.ledger()

    def furthest(self) -> int:
        """The largest distance of a present member from its entitlement, in UNIT."""
        return self._book.furthest()


def replayed(ledger: Ledger, move: LedgerMove, eligibility: EligibilityClass) -> Ledger:
    """The ledger after one move. Raises ReplayMismatch when the journal says another result."""
    replay = Replay(ledger)
    replay.move(move, eligibility)
    return replay.ledger()


def ledger_before(reader: StoreReader, key: str, entry: int) -> Ledger:
    """The ledger as it was when journal entry `entry` was decided. Raises ReplayMismatch."""
    start = reader.checkpoint(key, before=entry)
    moves = reader.moves_of(key, after=start.journal, upto=entry - 1)
    classes = reader.eligibilities({move.class_digest for move in moves})
    replay = Replay(start.ledger)
    for move in moves:
        replay.move(move, classes[move.class_digest])
    return replay.ledger()
