"""What a lived-in org may have: behaviours that are off until the control API sets them.

`POST /_devorg/behaviours {"validation_rules": [...], ...}` sets those named, null or an empty list
clears one, `DELETE` all. They are checked when they are set, kept with the org's records, and each
has a file of its own that says where it is known from. Real orgs are full of them
[operations.md 12, 13, 16]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfprm.devorg.criteria import BadFilter, Filter, Item, Surroundings, read_filter

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch, Row
    from sfprm.devorg.org import Org
    from sfprm.devorg.schema import ObjectDef

__all__ = [
    "RECORDS",
    "Condition",
    "Settable",
    "chosen",
    "each",
    "numbers",
    "read_condition",
    "rules",
    "setting",
    "text",
]

KEY = "behaviours"
RECORDS = frozenset(
    {"Lead", "Account", "Contact", "Opportunity", "Case", "Task", "Campaign", "CampaignMember",
     "User"}
)  # fmt: skip
"""The objects that settable behaviours can be about."""
_CONDITION = {"object", "on", "when", "logic", "changes"}
_OPERATIONS = ("insert", "update", "delete")


@dataclass(frozen=True, slots=True)
class Settable:
    """One behaviour: its key in the control API, and the check of its value. `check` raises
    ValueError saying what is wrong."""

    name: str
    check: Callable[[Org, Any], None]


@dataclass(frozen=True, slots=True)
class Condition:
    """When a behaviour applies: on these operations, when one of these fields changes (none: no
    matter which), and the record meets the filter."""

    on: frozenset[str]
    changes: tuple[str, ...]
    filter: Filter

    def met(self, batch: Batch, row: Row, around: Surroundings) -> bool:
        """Whether it applies to a row."""
        if batch.operation not in self.on:
            return False
        if self.changes and not any(row.changes(name) for name in self.changes):
            return False
        return self.filter.holds(row.get, around)


def setting(org: Org, name: str) -> Any:
    """A behaviour's value as set; None when it is not."""
    return org.setting(KEY, {}).get(name)


def each(batch: Batch, name: str) -> list[tuple[Mapping[str, Any], Condition]]:
    """The rules of a behaviour about the batch's object, with their conditions. One whose field is
    gone is left out."""
    found = []
    for rule in setting(batch.org, name) or ():
        if rule["object"] == batch.definition.name:
            try:
                found.append((rule, _condition(batch.org, batch.definition, rule)))
            except BadFilter:
                continue
    return found


def around(batch: Batch) -> Surroundings:
    """What conditions of a batch may ask."""
    return Surroundings(batch.org, batch.context.access.user)


def rules(
    value: Any, org: Org, needed: set[str], optional: set[str] | None = None
) -> list[Mapping[str, Any]]:
    """The rules in a setting, each with a condition and these keys. Raises ValueError."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError("a list of objects is needed")
    for rule in value:
        missing = (needed | {"object"}) - set(rule)
        unknown = set(rule) - needed - (optional or set()) - _CONDITION
        if missing or unknown:
            raise ValueError(
                f"missing keys: {', '.join(sorted(missing)) or 'none'}; "
                f"unknown keys: {', '.join(sorted(unknown)) or 'none'}"
            )
        read_condition(org, rule)
    return value


def read_condition(org: Org, rule: Mapping[str, Any]) -> Condition:
    """The condition of a rule about an object: `object`, `on` (operations; default insert and
    update), `changes` (fields), `when` (items as assignment rules have them), `logic`. Raises
    ValueError."""
    name = rule["object"]
    definition = org.schema.object(name) if isinstance(name, str) else None
    if definition is None or definition.name != name or name not in RECORDS:
        raise ValueError(f"object: {name!r} is none of {', '.join(sorted(RECORDS))}")
    try:
        return _condition(org, definition, rule)
    except BadFilter as bad:
        raise ValueError(f"when: {bad.problem}") from bad


def _condition(org: Org, definition: ObjectDef, rule: Mapping[str, Any]) -> Condition:
    on = rule.get("on", ["insert", "update"])
    if not isinstance(on, list) or not on or any(one not in _OPERATIONS for one in on):
        raise ValueError(f"on: a list of {', '.join(_OPERATIONS)} is needed")
    changes = rule.get("changes", [])
    for name in changes:
        field = definition.field(name) if isinstance(name, str) else None
        if field is None or field.name != name:
            raise ValueError(f"changes: {definition.name} has no field {name!r}")
    return Condition(
        frozenset(on),
        tuple(changes),
        read_filter(org, definition, _items(rule.get("when", [])), rule.get("logic")),
    )


def _items(when: Any) -> list[Item]:
    if not isinstance(when, list) or not all(isinstance(one, dict) for one in when):
        raise ValueError("when: a list of objects is needed")
    items = []
    for one in when:
        unknown = set(one) - {"field", "operation", "value", "valueField"}
        if unknown or not all(isinstance(part, str) for part in one.values()):
            raise ValueError("when: texts field, operation, value or valueField are needed")
        items.append(
            Item(
                one.get("field", ""), one.get("operation", ""), one.get("value"),
                one.get("valueField"),
            )
        )  # fmt: skip
    return items


def text(rule: Mapping[str, Any], key: str) -> str:
    """A text that is not empty. Raises ValueError."""
    value = rule.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key}: a text is needed")
    return value


def chosen(rule: Mapping[str, Any], key: str, among: tuple[str, ...]) -> str:
    """One of some words, by default the first. Raises ValueError."""
    value = rule.get(key, among[0])
    if value not in among:
        raise ValueError(f"{key}: {value!r} is none of {', '.join(among)}")
    return str(value)


def numbers(value: Any, keys: tuple[str, ...]) -> dict[str, float]:
    """Seconds by name, none below 0. Raises ValueError."""
    if not isinstance(value, dict) or set(value) - set(keys):
        raise ValueError(f"an object with some of {', '.join(keys)} is needed")
    for key, one in value.items():
        if isinstance(one, bool) or not isinstance(one, (int, float)) or not 0 <= one <= 3600:
            raise ValueError(f"{key}: a number of seconds from 0 to 3600 is needed")
    return {key: float(one) for key, one in value.items()}
