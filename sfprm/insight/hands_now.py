"""Who does what, over all orgs of an installation: each process once. Pure.

A process says in the state of each org that it has work in that it lives; in the main org's it says
so from its start.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.store.work import WorkerSeen

__all__ = ["Hand", "hands_now"]


@dataclass(frozen=True, slots=True)
class Hand:
    """A process, and in which org it does what. `org` is empty for the main one."""

    seen: WorkerSeen
    org: str = ""

    @property
    def words(self) -> str:
        """What it does, for a person."""
        return f"{self.seen.doing} @{self.org}" if self.org and self.seen.doing else self.seen.doing


def hands_now(states: Mapping[str, Sequence[WorkerSeen]]) -> list[Hand]:
    """Org → who was seen in its state, the main one's first: each process once, by host and start,
    with what it does wherever that is."""
    found: dict[tuple[str, int], Hand] = {}
    for org, seen in states.items():
        for worker in seen:
            at = (worker.host, worker.process)
            known = found.get(at)
            if known is None:
                found[at] = Hand(worker, org)
                continue
            busy = Hand(worker, org) if worker.doing else known
            latest = max(known.seen.seen, worker.seen)
            first = min(known.seen.started, worker.started)
            found[at] = replace(busy, seen=replace(busy.seen, seen=latest, started=first))
    return sorted(found.values(), key=lambda hand: (hand.seen.host, hand.seen.started))
