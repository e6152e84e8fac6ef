"""SIGTERM, SIGINT and SIGHUP of a daemon whose work runs in the main thread.

A handler runs in the middle of whatever the main thread does, perhaps with the log's lock in hand
or that of an event: taking either again would wait for ever. So a handler only says which signal
came; a thread of its own acts on it.
"""

from __future__ import annotations

import faulthandler
import io
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from types import FrameType
from typing import Self

__all__ = ["Signals", "show_threads_when_asked"]


def show_threads_when_asked() -> None:
    """SIGUSR1 writes to standard error where each thread is, for a daemon that seems to hang.
    Nothing is installed where standard error is no file."""
    with suppress(io.UnsupportedOperation, AttributeError, RuntimeError):
        faulthandler.register(signal.SIGUSR1)


class Signals:
    """Installs the handlers while inside, and puts the old ones back.

    `stop` is called with the first SIGTERM or SIGINT, `hup` at each SIGHUP, both in another thread.
    A second SIGTERM or SIGINT raises KeyboardInterrupt in the main thread.
    """

    def __init__(self, stop: Callable[[int], None], hup: Callable[[], None]) -> None:
        self._stop, self._hup = stop, hup
        self._before: list[tuple[int, object]] = []
        self._stops = 0
        # its put may be called in a handler: it holds no lock that could be held already
        self._came: SimpleQueue[int | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._act, name="signals", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before.append((number, signal.signal(number, self._on_stop)))
        self._before.append((signal.SIGHUP, signal.signal(signal.SIGHUP, self._on_hup)))
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before:
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._came.put(None)
        self._thread.join()

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        self._stops += 1
        if self._stops > 1:
            raise KeyboardInterrupt
        self._came.put(number)

    def _on_hup(self, number: int, _frame: FrameType | None) -> None:
        self._came.put(number)

    def _act(self) -> None:
        while (number := self._came.get()) is not None:
            if number == signal.SIGHUP:
                self._hup()
            else:
                self._stop(number)
