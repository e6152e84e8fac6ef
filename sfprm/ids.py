"""Typed identifiers.

A Salesforce id is 15 case-sensitive characters, or those and a 3-character suffix that encodes
which of them are upper case. The suffix: the 15 are cut in three fives; in each, the k-th
character (k from 0) sets bit k when it is upper case; the number indexes A-Z then 0-5.
Source: the documented id format, checked against recorded ids (0015500001QdQWa → AAN).
"""

from __future__ import annotations

import string
from typing import NewType, Self

from sfprm.errors import BadRequest

__all__ = ["PartnerKey", "PersonKey", "PoolKey", "RecordId", "RunId", "is_record_id"]

PartnerKey = NewType("PartnerKey", str)
"""The programme's own name for a partner; unique in it; lower-case letters, digits and -."""
PersonKey = NewType("PersonKey", str)
"""The programme's own name for a person; unique in the programme."""
PoolKey = NewType("PoolKey", str)
RunId = NewType("RunId", str)
"""`2026-11-23T10-42-07-4f2a`: sorts by start."""

_ALPHANUMERIC = frozenset(string.ascii_letters + string.digits)
_UPPER = str.maketrans(
    string.ascii_letters + string.digits,
    "".join("01"[char.isupper()] for char in string.ascii_letters + string.digits),
)
_SUFFIX = {
    f"{number:05b}"[::-1]: char for number, char in enumerate(string.ascii_uppercase + "012345")
}


def _suffix(fifteen: str) -> str:
    upper = fifteen.translate(_UPPER)  # `1` for each upper-case character
    return _SUFFIX[upper[:5]] + _SUFFIX[upper[5:10]] + _SUFFIX[upper[10:]]


class RecordId(str):
    """A Salesforce record id, always held in its 18-character form.

    Raises BadRequest when the text is not an id or its suffix does not fit.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        if text.__class__ is cls:
            return text  # it was looked at when it was made
        if len(text) not in (15, 18) or not _ALPHANUMERIC.issuperset(text):
            raise BadRequest(
                f"{text!r} is not a Salesforce id (15 or 18 letters and digits).",
                hint="Copy the id from the record's address in Salesforce.",
            )
        suffix = _suffix(text[:15])
        if len(text) == 18 and text[15:].upper() != suffix:
            raise BadRequest(
                f"{text!r} is not a Salesforce id: its last three characters do not fit.",
                hint="Upper and lower case count in an id; copy it again.",
            )
        return super().__new__(cls, text[:15] + suffix)

    @property
    def short(self) -> str:
        """The 15-character form, as some error messages and file formats print it."""
        return self[:15]

    @property
    def prefix(self) -> str:
        """The first three characters: which object the record is of (`00Q` for Lead)."""
        return self[:3]


def is_record_id(text: str) -> bool:
    """Whether the text is a well-formed id, of either length."""
    try:
        RecordId(text)
    except BadRequest:
        return False
    return True
