"""AssignmentRules of leads and cases: kept whole, with a row each in the object AssignmentRule.

One active rule an object: activating one silently deactivates the other [R].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sfprm.devorg.metadata import stored
from sfprm.devorg.metadata.component import (
    Change,
    Component,
    Context,
    Listed,
    Refused,
    SourceFile,
    base_name,
    refuse_unknown,
)
from sfprm.devorg.metadata.markup import Node, render

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["AssignmentRules"]

_OBJECTS = ("Lead", "Case")
_PATH = "assignmentRules/{parent}.assignmentRules"
_ENTRY = (
    "assignedTo",
    "assignedToType",
    "booleanFilter",
    "criteriaItems",
    "formula",
    "notifyCcRecipients",
    "overrideExistingTeams",
    "replyToEmail",
    "senderEmail",
    "senderName",
    "team",
    "template",
)
_OPERATIONS = (
    "equals",
    "notEqual",
    "lessThan",
    "greaterThan",
    "lessOrEqual",
    "greaterOrEqual",
    "contains",
    "notContain",
    "startsWith",
    "includes",
    "excludes",
    "within",
)


class AssignmentRules:
    """`assignmentRules/<Lead or Case>.assignmentRules`."""

    names: tuple[str, ...] = ("AssignmentRules", "AssignmentRule")
    directory = "assignmentRules"
    suffix = ".assignmentRules"

    def components(self, file: SourceFile) -> Iterable[Component]:
        """The rules in one object's file."""
        object_ = base_name(file.path, self.suffix)
        if object_ not in _OBJECTS:
            raise Refused(f"Assignment rules on {object_} do not exist", file.root)
        refuse_unknown(file.root, ("assignmentRule",), "AssignmentRules")
        for node in file.root.children:
            name = node.value("fullName")
            if not name:
                raise Refused("Required field is missing: fullName", node)
            full_name = f"{object_}.{name}"
            named = (("AssignmentRule", full_name), ("AssignmentRules", object_))
            yield Component("AssignmentRule", full_name, file.path, node, named)

    def deploy(self, context: Context, component: Component) -> Change:
        """Check the rule, keep it, and keep its row in step."""
        org, node = context.org, component.node
        refuse_unknown(node, ("fullName", "active", "ruleEntry"), "AssignmentRule")
        for entry in node.all("ruleEntry"):
            _check_entry(org, entry)
        object_, _, name = component.full_name.partition(".")
        active = node.flag("active")
        rows = org.storage.find("AssignmentRule", SobjectType=object_)
        if active:
            for other in rows:
                if other["Name"] != name and other["Active"]:
                    _deactivate(context, f"{object_}.{other['Name']}", str(other["Id"]))
        mine = next((row for row in rows if row["Name"] == name), None)
        values = {"Active": active, **context.stamps()}
        if mine is None:
            row = {"Name": name, "SobjectType": object_, **values, **context.birth()}
            [rule_id] = org.plant("AssignmentRule", [row])
        else:
            rule_id = str(mine["Id"])
            org.storage.update("AssignmentRule", rule_id, values)
        return stored.put(
            org,
            "AssignmentRule",
            component.full_name,
            node,
            id_=rule_id,
            user_id=context.user_id,
            at=context.at,
        )

    def delete(self, context: Context, type_: str, full_name: str) -> bool:
        """Removing assignment rules is not imitated."""
        raise Refused(f"Deleting {type_} {full_name} is not imitated by this org")

    def listed(self, org: Org, type_: str) -> Sequence[Listed]:
        """The rules; for AssignmentRules the two objects."""
        rules = stored.listed(org, "AssignmentRule", _PATH)
        if type_ == "AssignmentRule":
            return rules
        by_object = {rule.full_name.partition(".")[0]: rule for rule in rules}
        return [
            Listed(type_, object_, rule.path, "", rule.created, rule.modified, rule.user_id)
            for object_, rule in sorted(by_object.items())
        ]

    def retrieve(self, org: Org, type_: str, members: Sequence[str]) -> Mapping[str, bytes]:
        """One file an object; an object without rules, asked for by name, gives an empty file."""
        files: dict[str, Node] = {}
        if type_ == "AssignmentRules":
            files = {object_: Node(type_) for object_ in members if object_ in _OBJECTS}
        for full_name, node in stored.all_of(org, "AssignmentRule").items():
            object_ = full_name.partition(".")[0]
            asked = full_name if type_ == "AssignmentRule" else object_
            if "*" in members or asked in members:
                files.setdefault(object_, Node("AssignmentRules")).children.append(node)
        return {_PATH.format(parent=object_): render(node) for object_, node in files.items()}


def _check_entry(org: Org, entry: Node) -> None:
    refuse_unknown(entry, _ENTRY, "RuleEntry")
    if entry.find("formula") is not None and entry.find("criteriaItems") is not None:
        raise Refused("A rule entry has either criteriaItems or a formula, not both", entry)
    for item in entry.all("criteriaItems"):
        operation = item.value("operation")
        if operation not in _OPERATIONS:
            raise Refused(
                f"'{operation or ''}' is not a valid value for the enum 'FilterOperation'", item
            )
    target, kind = entry.find("assignedTo"), entry.value("assignedToType")
    if target is None:
        return
    if kind == "User":
        known = org.storage.find("User", Username=target.text)
    elif kind == "Queue":
        known = org.storage.find("Group", DeveloperName=target.text, Type="Queue")
    else:
        raise Refused("Required field is missing: assignedToType", entry)
    if not known:
        raise Refused(f"In field: assignedTo - no {kind} named {target.text} found", target)


def _deactivate(context: Context, full_name: str, rule_id: str) -> None:
    org = context.org
    org.storage.update("AssignmentRule", rule_id, {"Active": False})
    node = stored.get(org, "AssignmentRule", full_name)
    if node is None:
        return
    for child in node.all("active"):
        child.text = "false"
    stored.put(
        org, "AssignmentRule", full_name, node, id_=rule_id, user_id=context.user_id, at=context.at
    )
