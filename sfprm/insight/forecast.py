"""`simulate`: a forecast as values, text and JSON; beside today's rules when there are any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfprm.blocks import Bars, Block, Table, Text
from sfprm.insight.names import leads_text, member_name
from sfprm.routing.values import UNIT

if TYPE_CHECKING:
    from sfprm.programme.model import Programme
    from sfprm.routing.simulate import Simulation

__all__ = ["Forecast"]

MOST_OWNERS = 40
"""Rows of the owners' table; the rest is in the JSON."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the candidate rules would do with some leads, and what today's would.

    `source` says which leads, `grounds` what was taken for granted.
    """

    programme: Programme
    candidate: Simulation
    today: Simulation | None
    source: str
    grounds: str

    @property
    def moved(self) -> int:
        """Leads that would have another owner than by today's rules, or gain or lose one."""
        if self.today is None:
            return 0
        mine, theirs = self.candidate.owner_of, self.today.owner_of
        return sum(mine.get(lead) != theirs.get(lead) for lead in mine.keys() | theirs.keys())

    def blocks(self) -> tuple[Block, ...]:
        """What a person reads."""
        found: list[Block] = [Text(self._headline())]
        found.append(self._rules())
        found.extend(self._pools())
        found.append(self._owners())
        if self.candidate.parked or (self.today is not None and self.today.parked):
            found.append(self._parked())
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """What a machine reads; entitlements in leads."""
        return {
            "source": self.source,
            "grounds": self.grounds,
            "candidate": _json(self.candidate),
            "today": None if self.today is None else _json(self.today),
            "moved": self.moved if self.today is not None else None,
        }

    def _headline(self) -> tuple[str, ...]:
        new = self.candidate
        lines = [
            f"{new.leads:,} leads ({self.source}): {new.assigned:,} would get an owner, "
            f"{new.parked_leads:,} would be parked, {new.left_alone:,} left where they are."
        ]
        if self.today is not None:
            old = self.today
            lines.append(
                f"Today's rules: {old.assigned:,} with an owner, {old.parked_leads:,} parked, "
                f"{old.left_alone:,} left. {self.moved:,} leads would have another owner."
            )
        lines.append(f"Taken for granted: {self.grounds}.")
        return tuple(lines)

    def _rules(self) -> Table:
        old = {} if self.today is None else {rule: n for rule, n, _ in self.today.rules}
        names = [rule for rule, _, _ in self.candidate.rules]
        rows = [
            (rule, f"{n:,}", f"{parked:,}" if parked else "", *self._beside(old.get(rule, 0)))
            for rule, n, parked in self.candidate.rules
        ]
        rows += [
            (f"{rule} (gone)", "", "", *self._beside(n))
            for rule, n in old.items()
            if rule not in names and n
        ]
        return Table(
            ("rule", "leads", "of them parked", *self._today_column()),
            tuple(rows),
            title="By rule",
            right=(1, 2, 3),
        )

    def _pools(self) -> list[Block]:
        found: list[Block] = []
        old = {} if self.today is None else {(m.pool, m.member): m.got for m in self.today.members}
        for pool in dict.fromkeys(m.pool for m in self.candidate.members):
            members = [m for m in self.candidate.members if m.pool == pool]
            names = [member_name(m.member, self.programme) for m in members]
            found.append(
                Table(
                    ("member", "entitled", "would get", *self._today_column()),
                    tuple(
                        (
                            name,
                            leads_text(m.entitled),
                            f"{m.got:,}",
                            *self._beside(old.get((pool, m.member), 0)),
                        )
                        for name, m in zip(names, members, strict=True)
                    ),
                    title=f"Pool {pool}",
                    right=(1, 2, 3),
                )
            )
            found.append(
                Bars(
                    f"Pool {pool}",
                    "leads",
                    ("candidate", *self._today_column()),
                    tuple(
                        (
                            name,
                            (
                                m.got,
                                *((old.get((pool, m.member), 0),) if self.today else ()),
                            ),
                        )
                        for name, m in zip(names, members, strict=True)
                    ),
                )
            )
        return found

    def _owners(self) -> Table:
        old = {} if self.today is None else {o.name: o.leads for o in self.today.owners}
        shown = self.candidate.owners[:MOST_OWNERS]
        more = len(self.candidate.owners) - len(shown)
        return Table(
            ("owner", "of", "leads", "busiest day", "most due in a day", *self._today_column()),
            tuple(
                (
                    owner.name,
                    member_name(owner.member, self.programme) if owner.member else "",
                    f"{owner.leads:,}",
                    f"{owner.busiest:,}",
                    f"{owner.due:,}" if owner.due else "",
                    *self._beside(old.get(owner.name, 0)),
                )
                for owner in shown
            ),
            title="By owner" + (f", the first {len(shown)} of {len(shown) + more}" if more else ""),
            right=(2, 3, 4, 5),
        )

    def _parked(self) -> Table:
        old = {} if self.today is None else dict(self.today.parked)
        new = dict(self.candidate.parked)
        return Table(
            ("parked because", "leads", *self._today_column()),
            tuple(
                (why, f"{new.get(why, 0):,}", *self._beside(old.get(why, 0)))
                for why in dict.fromkeys((*new, *old))
            ),
            title="Parked at the end",
            right=(1, 2),
        )

    def _today_column(self) -> tuple[str, ...]:
        return () if self.today is None else ("today",)

    def _beside(self, number: int) -> tuple[str, ...]:
        return () if self.today is None else (f"{number:,}",)


def _json(found: Simulation) -> dict[str, Any]:
    return {
        "leads": found.leads,
        "assigned": found.assigned,
        "parked": found.parked_leads,
        "left_alone": found.left_alone,
        "tries": found.tries,
        "rules": [{"rule": r, "leads": n, "parked": parked} for r, n, parked in found.rules],
        "members": [
            {"pool": m.pool, "member": m.member, "got": m.got, "entitled": m.entitled / UNIT}
            for m in found.members
        ],
        "owners": [
            {
                "name": o.name,
                "member": o.member,
                "leads": o.leads,
                "busiest_day": o.busiest,
                "most_due_in_a_day": o.due,
            }
            for o in found.owners
        ],
        "parked_by_reason": dict(found.parked),
    }
