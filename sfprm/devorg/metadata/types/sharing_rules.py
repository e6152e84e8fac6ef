"""SharingRules, SharingOwnerRule, SharingCriteriaRule: kept and given back; `sharing/` applies
them.

A deployed file creates or changes the rules that it holds and leaves the others. Whether `sharedTo`
of an existing rule may really be changed by metadata is unverified; it may here, unless the setting
`sharing_targets_fixed` is on (words unverified).
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

__all__ = ["SharingRules"]

_RULES = {"sharingOwnerRules": "SharingOwnerRule", "sharingCriteriaRules": "SharingCriteriaRule"}
_TAGS = {type_: tag for tag, type_ in _RULES.items()}
_SHAREABLE = ("Account", "Campaign", "Case", "Contact", "Lead", "Opportunity")
_ACCESS = ("Read", "Edit", "None", "All")
_ROLE_TARGETS = ("role", "roleAndSubordinates", "roleAndSubordinatesInternal")
_GROUP_TARGETS = ("group", "queue")
_PLAIN_TARGETS = ("allInternalUsers", "allCustomerPortalUsers", "allPartnerUsers", "guestUser")
_OTHER_TARGETS = (
    "channelProgramGroup",
    "managers",
    "managerSubordinates",
    "portalRole",
    "portalRoleAndSubordinates",
    "territory",
    "territoryAndSubordinates",
)
_FIELDS = ("fullName", "accessLevel", "accountSettings", "description", "label", "sharedTo")
_OWN_FIELDS = {
    "SharingOwnerRule": (*_FIELDS, "sharedFrom"),
    "SharingCriteriaRule": (*_FIELDS, "booleanFilter", "criteriaItems", "includeRecordsOwnedByAll"),
}
_PATH = "sharingRules/{parent}.sharingRules"


class SharingRules:
    """`sharingRules/<Object>.sharingRules` (API 33+)."""

    names: tuple[str, ...] = ("SharingRules", "SharingOwnerRule", "SharingCriteriaRule")
    directory = "sharingRules"
    suffix = ".sharingRules"

    def components(self, file: SourceFile) -> Iterable[Component]:
        """The rules in one object's file."""
        object_ = base_name(file.path, self.suffix)
        if object_ not in _SHAREABLE:
            raise Refused(f"Sharing rules on {object_} are not imitated by this org", file.root)
        refuse_unknown(file.root, _RULES, "SharingRules")
        for node in file.root.children:
            type_ = _RULES[node.tag]
            name = node.value("fullName")
            if not name:
                raise Refused(f"Required field is missing: {node.tag}.fullName", node)
            full_name = f"{object_}.{name}"
            named = ((type_, full_name), ("SharingRules", object_))
            yield Component(type_, full_name, file.path, node, named)
        if not file.root.children:
            whole = (("SharingRules", object_),)
            yield Component("SharingRules", object_, file.path, file.root, whole)

    def deploy(self, context: Context, component: Component) -> Change:
        """Check the rule and keep it."""
        if component.type == "SharingRules":
            return Change(created=False, changed=False)
        node = component.node
        refuse_unknown(node, _OWN_FIELDS[component.type], component.type)
        access = node.value("accessLevel")
        if access not in _ACCESS:
            raise Refused(f"'{access or ''}' is not a valid value for the enum 'accessLevel'", node)
        if not node.value("label"):
            raise Refused("Required field is missing: label", node)
        needed = ("sharedTo", "sharedFrom" if component.type == "SharingOwnerRule" else "sharedTo")
        for tag in needed:
            target = node.find(tag)
            if target is None or len(target.children) != 1:
                raise Refused(f"Required field is missing: {tag}", target or node)
            _check_target(context.org, target.children[0])
        if context.org.setting("sharing_targets_fixed"):
            _check_same_target(context.org, component)
        return stored.put(
            context.org,
            component.type,
            component.full_name,
            node,
            id_=context.org.storage.next_id("02c"),
            user_id=context.user_id,
            at=context.at,
        )

    def delete(self, context: Context, type_: str, full_name: str) -> bool:
        """Remove one rule; False when there is none of that name."""
        return type_ in _TAGS and stored.remove(context.org, type_, full_name)

    def listed(self, org: Org, type_: str) -> Sequence[Listed]:
        """The rules of a kind; for SharingRules the objects that have any."""
        if type_ != "SharingRules":
            return stored.listed(org, type_, _PATH)
        by_object: dict[str, Listed] = {}
        for kind in _RULES.values():
            for rule in stored.listed(org, kind, _PATH):
                object_ = rule.full_name.partition(".")[0]
                by_object[object_] = Listed(
                    type_, object_, rule.path, "", rule.created, rule.modified, rule.user_id
                )
        return [by_object[object_] for object_ in sorted(by_object)]

    def retrieve(self, org: Org, type_: str, members: Sequence[str]) -> Mapping[str, bytes]:
        """One file an object. An object without rules, asked for by name, gives an empty file."""
        files: dict[str, Node] = {}
        every = "*" in members
        if type_ == "SharingRules":
            for object_ in members:
                if object_ in _SHAREABLE:
                    files[object_] = Node("SharingRules")
        for kind, tag in sorted(_TAGS.items()):
            for full_name, node in stored.all_of(org, kind).items():
                object_ = full_name.partition(".")[0]
                asked = object_ if type_ == "SharingRules" else full_name
                if (kind == type_ or type_ == "SharingRules") and (every or asked in members):
                    node.tag = tag
                    files.setdefault(object_, Node("SharingRules")).children.append(node)
        return {_PATH.format(parent=object_): render(node) for object_, node in files.items()}


def _check_same_target(org: Org, component: Component) -> None:
    before = stored.get(org, component.type, component.full_name)
    old = before.find("sharedTo") if before is not None else None
    new = component.node.find("sharedTo")
    if old is None or new is None:
        return
    was, is_ = old.children[0], new.children[0]
    if (was.tag, was.text) != (is_.tag, is_.text):
        raise Refused("Cannot change the sharedTo of a sharing rule that exists", new)


def _check_target(org: Org, target: Node) -> None:
    if target.tag in _PLAIN_TARGETS or target.tag in _OTHER_TARGETS:
        return
    storage = org.storage
    if target.tag in _ROLE_TARGETS:
        kind, rows = "Role", storage.find("UserRole", DeveloperName=target.text)
    elif target.tag in _GROUP_TARGETS:
        kind = "Queue" if target.tag == "queue" else "Group"
        type_ = "Queue" if target.tag == "queue" else "Regular"
        rows = storage.find("Group", DeveloperName=target.text, Type=type_)
    else:
        raise Refused(f"'{target.tag}' is not a target that a sharing rule can have", target)
    if not rows:
        raise Refused(f"In field: {target.tag} - no {kind} named {target.text} found", target)
