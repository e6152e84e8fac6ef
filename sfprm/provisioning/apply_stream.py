"""Steps of one kind on their way: in chunks, one after the other or several at once."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sfprm.errors import SfprmError
from sfprm.provisioning.apply_book import met_lock
from sfprm.provisioning.apply_rows import row_of
from sfprm.provisioning.lanes import cut, most_rows
from sfprm.provisioning.steps import CreateUser
from sfprm.threads import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sfprm.clock import Clock
    from sfprm.programme.policies import KeyFields
    from sfprm.provisioning.apply_book import Book
    from sfprm.provisioning.chunks import ChunkSize
    from sfprm.provisioning.sending import Sender, Sent
    from sfprm.provisioning.steps import PlannedStep

__all__ = ["MOST_IN_FLIGHT", "Stream", "Turn"]

MOST_IN_FLIGHT = 4
"""Requests of one kind under way at once; the session's window may narrow it."""
_HEAD_START = 0.002
"""Seconds in which the thread that sends has Python for itself. A thread that journals beside it
would take turns with it, and the org would wait twice as long for the request."""


class Turn(Protocol):
    """The place of a part between others that the process does (`sfprm.jobs.relay`)."""

    def begin(self) -> None:
        """Wait until the part before has had its last answer."""

    def ending(self) -> None:
        """The last request is under way."""

    def over(self) -> None:
        """The last answer is there."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Sends chunks and has the book settle them. `room`: how many requests the session lets
    be under way now. `turn`: told of the last request where `send` is told which is the last."""

    book: Book
    sender: Sender
    clock: Clock
    keys: KeyFields
    room: Callable[[], int]
    stop_on_error: bool = False
    turn: Turn | None = None

    def send(
        self,
        kind: type[PlannedStep],
        steps: list[PlannedStep],
        size: ChunkSize,
        wide: bool,
        *,
        last: bool = False,
    ) -> ChunkSize:
        """Send the steps in chunks of `size`, several under way at once when `wide`; the size that
        users' chunks have grown to. Raises TryLater and its kin when the org cannot be reached:
        what was under way is settled first. The last chunks may be settled and not yet written
        down: that is for the next kind's first request, or the end."""
        room = min(MOST_IN_FLIGHT, self.room()) if wide else 1
        turn = self.turn if last else None
        if room == 1:
            return self._in_turn(kind, steps, size, turn)
        at, grows = 0, kind is CreateUser
        flying: dict[Future[Sent], tuple[list[PlannedStep], float]] = {}
        error: SfprmError | None = None
        with Pool(room) as pool:
            while flying or (at < len(steps) and error is None):
                while at < len(steps) and error is None and len(flying) < room:
                    if self._stopped(steps[at:]):
                        at = len(steps)
                        break
                    end = cut(steps, at, size.size)
                    part = steps[at:end]
                    rows = self._rows(part)
                    self.book.sent(part)
                    self._begin()
                    sent = pool.submit(self.sender.send, kind, part, rows)
                    flying[sent] = part, self.clock.monotonic()
                    at = end
                if turn is not None and at == len(steps):
                    turn.ending()
                self.book.write_down()
                landed, _ = wait(flying, return_when=FIRST_COMPLETED)
                for future in landed:
                    part, began = flying.pop(future)
                    try:
                        answer = future.result()
                    except SfprmError as failed:
                        error = error or failed
                        continue
                    self.book.settle(part, answer)
                    size = self._grown(size, began, answer) if grows else size
        if error is not None:
            raise error
        return size

    def _in_turn(
        self,
        kind: type[PlannedStep],
        steps: list[PlannedStep],
        size: ChunkSize,
        turn: Turn | None,
    ) -> ChunkSize:
        """One request after the other. While one is under way, what became of the one before is
        settled and journalled, and the next is made ready and journalled as sent, so that the org
        hardly waits between them. One account's steps may be torn apart: no two requests are about
        it at the same time."""

        def taken(at: int) -> list[PlannedStep]:
            return steps[at : at + size.size]

        if not steps or self._stopped(steps):
            return size
        book = self.book
        part = taken(0)
        at, rows = len(part), self._rows(part)
        book.sent(part)
        before: tuple[list[PlannedStep], Sent] | None = None
        self._begin()
        with Pool(1) as pool:
            while part:
                began = self.clock.monotonic()
                flying = pool.submit(self.sender.send, kind, part, rows)
                wait((flying,), _HEAD_START)
                ends = turn is not None and at == len(steps)
                if turn is not None and ends:
                    turn.ending()
                # users' chunks grow by what the last one took, so the next is not cut before
                ahead = kind is not CreateUser or size.size >= most_rows(kind)
                coming = taken(at) if ahead else []
                rows = self._rows(coming)
                if before is not None:
                    book.settle(*before)
                book.write_down(coming)
                sent = flying.result()
                if turn is not None and ends:
                    turn.over()
                before = part, sent
                if kind is CreateUser:
                    size = self._grown(size, began, sent)
                if self.stop_on_error and not all(o.success for o in sent.outcomes):
                    break
                if not ahead and at < len(steps):
                    coming = taken(at)
                    rows = self._rows(coming)
                    book.sent(coming)
                at += len(coming)
                part = coming
        if before is not None:
            book.settle(*before)
        self._stopped(steps[at:])
        return size

    def _begin(self) -> None:
        """All is ready to be sent: once the part before has had its last answer, it is."""
        if self.turn is not None:
            self.turn.begin()

    def _rows(self, part: Sequence[PlannedStep]) -> list[dict[str, Any]]:
        return [row_of(step, self.book.ids, self.keys) for step in part]

    def _grown(self, size: ChunkSize, began: float, sent: Sent) -> ChunkSize:
        return size.after(self.clock.monotonic() - began, locked=met_lock(sent))

    def _stopped(self, rest: list[PlannedStep]) -> bool:
        if self.stop_on_error and self.book.failed:
            why = "stopped after the first failure (--stop-on-error)"
            self.book.skip([(step, why) for step in rest])
            return True
        return False
