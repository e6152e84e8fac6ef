"""Declared × applied × found, for the fields of one record.

`applied` is the last value that sfprm wrote, kept in the store. It tells who moved a value:

    found = declared                 nothing to do
    applied missing                  never written by sfprm
    applied = found  ≠ declared      the file changed
    applied = declared ≠ found       a person (or automation) changed the org
    all three differ                 both
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from sfprm.programme.policies import FieldPolicy
from sfprm.provisioning.normalise import normalise, to_write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.programme.model import FieldMatch, FieldValue

__all__ = [
    "SHOWN",
    "Cause",
    "Declared",
    "FieldChange",
    "Policy",
    "compare_fields",
    "same_value",
    "with_choices",
    "written_new",
]

SHOWN = ("OwnerId", "Username", "Lead")
"""Values of a new record that the screen shows; the rest stands in its step."""


class Cause(StrEnum):
    """Who moved a value away from what the file says."""

    NEW = "new record"
    NEVER_WRITTEN = "never written by sfprm"
    FILE = "the file changed"
    PERSON = "changed in the org"
    BOTH = "the file and the org changed"


class Policy(StrEnum):
    """Who decides a field's value."""

    MANAGED = "managed"
    """The file wins."""
    FOLLOW_FILE = "follow-file"
    """Written at creation; then only when the file's value changes (a person may choose their
    own time zone, an adopted account keeps its name)."""
    SET_ONCE = "set-once"
    """Written at creation only."""
    CONFIRMED = "confirmed"
    """As managed, but a value written once is never rewritten while the org does not show it:
    an e-mail address is not in force until its owner confirms it (operations.md, rule 9)."""
    PERSON_WINS = "person-wins"
    """The file wins, unless a person changed the value after sfprm wrote it or before it ever
    did: then the difference is reported and left."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A field as the files want it. `type` is describe's field type, '' when not known."""

    value: FieldValue
    type: str = ""
    policy: Policy = Policy.MANAGED


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs. `written` False: reported only, `note` says why."""

    field: str
    before: FieldValue
    after: FieldValue
    cause: Cause
    written: bool = True
    note: str = ""


_CHOSEN = {
    FieldPolicy.FILE: Policy.MANAGED,
    FieldPolicy.PERSON: Policy.PERSON_WINS,
    FieldPolicy.ONCE: Policy.SET_ONCE,
}


def with_choices(
    object_: str, declared: Mapping[str, Declared], who_wins: Mapping[str, FieldPolicy]
) -> dict[str, Declared]:
    """The fields under what the programme says of who wins (`Object.Field`, without case)."""
    if not who_wins:
        return dict(declared)
    chosen = {name.lower(): choice for name, choice in who_wins.items()}
    return {
        name: replace(want, policy=_CHOSEN[choice])
        if (choice := chosen.get(f"{object_}.{name}".lower()))
        else want
        for name, want in declared.items()
    }


def same_value(
    types: Mapping[str, str], match: FieldMatch, fields: Mapping[str, FieldValue]
) -> bool:
    """Whether a record's field has the value of `match`, as a SOQL `=` compares: text without
    case."""
    name = match.field.lower()
    kind = types.get(name, "")
    found = next((v for f, v in fields.items() if f.lower() == name), None)
    return found is not None and _caseless(kind, found) == _caseless(kind, match.value)


def _caseless(kind: str, value: FieldValue) -> object:
    plain = normalise(kind, value)
    return plain.lower() if isinstance(plain, str) and kind not in ("reference", "id") else plain


def compare_fields(
    declared: Mapping[str, Declared],
    found: Mapping[str, FieldValue] | None,
    applied: Mapping[str, FieldValue],
) -> tuple[FieldChange, ...]:
    """What differs, in order of `declared`. `found` None: the record does not exist, and all
    declared values that are not null are to be written."""
    if found is None:
        return tuple(
            FieldChange(name, None, value, Cause.NEW)
            for name, want in declared.items()
            if (value := to_write(want.type, want.value)) is not None
        )
    changes = []
    there: dict[str, FieldValue] | None = None
    for name, want in declared.items():
        if name in found:
            value = found[name]
        else:  # API names have no case
            there = there or {n.lower(): v for n, v in found.items()}
            value = there.get(name.lower())
        if value == want.value and type(value) is type(want.value):
            continue
        change = _compare_one(name, want, value, name in applied, applied.get(name))
        if change is not None:
            changes.append(change)
    return tuple(changes)


def written_new(
    declared: Mapping[str, Declared],
) -> tuple[tuple[FieldChange, ...], dict[str, FieldValue]]:
    """Of a record that does not exist: what the screen shows of it, and all values to be written,
    as `compare_fields` would give them; in a third of the time, for plans of many new people."""
    values: dict[str, FieldValue] = {
        name: value
        for name, want in declared.items()
        if (value := to_write(want.type, want.value)) is not None
    }
    shown = tuple(
        FieldChange(name, None, values[name], Cause.NEW) for name in SHOWN if name in values
    )
    return shown, values


def _compare_one(
    name: str, want: Declared, found: FieldValue, known: bool, applied: FieldValue
) -> FieldChange | None:
    kind = want.type
    if not kind and isinstance(found, bool):
        kind = "boolean"
    elif not kind and isinstance(found, int | float):
        kind = "double"
    wanted, there = normalise(kind, want.value), normalise(kind, found)
    if wanted == there:
        return None
    last = normalise(kind, applied)
    if not known:
        cause = Cause.NEVER_WRITTEN
    elif last == there:
        cause = Cause.FILE
    elif last == wanted:
        cause = Cause.PERSON
    else:
        cause = Cause.BOTH
    written, note = _may_write(want.policy, cause)
    return FieldChange(name, found, to_write(kind, want.value), cause, written, note)


def _may_write(policy: Policy, cause: Cause) -> tuple[bool, str]:
    match policy:
        case Policy.MANAGED:
            return True, ""
        case Policy.SET_ONCE:
            return False, "left as it is: set once, at creation"
        case Policy.FOLLOW_FILE:
            if cause in (Cause.FILE, Cause.BOTH):
                return True, ""
            return False, "left as it is until the file's value changes"
        case Policy.CONFIRMED:
            if cause is Cause.PERSON:
                return False, "written already: waits for the person's confirmation"
            return True, ""
        case Policy.PERSON_WINS:
            if cause is Cause.FILE:
                return True, ""
            return False, "changed in the org by hand; left so"
