"""Progress bars on stderr for long work; nothing when stderr is not a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

from sfprm.cli.render import plain, stderr
from sfprm.events import NoProgress, Progress

__all__ = ["BarProgress", "LeftColumn", "RateColumn", "progress_for"]


class RateColumn(ProgressColumn):
    """How fast it goes: `8.1 a second`, `12 a minute` when it is slow; nothing before it is
    known."""

    def render(self, task: Task) -> Text:
        """The words."""
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        if speed < 1:
            return Text(f"{speed * 60:.0f} a minute")
        return Text(f"{speed:.1f} a second" if speed < 100 else f"{speed:,.0f} a second")


class LeftColumn(ProgressColumn):
    """The time left, `about 2 s left`, `about 3 min left`; nothing before it is known."""

    def render(self, task: Task) -> Text:
        """The words."""
        left = task.time_remaining
        if task.finished or left is None:
            return Text("")
        words = f"{left:.0f} s" if left < 100 else f"{left / 60:.0f} min"
        return Text(f"about {words} left")


class BarProgress:
    """One bar a stage, gone when the work rests."""

    def __init__(self) -> None:
        self._bars = RichProgress(
            TextColumn("{task.description:<24}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            RateColumn(),
            LeftColumn(),
            console=stderr(),
            transient=True,
        )
        self._task: TaskID | None = None

    def stage(self, name: str, total: int | None = None) -> None:
        """A new bar; the one before is taken away."""
        if self._task is None:
            self._bars.start()
        else:
            self._bars.remove_task(self._task)
        self._task = self._bars.add_task(name, total=total)

    def advance(self, by: int = 1) -> None:
        """Move the bar on."""
        if self._task is not None:
            self._bars.advance(self._task, by)

    def say(self, text: str) -> None:
        """A line above the bars."""
        self._bars.console.print(plain(text))

    def rest(self) -> None:
        """Take the bar away, so that results are printed on clean lines."""
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None
            self._bars.stop()


@contextmanager
def progress_for(*, quiet: bool, as_json: bool) -> Iterator[Progress]:
    """Bars for a person at a terminal, else nothing."""
    if quiet or as_json or not sys.stderr.isatty():
        yield NoProgress()
        return
    bars = BarProgress()
    try:
        yield bars
    finally:
        bars.rest()
