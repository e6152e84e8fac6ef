"""The channel team's report: where open leads lie, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sfprm.blocks import Block, Table, Text
from sfprm.ids import PartnerKey
from sfprm.insight.fairness import FairnessReport, fairness
from sfprm.insight.names import instant_text, member_name, span_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.ids import RecordId
    from sfprm.programme.model import Programme

__all__ = [
    "AGES",
    "ChannelReport",
    "FairnessReport",
    "Held",
    "OpenLead",
    "channel_report",
    "fairness",
]

AGES: tuple[tuple[str, timedelta], ...] = (
    ("under 1 day", timedelta(days=1)),
    ("1–3 days", timedelta(days=3)),
    ("3–7 days", timedelta(days=7)),
    ("7–30 days", timedelta(days=30)),
    ("over 30 days", timedelta.max),
)
"""Age classes of open leads: name, and the age below which a lead is in it."""


@dataclass(frozen=True, slots=True)
class OpenLead:
    """An open lead as read from the org. `partner` when a person of a partner holds it, `queue`
    (its label) when it lies in a queue; neither: an internal user holds it."""

    lead: RecordId
    created: datetime
    partner: PartnerKey | None = None
    queue: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """Open leads in one place. `ages` counts by `AGES`; `oldest` is None when there are none."""

    name: str
    count: int
    ages: tuple[int, ...]
    oldest: timedelta | None

    def row(self) -> tuple[str, ...]:
        """Name, count, ages, oldest."""
        ages = (f"{n:,}" if n else "" for n in self.ages)
        oldest = "" if self.oldest is None else span_text(self.oldest)
        return (self.name, f"{self.count:,}", *ages, oldest)

    def to_json(self) -> dict[str, Any]:
        """`oldest` in seconds."""
        return {
            "name": self.name,
            "count": self.count,
            "ages": dict(zip((name for name, _ in AGES), self.ages, strict=True)),
            "oldest_seconds": None if self.oldest is None else int(self.oldest.total_seconds()),
        }


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """Where the open leads lie, at one instant."""

    at: datetime
    partners: tuple[Held, ...]
    by_partner: Mapping[PartnerKey, Held]
    queues: tuple[Held, ...]
    internal: Held

    @property
    def total(self) -> int:
        """All open leads."""
        return sum(held.count for held in (*self.partners, *self.queues, self.internal))

    def blocks(self) -> tuple[Block, ...]:
        """What a person reads."""
        ages = tuple(name for name, _ in AGES)
        right = tuple(range(1, len(ages) + 3))
        partners = (*self.partners, self.internal) if self.internal.count else self.partners
        return (
            Text((f"{self.total:,} open leads at {instant_text(self.at)}.",)),
            Table(
                ("partner", "open", *ages, "oldest"),
                tuple(held.row() for held in partners),
                title="Open leads by partner",
                right=right,
            ),
            Table(
                ("queue", "depth", *ages, "oldest"),
                tuple(held.row() for held in self.queues),
                title="Queues",
                right=right,
            ),
        )

    def to_json(self) -> dict[str, Any]:
        """What a machine reads."""
        return {
            "at": self.at.isoformat(),
            "total": self.total,
            "partners": [held.to_json() for held in self.partners],
            "queues": [held.to_json() for held in self.queues],
            "internal": self.internal.to_json(),
        }


def channel_report(
    open_leads: Sequence[OpenLead], queues: Sequence[str], now: datetime, programme: Programme
) -> ChannelReport:
    """Open leads by partner (all declared ones, most first) and by queue; an empty queue
    of `queues` is shown too. Ages count from the lead's creation."""
    by_partner: dict[str, list[datetime]] = {key: [] for key in programme.partners}
    by_queue: dict[str, list[datetime]] = {label: [] for label in queues}
    internal: list[datetime] = []
    for lead in open_leads:
        if lead.partner is not None:
            by_partner.setdefault(lead.partner, []).append(lead.created)
        elif lead.queue is not None:
            by_queue.setdefault(lead.queue, []).append(lead.created)
        else:
            internal.append(lead.created)
    held = {
        PartnerKey(key): _held(member_name(f"partner:{key}", programme), created, now)
        for key, created in by_partner.items()
    }
    return ChannelReport(
        at=now,
        partners=tuple(sorted(held.values(), key=lambda each: (-each.count, each.name))),
        by_partner=MappingProxyType(held),
        queues=tuple(_held(label, created, now) for label, created in by_queue.items()),
        internal=_held("internal users", internal, now),
    )


def _held(name: str, created: Sequence[datetime], now: datetime) -> Held:
    counts = [0] * len(AGES)
    for instant in created:
        age = now - instant
        counts[next(at for at, (_, below) in enumerate(AGES) if age < below)] += 1
    return Held(name, len(created), tuple(counts), now - min(created) if created else None)
