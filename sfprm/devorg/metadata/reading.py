"""readMetadata: components by name, as records of their type instead of files."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sfprm.devorg.metadata.markup import Node, element, parse
from sfprm.devorg.metadata.types import BY_NAME
from sfprm.devorg.problems import Refusal

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["read_metadata"]

MAX_NAMES = 10
"""Full names in one call [D]."""
_CONTENT = {
    "ReportFolder": "Report",
    "DashboardFolder": "Dashboard",
    "DocumentFolder": "Document",
    "EmailFolder": "EmailTemplate",
    "CommunitiesSettings": "Settings",
    "SharingSettings": "Settings",
}
"""Types of records that are retrieved under another type's name."""
_PARTS = ("AssignmentRule", "CustomField", "SharingCriteriaRule", "SharingOwnerRule")
"""Types that are parts of a file."""


def read_metadata(org: Org, type_: str, full_names: Sequence[str]) -> Node:
    """The `result` element with a record each, in the order asked; an empty one (`xsi:nil`) for a
    name that is not there. Raises Refusal for a type that is none, or more than 10 names."""
    asked = _CONTENT.get(type_, type_)
    handler = BY_NAME.get(asked)
    if handler is None or type_ in ("Report", "Dashboard", "Document"):
        raise Refusal(500, "INVALID_TYPE", f"readMetadata of {type_} is not imitated by this org")
    if len(full_names) > MAX_NAMES:
        raise Refusal(500, "LIMIT_EXCEEDED", f"readMetadata takes at most {MAX_NAMES} names")
    records: list[Node] = []
    for name in full_names:
        files = {} if name == "*" else handler.retrieve(org, asked, [name])
        roots = [
            parse(content) for path, content in files.items() if path + "-meta.xml" not in files
        ]
        found = next((root for root in roots if type_ in (root.tag, *_PARTS, asked)), None)
        if found is not None and type_ in _PARTS:
            found = next(iter(found.children), None)
        if found is not None and type_ == "EmailTemplate":
            texts = [content for path, content in files.items() if path + "-meta.xml" in files]
            found.children.insert(1, Node("content", base64.b64encode(texts[0]).decode("ascii")))
        records.append(_record(type_, name, found))
    return element("result", *records)


def _record(type_: str, full_name: str, found: Node | None) -> Node:
    if found is None:
        return Node("records", attributes={"xsi:nil": "true"})
    own = [child for child in found.children if child.tag != "fullName"]
    record = Node("records", children=[Node("fullName", full_name), *own])
    record.attributes["xsi:type"] = type_
    return record
