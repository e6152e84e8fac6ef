"""Fixes end with the command that the reader typed: a comparison says "run plan again", whoever
compares. Pure."""

from __future__ import annotations

import re

__all__ = ["said_for"]

_AGAIN = re.compile(r"\b(run )?(?:plan|apply|the (?:same )?command) again\b", re.IGNORECASE)


def said_for(command: str, fix: str) -> str:
    """The fix with `command` where it names another, or none: "then run plan again" becomes "then
    run `sfprm migrate legacy.csv --resume`"."""

    def named(found: re.Match[str]) -> str:
        word = "Run" if found[0][0].isupper() else "run"
        return f"{word} `{command}`"

    return _AGAIN.sub(named, fix)
