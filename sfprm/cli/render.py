"""The one renderer: results and errors, for people and for machines.

Data goes to stdout, talk to stderr. With `--json`, stdout holds exactly one JSON object:
`{"status", "result", "warnings"}`, or on error `{"status", "name", "message", "exitCode",
"actions", "warnings"}`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text as RichText

from sfprm.blocks import Bars, Block, Table, Text, json_text
from sfprm.errors import BadFiles, SfprmError

__all__ = ["draw", "plain", "print_error", "print_json", "stderr", "stdout"]

FREE_WIDTH = 10_000
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def stdout() -> Console:
    """For data. Width is free when it is not a terminal, so that nothing is cut."""
    wide = None if sys.stdout.isatty() else FREE_WIDTH
    return Console(highlight=False, emoji=False, soft_wrap=True, width=wide)


def stderr() -> Console:
    """For talk."""
    wide = None if sys.stderr.isatty() else FREE_WIDTH
    return Console(stderr=True, highlight=False, emoji=False, soft_wrap=True, width=wide)


def plain(text: str) -> RichText:
    """Data as it is: nothing in it is taken for markup, and what would steer a terminal (escape
    sequences in a lead's name, say) is struck out."""
    return RichText(_STEERING.sub("\N{REPLACEMENT CHARACTER}", text))


def draw(blocks: Iterable[Block], console: Console) -> None:
    """Draw blocks one under the other, an empty line between them."""
    first = True
    for block in blocks:
        if not first:
            console.print()
        first = False
        match block:
            case Table():
                _put_table(_table(block), console)
            case Bars():
                _put_table(_table(block.as_table()), console)
            case Text():
                for line in block.lines:
                    console.print(plain(line))


def _put_table(table: RichTable, console: Console) -> None:
    """Without the blanks that fill the last column, where no terminal needs them."""
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as drawn:
        console.print(table)
    for line in drawn.get().rstrip("\n").split("\n"):
        console.print(RichText(line.rstrip()))


def _table(block: Table) -> RichTable:
    table = RichTable(
        title=plain(block.title) if block.title else None,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        header_style="dim",
    )
    for index, column in enumerate(block.columns):
        table.add_column(
            plain(column),
            justify="right" if index in block.right else "left",
            overflow="fold",
            no_wrap=index in block.right,
        )
    for row in block.rows:
        table.add_row(*(plain(cell) for cell in row))
    return table


def print_json(result: Any, *, status: int = 0, warnings: Iterable[str] = ()) -> None:
    """The one JSON object of a command that gave a result."""
    _put({"status": status, "result": result, "warnings": list(warnings)})


def print_error(error: SfprmError, *, as_json: bool, warnings: Iterable[str] = ()) -> None:
    """An error, with its next step."""
    if as_json:
        body: dict[str, Any] = {
            "status": error.exit_code,
            "name": error.name,
            "message": error.message,
            "exitCode": error.exit_code,
            "actions": [error.hint],
            "warnings": list(warnings),
        }
        if isinstance(error, BadFiles):
            body["complaints"] = [
                {
                    "file": c.file,
                    "line": c.line,
                    "column": c.column,
                    "message": c.message,
                    "hint": c.hint,
                }
                for c in error.complaints
            ]
        _put(body)
        return
    console = stderr()
    label = "" if isinstance(error, BadFiles) else "error: "
    console.print(RichText(label, "bold red").append_text(plain(error.message)))
    console.print(plain(error.hint))


def _put(body: dict[str, Any]) -> None:
    sys.stdout.write(json_text(body, indent=2) + "\n")
    sys.stdout.flush()
