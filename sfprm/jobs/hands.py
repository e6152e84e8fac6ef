"""Handing parts of a run to other workers.

A job whose work falls into parts that do not touch each other (a pool's leads, a group of
accounts) hands them out as it finds them. A part is a name and plain JSON, so that any worker can
take it up, and safe to repeat, so that it can be taken up twice. Whoever hands out also works: it
never only waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sfprm.jobs.frame import JobContext
    from sfprm.programme.model import Programme

__all__ = ["PARTS", "Hands", "Wanted", "part_named"]

Wanted = tuple[str, Any, Sequence[int]]
"""A part: its kind, its content, and the places of those that must be done before, among all that
were handed out since the last were gathered."""

PartWork = Callable[["JobContext", Any], Any]
"""Does a part: its content in, its result out, both plain JSON."""

PARTS: Mapping[str, str] = {
    "carry": "sfprm.jobs.route_parts:carry",
    "steps": "sfprm.jobs.provision_parts:steps",
}
"""The kinds of parts there are, by name."""


def part_named(kind: str) -> PartWork:
    """What does parts of that kind. Raises KeyError."""
    module, _, name = PARTS[kind].partition(":")
    work: PartWork = getattr(import_module(module), name)
    return work


class Hands(Protocol):
    """Those who take parts."""

    @property
    def others(self) -> int:
        """Workers besides this one that might help."""

    def expect(self, programme: Programme | None = None) -> None:
        """Ask for help before there is any to be given, so that whoever comes is ready by then.
        `programme` as for `give_all`."""

    def give(self, kind: str, content: Any) -> None:
        """Hand a part out; returns at once."""

    def give_all(self, wanted: Sequence[Wanted], programme: Programme | None = None) -> None:
        """Hand several out, some of which wait for others of them. `programme`: what they go by
        where it is not the run's."""

    def gather(self) -> list[Any]:
        """Wait until every part is done, by whoever; the results, in the order of the parts.

        Raises the error of the first part that failed.
        """
