"""The org's assignment rules as values, for whoever evaluates them.

They are kept by `types/assignment_rules` as deployed, and read here: entries in order, each with
its criteria, its filter logic as a tree, and the id of whom it assigns to. Whatever could not be
evaluated (a formula, an unknown field or operator) was refused when it was deployed, so everything
read here can be. Assignees are kept by id, so a renamed user or queue stays one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.devorg.metadata import stored
from sfprm.devorg.metadata.filter_logic import Logic, all_of, read_logic
from sfprm.devorg.metadata.markup import Node

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["Criterion", "Rule", "RuleEntry", "keep_targets", "rules_of", "target_id", "target_ids"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition: `Lead.Country` `equals` `PT,ES`. The field's object is the rule's own, or User
    for the caller; exact API names. `value` is as deployed ('' when left out: blank);
    `value_field` is the other field to compare with, or ''."""

    object: str
    field: str
    operation: str
    value: str = ""
    value_field: str = ""


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """One line of a rule. It matches when `logic` holds over `criteria` (numbered from 1); without
    criteria always. `owner_id` is a user or a queue (18 characters); None leaves the owner as it
    is [R]. `template` is `Folder/Name` of the mail to the new owner, or ''."""

    criteria: tuple[Criterion, ...]
    logic: Logic
    owner_id: str | None
    template: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, by the id of its AssignmentRule row; entries in order, the first match wins [R]."""

    id: str
    object: str
    name: str
    active: bool
    entries: tuple[RuleEntry, ...]


def rules_of(org: Org, object_: str) -> tuple[Rule, ...]:
    """All rules of `Lead` or `Case`, by name. At most one is active."""
    rows = {
        str(row["Name"]): row for row in org.storage.find("AssignmentRule", SobjectType=object_)
    }
    found = []
    for full_name, node in stored.all_of(org, "AssignmentRule").items():
        kind, _, name = full_name.partition(".")
        row = rows.get(name)
        if kind == object_ and row is not None:
            targets = target_ids(org, full_name)
            entries = tuple(
                _entry(org, entry, target)
                for entry, target in zip(node.all("ruleEntry"), targets, strict=True)
            )
            found.append(Rule(str(row["Id"]), object_, name, bool(row["Active"]), entries))
    return tuple(found)


def target_id(org: Org, kind: str, name: str) -> str | None:
    """The user of this username, or the queue of this DeveloperName, or failing that of this label
    (both are seen in files [R]). None when there is none."""
    if kind == "User":
        rows = org.storage.find("User", Username=name)
    else:
        rows = org.storage.find("Group", DeveloperName=name, Type="Queue")
        rows = rows or org.storage.find("Group", Name=name, Type="Queue")
    return str(rows[0]["Id"]) if rows else None


def target_ids(org: Org, full_name: str) -> list[str | None]:
    """The assignees of a rule (`Lead.Name`), entry by entry."""
    ids: list[str | None] = org.storage.meta_get(f"assignees:{full_name}", [])
    return ids


def keep_targets(org: Org, full_name: str, ids: list[str | None]) -> None:
    """Keep the assignees of a rule, entry by entry."""
    org.storage.meta_set(f"assignees:{full_name}", ids)


def _entry(org: Org, node: Node, owner: str | None) -> RuleEntry:
    criteria = tuple(_criterion(org, item) for item in node.all("criteriaItems"))
    filter_ = node.value("booleanFilter")
    logic = read_logic(filter_, len(criteria)) if filter_ else all_of(len(criteria))
    return RuleEntry(criteria, logic, owner, node.value("template") or "")


def _criterion(org: Org, node: Node) -> Criterion:
    object_, _, name = (node.value("field") or "").partition(".")
    definition = org.schema.object(object_)
    field = definition.field(name) if definition is not None else None
    return Criterion(
        definition.name if definition is not None else object_,
        field.name if field is not None else name,
        node.value("operation") or "",
        node.value("value") or "",
        node.value("valueField") or "",
    )
