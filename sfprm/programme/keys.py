"""Keys proposed from names, in any script: the same name gives the same key, always."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from anyascii import anyascii

from sfprm.programme.identity import folded

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["free_key", "key_from", "person_key"]

MOST = 40
"""Keys go into usernames, which hold 80 characters in all."""


def key_from(name: str, otherwise: str = "") -> str:
    """`Acme Ibéricos, Lda.` → `acme-ibericos-lda`, `日本電機` → `ribendianji`.

    `otherwise` when nothing is left of the name (emoji, signs). At most 40 characters, cut between
    words where there are some.
    """
    spelt = "".join(c if c.isascii() else folded(c) or anyascii(c) for c in name).lower()
    whole = re.sub(r"[^a-z0-9]+", "-", spelt).strip("-")
    if len(whole) > MOST:
        cut = whole[: MOST + 1].rpartition("-")[0] if "-" in whole[:MOST] else whole
        whole = cut[:MOST].strip("-")
    return whole or key_from(otherwise) if otherwise else whole


def person_key(first: str, last: str, otherwise: str = "") -> str:
    """`Inês`, `Moura Dias` → `ines.moura-dias`."""
    parts = [part for part in (key_from(first), key_from(last)) if part]
    return ".".join(parts)[:MOST].strip(".-") or key_from(otherwise)


def free_key(wanted: str, taken: Container[str]) -> str:
    """The key, or `key-2`, `key-3`, … when it is taken."""
    number, key = 1, wanted
    while key in taken:
        number += 1
        key = f"{wanted}-{number}"
    return key
