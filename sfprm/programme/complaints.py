"""Collecting what is wrong in files, so that one run names everything.

Nothing here raises while files are read: complaints gather, and `load` raises once at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import SequenceMatcher, get_close_matches
from typing import TYPE_CHECKING, Literal

from sfprm.errors import Complaint
from sfprm.programme.footprint import Footprint
from sfprm.programme.model import Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["Complaints", "Place", "alike", "did_you_mean", "nearest"]

EXCERPT = 160
"""Longer lines are not quoted: a caret under column 400 helps nobody."""

MOST_HINTS = 200
"""Errors for which a near name is looked for among partners and people."""


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a file. Lines and columns start at 1; 0 is unknown. `excerpt` is the whole line."""

    file: str
    line: int = 0
    column: int = 0
    width: int = 1
    excerpt: str = ""

    @property
    def origin(self) -> Origin:
        """The spot as the model keeps it."""
        return Origin(self.file, self.line)


@dataclass(slots=True)
class Complaints:
    """What has been found so far. `read`: paths of the files that were read, in order;
    `footprint`: those, and where was looked for more."""

    errors: list[Complaint] = field(default_factory=list)
    warnings: list[Complaint] = field(default_factory=list)
    read: list[Path] = field(default_factory=list)
    footprint: Footprint = field(default_factory=Footprint)
    _seen: set[Complaint] = field(default_factory=set)

    def error(self, place: Place, message: str, hint: str = "") -> None:
        """Something that must be mended before anything is done."""
        self._add(self.errors, "error", place, message, hint)

    def warn(self, place: Place, message: str, hint: str = "") -> None:
        """Something that is allowed and probably not meant."""
        self._add(self.warnings, "warning", place, message, hint)

    def did_you_mean(
        self, name: str, known: Iterable[str], declared: Mapping[str, Origin] | None = None
    ) -> str:
        """As the function, for names of which there may be many thousands.

        Silent once `MOST_HINTS` errors are known: looking for likeness takes its time, and so
        many errors have one cause.
        """
        return did_you_mean(name, known, declared) if len(self.errors) < MOST_HINTS else ""

    def _add(
        self,
        to: list[Complaint],
        severity: Literal["error", "warning"],
        place: Place,
        message: str,
        hint: str,
    ) -> None:
        excerpt = place.excerpt.replace("\t", " ").rstrip()
        shown = bool(excerpt) and len(excerpt) <= EXCERPT and excerpt.isprintable()
        room = max(1, len(excerpt) - place.column + 1)
        complaint = Complaint(
            file=place.file,
            line=place.line,
            column=place.column,
            message=message,
            hint=hint,
            excerpt=excerpt if shown else "",
            width=max(1, min(place.width, room)),
            severity=severity,
        )
        if complaint not in self._seen:
            self._seen.add(complaint)
            to.append(complaint)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be, or None. Letter case does not count."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    meant = name.casefold()[:200]
    close = get_close_matches(meant, by_folded, n=1, cutoff=0.6)
    if not close and len(meant) >= 3:
        close = [known for known in by_folded if known.startswith(meant)]
    return by_folded[close[0]] if close else None


def did_you_mean(
    name: str, known: Iterable[str], declared: Mapping[str, Origin] | None = None
) -> str:
    """`Did you mean 'nordica' (config/partners.csv:3)?`, or the known names, or nothing."""
    names = list(known)
    near = nearest(name, names)
    if near is None:
        return f"Known: {', '.join(names)}." if 0 < len(names) <= 8 else ""
    where = f" ({declared[near]})" if declared and near in declared else ""
    return f"Did you mean {near!r}{where}?"


def alike(one: str, other: str) -> bool:
    """Whether two different names are so near that one is probably a slip of the other."""
    return SequenceMatcher(None, one.casefold(), other.casefold()).ratio() >= 0.9
