"""The standing as it is now, read from the org and the state in one go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.distribution.lead_access import unable_to_read_leads, without_lead_access
from sfprm.distribution.standing import build_standing, count_open_leads, owners_to_count
from sfprm.estate.reader import read_estate
from sfprm.ids import PartnerKey
from sfprm.routing.values import Code, OwnerStanding, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sfprm.ids import RecordId
    from sfprm.programme.model import PoolMember, Programme
    from sfprm.routing.values import Standing
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreWriter
    from sfprm.store.offer_book import Pause

__all__ = ["LONGEST_WINDOW", "dead_owners", "left_out", "read_standing", "without_paused"]

LONGEST_WINDOW = timedelta(days=30)
"""Wins longer ago count for no cap."""


def read_standing(
    session: Session, store: StoreWriter, programme: Programme, now: datetime
) -> Standing:
    """Who may own leads at this instant, and what they carry: the estate's calls."""
    estate = read_estate(session, programme)
    held = count_open_leads(session, owners_to_count(programme, estate))
    capped = [p.key for p in programme.routing.pools.values() if any(map(_has_window, p.members))]
    wins = store.wins(capped, now - LONGEST_WINDOW) if capped else {}
    standing = build_standing(programme, estate, held=held, wins=wins)
    profiles = {u.id: u.profile_id for u in estate.partner_users.values() if u.active}
    standing = without_lead_access(standing, unable_to_read_leads(session, profiles))
    running = [p for p in store.offers.pauses() if p.until is None or p.until > now]
    return without_paused(programme, standing, running)


def _has_window(member: PoolMember) -> bool:
    """Whether wins of the last days matter to a member at all."""
    cap = member.cap
    return any(most is not None for most in (cap.hour, cap.day, cap.week, cap.month))


def without_paused(programme: Programme, standing: Standing, pauses: list[Pause]) -> Standing:
    """The standing with a reason against everybody who is paused: a partner's people, a queue or
    a user."""
    against = {p.member: Reason(Code.PAUSED, _words(p)) for p in pauses}
    if not against:
        return standing
    people = dict(standing.people)
    for member, reason in against.items():
        kind, _, name = member.partition(":")
        if kind == "partner":
            for person in programme.people_of(PartnerKey(name)):
                if person.key in people:
                    people[person.key] = _with(people[person.key], reason)
    users = _marked(standing.users, against, "user:")
    queues = _marked(standing.queues, against, "queue:")
    return replace(
        standing,
        people=MappingProxyType(people),
        users=MappingProxyType(users),
        queues=MappingProxyType(queues),
    )


def _marked(
    owners: Mapping[str, OwnerStanding], against: Mapping[str, Reason], prefix: str
) -> dict[str, OwnerStanding]:
    folded = {member.casefold(): reason for member, reason in against.items()}
    return {
        name: _with(owner, reason)
        if (reason := folded.get(f"{prefix}{name}".casefold()))
        else owner
        for name, owner in owners.items()
    }


def _with(owner: OwnerStanding, reason: Reason) -> OwnerStanding:
    return replace(owner, reasons=(*owner.reasons, reason))


def _words(pause: Pause) -> str:
    until = f" until {pause.until:%Y-%m-%d %H:%M} UTC" if pause.until else " until lifted"
    return f"paused{until}: {pause.words}"


def left_out(standing: Standing) -> tuple[OwnerStanding, ...]:
    """Who may not own leads now, whatever the lead; each once."""
    owners = (*standing.people.values(), *standing.users.values(), *standing.queues.values())
    # a partner's person is among the users as well
    return tuple({(o.owner_id, o.name): o for o in owners if o.reasons}.values())


_GONE = frozenset({Code.INACTIVE, Code.FROZEN})


def dead_owners(standing: Standing) -> frozenset[RecordId]:
    """Owners who can no longer work on a lead."""
    owners = (*standing.people.values(), *standing.users.values(), *standing.queues.values())
    return frozenset(
        owner.owner_id
        for owner in owners
        if owner.owner_id is not None and any(r.code in _GONE for r in owner.reasons)
    )
