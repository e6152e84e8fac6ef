"""Prove choices again: the journalled classes, in order, must give the journalled winners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.errors import Bug
from sfprm.routing.credits import Book

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfprm.routing.values import EligibilityClass, Ledger

__all__ = ["ReplayMismatch", "replay"]


class ReplayMismatch(Bug):
    """The journal names another winner than the algorithm does."""

    hint = "The journal was changed or is damaged: run `sfprm state verify`, restore a backup."


def replay(ledger: Ledger, choices: Iterable[tuple[EligibilityClass, str]]) -> Ledger:
    """The ledger after those (class, winner) choices. Raises ReplayMismatch, naming the choice.

    The classes are taken as given: this proves the choices, not who was eligible.
    """
    book = Book(ledger)
    for eligibility, winner in choices:
        choice = book.choose(eligibility)
        if choice.winner != winner:
            raise ReplayMismatch(
                f"{ledger.key}, choice {choice.sequence}: the journal says {winner}, "
                f"the replay gives {choice.winner}."
            )
    return book.ledger()
