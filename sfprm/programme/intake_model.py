"""Leads that a rule set takes by who owns them and what they hold, not by a queue alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sfprm.programme.logic import Logic
    from sfprm.programme.origin import Origin
    from sfprm.programme.routing_model import Criterion

__all__ = ["Claim", "ClaimOf"]

ClaimOf = Literal["queue", "user", "internal"]
"""Whose leads: a queue's, one user's, or those of any user who is no partner's."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An intake by condition. `owner` is a queue's label or a username, empty for `internal`.

    `name` is what decisions keep as the intake that their lead came by. Criteria read the lead and
    its parents only; `logic` None means all of them. Where the owner is no queue, leads that sfprm
    gave to their present owner itself do not wait.
    """

    name: str
    of: ClaimOf
    owner: str
    criteria: tuple[Criterion, ...]
    logic: Logic | None
    origin: Origin
