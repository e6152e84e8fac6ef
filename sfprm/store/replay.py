"""Ledgers made again from the journal: from a checkpoint, through choices and refunds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.routing.credits import choose, refund
from sfprm.routing.replay import ReplayMismatch
from sfprm.store.records import LedgerMove, MoveKind

if TYPE_CHECKING:
    from sfprm.routing.values import EligibilityClass, Ledger
    from sfprm.store.api import StoreReader


def replayed(ledger: Ledger, move: LedgerMove, eligibility: EligibilityClass) -> Ledger:
    """The ledger after one move. Raises ReplayMismatch when the journal says another result."""
    where = f"{ledger.key}, journal entry {move.journal}"
    if move.kind is MoveKind.REFUND:
        after = refund(ledger, eligibility, move.winner)
        if after.credits.get(move.winner, 0) != move.after:
            raise ReplayMismatch(f"{where}: the refund gives other credits.")
        return after
    choice, after = choose(ledger, eligibility)
    if choice.winner != move.winner:
        raise ReplayMismatch(
            f"{where}: the journal says {move.winner}, the replay gives {choice.winner}."
        )
    if (choice.before, choice.after, choice.sequence) != (move.before, move.after, move.sequence):
        raise ReplayMismatch(f"{where}: the replay gives other credits.")
    return after


def ledger_before(reader: StoreReader, key: str, entry: int) -> Ledger:
    """The ledger as it was when journal entry `entry` was decided. Raises ReplayMismatch."""
    start = reader.checkpoint(key, before=entry)
    ledger = start.ledger
    classes: dict[str, EligibilityClass] = {}
    for move in reader.moves_of(key, after=start.journal, upto=entry - 1):
        eligibility = classes.get(move.class_digest)
        if eligibility is None:
            eligibility = classes[move.class_digest] = reader.eligibility(move.class_digest)
        ledger = replayed(ledger, move, eligibility)
    return ledger
