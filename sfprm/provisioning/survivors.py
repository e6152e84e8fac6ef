"""Who goes on with a record that several were merged into. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.programme.model import Presence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfprm.estate.model import Merged
    from sfprm.ids import RecordId

__all__ = ["STRICTNESS", "heirs"]

STRICTNESS = {Presence.ACTIVE: 0, Presence.FROZEN: 1, Presence.ABSENT: 2}


def heirs(
    object_: str,
    declared: Iterable[tuple[str, str, Presence]],
    merged: Mapping[tuple[str, str], Merged],
) -> dict[RecordId, str]:
    """Whose a record is that others were merged into: of these the first that is active, or else
    frozen, or else absent. `declared`: key, value of the key field, state, in the files' order."""
    found: dict[RecordId, str] = {}
    for key, value, _ in sorted(declared, key=lambda one: STRICTNESS[one[2]]):
        lost = merged.get((object_, value.lower()))
        if lost is not None:
            found.setdefault(lost.kept, key)
    return found
