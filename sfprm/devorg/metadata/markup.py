"""XML of the Metadata API: read safely, with the line of every element; written by ElementTree.

A document is read into `Node`s by local name (namespace prefixes are dropped). DTDs, entities and
external references are refused by defusedxml; nesting is limited.
"""

from __future__ import annotations

import xml.sax
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.handler import ContentHandler

import defusedxml.sax
from defusedxml.common import DefusedXmlException

__all__ = [
    "METADATA_NS",
    "Malformed",
    "Node",
    "element",
    "parse",
    "plain",
    "render",
    "tree",
    "unplain",
]

METADATA_NS = "http://soap.sforce.com/2006/04/metadata"
_MAX_DEPTH = 40
_TRUE = frozenset({"true", "1"})


class Malformed(Exception):
    """The text is not well-formed XML, or holds what is never accepted (a DTD, an entity).

    Lines start at 1, columns at 1; 0 when unknown.
    """

    def __init__(self, problem: str, line: int = 0, column: int = 0) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line
        self.column = column


@dataclass(slots=True)
class Node:
    """One element: local name, stripped text, children in order, and where it began."""

    tag: str
    text: str = ""
    children: list[Node] = field(default_factory=list)
    line: int = 0
    column: int = 0
    attributes: dict[str, str] = field(default_factory=dict)

    def find(self, tag: str) -> Node | None:
        """The first child of that name."""
        return next((child for child in self.children if child.tag == tag), None)

    def all(self, tag: str) -> list[Node]:
        """All children of that name, in order."""
        return [child for child in self.children if child.tag == tag]

    def value(self, tag: str) -> str | None:
        """The text of the first child of that name; None when it is not there."""
        child = self.find(tag)
        return None if child is None else child.text

    def flag(self, tag: str, default: bool = False) -> bool:
        """The child read as xsd:boolean (`true` or `1`)."""
        value = self.value(tag)
        return default if value is None else value.lower() in _TRUE

    def below(self, *path: str) -> Node | None:
        """The node at the end of a path of child names."""
        here: Node | None = self
        for tag in path:
            if here is None:
                return None
            here = here.find(tag)
        return here


class _Builder(ContentHandler):
    """Builds the tree without recursion."""

    def __init__(self) -> None:
        super().__init__()
        self.root: Node | None = None
        self._open: list[Node] = []
        self._texts: list[list[str]] = []
        self._locator: Any = None

    def setDocumentLocator(self, locator: Any) -> None:
        self._locator = locator

    def startElement(self, name: str, attrs: Any) -> None:
        line, column = self._locator.getLineNumber() or 0, self._locator.getColumnNumber() or 0
        if len(self._open) >= _MAX_DEPTH:
            raise Malformed(f"elements are nested deeper than {_MAX_DEPTH}", line, column + 1)
        node = Node(name.rpartition(":")[2], line=line, column=column + 1)
        node.attributes = {key: attrs.getValue(key) for key in attrs.getNames()}
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)
        self._texts.append([])

    def characters(self, content: str) -> None:
        self._texts[-1].append(content)

    def endElement(self, name: str) -> None:
        self._open.pop().text = "".join(self._texts.pop()).strip()


def parse(content: bytes) -> Node:
    """The document's root. Raises Malformed with the line where reading stopped."""
    builder = _Builder()
    try:
        defusedxml.sax.parseString(content, builder, forbid_dtd=True)
    except DefusedXmlException as refused:
        raise Malformed("a DOCTYPE or an entity is not allowed") from refused
    except xml.sax.SAXParseException as error:
        raise Malformed(
            error.getMessage(), error.getLineNumber() or 0, (error.getColumnNumber() or 0) + 1
        ) from error
    except (ValueError, LookupError) as error:  # an encoding that does not exist or does not fit
        raise Malformed("the text is not in the encoding that it declares") from error
    if builder.root is None:
        raise Malformed("the document is empty")
    return builder.root


def plain(node: Node) -> list[Any]:
    """The node as lists of JSON values: [tag, text, [children]]."""
    return [node.tag, node.text, [plain(child) for child in node.children]]


def unplain(value: list[Any]) -> Node:
    """The way back from `plain`; places are lost."""
    tag, text, children = value
    return Node(tag, text, [unplain(child) for child in children])


def element(tag: str, *children: Node | tuple[str, str | bool | int | None]) -> Node:
    """A node to be written; pairs are text children, left out when None."""
    node = Node(tag)
    for child in children:
        if isinstance(child, Node):
            node.children.append(child)
        elif child[1] is not None:
            value = child[1]
            text = str(value).lower() if isinstance(value, bool) else str(value)
            node.children.append(Node(child[0], text))
    return node


def tree(node: Node) -> ET.Element:
    """The node as ElementTree writes it."""
    made = ET.Element(node.tag, node.attributes)
    made.text = node.text or None
    made.extend(tree(child) for child in node.children)
    return made


def render(node: Node, namespace: str | None = METADATA_NS) -> bytes:
    """The document as UTF-8 with declaration, indented by 4 as retrieved files are."""
    root = tree(node)
    if namespace is not None:
        root.set("xmlns", namespace)
    ET.indent(root, space="    ")
    body: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return body + b"\n"
