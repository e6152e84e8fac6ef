"""Who may have this lead: every member of a pool, each with the reasons against it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sfprm.ids import PartnerKey
from sfprm.programme.model import Cap, Presence
from sfprm.routing.conditions import why_not
from sfprm.routing.values import (
    Candidate,
    Code,
    EligibilityClass,
    Load,
    Reason,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sfprm.ids import PersonKey, PoolKey, RecordId
    from sfprm.programme.model import Person, Pool, PoolMember, Programme
    from sfprm.routing.values import LeadFacts, OwnerStanding, Standing

__all__ = [
    "Eligibility",
    "candidates",
    "cap_reasons",
    "ledger_key",
    "people_ledger_key",
    "person_member",
]

WINDOWS = (
    ("hour", timedelta(seconds=3600), Code.CAP_HOUR),
    ("day", timedelta(hours=24), Code.CAP_DAY),
    ("week", timedelta(hours=7 * 24), Code.CAP_WEEK),
    ("month", timedelta(hours=30 * 24), Code.CAP_MONTH),
)
"""The rolling windows of caps. A win exactly one window ago no longer counts."""


def ledger_key(pool: PoolKey) -> str:
    """The ledger of a pool's members."""
    return f"pool:{pool}"


def people_ledger_key(pool: PoolKey, partner: str) -> str:
    """The ledger of a partner's people within a pool."""
    return f"pool:{pool}/partner:{partner}"


def person_member(person: PersonKey) -> str:
    """A person's name in the ledger of its partner's people."""
    return f"person:{person}"


def cap_reasons(cap: Cap, load: Load, now: datetime) -> tuple[Reason, ...]:
    """The caps that the load has reached, widest last."""
    found = []
    for name, window, code in WINDOWS:
        most: int | None = getattr(cap, name)
        if most is not None and len(load.wins) - bisect_right(load.wins, now - window) >= most:
            found.append(Reason(code, f"cap of {most} a {name} reached"))
    if cap.open is not None and load.open_held >= cap.open:
        found.append(Reason(Code.CAP_OPEN, f"holds {load.open_held} open leads, cap {cap.open}"))
    return tuple(found)


class Eligibility:
    """Looks at members for many leads, given one programme, standing and instant.

    Equal answers are one object. What a lead's answer can hang on is small: the values that the
    pool's condition reads, the previous owners that are of this pool, and the caps reached; answers
    are kept by those three. Loads are looked up anew each time.
    """

    def __init__(self, programme: Programme, standing: Standing, now: datetime) -> None:
        self._programme = programme
        self._standing = standing
        self._now = now
        self._people: dict[PartnerKey, list[Person]] = {key: [] for key in programme.partners}
        for person in programme.people.values():
            if person.state is Presence.ACTIVE:
                self._people.setdefault(person.partner, []).append(person)
        self._pools: dict[PoolKey, _PoolReady] = {}
        self._classes: dict[tuple[object, ...], EligibilityClass] = {}

    def members(
        self, pool: Pool, lead: LeadFacts, loads: Mapping[tuple[PoolKey, str], Load]
    ) -> EligibilityClass:
        """The pool's members for this lead, in file order."""
        ready = self._ready(pool)
        values = tuple(lead.fields.get(name) for name in ready.fields)
        had = self._had(lead) & ready.owners
        caps = {
            member.key: reasons
            for member in ready.capped
            if (
                reasons := cap_reasons(
                    member.cap, loads.get((pool.key, member.key), Load()), self._now
                )
            )
        }
        key = (pool.key, values, had, tuple(caps.items()))
        found = self._classes.get(key)
        if found is None:
            found = self._classes[key] = EligibilityClass(
                ledger_key(pool.key),
                tuple(
                    Candidate(
                        m.key,
                        m.weight,
                        self._declared_reasons(pool, m, lead)
                        + caps.get(m.key, ())
                        + self._owner_reasons(m, had),
                    )
                    for m in pool.members
                ),
            )
        return found

    def people(self, pool: Pool, partner: PartnerKey, lead: LeadFacts) -> EligibilityClass:
        """The people of a partner for this lead: active ones, as declared."""
        had = self._had(lead) & self._ready(pool).owners
        key = (pool.key, partner, had)
        found = self._classes.get(key)
        if found is None:
            found = self._classes[key] = EligibilityClass(
                people_ledger_key(pool.key, partner),
                tuple(
                    Candidate(person_member(p.key), 1, self._person_reasons(p, had))
                    for p in self._people.get(partner, ())
                ),
            )
        return found

    def _had(self, lead: LeadFacts) -> frozenset[RecordId]:
        return self._standing.previous_owners.get(lead.id, frozenset()) | {lead.owner_id}

    def _ready(self, pool: Pool) -> _PoolReady:
        ready = self._pools.get(pool.key)
        if ready is None:
            owners = {o.owner_id for m in pool.members for o in self._owners_of(m) if o is not None}
            ready = self._pools[pool.key] = _PoolReady(
                pool.eligible_when.lead_fields() if pool.eligible_when else (),
                frozenset(owner for owner in owners if owner is not None),
                tuple(m for m in pool.members if m.cap != Cap()),
            )
        return ready

    def _owners_of(self, member: PoolMember) -> tuple[OwnerStanding | None, ...]:
        match member.kind:
            case "queue":
                return (self._standing.queues.get(member.name),)
            case "user":
                return (self._standing.users.get(member.name.lower()),)
            case "partner":
                people = self._people.get(PartnerKey(member.name), ())
                return tuple(self._standing.people.get(p.key) for p in people)

    def _declared_reasons(
        self, pool: Pool, member: PoolMember, lead: LeadFacts
    ) -> tuple[Reason, ...]:
        programme = self._programme
        partner = (
            programme.partners.get(PartnerKey(member.name)) if member.kind == "partner" else None
        )
        found: list[Reason] = []
        if member.weight <= 0:
            found.append(Reason(Code.WEIGHT_ZERO, "weight 0"))
        if partner is not None and partner.state is not Presence.ACTIVE:
            found.append(Reason(Code.INACTIVE, f"the programme says {partner.state.value}"))
        found.extend(why_not(pool.eligible_when, partner, lead.fields, programme.tiers))
        return tuple(found)

    def _owner_reasons(self, member: PoolMember, had: frozenset[RecordId]) -> tuple[Reason, ...]:
        if member.kind != "partner":
            return owner_reasons(self._owners_of(member)[0], had)
        return self._partner_reasons(PartnerKey(member.name), had)

    def _partner_reasons(self, partner: PartnerKey, had: frozenset[RecordId]) -> tuple[Reason, ...]:
        """A partner that had the lead through any of its people is a previous owner of it."""
        people = self._people.get(partner, ())
        against: list[str] = []
        for person in people:
            standing = self._standing.people.get(person.key)
            if standing is not None and standing.owner_id in had:
                return (Reason(Code.PREVIOUS_OWNER, f"{_full_name(person)} had this lead"),)
            if reasons := self._person_reasons(person, had):
                words = ", ".join(r.detail or r.code.value for r in reasons)
                against.append(f"{_full_name(person)}: {words}")
        if len(against) < len(people):
            return ()
        detail = "; ".join(against) or "no active person is declared"
        return (Reason(Code.NO_ELIGIBLE_PERSON, detail),)

    def _person_reasons(self, person: Person, had: frozenset[RecordId]) -> tuple[Reason, ...]:
        return owner_reasons(self._standing.people.get(person.key), had)


@dataclass(frozen=True, slots=True)
class _PoolReady:
    """A pool made ready: the Lead fields its condition reads, the ids of all who may own by it, and
    the members that have caps."""

    fields: tuple[str, ...]
    owners: frozenset[RecordId]
    capped: tuple[PoolMember, ...]


def candidates(
    programme: Programme, pool: Pool, lead: LeadFacts, standing: Standing, now: datetime
) -> EligibilityClass:
    """The pool's members for one lead."""
    return Eligibility(programme, standing, now).members(pool, lead, standing.loads)


def owner_reasons(
    owner: OwnerStanding | None, had: frozenset[RecordId] = frozenset()
) -> tuple[Reason, ...]:
    """Why someone may not own a lead now; `had` are those that this lead has been with."""
    if owner is None:
        return (Reason(Code.NOT_IN_ORG, "not found in the org"),)
    if owner.reasons:
        return owner.reasons
    if owner.owner_id is None:
        return (Reason(Code.NOT_IN_ORG, f"{owner.name} was not found in the org"),)
    if owner.owner_id in had:
        return (Reason(Code.PREVIOUS_OWNER, f"{owner.name} had this lead"),)
    return ()


def _full_name(person: Person) -> str:
    return f"{person.first_name} {person.last_name}".strip()
