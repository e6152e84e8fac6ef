"""Stand-ins: one raw value gets one invented value, the same one wherever it stands.

Ids keep their prefix, a valid checksum and the order of the ids that they stand for; so they are
numbered only when all of them are known (`settle`). Values that are invented already stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sfprm.errors import Bug
from sfprm.ids import RecordId
from sfprm.recording.keep import words

__all__ = ["ELIDED", "StandIns", "is_invented_address", "is_invented_host"]

ELIDED = "(elided)"
"""Stands for a secret. Matches anything but nothing when it is replayed."""

_INVENTED_ID = re.compile(r"[0-9a-zA-Z]{3}000[0-9]{9}")
_INVENTED_TEXT = re.compile(
    r"(?:Person|Company|phone|place|client|a|nick|text|number) ?-?[0-9]{1,6}"
)
_RESERVED = (".example.com", ".example.org", ".example.net", ".example", ".invalid", ".test")


def is_invented_host(host: str) -> bool:
    """A name reserved for examples (RFC 2606), or one of our stand-ins for an org's host."""
    return f".{host.lower()}".endswith((*_RESERVED, ".example.my.salesforce.com"))


def is_invented_address(address: str) -> bool:
    """An e-mail address or username at such a host."""
    return is_invented_host(address.rpartition("@")[2])


class StandIns:
    """The table of one recording. Raw values live in it, and only there, until the file is
    written."""

    def __init__(self, fictional: Iterable[str] = ()) -> None:
        self.fictional = frozenset(fictional)
        self._named: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        self._raw_ids: set[str] = set()
        self._ids: dict[str, str] | None = None
        self._secrets: set[str] = set()
        self._texts: dict[str, str] = {}
        self._find_secret: re.Pattern[str] | None = None
        self._find_text: re.Pattern[str] | None = None

    def settle(self) -> None:
        """All values are known: number the ids in their order, and be ready to replace."""
        taken: dict[str, int] = {}
        for raw in self._raw_ids:
            if _INVENTED_ID.fullmatch(raw):
                taken[raw[:3]] = max(taken.get(raw[:3], 0), int(raw[6:]))
        self._ids = {}
        for raw in sorted(self._raw_ids):
            if not _INVENTED_ID.fullmatch(raw):
                taken[raw[:3]] = number = taken.get(raw[:3], 0) + 1
                self._ids[raw] = f"{raw[:3]}000{number:09d}"
        self._find_secret = _any_of(self._secrets)
        self._find_text = _any_of(self._texts)

    def id(self, raw: str) -> str:
        """The stand-in of an id, of the same length; the id itself before `settle`."""
        short = raw[:15]
        self._raw_ids.add(short)
        if self._ids is None:
            return raw
        if short not in self._ids and not _INVENTED_ID.fullmatch(short):
            raise Bug("An id turned up that was not there when the recording was read first.")
        given = RecordId(self._ids.get(short, short))
        return given.short if len(raw) == 15 else str(given)

    def address(self, raw: str) -> str:
        """The stand-in of an e-mail address or a username, whatever its case."""
        if is_invented_address(raw):
            return raw
        return self._give("person", raw.lower(), "person-{}@example.com", raw)

    def host(self, raw: str) -> str:
        """The stand-in of a host name without port. Hosts of Salesforce get one of Salesforce's, so
        that a token may still be sent there."""
        if is_invented_host(raw):
            return raw
        ours = raw.lower().endswith((".salesforce.com", ".force.com", ".salesforce.mil"))
        shape = "org-{}.example.my.salesforce.com" if ours else "org-{}.example.com"
        return self._give("host", raw.lower(), shape, raw)

    def text(self, kind: str, raw: str) -> str:
        """The stand-in of any other text: `Person 1`, `text-4`."""
        if not raw.strip() or raw in self.fictional or _INVENTED_TEXT.fullmatch(raw):
            return raw
        shape = "{} {{}}" if kind[:1].isupper() else "{}-{{}}"
        return self._give(kind, raw, shape.format(kind), raw)

    def number(self, raw: int | float) -> int | float:
        """The stand-in of a number: a small one, of the same type. 0 and 1 stay."""
        if raw in (0, 1) or str(raw) in self.fictional:
            return raw
        given = int(self._give("number", str(raw), "{}", "")) + 1
        return float(given) if isinstance(raw, float) else given

    def secret(self, raw: str) -> str:
        """Elided, and elided wherever else it stands."""
        if len(raw) >= 6 and raw != ELIDED and raw not in self.fictional:
            self._secrets.add(raw)
        return ELIDED

    def without_secrets(self, text: str) -> str:
        """The text without the secrets that stood elsewhere under a name that gave them away."""
        return self._find_secret.sub(ELIDED, text) if self._find_secret else text

    def replaced(self, text: str) -> str:
        """The text with every raw value that is known replaced, where it stands as a word."""
        text = self.without_secrets(text)
        if self._find_text is None:
            return text
        return self._find_text.sub(lambda found: self._texts[found[0]], text)

    def _give(self, kind: str, key: str, shape: str, raw: str) -> str:
        given = self._named.get((kind, key))
        if given is None:
            self._counts[kind] = number = self._counts.get(kind, 0) + 1
            given = self._named[kind, key] = shape.format(number)
        if len(raw) >= 4 and not words().issuperset(raw.lower().split()):
            self._texts[raw] = given
        return given


def _any_of(values: Iterable[str]) -> re.Pattern[str] | None:
    """Finds any of the values where it is not part of a longer word; the longest first."""
    either = "|".join(re.escape(raw) for raw in sorted(values, key=len, reverse=True))
    return re.compile(rf"(?<![A-Za-z0-9])(?:{either})(?![A-Za-z0-9])") if either else None
