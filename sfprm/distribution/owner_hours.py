"""Whose working hours count for a lead: its owner's, by the pool that gave it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.distribution.offering import count_for
from sfprm.ids import PartnerKey, PoolKey
from sfprm.routing.working_hours import hours_of_member, hours_of_person

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sfprm.ids import RecordId
    from sfprm.programme.calendar_model import Calendar
    from sfprm.programme.model import Pool, PoolMember, Programme
    from sfprm.routing.offers import Count
    from sfprm.routing.values import OwnerStanding, Standing

__all__ = ["OwnerHours", "all_hours"]


class OwnerHours:
    """The hours of everybody who may own leads, found once. Without a standing nobody is known by
    id: the pool's hours count, else the programme's."""

    def __init__(self, programme: Programme, standing: Standing | None) -> None:
        self._routing = programme.routing
        self._calendars = {} if standing is None else all_hours(programme, standing)

    def of(self, pool: str | None, owner: RecordId) -> Count:
        """How spans are counted for one owner of a lead."""
        found = self._calendars.get((pool, owner))
        if found is None:
            named = self._routing.pools.get(PoolKey(pool)) if pool else None
            found = (named.hours if named is not None else None) or self._routing.hours
        return count_for(found)


def all_hours(
    programme: Programme, standing: Standing
) -> Mapping[tuple[str | None, RecordId], Calendar]:
    """Calendars by (pool, owner), of those that have any."""
    return {
        (pool.key, owner.owner_id): hours
        for pool in programme.routing.pools.values()
        for member in pool.members
        for owner, hours in _of_member(programme, standing, pool, member)
        if owner is not None and owner.owner_id is not None and hours is not None
    }


def _of_member(
    programme: Programme, standing: Standing, pool: Pool, member: PoolMember
) -> Iterator[tuple[OwnerStanding | None, Calendar | None]]:
    match member.kind:
        case "queue":
            yield standing.queues.get(member.name), hours_of_member(programme, pool, member)
        case "user":
            yield standing.users.get(member.name.lower()), hours_of_member(programme, pool, member)
        case "partner":
            for person in programme.people_of(PartnerKey(member.name)):
                hours = hours_of_person(programme, person, pool, member)
                yield standing.people.get(person.key), hours
