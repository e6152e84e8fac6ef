"""Calendars, working hours and absences of routing.yaml to values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from holidays import list_supported_countries

from sfprm.ids import PartnerKey, PersonKey
from sfprm.programme.calendar_model import Absence, Calendar
from sfprm.programme.calendar_text import parse_hours
from sfprm.programme.csv_text import parse_csv
from sfprm.programme.source import read_source
from sfprm.programme.text_error import TextError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.programme.complaints import Place
    from sfprm.programme.csv_text import Row
    from sfprm.programme.files import RoutingFile
    from sfprm.programme.sheet import Sheet

__all__ = ["TimeTerms", "build_calendars", "build_hours", "with_holidays"]


@dataclass(frozen=True, slots=True)
class TimeTerms:
    """What routing.yaml says about time, apart from pools."""

    hours: Calendar | None
    partner_hours: Mapping[PartnerKey, Calendar]
    person_hours: Mapping[PersonKey, Calendar]
    absences: Mapping[PersonKey, tuple[Absence, ...]]


def build_calendars(file: RoutingFile, sheet: Sheet) -> dict[str, Calendar]:
    """`calendars:` by name."""
    found = {}
    for name, written in file.calendars.items():
        path = ("calendars", name)
        calendar = sheet.parsed(parse_hours, written.hours, sheet.tree.at(*path, "hours"))
        for at, day in enumerate(written.days_off):
            _day(day, sheet.tree.at(*path, "days_off", at).place, sheet)
        if calendar is None:
            sheet.broken.add(name)
        else:
            calendar = with_holidays(calendar, written.holidays, sheet, *path, "holidays")
            if written.days_off:
                calendar = replace(calendar, days_off=tuple(sorted(set(written.days_off))))
            found[name] = calendar
    return found


def with_holidays(
    calendar: Calendar, holidays: str | None, sheet: Sheet, *path: str | int
) -> Calendar:
    """The calendar with the public holidays of a country or part of one (`DE-BY`)."""
    if holidays is None:
        return calendar
    country, _, part = holidays.partition("-")
    known = list_supported_countries()
    if country not in known or (part and part not in known[country]):
        what = (
            f"{part!r} is no part of {country}" if country in known else f"{country!r} is unknown"
        )
        parts = ", ".join(known.get(country, ()))
        sheet.complaints.error(
            sheet.tree.at(*path).place,
            f"holidays: {what}.",
            f"Known: {parts}." if parts else "Write an ISO 3166 code, such as PT or DE-BY.",
        )
        return calendar
    return replace(
        calendar,
        country=country,
        subdivision=part or None,
        text=f"{calendar.text}, holidays {holidays}",
    )


def build_hours(file: RoutingFile, sheet: Sheet) -> TimeTerms:
    """Everybody's hours and absences; complains about people and partners that no file declares."""
    hours = sheet.hours(file.hours, "hours")
    if hours is not None:
        hours = with_holidays(hours, file.holidays, sheet, "holidays")
    elif file.holidays is not None and file.hours is None:
        sheet.complaints.error(
            sheet.tree.at("holidays").place, "holidays without hours.", "Add `hours: always`."
        )
    partners: dict[PartnerKey, Calendar] = {}
    people: dict[PersonKey, Calendar] = {}
    if isinstance(file.working_hours, str):
        _hours_csv(file.working_hours, partners, people, sheet)
    elif file.working_hours is not None:
        for key, text in file.working_hours.partners.items():
            path: tuple[str | int, ...] = ("working_hours", "partners", key)
            found = sheet.hours(text, *path)
            if _declared("partner", key, sheet.tree.key(*path), sheet) and found is not None:
                partners[PartnerKey(key)] = found
        for key, text in file.working_hours.people.items():
            path = ("working_hours", "people", key)
            found = sheet.hours(text, *path)
            if _declared("person", key, sheet.tree.key(*path), sheet) and found is not None:
                people[PersonKey(key)] = found
    return TimeTerms(
        hours,
        MappingProxyType(partners),
        MappingProxyType(people),
        MappingProxyType(_absences(file, sheet)),
    )


def _declared(kind: str, key: str, place: Place, sheet: Sheet) -> bool:
    known = sheet.names.partners if kind == "partner" else sheet.names.people
    if key in known:
        return True
    sheet.complaints.error(
        place, f"no file declares {kind} {key!r}.", sheet.complaints.did_you_mean(key, known, known)
    )
    return False


def _table(name: str, key: str, columns: tuple[str, ...], sheet: Sheet) -> tuple[Row, ...]:
    """The rows of a CSV file that a key of routing.yaml names."""
    at = sheet.tree.at(key).place
    path = Path(at.file).parent / name
    source = read_source(
        path, str(path), sheet.complaints, hint=f"It is named by `{key}:` ({at.origin})."
    )
    if source is None:
        return ()
    table = parse_csv(
        source, sheet.complaints, known=columns, required=columns[:1], extra=lambda _: False
    )
    return () if table is None else table.rows


def _hours_csv(
    name: str, partners: dict[PartnerKey, Calendar], people: dict[PersonKey, Calendar], sheet: Sheet
) -> None:
    for row in _table(name, "working_hours", ("hours", "partner", "person"), sheet):
        partner, person, text = row.get("partner"), row.get("person"), row.get("hours")
        if bool(partner) == bool(person):
            sheet.complaints.error(row.place, "name either a partner or a person.")
            continue
        calendar = sheet.calendars.get(text)
        if calendar is None:
            try:
                calendar = parse_hours(text)
            except TextError as error:
                sheet.complaints.error(row.place, f"{error.message} (column hours).", error.advice)
                continue
        if partner and _declared("partner", partner, row.place, sheet):
            partners[PartnerKey(partner)] = calendar
        elif person and _declared("person", person, row.place, sheet):
            people[PersonKey(person)] = calendar


def _absences(file: RoutingFile, sheet: Sheet) -> dict[PersonKey, tuple[Absence, ...]]:
    found: dict[PersonKey, list[Absence]] = {}

    def add(person: str, absence: Absence, place: Place) -> None:
        right = _declared("person", person, place, sheet)
        for day in (absence.first, absence.last):
            right = _day(day, place, sheet) and right
        if right and absence.last < absence.first:
            sheet.complaints.error(place, "an absence ends before it begins.")
        elif right:
            found.setdefault(PersonKey(person), []).append(absence)

    if isinstance(file.absences, str):
        for row in _table(file.absences, "absences", ("person", "first", "last", "why"), sheet):
            absence = Absence(row.get("first"), row.get("last") or row.get("first"), row.get("why"))
            add(row.get("person"), absence, row.place)
    else:
        for at, entry in enumerate(file.absences or ()):
            place = sheet.tree.at("absences", at).place
            add(entry.person, Absence(entry.first, entry.last, entry.why or ""), place)
    return {
        person: tuple(sorted(absences, key=lambda a: (a.first, a.last, a.why)))
        for person, absences in found.items()
    }


def _day(text: str, place: Place, sheet: Sheet) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        sheet.complaints.error(place, f"{text!r} is not a date.", "Write it as 2026-12-24.")
        return False
    return len(text) == 10
