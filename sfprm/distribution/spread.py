"""Leads that a person has shared out: over a pool, or each to its partner's channel manager.

Over a pool the choice is routing's own: the same eligibility, caps and credits, one lead after the
other, so that whoever is owed most gets the next. Or the whole set is shared out evenly at once,
whoever is owed what. What nobody may have stays where it is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.distribution.background import Background
from sfprm.distribution.intake import field_value
from sfprm.distribution.offering import plan_offers
from sfprm.distribution.owner_hours import all_hours
from sfprm.errors import BadRequest, Bug
from sfprm.ids import PartnerKey, PoolKey, RecordId
from sfprm.programme.model import Rule, ToPool
from sfprm.routing.decide import decide, ledger_keys
from sfprm.routing.eligibility import Eligibility, person_member
from sfprm.routing.loads import WINDOWS, Loads
from sfprm.routing.split import Group, split
from sfprm.routing.values import Code, Decision, LeadFacts, Load, Outcome, Reason
from sfprm.salesforce.identity import parse_datetime

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sfprm.ids import RunId
    from sfprm.programme.model import Pool, Programme
    from sfprm.routing.values import Batch, OwnerStanding, Standing
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreWriter
    from sfprm.store.records import JournalEntry

__all__ = ["BY_HAND", "Shared", "facts_of", "managers_of", "share_evenly", "share_out"]

BY_HAND = "by hand"
"""The rule that journal entries of such moves name."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What was decided: leads with a new owner, and those that nobody may have, with why.
    `entries` are empty in a dry run."""

    given: tuple[Decision, ...]
    left: tuple[Decision, ...]
    entries: tuple[JournalEntry, ...] = ()


def facts_of(rows: Sequence[Row], programme: Programme) -> list[LeadFacts]:
    """Rows of leads as rules read them."""
    names = programme.routing.fields_read()
    return [
        LeadFacts(
            id=RecordId(row["Id"]),
            owner_id=RecordId(row["OwnerId"]),
            created=parse_datetime(row["CreatedDate"]),
            intake="",
            fields={name: field_value(row, name) for name in names},
            label=", ".join(str(row[n]) for n in ("Name", "Company") if row.get(n)),
        )
        for row in rows
    ]


def share_out(
    session: Session,
    store: StoreWriter,
    programme: Programme,
    standing: Standing,
    leads: Sequence[LeadFacts],
    pool: str,
    now: datetime,
    run: RunId,
    *,
    dry_run: bool,
    notify: str | None = None,
) -> Shared:
    """Decide and journal who of the pool gets each lead, in one transaction; the org is not written
    here. A member's credit pays for what it gets. `notify`: the notice that was asked for; the
    pool's own is for routed leads. Raises BadRequest for a pool that is not there.
    """
    key, whole = _pool_of(programme, pool)
    routing = programme.routing
    only = Rule(BY_HAND, (), None, ToPool(key), whole.origin)
    narrow = replace(programme, routing=replace(routing, rules=(only,), rule_sets=()))
    found, standing = _with_background(session, store, programme, standing, leads)
    if dry_run:
        ledgers = store.ledgers(ledger_keys(programme))
        return _shared(decide(narrow, standing, ledgers, found, now))
    with store.batch(ledger_keys(programme)) as batch:
        decided = decide(narrow, standing, batch.ledgers, found, now)
        told = tuple(replace(d, notify=notify) for d in decided.decisions)
        shared = _shared(replace(decided, decisions=told))
        entries = batch.save(
            replace(decided, decisions=shared.given), run=run, programme=programme, kind="reassign"
        )
        calendars = all_hours(programme, standing)
        batch.plan_offers(plan_offers(programme, shared.given, entries, calendars=calendars))
    return replace(shared, entries=tuple(entries))


def share_evenly(
    session: Session,
    store: StoreWriter,
    programme: Programme,
    standing: Standing,
    leads: Sequence[LeadFacts],
    pool: str,
    now: datetime,
) -> Shared:
    """Share the whole set out at once, as evenly as eligibility and caps allow: every member within
    one lead of what it is entitled to. Nothing is journalled here, and no credit moves.

    Leads of equal eligibility are one group; within a partner its people take turns. Raises
    BadRequest for a pool that is not there.
    """
    key, whole = _pool_of(programme, pool)
    found, standing = _with_background(session, store, programme, standing, leads)
    eligibility = Eligibility(programme, standing, now)
    loads = Loads(programme, standing.loads, now)
    groups: dict[tuple[tuple[str, int], ...], list[LeadFacts]] = {}
    left = []
    for lead in found:
        members = eligibility.members(whole, lead, loads)
        may = tuple((c.member, c.weight) for c in members.candidates if not c.reasons)
        if may:
            groups.setdefault(may, []).append(lead)
        else:
            reasons = tuple(
                Reason(c.reasons[0].code, f"{c.member}: {c.reasons[0].detail}")
                for c in members.candidates
            )
            left.append(Decision(lead, Outcome.PARKED, now, BY_HAND, pool=key, reasons=reasons))
    parts = split(
        [Group(len(x), dict(may)) for may, x in groups.items()], _room(whole, standing, now)
    )
    turns = _Turns(programme, whole, standing, eligibility)
    given = []
    for group, counts in zip(groups.values(), parts.given, strict=True):
        waiting = iter(group)
        for member in sorted(counts):
            for lead in islice(waiting, counts[member]):
                owner = turns.owner(member, lead)
                given.append(
                    Decision(
                        lead=lead,
                        outcome=Outcome.ASSIGNED,
                        decided_at=now,
                        rule=BY_HAND,
                        pool=key,
                        owner_id=owner.owner_id,
                        owner_name=owner.name,
                    )
                )
        short = (Reason(Code.NO_ELIGIBLE_MEMBER, "the caps of everybody who may have it are full"),)
        left += [
            Decision(lead, Outcome.PARKED, now, BY_HAND, pool=key, reasons=short)
            for lead in waiting
        ]
    return Shared(tuple(given), tuple(left))


def _with_background(
    session: Session,
    store: StoreWriter,
    programme: Programme,
    standing: Standing,
    leads: Sequence[LeadFacts],
) -> tuple[list[LeadFacts], Standing]:
    """The leads with what rules ask about them, and the standing with what is known of them."""
    found, at_work = Background(session, programme).of(leads)
    previous = store.previous_owners(lead.id for lead in leads)
    known = replace(standing, previous_owners=MappingProxyType(previous), at_work=at_work)
    return found, known


def _room(pool: Pool, standing: Standing, now: datetime) -> dict[str, int]:
    """How many more leads each member with caps may take."""
    found = {}
    for member in pool.members:
        load = standing.loads.get((pool.key, member.key), Load())
        room = []
        for (_, window, _), most in zip(
            WINDOWS,
            (member.cap.hour, member.cap.day, member.cap.week, member.cap.month),
            strict=True,
        ):
            if most is not None:
                room.append(most - sum(at > now - window for at in load.wins))
        if member.cap.open is not None:
            room.append(member.cap.open - load.open_held)
        if room:
            found[member.key] = max(0, min(room))
    return found


class _Turns:
    """Who of a member gets the next lead: its one owner, or its people in turn."""

    def __init__(
        self, programme: Programme, pool: Pool, standing: Standing, eligibility: Eligibility
    ) -> None:
        self._pool, self._standing, self._eligibility = pool, standing, eligibility
        self._members = {member.key: member for member in pool.members}
        self._people = {person_member(key): key for key in programme.people}
        self._had: Counter[str] = Counter()

    def owner(self, member: str, lead: LeadFacts) -> OwnerStanding:
        """The owner of one lead that the member gets."""
        found = self._members[member]
        owner: OwnerStanding | None
        match found.kind:
            case "queue":
                owner = self._standing.queues.get(found.name)
            case "user":
                owner = self._standing.users.get(found.name.lower())
            case "partner":
                people = self._eligibility.people(self._pool, PartnerKey(found.name), lead)
                may = [c.member for c in people.candidates if not c.reasons]
                next_ = min(may, key=lambda person: (self._had[person], person))
                self._had[next_] += 1
                owner = self._standing.people.get(self._people[next_])
        if owner is None:
            raise Bug(f"{member} was chosen in pool {self._pool.key} but is not in the standing.")
        return owner


def _pool_of(programme: Programme, pool: str) -> tuple[PoolKey, Pool]:
    key = PoolKey(pool)
    found = programme.routing.pools.get(key)
    if found is None:
        known = ", ".join(sorted(programme.routing.pools)) or "none"
        raise BadRequest(
            f"The programme has no pool '{pool}' (there are: {known}).",
            hint="`sfprm programme show` lists the pools.",
        )
    return key, found


def _shared(decided: Batch) -> Shared:
    given = tuple(d for d in decided.decisions if d.owner_id is not None)
    return Shared(given, tuple(d for d in decided.decisions if d.owner_id is None))


def managers_of(programme: Programme, standing: Standing) -> dict[RecordId, OwnerStanding]:
    """Each partner user's channel manager, by the user's id; those without a manager who may own
    leads are left out."""
    found = {}
    for key, person in programme.people.items():
        user = standing.people.get(key)
        partner = programme.partners.get(person.partner)
        manager = programme.channel_managers.get(partner.manager) if partner else None
        owner = standing.users.get(manager.username.lower()) if manager else None
        if user is None or user.owner_id is None or owner is None:
            continue
        if owner.owner_id is not None and not owner.reasons:
            found[user.owner_id] = owner
    return found
