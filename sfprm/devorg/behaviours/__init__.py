"""The rules of Salesforce's that the org imitates, one file each, in the order in which they run.
Each file's docstring names its source, and says `unverified` where only memory speaks."""

from __future__ import annotations

from functools import cache

from sfprm.devorg.behaviours.behaviour import Behaviour

__all__ = ["ALL", "Behaviour", "behaviours_for"]

ALL: tuple[Behaviour, ...] = ()


@cache
def behaviours_for(object_: str) -> tuple[Behaviour, ...]:
    """The behaviours about an object (exact API name), in order."""
    return tuple(one for one in ALL if object_ in one.objects)
