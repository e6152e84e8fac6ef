"""A look-up table: what a CSV file says for a lead's postal code, country, product or account."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.programme.origin import Origin

__all__ = ["Lookup", "folded"]

BETWEEN = "\x1f"
"""Between the parts of a row's key."""


def folded(text: str, *, prefix: bool) -> str:
    """A key as it is compared: without case; for prefixes also without blanks and dashes, as postal
    codes are written in many ways."""
    text = text.strip().casefold()
    return "".join(c for c in text if c not in " -\u00a0") if prefix else text


@dataclass(frozen=True, slots=True)
class Lookup:
    """One table. `keys` are the Lead paths looked up by, in order; with `longest_prefix` the last
    of them may be longer than the row's key, and the longest such row counts. `columns` are what
    it tells.

    `rows` is by folded key, the parts joined by BETWEEN; a last part of `*` stands for all that is
    not found. They are no part of the stored programme: `content` (sha256) stands for them, and
    what was found is kept with each decision.
    """

    name: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    longest_prefix: bool
    content: str
    origin: Origin
    rows: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def find(self, values: Sequence[str]) -> tuple[str, ...] | None:
        """The row for those key values, as many as there are keys; None when there is none."""
        head = BETWEEN.join(folded(value, prefix=False) for value in values[:-1])
        head = head + BETWEEN if len(values) > 1 else ""
        last = folded(values[-1], prefix=self.longest_prefix)
        found = self.rows.get(head + last) if last else None
        if found is None and self.longest_prefix:
            for end in range(len(last) - 1, 0, -1):
                found = self.rows.get(head + last[:end])
                if found is not None:
                    break
        return found if found is not None else self.rows.get(f"{head}*")

    def path(self, column: str) -> str:
        """How criteria name a column: `lookup.territory`, or `lookup.territory.region` where the
        table tells several things."""
        return f"lookup.{self.name}" if len(self.columns) == 1 else f"lookup.{self.name}.{column}"
