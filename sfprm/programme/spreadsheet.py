"""Cells that a spreadsheet would run as formulas, made harmless and meant again.

A cell that starts like a formula gets an apostrophe in front (OWASP, CSV injection), which
spreadsheets take as "text follows". Reading takes it off, so files may be opened, saved and read
again. Numbers and telephone numbers (`+351 21 555 0100`) run nothing and stay as they are.
"""

from __future__ import annotations

import re

__all__ = ["harmless", "meant"]

_STARTERS = ("=", "+", "-", "@", "\t", "\r", "|")
_NUMBER = re.compile(r"[+-]?[\d ().,/-]*")


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet runs. `meant` gives the text back, whatever it is."""
    quoted = text.startswith("'")
    if text.lstrip("'").startswith(_STARTERS) and (quoted or not _NUMBER.fullmatch(text)):
        return f"'{text}"
    return text


def meant(cell: str) -> str:
    """The text that a cell stands for."""
    if cell.startswith("'") and cell.lstrip("'").startswith(_STARTERS):
        return cell[1:]
    return cell
