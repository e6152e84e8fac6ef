"""What may be written about working hours, absences and look-up tables in routing.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from sfprm.programme.file_base import File, Name, Text, written_as

__all__ = [
    "AbsenceEntries",
    "AbsenceFile",
    "CalendarFile",
    "Holidays",
    "HoursText",
    "LookupFile",
    "WorkingHours",
    "WorkingHoursFile",
]

HoursText = Annotated[str, Field(min_length=1, max_length=255)]
Holidays = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,4})?$")]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
FileName = Annotated[str, Field(min_length=1, max_length=255)]


class CalendarFile(File):
    """Working hours that several may have."""

    hours: HoursText = Field(description="Such as: Mon-Fri 09:00-18:00 Europe/Lisbon")
    holidays: Holidays | None = Field(
        None, description="Country, or part of one, whose public holidays are off: PT, DE-BY."
    )
    days_off: list[Day] = Field(default_factory=list, description="Further days off: 2026-12-24.")


class WorkingHoursFile(File):
    """Hours of partners and people, by key: a calendar's name, or hours as they are."""

    partners: dict[str, HoursText] = Field(default_factory=dict)
    people: dict[str, HoursText] = Field(default_factory=dict)


WorkingHours = Annotated[
    Annotated[FileName, Tag("<text>")] | Annotated[WorkingHoursFile, Tag("<mapping>")],
    Discriminator(written_as),
]


class AbsenceFile(File):
    """Somebody is away, both days included."""

    person: Name
    first: Day
    last: Day
    why: Text | None = None


AbsenceEntries = Annotated[
    Annotated[FileName, Tag("<text>")] | Annotated[list[AbsenceFile], Tag("<list>")],
    Discriminator(written_as),
]


class LookupFile(File):
    """A table that says something for values of the lead."""

    file: FileName = Field(description="CSV; its columns are the keys, and what it tells.")
    key: Annotated[
        Annotated[Name, Tag("<text>")] | Annotated[list[Name], Tag("<list>")],
        Discriminator(written_as),
    ] = Field(description="Lead fields looked up by, each a column of the file.")
    longest_prefix: bool = Field(
        False, description="The longest row that the last key starts with counts."
    )
