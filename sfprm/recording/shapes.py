"""Values that give themselves away by their shape: tokens, keys, ids, addresses, hosts.

Applied to every text that is kept, as a second net below the list of what to keep.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re

from sfprm.ids import is_record_id
from sfprm.recording.keep import KeepList, words
from sfprm.recording.standins import ELIDED, StandIns

__all__ = ["is_schema_name", "message", "tame"]

_SECRETS = re.compile(
    r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)"  # PEM
    r"|eyJ[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*)?"  # JWT
    r"|\b00D[0-9A-Za-z]{9,15}![\w.+/=-]+"  # session id, access token
    r"|\b5Aep[\w.-]{12,}"  # refresh token
    r"|\b3MVG9[\w.-]{12,}"  # consumer key
    r"|(?i:\b(?:bearer|basic|oauth)[ ]+[\w.!+/=~-]{8,})"
    r"|(?i:\b(?:sid|oid|clientsrc|session\w*|password|passwd|pwd|secret|token|api_?key|code)"
    r"[=:][^\s&;,\"']{3,})"
    r"|force://\S+",
    re.DOTALL,
)
_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+]{1,9})://(?P<host>[^\s/\"'<>?#\\]+)(?P<rest>[^\s\"'<>\\]*)"
)
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_HOST = re.compile(
    r"\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:salesforce|force|salesforce-sites|site|visualforce|"
    r"cloudforce|database|documentforce)\.com\b",
    re.IGNORECASE,
)
_IP = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
_ID = re.compile(r"(?<![0-9A-Za-z])[0-9a-zA-Z]{15}(?:[A-Z0-5]{3})?(?![0-9A-Za-z])")
_RUN = re.compile(r"[A-Za-z0-9+/_=-]{14,}")
_WORDS = re.compile(r"[A-Z]?[a-z]{2,}|[A-Z]{2,}(?![a-z])")
_WRITTEN = re.compile(r"(?:[A-Z]?[a-z]{2,}|[A-Z]{1,12}(?![a-z]))+\d{0,3}|[a-zA-Z]{1,3}|v?\d{1,9}")
_NUMBERS = re.compile(r"(?<![\w.-])\+?\d(?:[\d ()./-]*\d)?(?![\w-])")
_PUNCTUATED = re.compile(r"(\W*)(.*?)(\W*)", re.DOTALL)
_TELLS_NOTHING = re.compile(
    r"(?:(?:text|phone|place|client|nick|a)-)?\d{1,3}|Person|Company|https?|__[a-z]{1,3}"
    r"|[A-Z]+(?:_[A-Z]+)+"
    r"|[\w.+-]+@(?:[\w-]+\.)*example\.(?:com|org|net)"
    r"|(?:[\w-]+\.)+example(?:\.my\.salesforce)?\.(?:com|org|net)|(?:[\w-]+\.)*example\.com"
)
_SCHEMA = re.compile(r"[A-Za-z][A-Za-z0-9]{0,39}(?:_[A-Za-z0-9]{1,39}){0,8}__(?:c|r|e|x|mdt|pc)")


def is_schema_name(text: str) -> bool:
    """An API name of a custom field or object; the org's schema is kept."""
    return _SCHEMA.fullmatch(text) is not None and _random(text) is False


def tame(text: str, keep: KeepList, table: StandIns) -> str:
    """The text with everything replaced that has the shape of a secret or names someone."""
    if text in table.fictional:
        return text
    text = _SECRETS.sub(ELIDED, text)
    text = _URL.sub(lambda found: _url(found, keep, table), text)
    text = _ADDRESS.sub(lambda found: table.address(found[0]), text)
    text = _HOST.sub(lambda found: _host(found[0], keep, table), text)
    text = _IP.sub(lambda found: _ip(found[0], table), text)
    text = _ID.sub(lambda found: _id(found[0], table), text)
    text = _RUN.sub(lambda found: _run(found[0]), text)
    return table.without_secrets(text)


def message(text: str, schema: frozenset[str], keep: KeepList, table: StandIns) -> str:
    """Free text of the other side: only words of its usual messages stay, and names of the schema.

    What is known from elsewhere gets its stand-in, the rest becomes `[…]`.
    """
    if text in table.fictional:
        return text
    told = table.replaced(tame(text, keep, table))
    told = _NUMBERS.sub(lambda found: _number(found[0]), told)
    said = re.sub(r"[^\s<>/:=,\[\]]+", lambda found: _word(found[0], schema, table), told)
    return re.sub(r"\[…\](?:\s+\[…\])+", "[…]", said)


def _number(text: str) -> str:
    """Groups of digits that make one long number together: phones, cards, codes."""
    return text if sum(c.isdigit() for c in text) < 6 or is_record_id(text) else "[…]"


def _word(word: str, schema: frozenset[str], table: StandIns) -> str:
    """One word with its punctuation: as it is when known, else a blank."""
    if ELIDED in word:
        return ELIDED
    head, bare, tail = _PUNCTUATED.fullmatch(word).groups()  # type: ignore[union-attr]
    known = (
        not bare
        or bare.lower() in words()
        or bare.lower().removesuffix("'s") in words()
        or bare in schema
        or bare in table.fictional
        or is_schema_name(bare)
        or _TELLS_NOTHING.fullmatch(bare)
        or (is_record_id(bare) and bare[3:6] == "000")
    )
    return word if known else f"{head[:2]}[…]{tail[:2]}"


def _url(found: re.Match[str], keep: KeepList, table: StandIns) -> str:
    place = found["host"].rpartition("@")[2]
    if place.lower().partition(":")[0] in keep.hosts:
        return found[0] if "@" not in found["host"] else f"https://{place}{found['rest']}"
    host = place.rpartition(":")[0] if re.search(r":\d*$", place) else place
    return f"https://{table.host(host)}{found['rest']}"


def _host(host: str, keep: KeepList, table: StandIns) -> str:
    return host if host.lower() in keep.hosts else table.host(host)


def _ip(text: str, table: StandIns) -> str:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return text
    return table.host(text)


def _id(text: str, table: StandIns) -> str:
    looks = any(c.isdigit() for c in text[:3]) and sum(c.isdigit() for c in text) >= 3
    return table.id(text) if looks and is_record_id(text) else text


def _run(text: str) -> str:
    """A run of characters that is no word: elided when it looks drawn by lot, or hides a secret."""
    if _random(text) or _hides(text):
        return ELIDED
    return text


def _random(text: str) -> bool:
    """Whether the characters look drawn: neither words, nor numbers, nor one of our stand-ins."""
    if is_record_id(text) and text[3:6] == "000":
        return False
    if re.fullmatch(r"[\d-]+(?:T\d+)?", text):
        return sum(c.isdigit() for c in text) >= 16
    pieces = [piece for piece in re.split(r"[-_/+=]", text) if piece]
    plain = sum(len(piece) for piece in pieces if _WRITTEN.fullmatch(piece))
    whole = sum(map(len, pieces))
    if plain >= whole and not any(len(piece) > 40 for piece in pieces):
        return False
    worded = sum(map(len, _WORDS.findall(text)))
    return any(c.isdigit() for c in text) or worded < 0.7 * whole


def _hides(text: str) -> bool:
    """Base64 of a text: nothing that has a name of its own is written so."""
    if len(text) < 16:
        return False
    try:
        inner = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        plain = inner.decode("utf-8")
    except (binascii.Error, ValueError):
        return False
    return all(c.isprintable() or c in "\r\n\t" for c in plain)
