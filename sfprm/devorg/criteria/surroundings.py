"""What a filter asks of the org beside the record: the caller, today, names of other records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sfprm.devorg.soql.dates import Calendar
from sfprm.devorg.stamps import stamp_text

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["Surroundings"]


class Surroundings:
    """One org at one instant for one caller. Days are cut in the org's default time zone
    (unverified: perhaps the caller's)."""

    def __init__(self, org: Org, user: Mapping[str, Any]) -> None:
        self._org = org
        self.user = user
        self._names: dict[str, frozenset[str]] = {}

    @cached_property
    def locale(self) -> str:
        """The org's default locale, in which days are written (unverified: the deployer's)."""
        return str(self._org.organization.get("DefaultLocaleSidKey") or "en_US")

    @cached_property
    def zone(self) -> ZoneInfo:
        """The org's default time zone."""
        return ZoneInfo(str(self._org.organization.get("TimeZoneSidKey") or "UTC"))

    @cached_property
    def calendar(self) -> Calendar:
        """Today."""
        return Calendar(self._org.clock.now(), str(self.zone))

    def span(self, day: date, at: time | None) -> tuple[str, str]:
        """A day, or a minute of it, as stored instants: the first and the one after the last."""
        if at is None:
            start = datetime.combine(day, time(), self.zone)
            end = datetime.combine(day + timedelta(days=1), time(), self.zone)
        else:
            start = datetime.combine(day, at, at.tzinfo or self.zone)
            end = start.astimezone(UTC) + timedelta(seconds=1 if at.second else 60)
        return stamp_text(start), stamp_text(end)

    def names(self, id_: str) -> frozenset[str]:
        """What a record may be called in a filter, in lower case: its name and developer name."""
        known = self._names.get(id_)
        if known is None:
            known = self._names[id_] = frozenset(self._ask(id_))
        return known

    def _ask(self, id_: str) -> Iterable[str]:
        definition = self._org.schema.by_key_prefix(id_[:3])
        record = self._org.storage.get(definition.name, id_) if definition else None
        for name in ("Name", "DeveloperName"):
            if record and record.get(name):
                yield str(record[name]).strip().casefold()
