"""Leads that a person has shared out: over a pool, or each to its partner's channel manager.

Over a pool the choice is routing's own: the same eligibility, caps and credits, one lead after the
other, so that whoever is owed most gets the next. What nobody may have stays where it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.distribution.background import Background
from sfprm.distribution.intake import field_value
from sfprm.distribution.offering import plan_offers
from sfprm.distribution.owner_hours import all_hours
from sfprm.errors import BadRequest
from sfprm.ids import PoolKey, RecordId
from sfprm.programme.model import Rule, ToPool
from sfprm.routing.decide import decide, ledger_keys
from sfprm.routing.values import LeadFacts
from sfprm.salesforce.identity import parse_datetime

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sfprm.ids import RunId
    from sfprm.programme.model import Programme
    from sfprm.routing.values import Batch, Decision, OwnerStanding, Standing
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreWriter
    from sfprm.store.records import JournalEntry

__all__ = ["BY_HAND", "Shared", "facts_of", "managers_of", "share_out"]

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
) -> Shared:
    """Decide and journal who of the pool gets each lead, in one transaction; the org is not written
    here. A member's credit pays for what it gets. Raises BadRequest for a pool that is not there.
    """
    key = PoolKey(pool)
    routing = programme.routing
    if key not in routing.pools:
        known = ", ".join(sorted(routing.pools)) or "none"
        raise BadRequest(
            f"The programme has no pool '{pool}' (there are: {known}).",
            hint="`sfprm programme show` lists the pools.",
        )
    only = Rule(BY_HAND, (), None, ToPool(key), routing.pools[key].origin)
    narrow = replace(programme, routing=replace(routing, rules=(only,), rule_sets=()))
    found, at_work = Background(session, programme).of(leads)
    previous = store.previous_owners(lead.id for lead in leads)
    standing = replace(standing, previous_owners=MappingProxyType(previous), at_work=at_work)
    if dry_run:
        ledgers = store.ledgers(ledger_keys(programme))
        return _shared(decide(narrow, standing, ledgers, found, now))
    with store.batch(ledger_keys(programme)) as batch:
        decided = decide(narrow, standing, batch.ledgers, found, now)
        shared = _shared(decided)
        entries = batch.save(
            replace(decided, decisions=shared.given), run=run, programme=programme, kind="reassign"
        )
        calendars = all_hours(programme, standing)
        batch.plan_offers(plan_offers(programme, shared.given, entries, calendars=calendars))
    return replace(shared, entries=tuple(entries))


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
