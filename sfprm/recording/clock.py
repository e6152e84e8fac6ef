"""The recording's clock: it stands still between two answers, so that code which reads it while
recording reads the same instants while replaying."""

from __future__ import annotations

from datetime import datetime, timedelta

from sfprm.clock import Clock

__all__ = ["RecordingClock"]


class RecordingClock:
    """Moves at each answer and at each sleep, never in between; in steps of a millisecond.

    With a `real` clock (recording) a sleep is real, and an answer moves this clock to the real
    time gone; without one (replay) nothing waits and `move_to` follows the recording.
    """

    def __init__(self, start: datetime, real: Clock | None = None) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware instant")
        self.start = start.replace(microsecond=start.microsecond // 1000 * 1000)
        self._real = real
        self._began = real.monotonic() if real else 0.0
        self._gone = 0.0

    def now(self) -> datetime:
        """Start and what has gone since, aware."""
        return self.start + timedelta(milliseconds=round(self._gone * 1000))

    def monotonic(self) -> float:
        """Seconds since the start."""
        return self._gone

    def sleep(self, seconds: float) -> None:
        """Wait when recording; move on by exactly that much."""
        if self._real is not None:
            self._real.sleep(seconds)
        self._gone = round(self._gone + seconds, 3)

    def answered(self) -> float:
        """Recording: move to the real time gone; seconds since the start."""
        if self._real is not None:
            self.move_to(round(self._real.monotonic() - self._began, 3))
        return self._gone

    def move_to(self, at: float) -> None:
        """Replay: move to the time of an answer; never back."""
        self._gone = max(self._gone, at)
