"""AssignmentRules of leads and cases: kept whole, with a row each in the object AssignmentRule.

One active rule an object: activating one silently deactivates the other [R]; a file with two is
refused (unverified). Everything that an entry names must be there: user or queue, field, operator
that fits the field's type (which fits which is from memory), template. Formulas, fields of other
objects than the rule's own and User, `within`, case teams and notified CCs are not imitated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sfprm.devorg.criteria.operators import make_test
from sfprm.devorg.criteria.values import BadFilter, split_values
from sfprm.devorg.metadata import stored
from sfprm.devorg.metadata.assignment import keep_targets, target_id, target_ids
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
from sfprm.devorg.metadata.filter_logic import BadLogic, read_logic
from sfprm.devorg.metadata.markup import Node, render

if TYPE_CHECKING:
    from sfprm.devorg.org import Org
    from sfprm.devorg.schema import FieldDef

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
_NOT_IMITATED = ("formula", "team")
_CRITERION = ("field", "operation", "value", "valueField")
_EQUALITY = frozenset({"equals", "notEqual"})
_ORDER = _EQUALITY | {"lessThan", "greaterThan", "lessOrEqual", "greaterOrEqual"}
_WORDS = _ORDER | {"contains", "notContain", "startsWith"}
_SETS = _EQUALITY | {"includes", "excludes"}
_OPERATIONS = _WORDS | _SETS | {"within"}


def _fitting(field: FieldDef) -> frozenset[str]:
    """The operators that a field of this type takes (from memory)."""
    if field.type == "boolean":
        return _EQUALITY
    if field.type == "multipicklist":
        return _SETS
    if field.is_text or field.is_id:
        return _WORDS
    return _ORDER


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
        active = [node for node in file.root.children if node.flag("active")]
        if len(active) > 1:
            raise Refused(
                f"Only one assignment rule on {object_} can be active", active[1].find("active")
            )
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
        object_, _, name = component.full_name.partition(".")
        targets = [_check_entry(org, object_, entry) for entry in node.all("ruleEntry")]
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
        keep_targets(org, component.full_name, targets)
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
        """Remove one rule with its row (AssignmentRule only); False when there is none."""
        object_, _, name = full_name.partition(".")
        if type_ != "AssignmentRule" or not stored.remove(context.org, type_, full_name):
            return False
        storage = context.org.storage
        for row in storage.find("AssignmentRule", SobjectType=object_, Name=name):
            storage.delete("AssignmentRule", str(row["Id"]))
        return True

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
                _name_targets(org, full_name, node)
                files.setdefault(object_, Node("AssignmentRules")).children.append(node)
        return {_PATH.format(parent=object_): render(node) for object_, node in files.items()}


def _check_entry(org: Org, object_: str, entry: Node) -> str | None:
    """The id of whom the entry assigns to. Raises Refused at what cannot be."""
    refuse_unknown(entry, _ENTRY, "RuleEntry")
    criteria = entry.all("criteriaItems")
    if entry.find("formula") is not None and criteria:
        raise Refused("A rule entry has either criteriaItems or a formula, not both", entry)
    for tag in _NOT_IMITATED:
        if entry.find(tag) is not None:
            raise Refused(f"{tag} of a rule entry is not imitated by this org", entry.find(tag))
    for item in criteria:
        _check_criterion(org, object_, item)
    filter_ = entry.find("booleanFilter")
    if filter_ is not None and filter_.text:
        try:
            read_logic(filter_.text, len(criteria))
        except BadLogic as bad:
            raise Refused(str(bad), filter_) from bad
    _check_template(org, entry.find("template"))
    target, kind = entry.find("assignedTo"), entry.value("assignedToType")
    if target is None or not target.text:
        return None
    if kind not in ("User", "Queue"):
        raise Refused("Required field is missing: assignedToType", entry)
    found = target_id(org, kind, target.text)
    if found is None:
        raise Refused(f"In field: assignedTo - no {kind} named {target.text} found", target)
    if kind == "Queue" and not org.storage.find("QueueSobject", QueueId=found, SobjectType=object_):
        raise Refused(f"The queue {target.text} does not take {object_} records", target)
    return found


def _check_criterion(org: Org, object_: str, item: Node) -> None:
    refuse_unknown(item, _CRITERION, "FilterItem")
    operation = item.find("operation")
    if operation is None or operation.text not in _OPERATIONS:
        raise Refused(
            f"'{operation.text if operation else ''}' is not a valid value for the enum "
            "'FilterOperation'",
            operation or item,
        )
    if operation.text == "within":
        raise Refused("The operation within is not imitated by this org", operation)
    named = item.find("field")
    field = _field(org, object_, named or item, named.text if named else "")
    if operation.text not in _fitting(field):
        raise Refused(
            f"The operator {operation.text} does not fit the field {field.name} of type "
            f"{field.type}",
            operation,
        )
    other = item.find("valueField")
    if other is not None:
        _field(org, object_, other, other.text)
    value = item.find("value")
    try:
        make_test(field, operation.text, split_values(value.text if value is not None else ""))
    except BadFilter as bad:
        raise Refused(bad.problem, value) from bad


def _field(org: Org, object_: str, node: Node, full_name: str) -> FieldDef:
    owner, _, name = full_name.partition(".")
    definition = org.schema.object(owner)
    found = definition.field(name) if definition is not None else None
    if found is None or not org.has_field(found):
        raise Refused(f"In field: field - no CustomField named {full_name} found", node)
    if owner.lower() not in (object_.lower(), "user"):
        raise Refused(f"Criteria on the object {owner} are not imitated by this org", node)
    return found


def _check_template(org: Org, template: Node | None) -> None:
    if template is None or not template.text:
        return
    name = template.text.rpartition("/")[2]
    if not org.storage.find("EmailTemplate", DeveloperName=name):
        raise Refused(
            f"In field: template - no EmailTemplate named {template.text} found", template
        )


def _name_targets(org: Org, full_name: str, node: Node) -> None:
    """Put the present name of each assignee into a rule that is given out."""
    targets = target_ids(org, full_name)
    for entry, target in zip(node.all("ruleEntry"), targets, strict=True):
        named = entry.find("assignedTo")
        if named is None or target is None:
            continue
        object_, name = ("Group", "DeveloperName") if target[:3] == "00G" else ("User", "Username")
        row = org.storage.get(object_, target)
        if row is not None:
            named.text = str(row[name])


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
