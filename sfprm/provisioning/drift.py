"""What people (or automation) have changed by hand, told from the plan. Pure.

The last value that sfprm wrote tells a person's change from a file's. Each change is reported once:
the state keeps what was told; a change that is gone is forgotten, so that it counts anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.provisioning.difference import Difference, Kind, Verdict
from sfprm.provisioning.fields import Cause
from sfprm.provisioning.left_alone import OBJECTS
from sfprm.store.records import AppliedValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sfprm.programme.model import FieldValue
    from sfprm.provisioning.difference import Comparison

__all__ = ["TOLD", "HandChange", "drift", "news"]

TOLD = "Drift"
"""Under (this, `Object/key`) the store keeps field → the value found, as it was told."""
_PENDING = "waits for the person's confirmation"
_NOTHING: Mapping[str, FieldValue] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class HandChange:
    """One change that neither the files nor sfprm made. `wins`: whose value stays in force after
    the next apply, `file` or `person`."""

    object: str
    key: str
    label: str
    field: str
    found: FieldValue
    declared: FieldValue
    wins: str

    @property
    def words(self) -> str:
        """For people."""
        if self.object == OBJECTS[Kind.MEMBER]:
            done, undone = ("put in", "taken out") if self.found else ("taken out", "put in")
            return f"{self.label} was {done} by hand (is {undone} again)"
        stays = "the file's comes back" if self.wins == "file" else "left so"
        found, declared = _word(self.found), _word(self.declared)
        return f"{self.label}: {self.field} is {found}, not {declared} ({stays})"


def _word(value: FieldValue) -> str:
    if value is None:
        return "empty"
    return ("yes" if value else "no") if isinstance(value, bool) else repr(value)


def drift(
    comparison: Comparison, applied: Mapping[tuple[str, str], Mapping[str, FieldValue]]
) -> tuple[HandChange, ...]:
    """Every hand change that a comparison shows, in file order."""
    out: list[HandChange] = []
    for difference in comparison.differences:
        if difference.kind is Kind.MEMBER:
            out += _member(difference, applied)
        else:
            out += _fields(difference)
    return tuple(out)


def _fields(d: Difference) -> Iterator[HandChange]:
    for change in d.changes:
        if change.cause in (Cause.PERSON, Cause.BOTH) and _PENDING not in change.note:
            wins = "file" if change.written else "person"
            yield HandChange(
                OBJECTS[d.kind], d.key, d.label, change.field, change.before, change.after, wins
            )


def _member(
    d: Difference, applied: Mapping[tuple[str, str], Mapping[str, FieldValue]]
) -> Iterator[HandChange]:
    known = applied.get(("GroupMember", d.owner), _NOTHING)
    if d.verdict is Verdict.CREATE:
        member = (d.values or {}).get("UserOrGroupId")
        if member is not None and known.get(str(member)):
            yield HandChange(
                "GroupMember", d.owner, f"{d.owner}: {d.label}", str(member), None, True, "file"
            )
    elif d.verdict is Verdict.REMOVE:
        member = d.before().get("UserOrGroupId")
        if member is not None and not known.get(str(member)):
            yield HandChange(
                "GroupMember", d.owner, f"{d.owner}: {d.label}", str(member), True, None, "file"
            )


def news(
    found: Iterable[HandChange], applied: Mapping[tuple[str, str], Mapping[str, FieldValue]]
) -> tuple[tuple[HandChange, ...], tuple[AppliedValue, ...]]:
    """The changes not told of yet, and what the store is to keep so that they are told once."""
    fresh: list[HandChange] = []
    kept: list[AppliedValue] = []
    here: set[tuple[str, str]] = set()
    for change in found:
        at, said = f"{change.object}/{change.key}", _said(change.found)
        here.add((at, change.field))
        if applied.get((TOLD, at), _NOTHING).get(change.field) != said:
            fresh.append(change)
            kept.append(AppliedValue(TOLD, at, change.field, said))
    for (object_, at), told in applied.items():
        if object_ != TOLD:
            continue
        for name, value in told.items():
            if value is not None and (at, name) not in here:
                kept.append(AppliedValue(TOLD, at, name, None))
    return tuple(fresh), tuple(kept)


def _said(value: FieldValue) -> str:
    """The value as text, so that an emptied field can be told from one never told of."""
    return f"= {value}"
