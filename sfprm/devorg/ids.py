"""Record ids of the embedded org: 15 case-sensitive characters, and 3 that make them 18.

An id is a key prefix of 3 characters, a pod of 3, and a serial of 9 in base 62. The last three
characters of the long form say which of the 15 are upper case, five at a time (facts: REST sheet,
section "Ids", checked there on recordings).
"""

from __future__ import annotations

import string
from functools import lru_cache
from itertools import product

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHECK = string.ascii_uppercase + "012345"
_ALPHABET = frozenset(_BASE62)
_PAIRS = ["".join(pair) for pair in product(_BASE62, repeat=2)]
_IS_UPPER = str.maketrans(
    _BASE62, "".join("1" if one in string.ascii_uppercase else "0" for one in _BASE62)
)
_PAIR_BITS = [(pair, pair.translate(_IS_UPPER)) for pair in _PAIRS]
_SUFFIX = {
    "".join(bits): _CHECK[sum(1 << place for place, bit in enumerate(bits) if bit == "1")]
    for bits in product("01", repeat=5)
}
"""The check character of five characters, by which of them are upper case."""

_KNOWN = 8_192
"""Ids whose canonical form is kept in memory: a request names the same ones many times."""

POD = "dV0"
"""The instance part of every id minted here: two characters of a pod and one reserved."""


def to18(fifteen: str) -> str:
    """The 18-character form of a 15-character id. Raises ValueError when it is not 15 long."""
    if len(fifteen) != 15 or not _ALPHABET.issuperset(fifteen):
        raise ValueError(f"not a 15-character id: {fifteen!r}")
    upper = fifteen.translate(_IS_UPPER)
    return fifteen + _SUFFIX[upper[:5]] + _SUFFIX[upper[5:10]] + _SUFFIX[upper[10:]]


@lru_cache(maxsize=_KNOWN)
def canonical(text: str) -> str:
    """The 18-character form of an id given in 15 or 18 characters.

    Raises ValueError for any other text, and for 18 characters whose last three do not fit.
    Unverified: whether Salesforce refuses a wrong suffix everywhere; refused here, to be careful.
    """
    if len(text) == 15:
        return to18(text)
    if len(text) == 18 and to18(text[:15]) == text:
        return text
    raise ValueError(f"malformed id: {text!r}")


def is_id(text: object) -> bool:
    """Whether this is a well-formed id of 15 or 18 characters."""
    if not isinstance(text, str):
        return False
    try:
        canonical(text)
    except ValueError:
        return False
    return True


def mint(prefix: str, serial: int) -> str:
    """The 18-character id number `serial` (0 or more) of the object with this key prefix.

    Ids of one prefix sort, case-sensitively, in the order of their serials.
    """
    return mint_many(prefix, serial, 1)[0]


def mint_many(prefix: str, first: int, count: int) -> list[str]:
    """That many ids, as `mint` gives them, from number `first` on."""
    if len(prefix) != 3 or not _ALPHABET.issuperset(prefix):
        raise ValueError(f"not a key prefix: {prefix!r}")
    if first < 0 or first + count > 62**9:
        raise ValueError(f"serial out of range: {first}")
    found: list[str] = []
    while count > 0:
        # Ids of one head differ in their last two digits, and in one check character
        high, low = divmod(first, len(_PAIRS))
        several = min(count, len(_PAIRS) - low)
        digits = ""
        for _ in range(7):
            high, digit = divmod(high, 62)
            digits = _BASE62[digit] + digits
        head = prefix + POD + digits
        upper = head.translate(_IS_UPPER)
        checks = _SUFFIX[upper[:5]] + _SUFFIX[upper[5:10]]
        third = {bits: checks + _SUFFIX[upper[10:] + bits] for bits in ("00", "01", "10", "11")}
        found += [head + pair + third[bits] for pair, bits in _PAIR_BITS[low : low + several]]
        first, count = first + several, count - several
    return found
