"""Who may have this lead: every member of a pool, each with the reasons against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.ids import PartnerKey
from sfprm.programme.model import Fairness, Presence
from sfprm.routing.calendar import absent_because, closed_because, next_open
from sfprm.routing.conditions import why_not
from sfprm.routing.credits import COUNTS, KNOWN
from sfprm.routing.declared import MOST_KEPT, Declared, Reasons
from sfprm.routing.loads import Loads, cap_reasons
from sfprm.routing.values import Candidate, Code, EligibilityClass, Reason
from sfprm.routing.working_hours import hours_of_member, hours_of_person

if TYPE_CHECKING:
    from datetime import datetime

    from sfprm.ids import PersonKey, PoolKey, RecordId
    from sfprm.programme.calendar_model import Calendar
    from sfprm.programme.conditions import Condition
    from sfprm.programme.model import FieldValue, Person, Pool, PoolMember, Programme
    from sfprm.routing.loads import Capped
    from sfprm.routing.values import LeadFacts, OwnerStanding, Standing

__all__ = [
    "Declared",
    "Eligibility",
    "candidates",
    "cap_reasons",
    "ledger_key",
    "ledgers_of",
    "owner_reasons",
    "people_ledger_key",
    "person_member",
    "pool_ledger",
    "pool_of",
]

_TIME = frozenset({Code.OUT_OF_HOURS, Code.HOLIDAY, Code.ABSENT})
_YIELDS = (Reason(Code.YIELDS, "leaves it to the partner that works the company"),)
_NOBODY: frozenset[RecordId] = frozenset()


def ledger_key(pool: PoolKey) -> str:
    """The ledger of a pool's members, where it shares out equal opportunity."""
    return f"pool:{pool}"


def ledgers_of(pool: PoolKey) -> tuple[str, ...]:
    """All ledgers that a pool's members may have had: a pool may have changed its fairness."""
    key = ledger_key(pool)
    return key, key + COUNTS, key + KNOWN


def pool_ledger(pool: Pool) -> str:
    """The ledger of a pool's members; equal counts have one of their own, and so have pools in
    which leads of known companies are paid for."""
    if pool.fairness is Fairness.EQUAL_COUNTS:
        return ledger_key(pool.key) + COUNTS
    return ledger_key(pool.key) + (KNOWN if pool.counts_known else "")


def pool_of(ledger: str) -> str:
    """The key of the pool whose ledger that is."""
    return ledger.removeprefix("pool:").removesuffix(COUNTS).removesuffix(KNOWN)


def people_ledger_key(pool: PoolKey, partner: str) -> str:
    """The ledger of a partner's people within a pool."""
    return f"pool:{pool}/partner:{partner}"


def person_member(person: PersonKey) -> str:
    """A person's name in the ledger of its partner's people."""
    return f"person:{person}"


class Eligibility:
    """Looks at members for many leads, given one programme, standing and instant; for the next
    batch as well, where `goes_on` says so.

    Equal answers are one object. What a lead's answer can hang on is small: the values that the
    pool's conditions read, the previous owners that are of this pool, and the caps reached; answers
    are kept by those three.
    """

    def __init__(
        self,
        programme: Programme,
        standing: Standing,
        now: datetime,
        declared: Declared | None = None,
    ) -> None:
        self._programme = programme
        self._declared = declared or Declared(programme)
        self._standing = standing
        self._now = now
        self._people: dict[PartnerKey, list[Person]] = {key: [] for key in programme.partners}
        for person in programme.people.values():
            if person.state is Presence.ACTIVE:
                self._people.setdefault(person.partner, []).append(person)
        self._pools: dict[PoolKey, _PoolReady] = {}
        self._classes: dict[tuple[object, ...], EligibilityClass] = {}
        self._owners: dict[tuple[PoolKey, frozenset[RecordId]], tuple[Reasons, ...]] = {}
        self._joined: dict[tuple[object, ...], list[Candidate]] = {}
        self._meets: dict[tuple[object, ...], bool] = {}
        self._closed: dict[int, tuple[Calendar, Reason | None]] = {}
        self._away: dict[PersonKey, tuple[Person, Reason | None]] = {}

    def goes_on(self, standing: Standing, now: datetime) -> bool:
        """Whether all that is remembered holds for this standing and instant too, and take them.

        It does when people, users and queues are the same values (not merely equal ones), and the
        hours and absences that were asked for say what they said. False as well when so much is
        remembered that it is better begun anew.
        """
        before = self._standing
        same = (
            standing.people is before.people
            and standing.users is before.users
            and standing.queues is before.queues
            and max(len(self._classes), len(self._joined), len(self._meets)) <= MOST_KEPT
            and (now == self._now or self._times_say_the_same(now))
        )
        if same:
            self._standing, self._now = standing, now
        return same

    def _times_say_the_same(self, now: datetime) -> bool:
        return all(closed_because(c, now) == said for c, said in self._closed.values()) and all(
            self._absence(person, now) == said for person, said in self._away.values()
        )

    def members(
        self, pool: Pool, lead: LeadFacts, loads: Loads, also: Condition | None = None
    ) -> EligibilityClass:
        """The pool's members for this lead, in file order. `also` is a rule's own condition."""
        ready = self._ready(pool)
        value_of = lead.fields.get
        values = tuple([value_of(name) for name in ready.fields])
        if also is not None:
            values += tuple([value_of(name) for name in also.lead_fields()])
        had = self._had(lead, ready)
        state, capped = loads.capped(pool.key)
        key = (pool.key, id(also), values, had, state)
        found = self._classes.get(key)
        if found is None:
            owners = self._owners_against(pool, had)
            lasting = (pool.key, id(also), values, owners, capped)
            found = self._declared.classes.get(lasting)
            if found is None:
                found = EligibilityClass(
                    ready.ledger, self._candidates(pool, lead, also, values, owners, capped)
                )
                self._declared.classes[lasting] = found
            self._classes[key] = found
        return found

    def _owners_against(self, pool: Pool, had: frozenset[RecordId]) -> tuple[Reasons, ...]:
        """What is against each member by its owners, in file order."""
        found = self._owners.get((pool.key, had))
        if found is None:
            found = self._owners[(pool.key, had)] = tuple(
                [self._owner_reasons(pool, member, had) for member in pool.members]
            )
        return found

    def _candidates(
        self,
        pool: Pool,
        lead: LeadFacts,
        also: Condition | None,
        values: tuple[FieldValue, ...],
        owners: tuple[Reasons, ...],
        capped: Capped,
    ) -> tuple[Candidate, ...]:
        parts = self._declared.parts(pool, also, values, lead)
        key = (pool.key, id(also), values, id(owners))
        joined = self._joined.get(key)
        if joined is None:
            joined = self._joined[key] = [
                part.candidate((), owner) if owner else part.free
                for part, owner in zip(parts, owners, strict=True)
            ]
        if not capped:
            return tuple(joined)
        found = joined.copy()
        for at, caps in capped:
            found[at] = parts[at].candidate(caps, owners[at])
        return tuple(found)

    def yielding(self, members: EligibilityClass, winner: str) -> EligibilityClass:
        """The class in which whoever may have the lead leaves it to one member, whatever is against
        that one."""
        key = ("yields", id(members), winner)  # both are kept, or forgotten, together
        found = self._declared.classes.get(key)
        if found is None:
            found = self._declared.classes[key] = EligibilityClass(
                members.ledger,
                tuple(
                    Candidate(c.member, max(c.weight, 1))
                    if c.member == winner
                    else Candidate(c.member, c.weight, c.reasons or _YIELDS)
                    for c in members.candidates
                ),
            )
        return found

    def meets(self, pool: Pool, lead: LeadFacts, condition: Condition) -> bool:
        """Whether the condition holds for any active member of the pool, whatever else is against
        it."""
        values = tuple([lead.fields.get(name) for name in condition.lead_fields()])
        key = (pool.key, id(condition), values)
        found = self._meets.get(key)
        if found is None:
            if len(self._meets) > MOST_KEPT:
                self._meets.clear()
            found = self._meets[key] = any(
                member.weight > 0
                and not why_not(
                    condition, self._declared.partner(member), lead.fields, self._programme.tiers
                )
                for member in pool.members
            )
        return found

    def people(self, pool: Pool, partner: PartnerKey, lead: LeadFacts) -> EligibilityClass:
        """The people of a partner for this lead: active ones, as declared."""
        ready = self._ready(pool)
        had = self._had(lead, ready)
        key = (pool.key, partner, had)
        found = self._classes.get(key)
        if found is None:
            member = ready.partners[partner]
            people = self._people.get(partner, ())
            against = tuple([self._person_reasons(pool, member, p, had) for p in people])
            lasting = (pool.key, partner, against)
            found = self._declared.classes.get(lasting)
            if found is None:
                found = self._declared.classes[lasting] = EligibilityClass(
                    people_ledger_key(pool.key, partner),
                    tuple(
                        Candidate(person_member(p.key), 1, reasons)
                        for p, reasons in zip(people, against, strict=True)
                    ),
                )
            self._classes[key] = found
        return found

    def opens(self, pool: Pool) -> datetime | None:
        """The first instant at which somebody of the pool who is closed now works again."""
        calendars = [hours_of_member(self._programme, pool, m) for m in pool.members]
        for member in pool.members:
            if member.kind == "partner":
                people = self._people.get(PartnerKey(member.name), ())
                calendars += [hours_of_person(self._programme, p, pool, member) for p in people]
        found = [
            at
            for calendar in {id(c): c for c in calendars if c is not None}.values()
            if self._closed_now(calendar) is not None
            and (at := next_open(calendar, self._now)) is not None
        ]
        return min(found, default=None)

    def person_for_company(self, partner: PartnerKey, owner: RecordId | None) -> Person | None:
        """Who of a partner gets a lead of a company that it works already: the user who works it
        when it may own leads, else the first of its people who may. Hours and caps do not count."""
        may = [
            person
            for person in self._people.get(partner, ())
            if not owner_reasons(self._standing.people.get(person.key))
            and self._absent(person) is None
        ]
        for person in may:
            if owner is not None and self._standing.people[person.key].owner_id == owner:
                return person
        return may[0] if may else None

    def _had(self, lead: LeadFacts, ready: _PoolReady) -> frozenset[RecordId]:
        before = self._standing.previous_owners.get(lead.id)
        if before is None:
            return ready.alone.get(lead.owner_id, _NOBODY)
        return (before | {lead.owner_id}) & ready.owners

    def _ready(self, pool: Pool) -> _PoolReady:
        ready = self._pools.get(pool.key)
        if ready is None:
            standings = [o for m in pool.members for o in self._owners_of(m) if o is not None]
            owners = frozenset(o.owner_id for o in standings if o.owner_id is not None)
            if Code.PREVIOUS_OWNER in _waived(pool):
                owners = frozenset()
            fields = pool.eligible_when.lead_fields() if pool.eligible_when else ()
            if pool.competitors is not None:
                fields += (pool.competitors,)
            ready = self._pools[pool.key] = _PoolReady(
                pool_ledger(pool),
                fields,
                owners,
                {owner: frozenset({owner}) for owner in owners},
                {PartnerKey(m.name): m for m in pool.members if m.kind == "partner"},
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

    def _owner_reasons(
        self, pool: Pool, member: PoolMember, had: frozenset[RecordId]
    ) -> tuple[Reason, ...]:
        if member.kind == "partner":
            return self._partner_reasons(pool, member, had)
        against = owner_reasons(self._owners_of(member)[0], had)
        calendar = hours_of_member(self._programme, pool, member)
        closed = self._closed_now(calendar)
        return _kept(pool, (*against, closed) if closed is not None else against)

    def _partner_reasons(
        self, pool: Pool, member: PoolMember, had: frozenset[RecordId]
    ) -> tuple[Reason, ...]:
        """A partner that had the lead through any of its people is a previous owner of it."""
        people = self._people.get(PartnerKey(member.name), ())
        against: list[tuple[Reason, ...]] = []
        words: list[str] = []
        for person in people:
            standing = self._standing.people.get(person.key)
            if standing is not None and standing.owner_id in had:
                return (Reason(Code.PREVIOUS_OWNER, f"{_full_name(person)} had this lead"),)
            if reasons := self._person_reasons(pool, member, person, had):
                against.append(reasons)
                listed = ", ".join(r.detail or r.code.value for r in reasons)
                words.append(f"{_full_name(person)}: {listed}")
        if len(against) < len(people):
            return ()
        if against and all(each == against[0] for each in against) and len(against[0]) == 1:
            only = against[0][0]
            if only.code in _TIME:
                return (only,)
        detail = "; ".join(words) or "no active person is declared"
        return (Reason(Code.NO_ELIGIBLE_PERSON, detail),)

    def _person_reasons(
        self, pool: Pool, member: PoolMember, person: Person, had: frozenset[RecordId]
    ) -> tuple[Reason, ...]:
        found = list(owner_reasons(self._standing.people.get(person.key), had))
        calendar = hours_of_person(self._programme, person, pool, member)
        found += [r for r in (self._absent(person), self._closed_now(calendar)) if r is not None]
        return _kept(pool, tuple(found))

    def _absent(self, person: Person) -> Reason | None:
        if person.key not in self._programme.routing.absences:
            return None
        if person.key not in self._away:
            self._away[person.key] = (person, self._absence(person, self._now))
        return self._away[person.key][1]

    def _absence(self, person: Person, now: datetime) -> Reason | None:
        absences = self._programme.routing.absences.get(person.key, ())
        return absent_because(absences, person.time_zone, now)

    def _closed_now(self, calendar: Calendar | None) -> Reason | None:
        if calendar is None:
            return None
        if id(calendar) not in self._closed:  # it is held here: its id is its own
            self._closed[id(calendar)] = (calendar, closed_because(calendar, self._now))
        return self._closed[id(calendar)][1]


@dataclass(frozen=True, slots=True)
class _PoolReady:
    """A pool made ready: its ledger, the Lead fields its conditions read, the ids of all who may
    own by it (`alone`: each as a set of its own), and its partners."""

    ledger: str
    fields: tuple[str, ...]
    owners: frozenset[RecordId]
    alone: dict[RecordId, frozenset[RecordId]]
    partners: dict[PartnerKey, PoolMember]


def candidates(
    programme: Programme, pool: Pool, lead: LeadFacts, standing: Standing, now: datetime
) -> EligibilityClass:
    """The pool's members for one lead."""
    loads = Loads(programme, standing.loads, now)
    return Eligibility(programme, standing, now).members(pool, lead, loads)


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


def _waived(pool: Pool) -> frozenset[Code]:
    return frozenset(Code(waiver.value) for waiver in pool.waive)


def _kept(pool: Pool, reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Without those that the pool waives."""
    if not pool.waive or not reasons:
        return reasons
    waived = _waived(pool)
    return tuple(r for r in reasons if r.code not in waived)


def _full_name(person: Person) -> str:
    return f"{person.first_name} {person.last_name}".strip()
