"""One part after the other without a pause between: while the last request of one is under way, the
next is taken and made ready.

Requests of two parts are never under way together, so what a part may ask of the org, and how long
its requests take, is as if it were alone.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from sfprm.errors import SfprmError
from sfprm.threads import Pool

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from types import TracebackType

__all__ = ["Relay", "Turn"]


class Turn:
    """A part's place between the one before it and the one after it, in one process. Whoever does
    the part may say nothing: then it has its turn from its begin to its end."""

    def __init__(self, before: Turn | None = None) -> None:
        self._before = before
        self._ending, self._over = threading.Event(), threading.Event()
        self.may_take_ahead: Callable[[], bool] | None = None
        """Asked, if there is somebody to ask, whether the next part may be taken before this one
        ends."""

    def begin(self) -> None:
        """Wait until the part before has had its last answer; before the first request."""
        if self._before is not None:
            self._before._over.wait()
            self._before = None

    def ending(self) -> None:
        """The last request is under way: the next part may be made ready."""
        with suppress(SfprmError):  # a database that is away: what is under way comes first
            if self.may_take_ahead is None or self.may_take_ahead():
                self._ending.set()

    def over(self) -> None:
        """The last answer is there: the next part may send."""
        self._over.set()

    def end(self) -> None:
        """The part has ended."""
        self._over.set()
        self._ending.set()

    def wait_for_ending(self) -> None:
        """Until it is time to take the next part."""
        self._ending.wait()


class Relay:
    """Takes parts for one process. `take` does one part in its turn, to the end; False when there
    is none. Left, it waits for what is in hand."""

    def __init__(self, take: Callable[[Turn], bool]) -> None:
        self._take = take
        self._pool = Pool(2)
        self._turn: Turn | None = None
        self._before: Future[bool] | None = None

    def __enter__(self) -> Relay:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._settle()
        finally:
            self._pool.shutdown()

    def step(self) -> bool:
        """Take the next part and go on with it until it is time for another; False when there is
        none, and then nothing is in hand any more. Raises what ended a part before its time."""
        turn = Turn(self._turn)
        future = self._pool.submit(self._do, turn)
        turn.wait_for_ending()
        self._settle()
        self._before, self._turn = future, turn
        if not future.done():
            return True
        self._settle()
        return future.result()

    def _do(self, turn: Turn) -> bool:
        try:
            return self._take(turn)
        finally:
            turn.end()

    def _settle(self) -> None:
        """The part before has ended, well or with its error."""
        before, self._before = self._before, None
        if before is not None:
            before.result()
