"""Is this the request that was recorded? If not: what differs, in sentences.

Compared by meaning: JSON by value, forms and query strings by field, SOQL but for its white space,
XML but for its layout, multipart by part, zips by file, a JWT by issuer, subject and audience.
`(elided)` in the recording stands for anything but nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree.ElementTree import Element  # the type; reading is by defusedxml

import jwt

from sfprm.recording import soql
from sfprm.recording.bodies import media_type, parse_xml
from sfprm.recording.exchange import Body, Part, Sent
from sfprm.recording.keep import SALESFORCE, KeepList
from sfprm.recording.standins import ELIDED

__all__ = ["differences"]

_ABSENT = object()


def differences(recorded: Sent, sent: Sent, keep: KeepList = SALESFORCE) -> list[str]:
    """What differs, the weightiest first; empty when the request matches."""
    found: list[str] = []
    if recorded.method != sent.method:
        found.append(_said("method", recorded.method, sent.method))
    if unquote(recorded.path) != unquote(sent.path):
        found.append(_said("path", recorded.path, sent.path))
    if urlsplit(recorded.host).netloc != urlsplit(sent.host).netloc:
        found.append(_said("host", recorded.host, sent.host))
    found += _pairs("query", recorded.query, sent.query, keep)
    found += _headers(recorded.headers, sent.headers, keep)
    found += _bodies("body", recorded.body, sent.body, keep)
    return found


def _said(where: str, recorded: Any, sent: Any, *, secret: bool = False) -> str:
    if recorded is _ABSENT:
        return f"{where}: not recorded, sent {'(a secret)' if secret else _short(sent)}"
    if sent is _ABSENT:
        return f"{where}: recorded {_short(recorded)}, not sent"
    return f"{where}: recorded {_short(recorded)}, sent {'(a secret)' if secret else _short(sent)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}…"


def _same_text(recorded: str, sent: str) -> bool:
    if recorded == sent:
        return True
    if recorded == ELIDED:
        return sent != ""
    if recorded.startswith("jwt "):
        return _jwt(sent) == recorded
    if soql.looks_like_soql(recorded):
        return soql.without_layout(recorded) == soql.without_layout(sent)
    if recorded.startswith("/services/") and "?" in recorded and "?" in sent:
        return _same_address(recorded, sent)
    return False


def _same_address(recorded: str, sent: str) -> bool:
    """An address within a body, as in a composite call: however its query is quoted."""
    one, two = urlsplit(recorded), urlsplit(sent)
    if unquote(one.path) != unquote(two.path):
        return False
    left, right = (sorted(parse_qsl(url.query, keep_blank_values=True)) for url in (one, two))
    return len(left) == len(right) and all(
        n == name and _same_text(v, value)
        for (n, v), (name, value) in zip(left, right, strict=True)
    )


def _jwt(token: str) -> str:
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return "no JWT"
    return "jwt " + " ".join(f"{name}={claims.get(name, '')}" for name in ("iss", "sub", "aud"))


def _pairs(
    where: str,
    recorded: Iterable[tuple[str, str]],
    sent: Iterable[tuple[str, str]],
    keep: KeepList,
) -> list[str]:
    """Fields whose order says nothing; a name may come twice."""
    left = list(sent)
    missed: list[tuple[str, str]] = []
    for name, value in recorded:
        match = next((p for p in left if p[0] == name and _same_text(value, p[1])), None)
        if match is None:
            missed.append((name, value))
        else:
            left.remove(match)
    out: list[str] = []
    for name, value in missed:
        other = next((p for p in left if p[0] == name), None)
        if other is not None:
            left.remove(other)
        shown: Any = other[1] if other else _ABSENT
        out.append(_said(f"{where} {name}", value, shown, secret=name in keep.elided))
    out += [
        _said(f"{where} {name}", _ABSENT, value, secret=name in keep.elided) for name, value in left
    ]
    return out


def _headers(recorded: Mapping[str, str], sent: Mapping[str, str], keep: KeepList) -> list[str]:
    out = []
    given = {name.lower(): value for name, value in sent.items()}
    for name, value in recorded.items():
        other = given.get(name)
        if other is None:
            out.append(_said(f"header {name}", value, _ABSENT))
        elif name == "authorization":
            if value.split()[0] != other.split(" ")[0]:
                out.append(_said(f"header {name}", value, other, secret=True))
        elif name == "content-type":
            if media_type(value) != media_type(other):
                out.append(_said(f"header {name}", value, other))
        elif not _same_text(value, other):
            out.append(_said(f"header {name}", value, other))
    matter = keep.request_headers - set(recorded)
    out += [
        _said(f"header {name}", _ABSENT, given[name], secret=name == "authorization")
        for name in sorted(matter & set(given))
    ]
    return out


def _bodies(where: str, recorded: Body, sent: Body, keep: KeepList) -> list[str]:
    if recorded.kind != sent.kind:
        return [f"{where}: recorded as {recorded.kind}, sent as {sent.kind}"]
    one, two = recorded.content, sent.content
    match recorded.kind:
        case "json":
            return list(_json(where, one, two, keep))
        case "form":
            return _pairs(where, one, two, keep)
        case "csv":
            return list(_json(where, [list(row) for row in one], [list(row) for row in two], keep))
        case "xml":
            return _documents(where, one, two, keep)
        case "multipart":
            return _parts(where, one, two, keep)
        case "zip":
            return _files(where, one, two, keep)
        case "text":
            return [] if _same_text(one.strip(), two.strip()) else [_said(where, one, two)]
        case _:
            return [] if one == two else [_said(where, one, two)]


def _json(where: str, recorded: Any, sent: Any, keep: KeepList) -> Iterable[str]:
    if isinstance(recorded, dict) and isinstance(sent, dict):
        for name in [*recorded, *(n for n in sent if n not in recorded)]:
            one, two = recorded.get(name, _ABSENT), sent.get(name, _ABSENT)
            if one is _ABSENT or two is _ABSENT:
                yield _said(f"{where}.{name}", one, two, secret=name in keep.elided)
            else:
                yield from _json(f"{where}.{name}", one, two, keep)
    elif isinstance(recorded, list) and isinstance(sent, list):
        if len(recorded) != len(sent):
            yield f"{where}: recorded {len(recorded)} items, sent {len(sent)}"
        for at, (one, two) in enumerate(zip(recorded, sent, strict=False)):
            yield from _json(f"{where}[{at}]", one, two, keep)
    elif isinstance(recorded, str) and isinstance(sent, str):
        if not _same_text(recorded, sent):
            yield _said(where, recorded, sent)
    elif recorded != sent or isinstance(recorded, bool) != isinstance(sent, bool):
        yield _said(where, recorded, sent)


def _documents(where: str, recorded: str, sent: str, keep: KeepList) -> list[str]:
    one, two = parse_xml(recorded), parse_xml(sent)
    if one is None or two is None:
        return [] if recorded == sent else [_said(where, recorded, sent)]
    return list(_elements(where, one, two, keep))


def _elements(where: str, one: Element, two: Element, keep: KeepList) -> Iterable[str]:
    name = str(one.tag).rpartition("}")[2]
    place = f"{where}/{name}"
    if one.tag != two.tag:
        yield _said(place, str(one.tag), str(two.tag))
        return
    said, other = (one.text or "").strip(), (two.text or "").strip()
    if not _same_text(said, other):
        yield _said(place, said, other, secret=name in keep.elided)
    if one.attrib != two.attrib:
        yield _said(f"{place} attributes", dict(one.attrib), dict(two.attrib))
    if len(one) != len(two):
        yield f"{place}: recorded {len(one)} elements, sent {len(two)}"
    for inner, outer in zip(one, two, strict=False):
        yield from _elements(place, inner, outer, keep)


def _parts(
    where: str, recorded: tuple[Part, ...], sent: tuple[Part, ...], keep: KeepList
) -> list[str]:
    if Counter(part.name for part in recorded) != Counter(part.name for part in sent):
        return [_said(f"{where} parts", [p.name for p in recorded], [p.name for p in sent])]
    out: list[str] = []
    for one, two in zip(recorded, sent, strict=True):
        out += _bodies(f"{where} part {one.name}", one.body, two.body, keep)
    return out


def _files(
    where: str, recorded: Mapping[str, Body], sent: Mapping[str, Body], keep: KeepList
) -> list[str]:
    out: list[str] = []
    for path in sorted({*recorded, *sent}):
        if path not in recorded or path not in sent:
            out.append(f"{where} file {path}: {'not ' if path not in recorded else ''}recorded, "
                       f"{'not ' if path not in sent else ''}sent")  # fmt: skip
        else:
            out += _bodies(f"{where} file {path}", recorded[path], sent[path], keep)
    return out
