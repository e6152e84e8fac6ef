"""Whose working hours count: the person's, else the member's in the pool, the partner's, the
pool's, the programme's. A queue or user has no person's and no partner's. None: always at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.ids import PartnerKey

if TYPE_CHECKING:
    from sfprm.programme.calendar_model import Calendar
    from sfprm.programme.model import Person, Pool, PoolMember, Programme

__all__ = ["hours_of_member", "hours_of_person"]


def hours_of_person(
    programme: Programme, person: Person, pool: Pool | None = None, member: PoolMember | None = None
) -> Calendar | None:
    """A partner's person, in a pool by the partner's membership there; apart from any pool when
    none is given."""
    routing = programme.routing
    return (
        routing.person_hours.get(person.key)
        or (member.hours if member is not None else None)
        or routing.partner_hours.get(person.partner)
        or (pool.hours if pool is not None else None)
        or routing.hours
    )


def hours_of_member(programme: Programme, pool: Pool, member: PoolMember) -> Calendar | None:
    """A member as a whole; a partner's people may have hours of their own."""
    routing = programme.routing
    own = member.hours
    if own is None and member.kind == "partner":
        own = routing.partner_hours.get(PartnerKey(member.name))
    return own or pool.hours or routing.hours
