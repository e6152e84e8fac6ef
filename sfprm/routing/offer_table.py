"""The states of an offer, what may happen to it, and what state follows: one table.

A row of `MOVES` is a move; a pair of state and event that is not in it cannot be.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.errors import Bug

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AWAITED", "ENDS", "HELD", "LEAVING", "MOVES", "OfferEvent", "OfferState", "move"]


class OfferState(StrEnum):
    """The life of an offer."""

    PLANNED = "planned"
    """Journalled; not yet seen in the org."""
    PENDING = "pending-sync"
    """Given; the partner's system has not said that it has the lead."""
    SYNC_LATE = "sync-late"
    OFFERED = "offered"
    REMINDED = "reminded"
    ACCEPTED = "accepted"
    ACTING = "acting"
    ESCALATED = "escalated"
    """With the channel manager."""
    EXPIRED = "expired"
    """To be taken back; still the owner's until that is seen in the org."""
    REJECTED = "rejected"
    """The same, at the partner's wish."""
    RECALLED = "recalled"
    RECYCLED = "recycled"
    CLOSED = "closed"


class OfferEvent(StrEnum):
    """What can happen to an offer."""

    GIVEN = "seen with its owner"
    GIVEN_FOR_SYNC = "seen with its owner, waits for the receipt"
    GIVEN_TO_MANAGER = "seen with the channel manager"
    VOIDED = "the write that gave it did not come about"
    RECEIPT = "the partner's system has it"
    RECEIPT_DUE = "no receipt in time"
    REMIND_DUE = "time to remind"
    ACCEPTED = "accepted"
    TAKEN = "taken from the queue"
    ACTED = "acted upon"
    ACCEPT_DUE = "not accepted in time"
    ACT_DUE = "not acted upon in time"
    ESCALATION_DUE = "the channel manager has not acted in time"
    REJECTED = "rejected"
    OWNER_GONE = "its owner can no longer work on it"
    MOVED = "moved by another"
    CONVERTED = "converted"
    DELETED = "deleted"
    MERGED = "merged into another lead"
    TAKEN_BACK = "taken back"
    PUT_ASIDE = "put aside"
    NOT_TAKEN_BACK = "could not be taken back"


S, E = OfferState, OfferEvent

AWAITED = (S.PENDING, S.SYNC_LATE, S.OFFERED, S.REMINDED)
HELD = (*AWAITED, S.ACCEPTED, S.ACTING, S.ESCALATED)
LEAVING = (S.EXPIRED, S.REJECTED)

ENDS = frozenset({S.RECALLED, S.RECYCLED, S.CLOSED})
"""States that nothing leaves."""

MOVES: Mapping[tuple[OfferState, OfferEvent], OfferState] = MappingProxyType(
    {
        (S.PLANNED, E.GIVEN): S.OFFERED,
        (S.PLANNED, E.GIVEN_FOR_SYNC): S.PENDING,
        (S.PLANNED, E.GIVEN_TO_MANAGER): S.ESCALATED,
        (S.PLANNED, E.VOIDED): S.CLOSED,
        (S.PENDING, E.RECEIPT): S.OFFERED,
        (S.SYNC_LATE, E.RECEIPT): S.OFFERED,
        (S.PENDING, E.RECEIPT_DUE): S.SYNC_LATE,
        (S.SYNC_LATE, E.RECEIPT_DUE): S.SYNC_LATE,
        (S.OFFERED, E.REMIND_DUE): S.REMINDED,
        (S.ACCEPTED, E.ACTED): S.ACTING,
        (S.ESCALATED, E.ACTED): S.ACTING,
        (S.ACCEPTED, E.ACT_DUE): S.EXPIRED,
        (S.ESCALATED, E.ESCALATION_DUE): S.ESCALATED,
        **{(state, E.ACCEPTED): S.ACCEPTED for state in (*AWAITED, *LEAVING)},
        **{(state, E.TAKEN): S.ACCEPTED for state in (*AWAITED, *LEAVING)},
        **{(state, E.ACCEPT_DUE): S.EXPIRED for state in AWAITED},
        **{(state, E.REJECTED): S.REJECTED for state in (*HELD, S.EXPIRED)},
        **{(state, E.OWNER_GONE): S.EXPIRED for state in HELD},
        **{(state, E.MOVED): S.CLOSED for state in (*HELD, *LEAVING)},
        **{(state, E.CONVERTED): S.CLOSED for state in (*HELD, *LEAVING)},
        **{(state, E.DELETED): S.CLOSED for state in (*HELD, *LEAVING)},
        **{(state, E.MERGED): state for state in (*HELD, *LEAVING)},
        **{(state, E.TAKEN_BACK): S.RECALLED for state in LEAVING},
        **{(state, E.PUT_ASIDE): S.RECYCLED for state in LEAVING},
        **{(state, E.NOT_TAKEN_BACK): state for state in LEAVING},
    }
)
"""The state after an event. A pair that is not here cannot be."""


def move(state: OfferState, event: OfferEvent) -> OfferState:
    """The state after the event. Raises Bug when an offer in that state cannot meet it."""
    try:
        return MOVES[state, event]
    except KeyError:
        raise Bug(f"An offer that is {state.value} cannot be {event.value!r}.") from None
