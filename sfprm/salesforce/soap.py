"""SOAP calls of the Metadata API: there is no REST resource for a retrieve."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree as ET  # writing only; what the org sends is read by defusedxml

from sfprm.errors import OrgUnreachable
from sfprm.salesforce.package import METADATA
from sfprm.salesforce.session import Session

__all__ = ["Element", "call", "child", "children", "text"]

_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"

Element = ET.Element


def call(session: Session, operation: str, content: Mapping[str, object]) -> Element:
    """Call one Metadata operation; returns its `<result>`.

    `content` maps names to text, nested mappings, or lists of either, in the WSDL's order.
    Operations called here change nothing, so they are repeatable. Raises the error tree.
    """

    def body() -> str:
        envelope = ET.Element(f"{{{_ENVELOPE}}}Envelope")
        header = ET.SubElement(envelope, f"{{{_ENVELOPE}}}Header")
        session_header = ET.SubElement(header, f"{{{METADATA}}}SessionHeader")
        ET.SubElement(session_header, f"{{{METADATA}}}sessionId").text = session.token
        request = ET.SubElement(
            ET.SubElement(envelope, f"{{{_ENVELOPE}}}Body"), f"{{{METADATA}}}{operation}"
        )
        for name, value in content.items():
            _write(request, name, value)
        return ET.tostring(envelope, encoding="unicode")

    answer = session.request(
        "POST",
        f"/services/Soap/m/{session.api_version}",
        kind="metadata",
        data=body,
        headers={"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": operation},
        repeatable=True,
    )
    return _result(answer.content, operation)


def _write(parent: Element, name: str, value: object) -> None:
    if isinstance(value, list | tuple):
        for item in value:
            _write(parent, name, item)
        return
    element = ET.SubElement(parent, f"{{{METADATA}}}{name}")
    if isinstance(value, Mapping):
        for inner, item in value.items():
            _write(element, inner, item)
    else:
        element.text = str(value)


def _result(content: bytes, operation: str) -> Element:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root: Element = fromstring(content)
    except (ET.ParseError, DefusedXmlException) as error:
        raise OrgUnreachable(
            "The answer of the Metadata API is not XML that can be read."
        ) from error
    for element in root.iter():
        if _local(element) == "result":
            return element
    raise OrgUnreachable(f"The Metadata API gave no result for {operation}.")


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def children(element: Element, name: str) -> list[Element]:
    """The direct children of that name, whatever their namespace."""
    return [inner for inner in element if _local(inner) == name]


def child(element: Element, name: str) -> Element | None:
    """The first direct child of that name."""
    found = children(element, name)
    return found[0] if found else None


def text(element: Element, name: str) -> str:
    """The text of the first direct child of that name; empty when there is none."""
    found = child(element, name)
    return (found.text or "") if found is not None else ""
