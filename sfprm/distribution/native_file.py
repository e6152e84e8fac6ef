"""The org's assignment rules as metadata: the file `Lead.assignmentRules` to values and back.

Salesforce's Metadata API, types AssignmentRules and AssignmentRule (documented; names of queues are
developer names in retrieved files). What an entry holds beside whom it assigns to and its criteria
(template, sender) is kept as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from sfprm.errors import OrgUnreachable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

__all__ = ["PATH", "NativeCriterion", "NativeEntry", "NativeRule", "parse_file", "render_file"]

PATH = "assignmentRules/Lead.assignmentRules"
_NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
_ORDER = (
    *("assignedTo", "assignedToType", "booleanFilter", "criteriaItems", "formula"),
    *("notifyCcRecipients", "overrideExistingTeams", "replyToEmail", "senderEmail", "senderName"),
    *("team", "template"),
)
"""Elements of an entry in the order of the schema, which is alphabetical."""


@dataclass(frozen=True, slots=True)
class NativeCriterion:
    """One criteriaItems. `value` is the list as written; `other_field`: compared with a field in
    place of a value."""

    field: str
    operation: str
    value: str
    other_field: str = ""


@dataclass(frozen=True, slots=True)
class NativeEntry:
    """One ruleEntry. `assigned_to` '' means "do not reassign". `extras`: all other elements that
    hold text, in file order."""

    assigned_to: str
    assigned_type: str
    boolean_filter: str
    criteria: tuple[NativeCriterion, ...]
    formula: str = ""
    extras: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class NativeRule:
    """One assignmentRule."""

    name: str
    active: bool
    entries: tuple[NativeEntry, ...]


def parse_file(content: bytes) -> tuple[NativeRule, ...]:
    """The rules of one file, in order. Raises OrgUnreachable when it is none."""
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException) as error:
        raise OrgUnreachable("The retrieved assignment rules are not XML.") from error
    return tuple(
        NativeRule(
            _text(node, "fullName"),
            _text(node, "active") == "true",
            tuple(_entry(each) for each in _all(node, "ruleEntry")),
        )
        for node in _all(root, "assignmentRule")
    )


def _entry(node: Element) -> NativeEntry:
    known = {"assignedTo", "assignedToType", "booleanFilter", "criteriaItems", "formula"}
    return NativeEntry(
        assigned_to=_text(node, "assignedTo"),
        assigned_type=_text(node, "assignedToType"),
        boolean_filter=_text(node, "booleanFilter"),
        criteria=tuple(
            NativeCriterion(
                _text(item, "field"),
                _text(item, "operation"),
                _text(item, "value"),
                _text(item, "valueField"),
            )
            for item in _all(node, "criteriaItems")
        ),
        formula=_text(node, "formula"),
        extras=tuple(
            (tag, (child.text or "").strip())
            for child in node
            if (tag := child.tag.rpartition("}")[2]) not in known
        ),
    )


def _all(node: Element, tag: str) -> list[Element]:
    return [child for child in node if child.tag.rpartition("}")[2] == tag]


def _text(node: Element, tag: str) -> str:
    found = _all(node, tag)
    return (found[0].text or "").strip() if found else ""


def render_file(rules: Sequence[NativeRule]) -> bytes:
    """The file again. The same rules give the same bytes."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<AssignmentRules xmlns="{_NAMESPACE}">']
    for rule in rules:
        lines.append("    <assignmentRule>")
        lines.append(_element("fullName", rule.name, 8))
        lines.append(_element("active", "true" if rule.active else "false", 8))
        for entry in rule.entries:
            lines.append("        <ruleEntry>")
            lines += _entry_lines(entry)
            lines.append("        </ruleEntry>")
        lines.append("    </assignmentRule>")
    return "\n".join([*lines, "</AssignmentRules>", ""]).encode()


def _entry_lines(entry: NativeEntry) -> list[str]:
    parts = [
        ("assignedTo", entry.assigned_to),
        ("assignedToType", entry.assigned_type if entry.assigned_to else ""),
        ("booleanFilter", entry.boolean_filter),
        ("formula", entry.formula),
    ]
    found = [(tag, _element(tag, text, 12)) for tag, text in parts if text]
    for item in entry.criteria:
        inner = [_element("field", item.field, 16), _element("operation", item.operation, 16)]
        if item.value:
            inner.append(_element("value", item.value, 16))
        if item.other_field:
            inner.append(_element("valueField", item.other_field, 16))
        body = "\n".join(["            <criteriaItems>", *inner, "            </criteriaItems>"])
        found.append(("criteriaItems", body))
    found += [(tag, _element(tag, text, 12)) for tag, text in entry.extras]
    found.sort(key=lambda part: _ORDER.index(part[0]) if part[0] in _ORDER else len(_ORDER))
    return [text for _, text in found]


def _element(tag: str, text: str, indent: int) -> str:
    return f"{' ' * indent}<{tag}>{escape(text)}</{tag}>"
