"""Who may own leads now, and what they carry: the standing that decisions are made on.

The conditions for a partner user are the channel guide's, not the API's: a real org accepts an
owner who never logged in (operations.md, rule 24). So a refusal is said to be sfprm's.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.ids import PartnerKey, RecordId
from sfprm.programme.model import Presence
from sfprm.routing.values import Code, Load, OwnerStanding, Reason, Standing
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, split_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sfprm.estate.model import Estate, OrgUser, PartnerUser, QueueState, Site
    from sfprm.ids import PersonKey
    from sfprm.programme.model import Person, PoolMember, Programme
    from sfprm.salesforce.session import Session

__all__ = [
    "build_standing",
    "count_open_leads",
    "owners_to_count",
    "partner_user_reasons",
    "queue_reasons",
]


def partner_user_reasons(
    user: PartnerUser, site: Site | None, site_name: str
) -> tuple[Reason, ...]:
    """Why a partner user may not be given leads: every condition that fails."""
    found = []
    if site is None:
        found.append(Reason(Code.SITE_NOT_LIVE, f"the site {site_name} is not there"))
    else:
        if not site.is_live:
            found.append(
                Reason(Code.SITE_NOT_LIVE, f"the site {site.name} is not Live ({site.status})")
            )
        if not site.is_member(user.profile_id):
            found.append(
                Reason(
                    Code.PROFILE_NOT_IN_SITE, f"the profile is not a member of the site {site.name}"
                )
            )
    if not user.active:
        found.append(Reason(Code.INACTIVE, "the user is not active"))
    if user.frozen:
        found.append(Reason(Code.FROZEN, "the user is frozen"))
    if user.last_login is None:
        found.append(Reason(Code.NEVER_LOGGED_IN, "has never logged in"))
    return tuple(found)


def queue_reasons(queue: QueueState) -> tuple[Reason, ...]:
    """Why a queue may not own leads."""
    if queue.for_lead:
        return ()
    return (Reason(Code.NOT_FOR_LEADS, f"the queue {queue.label} is not for leads"),)


def build_standing(
    programme: Programme,
    estate: Estate,
    *,
    held: Mapping[RecordId, int],
    wins: Mapping[tuple[str, str], tuple[datetime, ...]],
) -> Standing:
    """The standing of everybody whom the programme's rules and pools name.

    `held`: open leads by owner, for those that a cap asks for. `wins` by (pool, member key).
    """
    site = estate.sites.get(programme.site)
    users = _users_by_person(programme, estate)
    loads = {
        (pool.key, member.key): Load(
            sum(held.get(owner, 0) for owner in _owner_ids(member, programme, estate, users)),
            tuple(wins.get((pool.key, member.key), ())),
        )
        for pool in programme.routing.pools.values()
        for member in pool.members
    }
    return Standing(
        people=MappingProxyType(
            {
                key: _person_standing(person, users.get(key), site, programme.site)
                for key, person in programme.people.items()
            }
        ),
        users=MappingProxyType(
            {
                username: _user_standing(user, estate, site, programme.site)
                for username, user in estate.users.items()
            }
        ),
        queues=MappingProxyType(
            {
                label: OwnerStanding(queue.id, queue.label, queue_reasons(queue))
                for label, queue in _queues(programme, estate).items()
            }
        ),
        loads=MappingProxyType(loads),
    )


def owners_to_count(programme: Programme, estate: Estate) -> list[RecordId]:
    """Owners whose open leads must be counted, because a member of a pool has a cap on them."""
    users = _users_by_person(programme, estate)
    found = {
        owner
        for pool in programme.routing.pools.values()
        for member in pool.members
        if member.cap.open is not None
        for owner in _owner_ids(member, programme, estate, users)
    }
    return sorted(found)


def count_open_leads(session: Session, owners: Iterable[RecordId]) -> dict[RecordId, int]:
    """Open (not converted) leads held, by owner: one aggregate query for some hundreds of them."""
    held: dict[RecordId, int] = {}
    for condition in split_in("OwnerId", owners):
        query = Query(("OwnerId", "COUNT(Id) held"), "Lead", (eq("IsConverted", False), condition))
        for row in select(session, f"{query.text()} GROUP BY OwnerId"):
            held[RecordId(row["OwnerId"])] = int(row["held"])
    return held


def _users_by_person(programme: Programme, estate: Estate) -> dict[PersonKey, PartnerUser]:
    """A person's user is the user of the contact that carries the person's key."""
    contacts = {c.key.lower(): c.id for c in estate.contacts.values() if c.key is not None}
    found = {}
    for key in programme.people:
        contact = contacts.get(key.lower())
        user = estate.partner_users.get(contact) if contact is not None else None
        if user is not None:
            found[key] = user
    return found


def _person_standing(
    person: Person, user: PartnerUser | None, site: Site | None, site_name: str
) -> OwnerStanding:
    name = f"{person.first_name} {person.last_name}".strip()
    if user is None:
        return OwnerStanding(None, name, (Reason(Code.NOT_IN_ORG, "has no user in the org"),))
    reasons = partner_user_reasons(user, site, site_name)
    if person.state is not Presence.ACTIVE:
        reasons = (Reason(Code.INACTIVE, f"the programme says {person.state.value}"), *reasons)
    return OwnerStanding(user.id, name, reasons)


def _user_standing(
    user: OrgUser, estate: Estate, site: Site | None, site_name: str
) -> OwnerStanding:
    partner_user = estate.partner_users.get(user.contact_id) if user.contact_id else None
    if partner_user is not None:
        reasons = partner_user_reasons(partner_user, site, site_name)
    elif not user.active:
        reasons = (Reason(Code.INACTIVE, "the user is not active"),)
    else:
        reasons = ()
    return OwnerStanding(user.id, user.name, reasons)


def _queues(programme: Programme, estate: Estate) -> dict[str, QueueState]:
    """Queues by the label that the programme uses; its own by their API name, as labels need not
    be unique."""
    found: dict[str, QueueState] = {}
    for queue in estate.queues.values():
        found.setdefault(queue.label, queue)
    for label, declared in programme.queues.items():
        exact = estate.queues.get(declared.developer_name)
        if exact is not None:
            found[label] = exact
    return found


def _owner_ids(
    member: PoolMember,
    programme: Programme,
    estate: Estate,
    users: Mapping[PersonKey, PartnerUser],
) -> list[RecordId]:
    match member.kind:
        case "partner":
            people = programme.people_of(PartnerKey(member.name))
            return [users[p.key].id for p in people if p.key in users]
        case "queue":
            queue = _queues(programme, estate).get(member.name)
            return [] if queue is None else [queue.id]
        case "user":
            user = estate.user(member.name)
            return [] if user is None else [user.id]
