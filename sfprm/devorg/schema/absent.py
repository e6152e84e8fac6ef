"""Objects that every org has and this one does not imitate (`absent.csv`): asked for one, it says
so, and not that there is no such object. Names from memory, those of a Developer Edition."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

__all__ = ["absent"]


def absent(name: str) -> str | None:
    """The object's API name when it is one of these, whatever the case; else None."""
    return _names().get(name.lower())


@cache
def _names() -> Mapping[str, str]:
    text = (files("sfprm.devorg.schema") / "absent.csv").read_text("utf-8")
    return {name.lower(): name for name in text.split()[1:]}
