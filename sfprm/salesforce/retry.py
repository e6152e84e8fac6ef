"""Which failed requests may be sent again, as a table, and how long to wait before.

Decisions are pure; the waiting goes through the clock that is passed in. A request is
*repeatable* when doing it twice leaves the org as doing it once: reads, updates with absolute
values, upserts by key, deletes. A create is not.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from sfprm.clock import Clock
from sfprm.errors import OutcomeUnknown, SfprmError
from sfprm.salesforce.refusals import Refusal

__all__ = ["AFTER", "Cause", "Failed", "Next", "Patience", "cause_of", "keep_trying"]

T = TypeVar("T")


class Cause(Enum):
    """Why a request failed, as far as repeating it is concerned."""

    NOT_SENT = "not sent"  # no connection: the org saw nothing
    NO_ANSWER = "no answer"  # sent, then silence, a cut or half an answer: may have been done
    GATEWAY = "gateway"  # 5xx: from something on the way or a server in trouble; may be done
    LOCK = "lock"  # refused for a lock; nothing was done
    BUSY = "busy"  # refused for too many at once; nothing was done
    SESSION = "session"  # the session has expired; nothing was done
    FINAL = "final"  # refused for good


class Next(Enum):
    """What to do then."""

    AGAIN = "again"
    RAISE = "raise"
    UNKNOWN = "unknown"  # raise OutcomeUnknown


# Keys: the cause, and whether the request is repeatable.
AFTER: Mapping[tuple[Cause, bool], Next] = {
    (Cause.NOT_SENT, True): Next.AGAIN,
    (Cause.NOT_SENT, False): Next.AGAIN,
    (Cause.NO_ANSWER, True): Next.AGAIN,
    (Cause.NO_ANSWER, False): Next.UNKNOWN,
    (Cause.GATEWAY, True): Next.AGAIN,
    (Cause.GATEWAY, False): Next.UNKNOWN,
    (Cause.LOCK, True): Next.AGAIN,
    (Cause.LOCK, False): Next.AGAIN,
    (Cause.BUSY, True): Next.AGAIN,
    (Cause.BUSY, False): Next.AGAIN,
    (Cause.SESSION, True): Next.RAISE,  # the session has logged in again once already
    (Cause.SESSION, False): Next.RAISE,
    (Cause.FINAL, True): Next.RAISE,
    (Cause.FINAL, False): Next.RAISE,
}

_BY_REFUSAL: Mapping[Refusal, Cause] = {
    Refusal.LOCK: Cause.LOCK,
    Refusal.BUSY: Cause.BUSY,
    Refusal.SESSION: Cause.SESSION,
    Refusal.PASSING: Cause.GATEWAY,
}


def cause_of(status: int, refusal: Refusal | None) -> Cause:
    """The cause for an answer with this status; `refusal` is None when it carried no code."""
    if refusal is not None:
        return _BY_REFUSAL.get(refusal, Cause.FINAL)
    if status == 401:
        return Cause.SESSION
    if status in (420, 429):
        return Cause.BUSY
    return Cause.GATEWAY if status >= 500 else Cause.FINAL


class Failed(Exception):
    """One attempt failed: why, the error to raise if it was the last, and the wait asked for.

    Never leaves this room: `keep_trying` raises `error`.
    """

    def __init__(self, cause: Cause, error: SfprmError, retry_after: float = 0.0) -> None:
        super().__init__(cause.value)
        self.cause = cause
        self.error = error
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on. Waits in seconds; full jitter: any time from 0 to the growing bound."""

    attempts: int = 6
    deadline: float = 300.0
    first: Mapping[Cause, float] = field(default_factory=lambda: {Cause.LOCK: 1.0, Cause.BUSY: 2.0})
    first_otherwise: float = 0.5
    most: float = 30.0

    def bound(self, cause: Cause, attempt: int) -> float:
        """Longest wait after attempt number `attempt` (from 1) failed."""
        first = self.first.get(cause, self.first_otherwise)
        return min(self.most, first * 2.0 ** (attempt - 1))


def keep_trying(
    attempt: Callable[[int], T],
    *,
    repeatable: bool,
    clock: Clock,
    patience: Patience,
    chance: random.Random,
) -> T:
    """Call `attempt(number)` (from 1) until it succeeds or the table says stop.

    Raises the last failure's error; OutcomeUnknown where a write may have been done.
    """
    import stamina

    started = clock.monotonic()
    number = 0
    pause = 0.0

    def again(error: Exception) -> bool | float:
        nonlocal pause
        if not isinstance(error, Failed) or AFTER[error.cause, repeatable] is not Next.AGAIN:
            return False
        pause = max(error.retry_after, chance.uniform(0, patience.bound(error.cause, number)))
        in_time = clock.monotonic() - started + pause <= patience.deadline
        return 0.0 if in_time else False  # the waiting is ours, through the clock

    try:
        for turn in stamina.retry_context(on=again, attempts=patience.attempts, timeout=None):
            with turn:
                if number:
                    clock.sleep(pause)
                number += 1
                return attempt(number)
    except Failed as failed:
        if AFTER[failed.cause, repeatable] is Next.UNKNOWN:
            raise OutcomeUnknown(
                f"The write was sent, and no clear answer came: {failed.error.message} "
                "It may or may not have been done; it was not repeated."
            ) from failed.error
        raise failed.error from failed.__cause__
    raise AssertionError("the loop above returns or raises")
