"""The channel team's view of its partners: a row a partner, for all or for one channel manager."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sfprm.blocks import Bars, Block, Table, Text
from sfprm.ids import PartnerKey
from sfprm.insight.names import span_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sfprm.ids import PoolKey
    from sfprm.insight.report import Held
    from sfprm.programme.model import Programme

__all__ = ["Answered", "PartnerRow", "PartnersReport", "partners_report", "pools_of"]


@dataclass(frozen=True, slots=True)
class Answered:
    """One offer to a partner: when it was made, when accepted (None: it was not), and whether it
    ran out."""

    partner: PartnerKey
    offered: datetime
    accepted: datetime | None
    ran_out: bool


@dataclass(frozen=True, slots=True)
class PartnerRow:
    """One partner. `first_touch` is the median time from offer to acceptance; `opportunities` None
    when they cannot be seen."""

    partner: PartnerKey
    name: str
    manager: str
    open_leads: int
    oldest: timedelta | None
    offered: int
    accepted: int
    ran_out: int
    first_touch: timedelta | None
    leads: int
    converted: int
    opportunities: int | None
    amount: float | None

    def row(self) -> tuple[str, ...]:
        """As the table shows it."""
        answered = self.accepted + self.ran_out
        return (
            self.name,
            self.manager,
            f"{self.open_leads:,}",
            "" if self.oldest is None else span_text(self.oldest),
            f"{self.offered:,}" if self.offered else "",
            _percent(self.accepted, answered),
            "" if self.first_touch is None else span_text(self.first_touch),
            _percent(self.converted, self.leads),
            "?" if self.opportunities is None else f"{self.opportunities:,}",
            "" if self.amount is None else f"{self.amount:,.0f}",
        )

    def to_json(self) -> dict[str, Any]:
        """Times in seconds."""
        return {
            "partner": self.partner,
            "name": self.name,
            "manager": self.manager,
            "open_leads": self.open_leads,
            "oldest_seconds": _seconds(self.oldest),
            "offered": self.offered,
            "accepted": self.accepted,
            "ran_out": self.ran_out,
            "first_touch_seconds": _seconds(self.first_touch),
            "leads": self.leads,
            "converted": self.converted,
            "open_opportunities": self.opportunities,
            "amount": self.amount,
        }


COLUMNS = (
    *("partner", "manager", "open leads", "oldest", "offered", "accepted", "first touch"),
    *("converted", "open opportunities", "amount"),
)


@dataclass(frozen=True, slots=True)
class PartnersReport:
    """All rows, most open leads first. `days`: how far back offers and conversions count. `parked`:
    leads kept back, by reason; `dead`: open leads by owners who are gone."""

    rows: tuple[PartnerRow, ...]
    days: int
    parked: tuple[tuple[str, int], ...]
    dead: tuple[tuple[str, int], ...]

    def blocks(self, *, charts: bool = False) -> tuple[Block, ...]:
        """What a person reads; with a chart where there is room for one."""
        found: list[Block] = [
            Table(
                COLUMNS,
                tuple(row.row() for row in self.rows),
                title=f"Partners, offers and conversions of the last {self.days} days",
                right=tuple(range(2, len(COLUMNS))),
            )
        ]
        busy = [row for row in self.rows if row.open_leads]
        if busy and charts:
            found.append(
                Bars(
                    "Open leads by partner",
                    "leads",
                    ("open",),
                    tuple((row.name, (row.open_leads,)) for row in busy),
                )
            )
        if self.parked:
            rows = tuple((why, f"{n:,}") for why, n in self.parked)
            found.append(Table(("because", "leads"), rows, "Parked leads", right=(1,)))
        if self.dead:
            rows = tuple((owner, f"{n:,}") for owner, n in self.dead)
            found.append(
                Table(("owner", "open leads"), rows, "Open leads whose owner is gone", right=(1,))
            )
        else:
            found.append(Text(("No open lead lies with an owner who is gone.",)))
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """What a machine reads."""
        return {
            "days": self.days,
            "partners": [row.to_json() for row in self.rows],
            "parked": dict(self.parked),
            "dead_owners": dict(self.dead),
        }


def pools_of(programme: Programme, manager: str) -> list[PoolKey]:
    """The pools that have a partner of a channel manager among their members."""
    return [
        pool.key
        for pool in programme.routing.pools.values()
        if any(
            member.kind == "partner"
            and (partner := programme.partners.get(PartnerKey(member.name))) is not None
            and partner.manager == manager
            for member in pool.members
        )
    ]


def partners_report(
    programme: Programme,
    open_leads: Mapping[PartnerKey, Held],
    answers: Sequence[Answered],
    conversions: Mapping[PartnerKey, tuple[int, int]],
    opportunities: Mapping[PartnerKey, tuple[int, float | None]] | None,
    *,
    days: int,
    parked: Sequence[str],
    dead: Mapping[str, int],
    manager: str | None = None,
) -> PartnersReport:
    """Put together what was read. `parked` holds a reason for each lead kept back; `manager`: only
    that channel manager's partners."""
    rows = []
    for key, partner in programme.partners.items():
        if manager is not None and partner.manager != manager:
            continue
        mine = [a for a in answers if a.partner == key]
        waits = [(a.accepted - a.offered).total_seconds() for a in mine if a.accepted is not None]
        held = open_leads.get(key)
        leads, converted = conversions.get(key, (0, 0))
        count, amount = (None, None) if opportunities is None else opportunities.get(key, (0, None))
        rows.append(
            PartnerRow(
                partner=key,
                name=partner.name,
                manager=partner.manager,
                open_leads=0 if held is None else held.count,
                oldest=None if held is None else held.oldest,
                offered=len(mine),
                accepted=len(waits),
                ran_out=sum(a.ran_out for a in mine),
                first_touch=timedelta(seconds=statistics.median(waits)) if waits else None,
                leads=leads,
                converted=converted,
                opportunities=count,
                amount=amount,
            )
        )
    reasons: dict[str, int] = {}
    for why in parked:
        reasons[why] = reasons.get(why, 0) + 1
    return PartnersReport(
        tuple(sorted(rows, key=lambda row: (-row.open_leads, row.name))),
        days,
        tuple(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        tuple(sorted(dead.items(), key=lambda item: (-item[1], item[0]))),
    )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else ""


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else int(span.total_seconds())
