"""Bodies: from bytes to their meaning, and back."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
import re
import zipfile
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl, urlencode
from xml.etree import ElementTree as ET  # writing only; what comes in is read by defusedxml

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from sfprm.recording.exchange import EMPTY, Body, Part

__all__ = [
    "body_from",
    "bytes_of",
    "folded",
    "folded_text",
    "media_type",
    "parse_xml",
    "xml_text",
    "zip_body",
    "zip_bytes",
]

_EPOCH = (1980, 1, 1, 0, 0, 0)
BOUNDARY = "recorded-part"
_FOLDED = "zip in base64: "


def media_type(content_type: str) -> str:
    """`text/csv` of `text/csv; charset=UTF-8`, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def body_from(content: bytes, content_type: str) -> Body:
    """The body's meaning, by its type first and by its looks when the type is silent or wrong."""
    if not content:
        return EMPTY
    if content[:4] == b"PK\x03\x04":
        return zip_body(content)
    kind = media_type(content_type)
    if kind.startswith("multipart/"):
        return _multipart(content, content_type)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return Body("bytes", len(content))
    if kind == "application/x-www-form-urlencoded":
        return Body("form", tuple(parse_qsl(text, keep_blank_values=True)))
    if kind == "text/csv":
        return Body("csv", tuple(tuple(row) for row in csv.reader(io.StringIO(text, newline=""))))
    if "xml" in kind or text.lstrip().startswith("<"):
        return Body("text", text) if parse_xml(text) is None else Body("xml", text)
    if "json" in kind or text.lstrip()[:1] in ("{", "["):
        try:
            return Body("json", json.loads(text))
        except ValueError:
            return Body("text", text)
    return Body("text", text)


def bytes_of(body: Body) -> bytes:
    """Bytes that mean the same. A body kept as a mere length becomes that many zeros."""
    match body.kind:
        case "empty":
            return b""
        case "json":
            return json.dumps(_unfolded(body.content), ensure_ascii=False).encode()
        case "form":
            return urlencode(body.content).encode()
        case "csv":
            out = io.StringIO(newline="")
            csv.writer(out, lineterminator="\n").writerows(body.content)
            return out.getvalue().encode()
        case "xml":
            return _unfolded_xml(str(body.content)).encode()
        case "text":
            return str(body.content).encode()
        case "zip":
            return zip_bytes(body)
        case "multipart":
            return _multipart_bytes(body.content)
        case "bytes":
            return bytes(body.content)


def parse_xml(text: str) -> ET.Element | None:
    """The root element; None when the text is no XML, or XML with entities of its own."""
    try:
        root: ET.Element = fromstring(text)
    except (ET.ParseError, DefusedXmlException, ValueError):
        return None
    return root


def xml_text(root: ET.Element) -> str:
    """The element as text, one element a line."""
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"


def zip_body(content: bytes) -> Body:
    """A zip by path; folders are left out. Not a whole zip: its length only."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return Body(
                "zip",
                {
                    entry.filename: body_from(archive.read(entry), "")
                    for entry in archive.infolist()
                    if not entry.is_dir()
                },
            )
    except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError):
        return Body("bytes", len(content))


def zip_bytes(body: Body) -> bytes:
    """The same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(body.content):
            archive.writestr(zipfile.ZipInfo(path, _EPOCH), bytes_of(body.content[path]))
    return out.getvalue()


def folded(value: str) -> Body | None:
    """The zip that a text in base64 holds, as the answer to a retrieve does; else None."""
    if not value.startswith("UEsDB"):
        return None
    try:
        content = base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    body = zip_body(content)
    return body if body.kind == "zip" else None


def folded_text(archive: Body) -> str:
    """The zip as a text that people can read; replaying makes base64 of it again."""
    files = {path: bytes_of(inner).decode() for path, inner in archive.content.items()}
    return _FOLDED + json.dumps(files, ensure_ascii=False, indent=1, sort_keys=True)


def _unfolded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unfolded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_unfolded(inner) for inner in value]
    if isinstance(value, str) and value.startswith(_FOLDED):
        files = json.loads(value.removeprefix(_FOLDED))
        archive = {path: Body("text", text) for path, text in files.items()}
        return base64.b64encode(zip_bytes(Body("zip", archive))).decode()
    return value


def _unfolded_xml(text: str) -> str:
    root = parse_xml(text) if _FOLDED in text else None
    if root is None:
        return text
    for element in root.iter():
        element.text = _unfolded(element.text)
    return ET.tostring(root, encoding="unicode")


def _multipart(content: bytes, content_type: str) -> Body:
    boundary = _params(content_type).get("boundary", "")
    if not boundary:
        return Body("bytes", len(content))
    parts = []
    for chunk in content.split(b"--" + boundary.encode())[1:]:
        if chunk.startswith(b"--"):
            break
        head, _, inner = chunk.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        fields = dict(
            re.findall(r"(?im)^([\w-]+):[ \t]*(.*?)\r?$", head.decode("utf-8", "replace"))
        )
        headers = {name.lower(): value for name, value in fields.items()}
        shown = _params(headers.get("content-disposition", ""))
        type_ = headers.get("content-type", "")
        parts.append(
            Part(
                shown.get("name", ""),
                shown.get("filename", ""),
                media_type(type_),
                body_from(inner.removesuffix(b"\r\n"), type_),
            )
        )
    return Body("multipart", tuple(parts))


def _params(header: str) -> dict[str, str]:
    message = Message()
    message["Content-Type"] = header
    found: list[Any] = message.get_params() or []
    return {str(name).lower(): str(value) for name, value in found[1:]}


def _multipart_bytes(parts: tuple[Part, ...]) -> bytes:
    out = b""
    for part in parts:
        named = f'; filename="{part.filename}"' if part.filename else ""
        typed = f"Content-Type: {part.type}\r\n" if part.type else ""
        out += (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{part.name}"{named}\r\n'
            f"{typed}\r\n"
        ).encode()
        out += bytes_of(part.body) + b"\r\n"
    return out + f"--{BOUNDARY}--\r\n".encode()
