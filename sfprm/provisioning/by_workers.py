"""A large plan carried out by several workers: the partners in groups, each with all its people.

Accounts of different groups have nothing in common, so their steps never wait for each other and
never touch one record. Each worker plans its group anew (what another has begun is seen as it is)
and does just that; what belongs to several partners (queues, groups, their members) follows when
all groups are done. Within a group users are still written one request at a time.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from sfprm.provisioning.steps import (
    CreateAccount,
    CreateUser,
    EnablePartner,
    UpdateAccount,
    UpdateUser,
    UpsertContact,
)

if TYPE_CHECKING:
    from typing import Any

    from sfprm.provisioning.plan import Plan
    from sfprm.provisioning.steps import PlannedStep

__all__ = ["PART", "WORTH_IT", "Hands", "group_of", "groups_for"]

PART = "partners"
"""The kind of these parts."""
WORTH_IT = 8000
"""Steps of partners from which a plan is shared. Each group is planned anew: at 500 partners with
three people each (4,000 steps) that cost more than the hands brought."""
STEPS = 1500
"""Steps of one group, about: enough that planning anew costs little beside them."""
MOST_GROUPS = 16
OWN: frozenset[type[PlannedStep]] = frozenset(
    {CreateAccount, UpdateAccount, EnablePartner, UpsertContact, CreateUser, UpdateUser}
)
"""Steps that concern one partner alone."""


class Hands(Protocol):
    """Those who take parts (`sfprm.jobs.hands`)."""

    def give(self, kind: str, content: Any) -> None:
        """Hand a part out."""

    def gather(self) -> list[Any]:
        """The results of all parts, in order."""


def groups_for(plan: Plan) -> int:
    """Into how many groups the plan's partners are parted; 0: not worth it."""
    own = sum(1 for step in plan.steps if type(step) in OWN)
    return 0 if own < WORTH_IT else max(2, min(MOST_GROUPS, -(-own // STEPS)))


def group_of(plan: Plan, number: int, of: int) -> Plan:
    """The plan for one group of partners, and nothing of what they share."""
    steps = tuple(
        step for step in plan.steps if type(step) in OWN and _group(step.owner, of) == number
    )
    return replace(plan, steps=steps, comparison=replace(plan.comparison, baseline=()))


def _group(partner: str, of: int) -> int:
    return zlib.crc32(partner.encode()) % of
