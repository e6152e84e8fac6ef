"""Doubles in JSON as Java prints them: from ten million up, and below a thousandth, with an
exponent, `3.5E8` (SOQL sheet, section 5: from memory, unverified)."""

from __future__ import annotations

import re

__all__ = ["as_java_prints", "java_double"]

_MAYBE = re.compile(rb"[:,\[\s]-?(?:\d{8,}\.\d|0\.000\d|\d+(?:\.\d+)?e[-+]?\d)")
"""A double that Java prints otherwise, or a text that looks like one, behind what may stand before
a value: most answers hold none, and are not looked at closer."""
_BEGINNINGS = frozenset((b"{", b"[", b'"', b""))
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+(?:e[-+]?\d+)?|e[-+]?\d+)')


def as_java_prints(body: bytes) -> bytes:
    """A JSON text with its doubles as Java prints them; integers and strings stay."""
    if body[:1] in _BEGINNINGS and _MAYBE.search(body) is None:
        return body
    return _TOKEN.sub(_printed, body)


def _printed(found: re.Match[bytes]) -> bytes:
    text = found[0]
    return text if text.startswith(b'"') else java_double(float(text)).encode()


def java_double(value: float) -> str:
    """A finite double as `Double.toString` of Java gives it."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    digits, _, exponent = f"{value!r}e".partition("e")
    power = int(exponent.rstrip("e") or 0)
    sign = "-" if digits.startswith("-") else ""
    whole, _, behind = digits.lstrip("-").partition(".")
    plain = (whole + behind).lstrip("0")
    power += len(whole) - 1 if whole != "0" else -1 - (len(behind) - len(behind.lstrip("0")))
    plain = plain.rstrip("0") or "0"
    return f"{sign}{plain[0]}.{plain[1:] or '0'}E{power}"
