"""Reading retrieved metadata files: elements by their names without namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from defusedxml import ElementTree

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["name_of", "parsed", "target", "value"]


def parsed(content: bytes) -> Element | None:
    """The root of a file; None when it is no XML."""
    try:
        root: Element = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        return None
    return root


def name_of(element: Element) -> str:
    """The element's name, without its namespace."""
    return element.tag.rpartition("}")[2]


def value(element: Element, name: str) -> str:
    """The text of the first child of that name; '' when there is none."""
    found = next((child for child in element if name_of(child) == name), None)
    return (found.text or "").strip() if found is not None else ""


def target(element: Element, name: str) -> tuple[str, str]:
    """(kind, name) of a sharedTo or sharedFrom, which is its only child; two empty texts when
    there is none."""
    holder = next((child for child in element if name_of(child) == name), None)
    inner = next(iter(holder), None) if holder is not None else None
    return ("", "") if inner is None else (name_of(inner), (inner.text or "").strip())
