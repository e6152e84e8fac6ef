"""Looks through files for what must not be in them: tokens, keys, addresses, hosts, ids of a real
org. It shares no code with the scrubber, so that one mistake is not made twice.

    python -m sfprm.recording scan fixtures/
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

__all__ = ["Finding", "scan_files", "scan_text"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that looks real. `line` starts at 1; `shown` is cut: a report must not leak."""

    file: str
    line: int
    kind: str
    shown: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.kind}: {self.shown}"


_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("session id", re.compile(r"00D[a-zA-Z0-9]{10,15}![\w./+=-]{4,}")),
    ("refresh token", re.compile(r"5Aep[\w.]{10,}")),
    ("consumer key", re.compile(r"3MVG9[\w.]{10,}")),
    ("JWT", re.compile(r"eyJ[\w-]{4,}\.[\w-]{4,}")),
    ("private key or certificate", re.compile(r"-----\s?BEGIN")),
    ("authorization", re.compile(r"(?i)\b(?:bearer|basic|digest)\s+(?!\(elided\))[\w+/=.!~-]{6,}")),
    ("cookie", re.compile(r"(?i)\bset-cookie\b|\bcookie:|\bsid=\w")),
    ("auth URL", re.compile(r"force://")),
    ("key of a cloud", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[\w-]{30,}")),
    (
        "key of a service",
        re.compile(r"\b(?:gh[pousr]|glpat|xox[abprs]|sk|pk|rk|whsec|SG)[_.-]\w{8,}"),
    ),
    ("IBAN", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}\b")),
    ("phone number", re.compile(r"(?<![\w.:+-])\+\d{1,3}[ (.-]?\d[\d ().-]{6,}\d(?![\w:])")),
)
_MAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@((?:[a-z0-9-]+\.)+[a-z]{2,})", re.IGNORECASE)
_WEB_HOST = re.compile(r"\b\w[\w+.-]*://(?:[^\s/@]*@)?([a-z0-9.-]+)", re.IGNORECASE)
_SALESFORCE_HOST = re.compile(
    r"\b((?:[a-z0-9-]+\.)+(?:salesforce|force|salesforce-sites|site|visualforce)\.com)\b",
    re.IGNORECASE,
)
_ADDRESS_V4 = re.compile(r"(?<![\w.])(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})(?![\w.])")
_WORD = re.compile(r"(?<![0-9A-Za-z])[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?(?![0-9A-Za-z])")
_RUN = re.compile(r"[\w+/=-]{20,}")
_CARD = re.compile(r"(?<![\w.-])(?:4(?:[ -]?\d){12}|[2-6](?:[ -]?\d){13,18})(?![\w.-])")

_PUBLIC_HOSTS = frozenset(
    {
        "login.salesforce.com",
        "test.salesforce.com",
        "www.salesforce.com",
        "soap.sforce.com",
        "urn.partner.soap.sforce.com",
        "www.w3.org",
        "schemas.xmlsoap.org",
        "json-schema.org",
    }
)
_EXAMPLES = re.compile(
    r"(?:^|\.)(?:example\.(?:com|org|net)|example|test|invalid|example\.my\.salesforce\.com)$"
)
_STAND_IN_ID = re.compile(r"[0-9A-Za-z]{3}000\d{9}")
_WELL_KNOWN_IDS = frozenset({"000000000000000", "012000000000000"})
_BITS = 3.6  # bits a character; words and API names stay below, drawn characters above


def scan_files(places: Iterable[Path]) -> list[Finding]:
    """Everything that looks real in the files, and in all files of the folders."""
    found: list[Finding] = []
    for place in places:
        paths = sorted(p for p in place.rglob("*") if p.is_file()) if place.is_dir() else [place]
        for path in paths:
            found += scan_text(path.read_bytes().decode("utf-8", errors="replace"), str(path))
    return found


def scan_text(text: str, file: str = "text") -> list[Finding]:
    """Everything that looks real in a text, with what hides in base64 and behind percent signs."""
    return [
        Finding(file, number, kind, shown if len(shown) < 9 else f"{shown[:5]}…{len(shown)}")
        for number, line in enumerate(text.splitlines(), 1)
        for kind, shown in dict.fromkeys(_line(line, depth=2))
    ]


def _line(line: str, depth: int) -> Iterator[tuple[str, str]]:
    for kind, pattern in _SHAPES:
        for found in pattern.finditer(line):
            yield kind, found[0]
    for found in _MAIL.finditer(line):
        if not _EXAMPLES.search(found[1].lower()):
            yield "e-mail address", found[0]
    for pattern in (_WEB_HOST, _SALESFORCE_HOST):
        for found in pattern.finditer(line):
            host = found[1].lower().rstrip(".")
            if host not in _PUBLIC_HOSTS and not _EXAMPLES.search(host):
                yield "host", host
    for found in _ADDRESS_V4.finditer(line):
        if all(int(part) < 256 for part in found[1].split(".")) and not found[1].startswith("0."):
            yield "network address", found[0]
    for found in _WORD.finditer(line):
        if _is_real_id(found[0]):
            yield "record id", found[0]
    for found in _CARD.finditer(line):
        if _luhn([int(c) for c in found[0] if c.isdigit()]):
            yield "card number", found[0]
    for found in _RUN.finditer(line):
        if _drawn_by_lot(found[0]):
            yield "high entropy", found[0]
    if depth:
        for inner in _inside(line):
            for kind, shown in _line(inner, depth - 1):
                yield f"{kind}, encoded", shown


def _inside(line: str) -> Iterator[str]:
    plain = unquote(line)
    if plain != line:
        yield plain
    for found in re.finditer(r"[A-Za-z0-9+/_-]{16,}={0,2}", line):
        text = found[0].rstrip("=")
        for letters in (None, b"-_"):
            try:
                raw = base64.b64decode(text + "=" * (-len(text) % 4), letters, validate=True)
                inner = raw.decode("utf-8")
            except (binascii.Error, UnicodeDecodeError, ValueError):
                continue
            if inner.isprintable():
                yield inner


def _is_real_id(word: str) -> bool:
    """An id by its checksum (18), or by its looks (15), that is none of our stand-ins."""
    if _STAND_IN_ID.match(word) or word[:15] in _WELL_KNOWN_IDS:
        return False
    if len(word) == 18:
        marks = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
        fits = all(
            word[15 + at] == marks[sum(2**k for k in range(5) if word[5 * at + k] in marks[:26])]
            for at in range(3)
        )
        return fits and any(c.isdigit() for c in word[:15])
    return (
        word[0] in "0a"
        and not word.isalpha()
        and not word.isdigit()
        and any(c.isdigit() for c in word[3:])
    )


def _luhn(digits: list[int]) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        twice = digit * 2 if place % 2 else digit
        total += twice - 9 if twice > 9 else twice
    return total % 10 == 0 and len(set(digits)) > 3


def _drawn_by_lot(run: str) -> bool:
    """Whether the characters look drawn rather than written: bits a character, and no words."""
    letters = [c for c in run if c.isalnum()]
    if len(letters) < 18:
        return False
    counts = Counter(letters)
    bits = -sum(n / len(letters) * math.log2(n / len(letters)) for n in counts.values())
    kinds = (
        any(c.isdigit() for c in letters)
        + any(c.islower() for c in letters)
        + any(c.isupper() for c in letters)
    )
    written = sum(
        len(word) for word in re.findall(r"[A-Z][a-z]{2,}|[a-z]{3,}|[A-Z]{3,}(?![a-z])", run)
    )
    if _STAND_IN_ID.search(run):
        return False
    hexadecimal = re.fullmatch(r"[0-9a-fA-F-]{24,}", run) and any(c.isdigit() for c in run)
    dated = re.fullmatch(r"[\d-]+(?:T[\d-]+)?", run)
    if dated:
        return False
    return bool(hexadecimal) or (bits >= _BITS and kinds >= 2 and written < 0.6 * len(run))
