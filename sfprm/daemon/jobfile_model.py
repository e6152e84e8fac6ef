"""What may be written in a job file, as models; `docs/schema/job.json` is made of them.

job: route                 # one of `sfprm jobs list --known`, or package.module:function
every: 2 minutes           # or cron:, calendar:, after:, on_change:
time_zone: Europe/Lisbon   # for cron: and calendar:
jitter: 20 seconds
if_late: run once          # or skip, catch up
overlap: never             # or queue
limits: {changes: 2000, api_calls: 200, minutes: 30}
retries: {times: 2, wait: 1 minute}
on_failure: notify ops
options: {limit: 2000}     # the job's own options, checked by the job's model
"""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from sfprm.daemon.crontab import crontab_trigger
from sfprm.programme.complaints import did_you_mean

__all__ = [
    "SCHEDULES",
    "CalendarModel",
    "IfLate",
    "JobFileModel",
    "LimitsModel",
    "Overlap",
    "Pace",
    "RetriesModel",
    "Zone",
    "in_words",
    "pace",
]

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_PACE = re.compile(r"(\d+)\s*(second|minute|hour|day)s?")
SHORTEST_SECONDS = 1
SCHEDULES = ("every", "cron", "calendar", "after", "on_change")
"""The keys of which a job file has exactly one."""
_FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_NOTIFY = re.compile(r"notify\s+([a-z][\w-]*(?:\s*,\s*[a-z][\w-]*)*)")


class IfLate(StrEnum):
    """What to do with slots that were missed (the daemon was down, or busy)."""

    RUN_ONCE = "run once"
    SKIP = "skip"
    CATCH_UP = "catch up"


class Overlap(StrEnum):
    """What to do with slots that come due while a run of the same file is under way."""

    NEVER = "never"
    """They become one run, for the newest of them, after it."""
    QUEUE = "queue"
    """Each gets its run, one after the other."""


def pace(text: str) -> timedelta:
    """`2 minutes` as a duration. Raises ValueError saying what to write."""
    found = _PACE.fullmatch(text.strip().lower())
    if found is None or int(found[1]) * UNITS[found[2]] < SHORTEST_SECONDS:
        raise ValueError(f"{text!r} is no pace; write '2 minutes', '1 hour' or '30 seconds'.")
    return timedelta(seconds=int(found[1]) * UNITS[found[2]])


def in_words(duration: timedelta) -> str:
    """The duration in its largest whole unit."""
    seconds = int(duration.total_seconds())
    for unit in reversed(UNITS):
        if seconds % UNITS[unit] == 0:
            count = seconds // UNITS[unit]
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"


def _wrong(words: str) -> PydanticCustomError:
    # braces would be taken for a template's
    return PydanticCustomError("job_file", "{words}", {"words": words.rstrip(".")})


def _pace(text: str) -> str:
    try:
        pace(text)
    except ValueError as error:
        raise _wrong(str(error)) from None
    return text


def _crontab(text: str) -> str:
    try:
        crontab_trigger(text)
    except ValueError as error:
        raise _wrong(f"{text!r} is not a crontab line: {error}") from None
    return text


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(text: str) -> str:
    if text not in _zones():
        raise _wrong(f"{text!r} is not a time zone. {did_you_mean(text, _zones())}".strip())
    return text


def _clock_time(text: str) -> str:
    if _CLOCK.fullmatch(text) is None:
        raise _wrong(f'{text!r} is no time of day; write "09:00", in quotes')
    return text


def _known(text: str) -> str:
    from sfprm.jobs.registry import KNOWN_JOBS

    if text not in KNOWN_JOBS and _FUNCTION.fullmatch(text) is None:
        near = did_you_mean(text, KNOWN_JOBS)
        raise _wrong(f"no job is named {text!r}. {near}".strip())
    return text


def _notify(text: str) -> str:
    if _NOTIFY.fullmatch(text) is None:
        raise _wrong(f"{text!r}: write `notify NAME`, the name of a file in jobs/alerts/")
    return text


Pace = Annotated[str, AfterValidator(_pace)]
Zone = Annotated[str, AfterValidator(_zone)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CalendarModel(_Shape):
    """Times of day, on certain days, but not on holidays."""

    at: list[Annotated[str, AfterValidator(_clock_time)]] = Field(
        min_length=1, description='Times of day: ["09:00", "14:30"].'
    )
    days: str = Field("*", description="Weekdays as crontab writes them: MON-FRI.")
    holidays: str | None = Field(
        None, description="Country, or country-subdivision, whose public holidays are left out: PT."
    )
    dates_off: list[date] = Field(default_factory=list, description="Single days left out.")

    @model_validator(mode="after")
    def _sound(self) -> CalendarModel:
        try:
            crontab_trigger(f"0 0 * * {self.days}")
        except ValueError as error:
            raise _wrong(f"days: {error}") from None
        if self.holidays is not None:
            from sfprm.daemon.trigger import public_holidays

            try:
                public_holidays(self.holidays, (2026,))
            except ValueError as error:
                raise _wrong(f"holidays: {error}") from None
        return self

    @property
    def times(self) -> tuple[time, ...]:
        """The times of day, ascending."""
        return tuple(sorted(time.fromisoformat(text) for text in self.at))


class LimitsModel(_Shape):
    """The brakes of one run."""

    changes: int | None = Field(
        None, ge=0, description="Most records that one run may change (the job's own brake)."
    )
    api_calls: int | None = Field(None, ge=1, description="Most API calls of one run.")
    minutes: float | None = Field(
        None, gt=0, description="After this the run stops before its next call; the next goes on."
    )


class RetriesModel(_Shape):
    """What follows a run that failed; a refusal of bad files is not repeated."""

    times: int = Field(0, ge=0, le=20, description="How often a failed run is tried again.")
    wait: Pace = Field("1 minute", description="Wait before the first try; doubles each time.")


class JobFileModel(_Shape):
    """A job file: what, in which org, when, and what to do when something is in the way."""

    job: Annotated[str, AfterValidator(_known)] = Field(
        description="Which job: provision, route, … or your own function: package.module:function."
    )
    name: str | None = Field(
        None, min_length=1, max_length=60, description="The run's name; by default the file's."
    )
    description: str = Field("", description="Why this job is here; shown by `sfprm jobs list`.")
    org: str | None = Field(
        None, description="One of several orgs: the name of an env file in SFPRM_ORGS (emea)."
    )
    programme: str | None = Field(
        None, description="Another programme folder than the setting's, from the job file's folder."
    )
    every: Pace | None = Field(None, description="Pace: '2 minutes', '1 hour', '30 seconds'.")
    cron: Annotated[str, AfterValidator(_crontab)] | None = Field(
        None, description="Five crontab fields: '*/5 8-20 * * MON-FRI'."
    )
    calendar: CalendarModel | None = Field(
        None, description="Times of day on certain days, holidays left out."
    )
    after: str | None = Field(
        None, description="Name of another job file: runs after each of its successful runs."
    )
    on_change: str | list[str] | None = Field(
        None, description="Files or patterns, from the job file's folder: runs when one changes."
    )
    time_zone: Zone = Field("UTC", description="IANA zone in which `cron` and `calendar` are read.")
    jitter: Pace | None = Field(
        None, description="Starts up to this much after the slot, the same time for each slot."
    )
    if_late: IfLate = Field(
        IfLate.RUN_ONCE, description="Missed slots: run once (now), skip, or catch up (each)."
    )
    overlap: Overlap = Field(
        Overlap.NEVER, description="Slots due during a run: never (one run after it), or queue."
    )
    limits: LimitsModel = Field(LimitsModel(), description="The brakes of one run.")
    retries: RetriesModel = Field(RetriesModel(), description="What follows a failed run.")
    on_failure: Annotated[str, AfterValidator(_notify)] | None = Field(
        None, description="Who is told: notify NAME, after jobs/alerts/NAME.yaml."
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="The job's options, as on the command line."
    )

    @model_validator(mode="after")
    def _one_schedule(self) -> JobFileModel:
        if sum(getattr(self, key) is not None for key in SCHEDULES) != 1:
            raise PydanticCustomError(
                "one_of",
                "a job file has exactly one of `every`, `cron`, `calendar`, `after`, `on_change`",
            )
        return self

    @property
    def channels(self) -> tuple[str, ...]:
        """Who is told when it fails."""
        found = _NOTIFY.fullmatch(self.on_failure or "")
        return tuple(name.strip() for name in found[1].split(",")) if found else ()
