"""`windows:` of programme.yaml: local hours in which steps that move roles may run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.programme.calendar_text import parse_hours
from sfprm.programme.text_error import TextError

if TYPE_CHECKING:
    from sfprm.programme.calendar_model import Calendar
    from sfprm.programme.complaints import Complaints
    from sfprm.programme.programme_file import ProgrammeFile
    from sfprm.programme.yaml_text import Tree

__all__ = ["build_windows"]


def build_windows(file: ProgrammeFile, tree: Tree, complaints: Complaints) -> tuple[Calendar, ...]:
    """The windows, in file order; a complaint for each that cannot be read."""
    found = []
    for at, text in enumerate(file.windows):
        try:
            found.append(parse_hours(text))
        except TextError as error:
            place = tree.at("windows", at).within(error.offset, error.width)
            complaints.error(place, f"{error.message}.", error.advice)
    return tuple(found)
