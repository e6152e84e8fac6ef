"""The org's limits and what is left of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sfprm.salesforce.answer import understood
from sfprm.salesforce.session import Session

__all__ = ["Limit", "limits"]


@dataclass(frozen=True, slots=True)
class Limit:
    """One allowance, in the unit that its name says (calls, mails, MB)."""

    max: int
    remaining: int


def limits(session: Session) -> Mapping[str, Limit]:
    """All limits by name (`DailyApiRequests`, `SingleEmail`, …). One call; needs View Setup."""
    told: Any = session.request("GET", "limits", kind="limits").json
    with understood("about the org's limits"):
        return {
            name: Limit(int(item["Max"]), int(item["Remaining"]))
            for name, item in told.items()
            if isinstance(item, dict) and "Max" in item and "Remaining" in item
        }
