"""Scrubbing: from what went over the wire to what may be kept in a file.

Twice over all exchanges: once to learn which values there are, once to replace them, so that ids
keep their order and a name in an early error message is known by the answer that came later.
Nothing raw is ever written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit
from xml.etree import ElementTree as ET  # the type, and writing; reading is by defusedxml

import jwt

from sfprm.ids import is_record_id
from sfprm.recording import soql
from sfprm.recording.bodies import (
    folded,
    folded_text,
    media_type,
    parse_xml,
    xml_text,
)
from sfprm.recording.exchange import Body, Exchange, Given, Part, Recording, Sent
from sfprm.recording.keep import SALESFORCE, KeepList
from sfprm.recording.shapes import is_schema_name, message, tame
from sfprm.recording.standins import ELIDED, StandIns

__all__ = ["scrubbed"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:@-]{0,60}")
_ID = re.compile(r"((?=[0-9a-zA-Z]{0,2}[0-9])[0-9a-zA-Z]{15}(?:[A-Z0-5]{3})?)((?:-\d{1,9})?)")
_ADDRESS = re.compile(r"[^\s@\"'<>]{1,80}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_WEB = re.compile(r"https?://[^\s/]+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:?\d{2})?)?")
_VERSION = re.compile(r"v?\d{1,3}\.\d")


def scrubbed(
    recording: Recording, *, keep: KeepList = SALESFORCE, fictional: frozenset[str] = frozenset()
) -> Recording:
    """The recording as it may be written. `fictional`: values that the scenario itself made up."""
    table = StandIns(fictional)
    scrubber = _Scrubber(keep, table)
    scrubber.everything(recording)
    table.settle()
    return scrubber.everything(recording)


class _Scrubber:
    """One pass; the table decides whether it learns or replaces."""

    def __init__(self, keep: KeepList, table: StandIns) -> None:
        self._keep = keep
        self._table = table
        self._schema: set[str] = set()

    def everything(self, recording: Recording) -> Recording:
        facts = {name: self.value("", name, value) for name, value in recording.facts.items()}
        return replace(
            recording,
            facts=facts,
            exchanges=tuple(self._exchange(one) for one in recording.exchanges),
        )

    def _exchange(self, exchange: Exchange) -> Exchange:
        sent, given = exchange.sent, exchange.given
        object_ = _object_of(sent.path)
        return Exchange(
            exchange.at,
            Sent(
                sent.method,
                self._host(sent.host),
                self.path(sent.path),
                tuple((self._name(n), self.parameter(n, v)) for n, v in sent.query),
                self._headers(sent.headers, self._keep.request_headers),
                self.body(sent.body, object_),
            ),
            Given(
                given.status,
                self._headers(given.headers, self._keep.response_headers),
                self.body(given.body, object_),
                given.failure,
            ),
        )

    # ---- where things stand

    def _host(self, host: str) -> str:
        return tame(host, self._keep, self._table)

    def _headers(self, headers: Mapping[str, str], kept: frozenset[str]) -> dict[str, str]:
        out = {}
        for name, value in headers.items():
            lower = name.lower()
            if lower not in kept:
                continue
            if lower == "authorization":
                scheme, _, secret = value.partition(" ")
                self._table.secret(secret)
                out[lower] = f"{tame(scheme, self._keep, self._table)[:12]} {ELIDED}"
            elif lower == "content-type":
                out[lower] = tame(media_type(value), self._keep, self._table)
            else:
                out[lower] = (
                    self.value("", lower, value)
                    if _is_address(value)
                    else tame(value, self._keep, self._table)
                )
        return dict(sorted(out.items()))

    def path(self, path: str) -> str:
        """Known words, names of the schema and versions stay; ids and the rest get stand-ins."""
        out: list[str] = []
        for segment in path.split("/"):
            plain = unquote(segment)
            before = out[-1] if out else ""
            further = out[-2] if len(out) > 1 else ""
            if not plain or plain in self._keep.path_words or _VERSION.fullmatch(plain):
                out.append(segment)
            elif before == "sobjects" and _NAME.fullmatch(plain):
                out.append(self._name(plain))
            elif further == "sobjects" and is_schema_name(plain):
                out.append(segment)
            else:
                out.append(quote(self.value(further, before, plain, path=True), safe="()'"))
        return "/".join(out)

    def parameter(self, name: str, value: str) -> str:
        """One parameter of the query string."""
        if soql.looks_like_soql(value):
            return self.soql(value)
        if name in self._keep.parameters:
            return tame(value, self._keep, self._table)
        return self.value("", name, value)

    def soql(self, text: str) -> str:
        """Names stay; literals are values of the fields that they stand beside."""
        self._schema |= soql.identifiers(text)
        told = soql.with_literals(text, self._literal)
        return tame(told, self._keep, self._table)

    def _literal(self, object_: str, field: str, value: str) -> str:
        if value.isdigit() and not self._keep.keeps(object_, field):
            return str(self._table.number(int(value)))
        return self.value(object_, field, value)

    # ---- bodies

    def body(self, body: Body, object_: str = "") -> Body:
        match body.kind:
            case "empty" | "bytes":
                return body
            case "json":
                return Body("json", self.json(body.content, object_, ""))
            case "form":
                return Body(
                    "form", tuple((self._name(n), self._form(n, v)) for n, v in body.content)
                )
            case "csv":
                return Body("csv", self._csv(body.content, object_))
            case "xml":
                return Body("xml", self._xml(body.content))
            case "multipart":
                return Body("multipart", tuple(self._part(part) for part in body.content))
            case "zip":
                return Body("zip", {self._file(p): self.body(b) for p, b in body.content.items()})
            case "text":
                return Body("text", self._message(body.content))

    def json(self, value: Any, object_: str, field: str) -> Any:
        """JSON, by the name of the member; a record's own `attributes` say what it is of."""
        if isinstance(value, dict):
            attributes = value.get("attributes")
            if isinstance(attributes, dict) and isinstance(attributes.get("type"), str):
                object_ = attributes["type"]
            return {
                self._name(name): self.json(inner, object_, name) for name, inner in value.items()
            }
        if isinstance(value, list):
            return [self.json(inner, object_, field) for inner in value]
        if isinstance(value, str):
            return self.value(object_, field, value)
        if isinstance(value, bool) or value is None or self._keep.keeps(object_, field):
            return value
        if field in self._keep.elided:
            return 0
        return self._table.number(value)

    def value(self, object_: str, field: str, value: str, *, path: bool = False) -> str:
        """A text that stands under a name; `path`: a segment, whose neighbours name nothing."""
        keep, table = self._keep, self._table
        if value in table.fictional or not value.strip() or value == ELIDED:
            return value
        if field in keep.elided:
            return table.secret(value)
        if field in keep.messages:
            return self._message(value)
        if field == "assertion":
            return self._assertion(value)
        if _is_address(value):
            return self._address(value)
        if soql.looks_like_soql(value):
            return self.soql(value)
        if keep.keeps(object_, field) and not path:
            if field in ("name", "type", "field", "fields", "referenceTo", "childSObject"):
                self._schema.add(value)
            stays = _DATE.fullmatch(value) or _VERSION.fullmatch(value)
            return value if stays else tame(value, keep, table)
        return self._unlisted(field, value)

    def _unlisted(self, field: str, value: str) -> str:
        """A value that is not to be kept: a stand-in of its form."""
        keep, table = self._keep, self._table
        found = _ID.fullmatch(value)
        if found and is_record_id(found[1]):
            return table.id(found[1]) + found[2]
        if _ADDRESS.fullmatch(value):
            return table.address(value)
        if is_schema_name(value):
            return value
        if _DATE.fullmatch(value):
            return "1900-01-01T00:00:00.000+0000" if "T" in value else "1900-01-01"
        archive = folded(value)
        if archive is not None:
            return folded_text(self.body(archive))
        return table.text(keep.kinds.get(field, "text"), value)

    def _address(self, value: str) -> str:
        """An address, or a path with its query string as in `nextRecordsUrl`, by its parts."""
        parts = urlsplit(value)
        query = urlencode(
            [(self._name(n), self.parameter(n, v)) for n, v in parse_qsl(parts.query)]
        )
        place = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
        return self._host(place) + self.path(parts.path) + (f"?{query}" if query else "")

    def _message(self, text: str) -> str:
        return message(text, frozenset(self._schema), self._keep, self._table)

    def _name(self, name: str) -> str:
        """A name of a member, column, element or parameter: kept when it looks like one."""
        if _NAME.fullmatch(name) and tame(name, self._keep, self._table) == name:
            self._schema.add(name)
            return name
        return self._table.text("name", name) if name else name

    def _form(self, name: str, value: str) -> str:
        if name == "client_id" and value not in self._table.fictional:
            return self._table.text("client", value)
        return self.value("", name, value)

    def _assertion(self, token: str) -> str:
        """A JWT by whom it is from, about and for; its signature is dropped."""
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
        except jwt.PyJWTError:
            return self._table.secret(token)
        self._table.secret(token)
        told = {
            "iss": self._table.text("client", str(claims.get("iss", ""))),
            "sub": self.value("", "Username", str(claims.get("sub", ""))),
            "aud": tame(str(claims.get("aud", "")), self._keep, self._table),
        }
        return "jwt " + " ".join(f"{name}={value}" for name, value in told.items())

    def _csv(self, rows: tuple[tuple[str, ...], ...], object_: str) -> tuple[tuple[str, ...], ...]:
        if not rows:
            return rows
        header, *cells = rows
        return (
            tuple(self._name(name) for name in header),
            *(
                tuple(
                    self._cell(object_, header[at] if at < len(header) else "", cell)
                    for at, cell in enumerate(row)
                )
                for row in cells
            ),
        )

    def _cell(self, object_: str, column: str, cell: str) -> str:
        if column == "sf__Error":
            return self._message(cell)
        if cell in ("true", "false"):
            return cell
        parent, _, field = column.rpartition(".")
        return self.value(parent.rpartition(".")[2] or object_, field, cell)

    def _xml(self, text: str) -> str:
        root = parse_xml(text)
        if root is None:
            return self._message(text)
        self._element(root, "")
        return xml_text(root)

    def _element(self, element: ET.Element, parent: str) -> None:
        """In place; an element's object is the element around it."""
        space, _, local = str(element.tag).rpartition("}")
        element.tag = f"{space}}}{self._name(local)}" if space else self._name(local)
        element.attrib = {
            name: tame(value, self._keep, self._table)
            if name.rpartition("}")[2] in ("type", "nil")
            else self.value("", name.rpartition("}")[2], value)
            for name, value in element.attrib.items()
        }
        text = (element.text or "").strip()
        if text:
            element.text = text if text in ("true", "false") else self.value(parent, local, text)
        element.tail = None
        for inner in element:
            self._element(inner, local)

    def _part(self, part: Part) -> Part:
        return Part(
            self._name(part.name),
            part.filename
            if part.filename == "deploy.zip"
            else self.value("", "filename", part.filename),
            media_type(part.type),
            self.body(part.body)
            if part.body.kind != "text"
            else Body("text", self.value("", part.name, part.body.content)),
        )

    def _file(self, path: str) -> str:
        """A path in a package: folders known, files by the name of what they hold."""
        return "/".join(self._step(step) for step in path.split("/"))

    def _step(self, step: str) -> str:
        if step in self._keep.path_words or step in self._table.fictional:
            return step
        stem, dot, ending = step.partition(".")
        known = stem in self._schema or stem in self._table.fictional or is_schema_name(stem)
        name = stem if known else self.value("", "", stem)
        return f"{name}{dot}{ending}"


def _object_of(path: str) -> str:
    """What `…/sobjects/User/…` is about; `describe` for what tells of the schema."""
    if path.rstrip("/").endswith(("/describe", "/sobjects")) and "/composite/" not in path:
        return "describe"
    found = re.search(r"/sobjects/(\w+)", path)
    return found[1] if found else ""


def _is_address(value: str) -> bool:
    return value.startswith("/services/") or _WEB.match(value) is not None
