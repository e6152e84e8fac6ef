"""How the story is told: to a person step by step, or to nobody while JSON is made."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape

from sfprm.blocks import Block
from sfprm.cli.render import draw

__all__ = ["Narrator"]


class Narrator:
    """Tells the story on a console; silent without one."""

    def __init__(self, console: Console | None) -> None:
        self._console = console
        self._step = 0

    def step(self, title: str) -> None:
        """A new step, numbered."""
        self._step += 1
        if self._console is not None:
            self._console.print()
            self._console.print(f"[bold]{self._step}  {escape(title)}[/]")

    def ran(self, command: str, *, calls: int | None = None) -> None:
        """The command that does the same."""
        cost = "" if calls is None else f"  [dim]({calls} API calls)[/]"
        if self._console is not None:
            self._console.print(f"   [green]$ {escape(command)}[/]{cost}")

    def say(self, *lines: str) -> None:
        """Plain lines."""
        for line in lines:
            if self._console is not None:
                self._console.print(f"   {escape(line)}")

    def happened(self, what: str) -> None:
        """Something that people did in the org."""
        if self._console is not None:
            self._console.print(f"   [yellow]· in the org:[/] {escape(what)}")

    def show(self, blocks: Iterable[Block]) -> None:
        """A result, as the command shows it."""
        if self._console is not None:
            self._console.print()
            draw(blocks, self._console)
            self._console.print()
