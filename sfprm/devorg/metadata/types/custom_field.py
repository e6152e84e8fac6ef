"""CustomField, in `objects/<Object>.object`: a new column that nobody sees until it is granted.

A deployed field is visible to no profile, System Administrator included, until a permission set or
profile grants it [P, operations rule 1]. Other parts of an object file are not imitated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
from sfprm.devorg.schema import FieldDef

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["CustomFields"]

_OBJECTS = ("Account", "Campaign", "CampaignMember", "Case", "Contact", "Lead", "Opportunity")
_EXTENSIBLE = (*_OBJECTS, "Task", "User")
_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9]){0,39}__c")
_KNOWN = (
    "caseSensitive",
    "defaultValue",
    "description",
    "externalId",
    "fullName",
    "inlineHelpText",
    "label",
    "length",
    "precision",
    "required",
    "scale",
    "trackFeedHistory",
    "trackHistory",
    "trackTrending",
    "type",
    "unique",
    "valueSet",
    "visibleLines",
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a metadata field type looks in a describe, and what its definition must give."""

    describe: str
    needs: tuple[str, ...] = ()
    length: int = 0
    indexable: bool = False


_KINDS: Mapping[str, _Kind] = {
    "Text": _Kind("string", ("length",), indexable=True),
    "Picklist": _Kind("picklist", ("valueSet",), length=255),
    "MultiselectPicklist": _Kind("multipicklist", ("valueSet", "visibleLines"), length=4099),
    "Checkbox": _Kind("boolean", ("defaultValue",)),
    "Number": _Kind("double", ("precision", "scale"), indexable=True),
    "Currency": _Kind("currency", ("precision", "scale")),
    "Percent": _Kind("percent", ("precision", "scale")),
    "Date": _Kind("date"),
    "DateTime": _Kind("datetime"),
    "Email": _Kind("email", length=80, indexable=True),
    "Phone": _Kind("phone", length=40),
    "Url": _Kind("url", length=255),
    "TextArea": _Kind("textarea", length=255),
    "LongTextArea": _Kind("textarea", ("length", "visibleLines")),
}


class CustomFields:
    """`objects/<Object>.object` of standard objects, of which only `fields` are imitated."""

    names: tuple[str, ...] = ("CustomField", "CustomObject")
    directory = "objects"
    suffix = ".object"

    def components(self, file: SourceFile) -> Iterable[Component]:
        """The fields in one object's file."""
        object_ = base_name(file.path, self.suffix)
        if object_ not in _EXTENSIBLE:
            raise Refused(f"Deploying the object {object_} is not imitated by this org", file.root)
        for node in file.root.children:
            if node.tag != "fields":
                raise Refused(f"{node.tag} of an object are not imitated by this org", node)
            name = node.value("fullName")
            if not name:
                raise Refused("Required field is missing: fullName", node)
            full_name = f"{object_}.{name}"
            named = (("CustomField", full_name), ("CustomObject", object_))
            yield Component("CustomField", full_name, file.path, node, named)

    def deploy(self, context: Context, component: Component) -> Change:
        """Make or change the field: schema, column, history tracking."""
        org, node = context.org, component.node
        object_, _, name = component.full_name.partition(".")
        field = _definition(node, name)
        definition = org.schema.object(object_)
        before = definition.field(name) if definition else None
        if before is not None and before.type != field.type:
            raise Refused(
                f"Cannot update a field from a {before.type} to something else", node.find("type")
            )
        if before is not None and field.is_text and before.length > field.length:
            raise Refused("Cannot reduce the length of a field that may hold data", node)
        if field.unique and not (before and before.unique):
            _refuse_doubles(org, object_, name, node)
        org.schema.add_field(object_, field)
        org.storage.add_column(object_, field)
        org.permissions.forget()
        if node.flag("trackHistory"):
            tracked = dict(org.setting("tracked", {}))
            tracked[object_] = sorted({*tracked.get(object_, ()), name})
            org.set_setting("tracked", tracked)
        return stored.put(
            org,
            "CustomField",
            component.full_name,
            node,
            id_=org.storage.next_id("00N"),
            user_id=context.user_id,
            at=context.at,
        )

    def delete(self, context: Context, type_: str, full_name: str) -> bool:
        """Removing fields is not imitated."""
        raise Refused(f"Deleting {type_} {full_name} is not imitated by this org")

    def listed(self, org: Org, type_: str) -> Sequence[Listed]:
        """The custom fields; for CustomObject the standard objects that take them."""
        fields = stored.listed(org, "CustomField", "objects/{parent}.object")
        if type_ == "CustomField":
            return fields
        at = org.clock.now()
        return [
            Listed("CustomObject", object_, f"objects/{object_}.object", "", at, at, "")
            for object_ in sorted(_EXTENSIBLE)
        ]

    def retrieve(self, org: Org, type_: str, members: Sequence[str]) -> Mapping[str, bytes]:
        """An object file with the custom fields asked for. `*` for CustomObject gives custom
        objects only [D], of which there are none."""
        files: dict[str, Node] = {}
        if type_ == "CustomObject":
            files = {m: Node("CustomObject") for m in members if m in _EXTENSIBLE}
        for full_name, node in stored.all_of(org, "CustomField").items():
            object_ = full_name.partition(".")[0]
            if type_ == "CustomObject":
                wanted = object_ in members
            else:
                wanted = "*" in members or full_name in members
            if wanted:
                files.setdefault(object_, Node("CustomObject")).children.append(node)
        return {f"objects/{object_}.object": render(node) for object_, node in files.items()}


def _definition(node: Node, name: str) -> FieldDef:
    """The field that the XML defines. Raises Refused."""
    refuse_unknown(node, _KNOWN, "CustomField")
    if not _NAME.fullmatch(name):
        raise Refused(
            "Field name: The name can only contain underscores and alphanumeric characters, must "
            "begin with a letter, not end with an underscore nor have two in a row, and end in __c",
            node.find("fullName"),
        )
    label = node.value("label")
    if not label:
        raise Refused("Must specify a non-empty label for the CustomField", node)
    type_ = node.value("type") or ""
    kind = _KINDS.get(type_)
    if kind is None:
        raise Refused(f"CustomField of type {type_!r} is not imitated by this org", node)
    for tag in kind.needs:
        if node.find(tag) is None:
            raise Refused(f"Must specify '{tag}' for a CustomField of type {type_}", node)
    unique, external = node.flag("unique"), node.flag("externalId")
    if (unique or external) and not kind.indexable:
        flag = "unique" if unique else "externalId"
        raise Refused(f"Can not specify '{flag}' for a CustomField of type {type_}", node)
    length = kind.length
    if "length" in kind.needs:
        low, high = (1, 255) if type_ == "Text" else (256, 131_072)
        length = _number(node, "length", low, high)
    precision = scale = 0
    if "precision" in kind.needs:
        precision = _number(node, "precision", 1, 18)
        scale = _number(node, "scale", 0, precision)
    checkbox = kind.describe == "boolean"
    long = length > 255
    return FieldDef(
        name=name,
        type=kind.describe,
        label=label,
        length=length,
        precision=precision,
        scale=scale,
        nillable=not (checkbox or node.flag("required")),
        filterable=not long,
        sortable=not long,
        groupable=not long and kind.describe not in ("double", "currency", "percent", "datetime"),
        unique=unique,
        external_id=external,
        id_lookup=external,
        case_sensitive=unique and node.flag("caseSensitive"),
        restricted_picklist=_restricted(node),
        defaulted_on_create=checkbox,
        picklist=_values(node),
    )


def _number(node: Node, tag: str, low: int, high: int) -> int:
    child = node.find(tag)
    text = child.text if child else ""
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise Refused(f"{tag} must be between {low} and {high}", child)
    return int(text)


def _values(node: Node) -> tuple[str, ...]:
    definition = node.below("valueSet", "valueSetDefinition")
    if definition is None:
        return ()
    names = [value.value("fullName") or "" for value in definition.all("value")]
    if not all(names) or len({name.lower() for name in names}) != len(names):
        raise Refused("Picklist values must have a fullName, each only once", definition)
    return tuple(names)


def _restricted(node: Node) -> bool:
    value_set = node.find("valueSet")
    return value_set is not None and value_set.flag("restricted")


def _refuse_doubles(org: Org, object_: str, name: str, node: Node) -> None:
    """A field cannot become unique while records share a value."""
    definition = org.schema.object(object_)
    if definition is None or definition.field(name) is None:
        return
    values = [row[name] for row in org.storage.find(object_) if row.get(name) is not None]
    folded = [value.lower() if isinstance(value, str) else value for value in values]
    if len(set(folded)) != len(folded):
        raise Refused(f"Duplicate values exist in {object_}.{name}", node.find("unique"))
