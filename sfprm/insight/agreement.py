"""How far a shadow agrees with who really got the leads."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfprm.blocks import Block, Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Agreement", "Compared", "agreement"]

MOST = 20
"""Rows of the table of differences."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One lead: whom the shadow chose and who has it, each as a name, with the partner if any.
    `there` empty: it still waits."""

    rule: str
    chosen: str
    chosen_partner: str
    there: str
    there_partner: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """`decided` leads in all; `waiting` are still where leads wait; of the others `same` have the
    owner that the shadow chose and `partner` another person of the same partner."""

    name: str
    decided: int
    parked: int
    waiting: int
    same: int
    partner: int
    differences: tuple[tuple[str, str, str, int], ...]

    @property
    def compared(self) -> int:
        """Leads that have an owner by now, and one by the shadow."""
        return self.decided - self.parked - self.waiting

    def blocks(self) -> tuple[Block, ...]:
        """What a person reads."""
        both = self.same + self.partner
        share = f" ({100 * both / self.compared:.0f} %)" if self.compared else ""
        found: list[Block] = [
            Text(
                (
                    f"Shadow {self.name}: {self.decided:,} leads decided, {self.parked:,} of them "
                    f"would be parked, {self.waiting:,} still wait for the other router.",
                    f"Of {self.compared:,} that were handed out, {both:,} agree{share}: "
                    f"{self.same:,} with the same owner, {self.partner:,} with the same partner.",
                )
            )
        ]
        if self.differences:
            found.append(
                Table(
                    ("rule", "shadow", "there", "leads"),
                    tuple((*d[:3], f"{d[3]:,}") for d in self.differences[:MOST]),
                    title="Differences",
                    right=(3,),
                )
            )
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """What a machine reads."""
        return {
            "shadow": self.name,
            "decided": self.decided,
            "parked": self.parked,
            "waiting": self.waiting,
            "compared": self.compared,
            "same_owner": self.same,
            "same_partner": self.partner,
            "differences": [
                {"rule": rule, "shadow": mine, "there": theirs, "leads": count}
                for rule, mine, theirs, count in self.differences
            ],
        }


def agreement(name: str, leads: Iterable[Compared]) -> Agreement:
    """Compare. A lead without a choice counts as parked, whoever has it."""
    decided = parked = waiting = same = partner = 0
    differences: Counter[tuple[str, str, str]] = Counter()
    for lead in leads:
        decided += 1
        if not lead.chosen:
            parked += 1
        elif not lead.there:
            waiting += 1
        elif lead.chosen == lead.there:
            same += 1
        elif lead.chosen_partner and lead.chosen_partner == lead.there_partner:
            partner += 1
        else:
            mine = lead.chosen_partner or lead.chosen
            theirs = lead.there_partner or lead.there
            differences[lead.rule, mine, theirs] += 1
    ordered = sorted(differences.items(), key=lambda item: (-item[1], item[0]))
    return Agreement(
        name, decided, parked, waiting, same, partner, tuple((*key, n) for key, n in ordered)
    )
