"""Pools whose members are all away at some hour, as far as the files say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.provisioning.checks.finding import Check, CheckState, Code
from sfprm.routing.opening import shut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.provisioning.checks.facts import Facts
    from sfprm.provisioning.checks.finding import CheckItem

__all__ = ["CHECK"]

EMPTY_HOURS = Code(
    "pool-empty-hours",
    CheckState.NOTE,
    "nobody of a pool is at work at some hour of the week, or on days ahead",
    "add members with other hours, or a further target after the pool: first_of",
    "route: leads wait meanwhile",
)


def look(facts: Facts) -> Iterator[CheckItem]:
    """Each pool, at the moment of the check."""
    if facts.now is None:
        return
    for pool in facts.programme.routing.pools.values():
        found = shut(facts.programme, pool, facts.now)
        if found is not None:
            yield EMPTY_HOURS(f"pool {pool.key}", found.words(), [pool.key])


CHECK = Check("pools", (EMPTY_HOURS,), look)
