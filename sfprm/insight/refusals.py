"""What the org's own automation refused or turned, and who gave leads on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfprm.blocks import Table
from sfprm.insight.names import instant_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfprm.store.refused import GivenOn, RefusedBy

__all__ = ["given_on_table", "refusals_json", "refusals_table"]


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
        title=f"Refused or taken by the org's own automation in the last {days} days",
        right=(2, 3),
    )


def given_on_table(found: Sequence[GivenOn], days: int) -> Table:
    """A row for each user."""
    return Table(
        ("who", "leads", "last"),
        tuple((each.name, f"{each.leads:,}", instant_text(each.last)) for each in found),
        title=f"Gave leads to somebody else as we wrote them, in the last {days} days",
        right=(1,),
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
