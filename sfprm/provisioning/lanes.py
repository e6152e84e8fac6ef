"""Which steps may be under way at the same time, and how many go into one request. Pure.

Salesforce serialises role and group changes by a lock: the first user of an account makes its
roles, an owner change re-parents them, memberships take the group lock. Those go one request at a
time, many accounts in it. Everything else goes wide, but never two requests about one account
(facts sheet, section 9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.provisioning.difference import Flag
from sfprm.provisioning.steps import (
    CreateAccount,
    CreateUser,
    EnablePartner,
    GrantPermissionSet,
    MoveContact,
    PlannedStep,
    RevokePermissionSet,
    UpdateAccount,
    UpsertContact,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MOST_MOVES", "cut", "lanes", "most_rows", "takes_role_lock"]

MOST_MOVES = 50
"""Contacts with users that are moved between accounts at once (documented advice)."""
_MAX_ROWS = 200
_WIDE = (
    CreateAccount,
    UpdateAccount,
    EnablePartner,
    UpsertContact,
    CreateUser,
    GrantPermissionSet,
    RevokePermissionSet,
)


def takes_role_lock(step: PlannedStep) -> bool:
    """Whether the step makes, moves or re-parents roles: it waits for the windows given."""
    return step.moves_roles or Flag.FIRST_USER in step.flags


def lanes(
    kind: type[PlannedStep], steps: Sequence[PlannedStep]
) -> list[tuple[list[PlannedStep], bool]]:
    """The steps of one kind as (steps, wide) parts: those that lock first, on their own."""
    if kind not in _WIDE or (kind is CreateUser and len(steps) <= _MAX_ROWS):
        return [(list(steps), False)] if steps else []
    first = [s for s in steps if takes_role_lock(s)]
    rest = [s for s in steps if not takes_role_lock(s)]
    return [(part, wide) for part, wide in ((first, False), (rest, True)) if part]


def most_rows(kind: type[PlannedStep]) -> int:
    """Records of this kind in one request."""
    return MOST_MOVES if kind is MoveContact else _MAX_ROWS


def cut(steps: Sequence[PlannedStep], at: int, size: int) -> int:
    """Where the chunk that starts at `at` ends: after at most `size` steps, and, when one account's
    steps would be torn apart, before that account's first (if anything is left then)."""
    end = min(at + size, len(steps))
    if end == len(steps) or steps[end].owner != steps[end - 1].owner:
        return end
    back = end - 1
    while back > at and steps[back - 1].owner == steps[end].owner:
        back -= 1
    return back if back > at else end
