"""What a source's rows are to become, and what was found wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["Draft", "Finding", "OrgWords"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a row. `held`: the row is not loaded; else it is only said."""

    row: int
    column: str
    code: str
    what: str
    advice: str = ""
    held: bool = True


@dataclass(slots=True)
class Draft:
    """What the rows are to become: rows of partners.csv and people.csv by key, new ones only.

    `partner_of` and `person_of`: key by source row; also those of partners and people that the
    programme declares already. `findings` in order of the rows.
    """

    partners: dict[str, dict[str, str]] = field(default_factory=dict)
    people: dict[str, dict[str, str]] = field(default_factory=dict)
    partner_of: dict[int, str] = field(default_factory=dict)
    person_of: dict[int, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def held(self) -> set[int]:
        """Rows that are not loaded."""
        return {f.row for f in self.findings if f.held}

    def without(self, held: set[int]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
        """Partners and people that some row which is loaded stands for."""
        partners = {k for row, k in self.partner_of.items() if row not in held}
        people = {k for row, k in self.person_of.items() if row not in held}
        return (
            [row for key, row in self.partners.items() if key in partners],
            [row for key, row in self.people.items() if key in people],
        )


class OrgWords(Protocol):
    """What the org calls things."""

    def code(self, target: str, text: str) -> str | None:
        """The org's value for a text; the text itself where anything goes, None where nothing
        fits."""

    def most(self, target: str) -> int:
        """Most characters of a field; 0 where there is no limit."""
