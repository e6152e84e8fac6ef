"""What the org's own automation refused or turned, for people and machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfprm.blocks import Table
from sfprm.insight.names import instant_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfprm.store.refused import RefusedBy

__all__ = ["refusals_json", "refusals_table"]


def refusals_table(found: Sequence[RefusedBy], days: int) -> Table:
    """A row for each rule, flow or trigger."""
    return Table(
        ("what", "name", "writes", "leads", "last"),
        tuple(
            (
                "taken after our write" if each.kind == "turned" else each.kind,
                each.name,
                f"{each.writes:,}",
                f"{each.leads:,}",
                instant_text(each.last),
            )
            for each in found
        ),
        title=f"Refused by the org's own automation in the last {days} days",
        right=(2, 3),
    )


def refusals_json(found: Sequence[RefusedBy]) -> list[dict[str, Any]]:
    """The same for machines."""
    return [
        {
            "kind": each.kind,
            "name": each.name,
            "writes": each.writes,
            "leads": each.leads,
            "last": each.last.isoformat(),
        }
        for each in found
    ]
