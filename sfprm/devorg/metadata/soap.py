"""The Metadata API over SOAP: `/services/Soap/m/NN.0`.

retrieve, checkRetrieveStatus, readMetadata, listMetadata, describeMetadata, deploy,
checkDeployStatus, cancelDeploy; any other operation is a fault that names it. Element names and
orders: the WSDL [R].
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from sfprm.devorg.metadata import deployments, markup, reading, retrieving
from sfprm.devorg.metadata.markup import METADATA_NS, Malformed, Node, element
from sfprm.devorg.metadata.types import TYPES
from sfprm.devorg.problems import Refusal

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["fault", "invalid_session", "session_id", "soap"]

_ENVELOPE_NS = "http://schemas.xmlsoap.org/soap/envelope/"
_XSI_NS = "http://www.w3.org/2001/XMLSchema-instance"
_CODE = re.compile(r"[A-Z][A-Z_]*")


def session_id(body: bytes) -> str | None:
    """The session id of the SessionHeader; None when there is none or the body is not XML."""
    try:
        envelope = markup.parse(body)
    except Malformed:
        return None
    found = envelope.below("Header", "SessionHeader", "sessionId")
    return found.text or None if found else None


def fault(code: str, message: str) -> tuple[int, bytes]:
    """A fault, HTTP 500: faultcode `sf:CODE` (`soapenv:Client` for one that is no API code)."""
    known = _CODE.fullmatch(code) is not None
    body = element(
        "soapenv:Fault",
        ("faultcode", f"sf:{code}" if known else code),
        ("faultstring", f"{code}: {message}" if known else message),
    )
    return 500, _envelope(body)


def invalid_session() -> tuple[int, bytes]:
    """The fault for a session that is none, or has expired."""
    return fault(
        "INVALID_SESSION_ID",
        "Invalid Session ID found in SessionHeader: Illegal Session. Session not found, missing"
        " session hash",
    )


def soap(org: Org, body: bytes, user_id: str) -> tuple[int, bytes]:
    """Answer one SOAP request of a user whose session was checked: HTTP status and body."""
    try:
        envelope = markup.parse(body)
    except Malformed as bad:
        return fault("soapenv:Client", f"{bad.problem} (line {bad.line}, column {bad.column})")
    content = envelope.find("Body")
    if envelope.tag != "Envelope" or content is None or len(content.children) != 1:
        return fault("soapenv:Client", "the request is not a SOAP envelope with one operation")
    operation = content.children[0]
    handler = _OPERATIONS.get(operation.tag)
    if handler is None:
        return fault("NOT_IMITATED", f"The operation {operation.tag} is not imitated by this org")
    try:
        deployments.may_deploy(org, user_id)
        deployments.settle(org)
        results = handler(org, operation, user_id)
    except Refusal as refusal:
        return fault(refusal.code, refusal.message)
    answer = Node(f"{operation.tag}Response", children=results)
    answer.attributes["xmlns"] = METADATA_NS
    return 200, _envelope(answer)


def _envelope(content: Node) -> bytes:
    envelope = element("soapenv:Envelope", element("soapenv:Body", content))
    envelope.attributes = {
        "xmlns:soapenv": _ENVELOPE_NS,
        "xmlns:sf": METADATA_NS,
        "xmlns:xsi": _XSI_NS,
    }
    root = markup.tree(envelope)
    text: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text


def _retrieve(org: Org, operation: Node, user_id: str) -> list[Node]:
    # jsforce and the sf CLI name it otherwise than the WSDL
    request = operation.find("retrieveRequest") or operation.find("request")
    if request is None:
        raise Refusal(500, "INVALID_OPERATION", "retrieve needs a retrieveRequest")
    if request.all("packageNames") or request.all("specificFiles"):
        raise Refusal(
            501, "NOT_IMITATED", "packageNames and specificFiles are not imitated by this org"
        )
    members: dict[str, list[str]] = {}
    unpackaged = request.find("unpackaged")
    for types in unpackaged.all("types") if unpackaged else []:
        name = types.value("name") or ""
        members.setdefault(name, []).extend(node.text for node in types.all("members"))
    version = (unpackaged.value("version") if unpackaged else None) or request.value("apiVersion")
    retrieve_id = retrieving.start_retrieve(
        org, members, version or "", request.flag("singlePackage"), user_id
    )
    return [element("result", ("done", False), ("id", retrieve_id), ("state", "Queued"))]


def _check_retrieve_status(org: Org, operation: Node, user_id: str) -> list[Node]:
    asked = operation.value("asyncProcessId") or operation.value("id") or ""
    return [retrieving.check_retrieve(org, asked, operation.flag("includeZip", True))]


def _list_metadata(org: Org, operation: Node, user_id: str) -> list[Node]:
    queries = [
        (query.value("type") or "", query.value("folder")) for query in operation.all("queries")
    ]
    return retrieving.list_metadata(org, queries)


def _read_metadata(org: Org, operation: Node, user_id: str) -> list[Node]:
    names = [node.text for node in operation.all("fullNames")]
    return [reading.read_metadata(org, operation.value("type") or "", names)]


def _describe_metadata(org: Org, operation: Node, user_id: str) -> list[Node]:
    objects = [
        element(
            "metadataObjects",
            *(("childXmlNames", child) for child in one.names[1:]),
            ("directoryName", one.directory),
            ("inFolder", one.suffix == "-meta.xml"),
            ("metaFile", False),
            ("suffix", one.suffix.removeprefix(".") if one.suffix != "-meta.xml" else None),
            ("xmlName", one.names[0]),
        )
        for one in TYPES
    ]
    return [
        element(
            "result",
            *objects,
            ("organizationNamespace", ""),
            ("partialSaveAllowed", True),
            ("testRequired", False),
        )
    ]


def _deploy(org: Org, operation: Node, user_id: str) -> list[Node]:
    zip_file = operation.value("ZipFile") or operation.value("zipFile") or ""
    try:
        content = base64.b64decode("".join(zip_file.split()), validate=True)
    except binascii.Error as error:
        raise Refusal(500, "INVALID_OPERATION", "ZipFile is not base64") from error
    given = operation.find("DeployOptions") or operation.find("deployOptions")
    options: dict[str, Any] = {
        node.tag: node.text
        for node in (given.children if given else [])
        if node.tag != "runTests" and node.text not in ("", "None")  # what an unset option becomes
    }
    if given is not None and given.all("runTests"):
        options["runTests"] = [node.text for node in given.all("runTests")]
    started = deployments.deploy(org, content, options, user_id)
    return [element("result", ("done", False), ("id", started["id"]), ("state", "Queued"))]


def _check_deploy_status(org: Org, operation: Node, user_id: str) -> list[Node]:
    asked = operation.value("asyncProcessId") or ""
    answer = deployments.status(org, asked, operation.flag("includeDetails"))
    return [_node("result", answer["deployResult"])]


def _cancel_deploy(org: Org, operation: Node, user_id: str) -> list[Node]:
    asked = operation.value("String") or operation.value("id") or ""
    done = deployments.cancel(org, asked)["deployResult"]["done"]
    return [element("result", ("done", done), ("id", asked))]


def _node(tag: str, values: dict[str, Any]) -> Node:
    """A JSON object as XML, nulls left out."""
    node = Node(tag)
    for key, value in sorted(values.items()):
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                node.children.append(_node(key, one))
            elif one is not None:
                node.children.extend(element("", (key, one)).children)
    return node


_OPERATIONS: dict[str, Callable[[Org, Node, str], list[Node]]] = {
    "retrieve": _retrieve,
    "checkRetrieveStatus": _check_retrieve_status,
    "readMetadata": _read_metadata,
    "listMetadata": _list_metadata,
    "describeMetadata": _describe_metadata,
    "deploy": _deploy,
    "checkDeployStatus": _check_deploy_status,
    "cancelDeploy": _cancel_deploy,
}
