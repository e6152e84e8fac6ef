"""When nobody of a pool is at work: hours of the week, and days ahead with holidays or absences.

What the files say alone; caps, logins and the like are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sfprm.errors import Complaint
from sfprm.ids import PartnerKey
from sfprm.programme.model import InTurn, Presence, ToCompany, ToPool, ToQueue, Waiver
from sfprm.routing.calendar import open_times
from sfprm.routing.working_hours import hours_of_member, hours_of_person

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sfprm.programme.calendar_model import Absence, Calendar
    from sfprm.programme.model import Pool, Programme, Rule

__all__ = ["DAYS_AHEAD", "Shut", "shut", "shut_pools"]

DAYS_AHEAD = 90
"""How far holidays and absences are looked for."""

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SHOWN = 8

Interval = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Shut:
    """A pool for which nobody is at work now and then. `week`: the hours of an ordinary week, in
    `zone`; `days`: days ahead that are shut whole though their weekday is not, ISO dates. `then`:
    what becomes of leads meanwhile."""

    zone: str
    week: str
    days: tuple[str, ...]
    then: str

    def words(self) -> str:
        """A sentence, without the pool's name."""
        parts = [f"nobody is at work {self.week} ({self.zone})"] if self.week else []
        if self.days:
            more = len(self.days) - _SHOWN
            listed = ", ".join(self.days[:_SHOWN]) + (f" and {more} more days" if more > 0 else "")
            parts.append(f"{'nor' if parts else 'nobody is at work'} on {listed}")
        return f"{', '.join(parts)}; {self.then}"


@dataclass(frozen=True, slots=True)
class _Worker:
    """One who may get the pool's leads: hours (None: always), absences and their time zone."""

    hours: Calendar | None
    absences: tuple[Absence, ...] = ()
    zone: str = "UTC"


def shut(programme: Programme, pool: Pool, now: datetime) -> Shut | None:
    """When nobody of the pool is at work; None when somebody always is, as far as the files say, or
    when it has no member who may get leads at all (that is warned of elsewhere)."""
    workers = _workers(programme, pool)
    if not workers:
        return None
    calendars = {id(w.hours): w.hours for w in workers if w.hours is not None}
    zone = next((c.zone for c in calendars.values()), workers[0].zone)
    local = ZoneInfo(zone)
    today = now.astimezone(local).date()
    then = _then(programme, pool)
    week, monday = "", today + timedelta(days=7 - today.weekday())
    if all(w.hours is not None for w in workers):
        ordinary = [replace(c, country=None, days_off=()) for c in calendars.values()]
        found = _union(t for c in ordinary for t in open_times(c, monday - _DAY, 9))
        inside = _clipped(found, _midnight(monday, local), _midnight(monday + 7 * _DAY, local))
        # hours that only a skipped hour has leave nothing
        week = _week_text(_gaps(inside), local) if inside else "at any hour"
    days = tuple(_days(workers, calendars.values(), today, local))
    return Shut(zone, week, days, then) if week or days else None


def shut_pools(programme: Programme, now: datetime) -> list[Complaint]:
    """A warning for each pool that nobody is at work for now and then."""
    found = []
    for pool in programme.routing.pools.values():
        hours = shut(programme, pool, now)
        if hours is not None:
            found.append(
                Complaint(
                    pool.origin.file,
                    pool.origin.line,
                    f"pool {pool.key!r}: {hours.words()}.",
                    severity="warning",
                )
            )
    return found


_DAY = timedelta(days=1)


def _workers(programme: Programme, pool: Pool) -> list[_Worker]:
    waived = set(pool.waive)
    hours_count = not {Waiver.OUT_OF_HOURS, Waiver.HOLIDAY} <= waived
    found = []
    for member in pool.members:
        if member.weight <= 0:
            continue
        if member.kind != "partner":
            calendar = hours_of_member(programme, pool, member) if hours_count else None
            found.append(_Worker(calendar))
            continue
        for person in programme.people_of(PartnerKey(member.name)):
            if person.state is not Presence.ACTIVE:
                continue
            calendar = hours_of_person(programme, person, pool, member) if hours_count else None
            away = programme.routing.absences.get(person.key, ())
            found.append(
                _Worker(calendar, () if Waiver.ABSENT in waived else away, person.time_zone)
            )
    return found


def _days(
    workers: Sequence[_Worker], calendars: Iterable[Calendar], today: date, local: ZoneInfo
) -> Iterable[str]:
    """Days ahead on which nobody works though somebody would on that weekday."""
    if not any(w.absences for w in workers) and all(
        c.country is None and not c.days_off for c in calendars
    ):
        return
    if any(w.hours is None and not w.absences for w in workers):
        return
    for ahead in range(DAYS_AHEAD):
        day = today + ahead * _DAY
        start, end = _midnight(day, local), _midnight(day + _DAY, local)
        ordinary = False
        for worker in workers:
            if _works(worker, day, start, end):
                break
            ordinary = ordinary or _would_work(worker, day, start, end)
        else:
            if ordinary:
                yield day.isoformat()


def _works(worker: _Worker, day: date, start: datetime, end: datetime) -> bool:
    """Whether the worker is there at some moment of the day."""
    if worker.hours is None:
        spans: list[Interval] = [(start, end)]
    else:
        spans = _clipped(open_times(worker.hours, day - _DAY, 3), start, end)
    return any(not _away(worker, span) for span in spans)


def _would_work(worker: _Worker, day: date, start: datetime, end: datetime) -> bool:
    if worker.hours is None:
        return True
    plain = replace(worker.hours, country=None, days_off=())
    return bool(_clipped(open_times(plain, day - _DAY, 3), start, end))


def _away(worker: _Worker, span: Interval) -> bool:
    """Whether an absence holds for the whole of a span: absences are whole local days."""
    if not worker.absences:
        return False
    zone = ZoneInfo(worker.zone)
    first, last = span[0].astimezone(zone).date(), (span[1] - _MOMENT).astimezone(zone).date()
    return all(
        any(a.first <= (first + n * _DAY).isoformat() <= a.last for a in worker.absences)
        for n in range((last - first).days + 1)
    )


_MOMENT = timedelta(microseconds=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _union(spans: Iterable[Interval]) -> list[Interval]:
    """Spans joined where they touch, in order."""
    found: list[Interval] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _clipped(spans: Iterable[Interval], start: datetime, end: datetime) -> list[Interval]:
    return [(max(a, start), min(b, end)) for a, b in spans if a < end and b > start]


def _gaps(week: Sequence[Interval]) -> list[Interval]:
    """Between the open times of a week that goes round."""
    round_ = [*week, (week[0][0] + 7 * _DAY, week[0][1] + 7 * _DAY)]
    return [(one[1], other[0]) for one, other in pairwise(round_) if one[1] < other[0]]


def _week_text(gaps: Sequence[Interval], zone: ZoneInfo) -> str:
    """`Mon, Tue 18:00 to 09:00, Fri 18:00 to Mon 09:00`: alike ones together."""
    alike: dict[tuple[str, str, int], list[datetime]] = {}
    for start, end in gaps:
        begins, ends = start.astimezone(zone), end.astimezone(zone)
        key = (f"{begins:%H:%M}", f"{ends:%H:%M}", (ends.date() - begins.date()).days)
        alike.setdefault(key, []).append(begins)
    parts = []
    for (opens, closes, days), starts in alike.items():
        named = ", ".join(DAYS[start.weekday()] for start in starts)
        until = DAYS[(starts[0].weekday() + days) % 7] + " " if days > 1 else ""
        parts.append(f"{named} {opens} to {until}{closes}")
    return ", ".join(parts)


def _then(programme: Programme, pool: Pool) -> str:
    """What becomes of leads that come meanwhile, rule by rule."""
    waits, passed = pool.intake is not None, []
    for rule in programme.routing.all_rules:
        after = _after(rule, pool)
        if after == "":
            waits = True
        elif after is not None:
            passed.append(f"rule {rule.name!r} gives them to {after}")
    parts = ["leads wait until somebody is"] if waits or not passed else []
    return "; ".join([*parts, *passed])


def _after(rule: Rule, pool: Pool) -> str | None:
    """The target after the pool, '' when there is none; None for rules that do not name it."""
    targets = rule.target.targets if isinstance(rule.target, InTurn) else (rule.target,)
    places = [n for n, t in enumerate(targets) if isinstance(t, ToPool) and t.pool == pool.key]
    if not places:
        return None
    for target in targets[places[-1] + 1 :]:
        match target:
            case ToCompany():
                continue
            case ToPool(key):
                return f"pool {key}"
            case ToQueue(queue):
                return f"queue {queue}"
            case _:
                return f"user {getattr(target, 'username', '')}"
    return ""
