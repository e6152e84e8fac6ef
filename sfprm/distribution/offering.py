"""Offers as the programme wants them: on which terms, with which clock, and what is written on the
lead beside its owner."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sfprm.programme.calendar_model import WorkingTime
from sfprm.programme.offer_terms import OfferTerms
from sfprm.routing.calendar import add_working
from sfprm.routing.offers import (
    MANAGER,
    Offer,
    OfferEvent,
    OfferState,
    given,
    move,
    opened,
    plain_time,
    terms_for,
)
from sfprm.routing.values import Outcome
from sfprm.store.offers import PlannedOffer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sfprm.ids import RecordId
    from sfprm.programme.calendar_model import Calendar
    from sfprm.programme.model import FieldValue, Programme
    from sfprm.programme.offer_terms import Span
    from sfprm.routing.offers import Count
    from sfprm.routing.values import Decision
    from sfprm.store.api import StoreWriter
    from sfprm.store.records import JournalEntry

__all__ = ["ExtraFields", "count_for", "has_offers", "plan_offers", "terms_named"]

_HOLE = re.compile(r"\{([^{}]*)\}")
_NONE = OfferTerms()
ENDINGS: Mapping[OfferState, str] = {
    OfferState.RECALLED: "recalled",
    OfferState.RECYCLED: "recycled",
}


def has_offers(programme: Programme) -> bool:
    """Whether any lead is offered with terms."""
    return bool(programme.routing.offer_terms())


def terms_named(programme: Programme, name: str) -> OfferTerms:
    """The terms that an offer was made on; terms without any clock when the programme no longer
    has them: such an offer ends by people alone, or goes to the next when its deadline comes."""
    name, _, number = name.removeprefix(MANAGER).rpartition("#")
    choices = dict(programme.routing.offer_terms()).get(name, ())
    at = int(number) - 1 if number.isdigit() else 0
    return choices[at] if at < len(choices) else _NONE


def count_for(calendar: Calendar | None) -> Count:
    """How spans are counted for somebody with these hours; without hours, a working day is a
    day."""

    def count(start: datetime, span: Span) -> datetime:
        if not span.working or calendar is None:
            return plain_time(start, span)
        if span.unit == "days":
            return add_working(calendar, start, WorkingTime(days=span.amount))
        minutes = span.amount * (60 if span.unit == "hours" else 1)
        return add_working(calendar, start, WorkingTime(minutes=minutes))

    return count


def plan_offers(
    programme: Programme,
    decisions: Sequence[Decision],
    entries: Sequence[JournalEntry],
    *,
    calendars: Mapping[tuple[str | None, RecordId], Calendar],
    numbers: Mapping[RecordId, int] | None = None,
) -> list[PlannedOffer]:
    """The offers that journalled decisions make. `numbers`: how often the lead was offered before.

    `calendars` by (pool, owner).
    """
    known = dict(programme.routing.offer_terms())
    if not known:
        return []
    own = {f"rule:{r.name}": r.offer for r in programme.routing.all_rules if r.offer is not None}
    planned = []
    for decision, entry in zip(decisions, entries, strict=True):
        if decision.outcome is not Outcome.ASSIGNED or entry.owner_new is None:
            continue
        name = f"rule:{decision.rule}"
        if name not in own:
            name = f"pool:{decision.pool}"
        choices = known.get(name, ())
        at = terms_for(choices, decision.lead.fields)
        if at is None or not choices[at].has_clock:
            continue
        planned.append(
            _planned(
                decision,
                entry,
                f"{name}#{at + 1}",
                choices[at],
                count_for(calendars.get((decision.pool, entry.owner_new))),
                (numbers or {}).get(entry.lead, 0) + 1,
            )
        )
    return planned


def _planned(
    decision: Decision,
    entry: JournalEntry,
    name: str,
    terms: OfferTerms,
    count: Count,
    number: int,
) -> PlannedOffer:
    assert entry.owner_new is not None
    status = terms.set_fields.get("offered", {}).get("Status")
    offer = Offer(
        lead=entry.lead,
        owner=entry.owner_new,
        owner_name=entry.owner_name,
        member=decision.choices[0].winner if decision.choices else f"owner:{entry.owner_new}",
        terms=name,
        state=OfferState.PLANNED,
        number=number,
        offered_at=entry.decided_at,
        next_at=None,
        entry=entry.sequence,
        pool=entry.pool,
        rule=entry.rule,
        intake=decision.lead.intake,
        label=entry.label,
        status=str(status or decision.lead.fields.get("Status") or ""),
    )
    made = opened(offer, terms, count)
    return PlannedOffer(made, move(OfferState.PLANNED, given(made, terms)))


def manager_offer(
    offer: Offer, entry: JournalEntry, terms: OfferTerms, count: Count
) -> PlannedOffer:
    """The lead of a lapsed offer, with the channel manager."""
    assert entry.owner_new is not None
    name = offer.terms if offer.terms.startswith(MANAGER) else f"{MANAGER}{offer.terms}"
    span = terms.accept_within or terms.act_within
    due = count(entry.decided_at, span) if span else entry.decided_at + timedelta(days=1)
    made = Offer(
        lead=entry.lead,
        owner=entry.owner_new,
        owner_name=entry.owner_name,
        member=f"manager:{entry.owner_new}",
        terms=name,
        state=OfferState.PLANNED,
        number=offer.number,
        offered_at=entry.decided_at,
        next_at=due,
        entry=entry.sequence,
        pool=offer.pool,
        rule=offer.rule,
        intake=offer.intake,
        label=offer.label,
        status=offer.status,
    )
    return PlannedOffer(made, move(OfferState.PLANNED, OfferEvent.GIVEN_TO_MANAGER))


class ExtraFields:
    """What is written on leads beside their owner: by the offers, and by the programme's own wish.

    Made again from the state alone, so a write that is taken up after a crash says the same.
    """

    def __init__(self, programme: Programme | None, store: StoreWriter) -> None:
        self._programme = programme
        self._store = store
        self._wanted = programme is not None and (
            has_offers(programme) or bool(programme.routing.lead_fields)
        )

    def of(self, entries: Sequence[JournalEntry]) -> Mapping[int, Mapping[str, FieldValue]]:
        """By journal entry; those without any are left out."""
        if not self._wanted or self._programme is None:
            return {}
        sequences = [e.sequence for e in entries]
        given_by = {o.entry: o for o in self._store.offers.of_entries(sequences)}
        ended = {o.ended_by: o for o in self._store.offers.ended_by(sequences)}
        found = {}
        for entry in entries:
            fields = dict(self._ended(ended.get(entry.sequence), entry))
            fields.update(self._given(given_by.get(entry.sequence), entry))
            if entry.kind in ("route", "recall") or entry.pool is not None:
                fields.update(own_fields(self._programme, entry, given_by.get(entry.sequence)))
            if fields:
                found[entry.sequence] = fields
        return found

    def _ended(self, offer: Offer | None, entry: JournalEntry) -> Mapping[str, FieldValue]:
        if offer is None or self._programme is None:
            return {}
        terms = terms_named(self._programme, offer.terms)
        fields: dict[str, FieldValue] = {}
        if offer.why is OfferEvent.REJECTED:
            fields.update(stage_fields(terms, "rejected", offer))
        put_aside = entry.kind == "recycle"
        return {**fields, **stage_fields(terms, "recycled" if put_aside else "recalled", offer)}

    def _given(self, offer: Offer | None, entry: JournalEntry) -> Mapping[str, FieldValue]:
        if offer is None or self._programme is None:
            return {}
        terms = terms_named(self._programme, offer.terms)
        stage = "escalated" if offer.terms.startswith(MANAGER) else "offered"
        return stage_fields(terms, stage, offer)


def own_fields(
    programme: Programme, entry: JournalEntry, offer: Offer | None
) -> dict[str, FieldValue]:
    """The Lead fields that the programme has sfprm fill, for one decision."""
    known: dict[str, FieldValue] = {
        "pool": entry.pool,
        "rule": entry.rule,
        "member": offer.member if offer else (entry.choices[0].winner if entry.choices else None),
        "offer": offer.number if offer else None,
        "accept_by": _instant(offer.accept_by if offer else None),
        "act_by": _instant(offer.act_by if offer else None),
        "decision": str(entry.sequence),
    }
    return {name: known[use] for use, name in programme.routing.lead_fields.items()}


def stage_fields(terms: OfferTerms, stage: str, offer: Offer) -> dict[str, FieldValue]:
    """The Lead fields that the terms set at a stage."""
    wanted = terms.set_fields.get(stage)
    if not wanted:
        return {}
    holes: dict[str, str] = {
        "now": _instant(offer.ended_at or offer.accepted_at or offer.offered_at) or "",
        "today": _date(offer.ended_at or offer.accepted_at or offer.offered_at),
        "accept_by": _instant(offer.accept_by) or "",
        "accept_by.date": _date(offer.accept_by),
        "act_by": _instant(offer.act_by) or "",
        "act_by.date": _date(offer.act_by),
        "offer": str(offer.number),
        "pool": offer.pool or "",
        "rule": offer.rule or "",
        "owner": offer.owner_name,
        "member": offer.member,
        "decision": str(offer.entry),
    }
    return {name: _filled(value, holes) for name, value in wanted.items()}


def _filled(value: FieldValue, holes: Mapping[str, str]) -> FieldValue:
    if not isinstance(value, str):
        return value
    # an emptied date is null in the org, not an empty text
    return _HOLE.sub(lambda hole: holes.get(hole.group(1), ""), value) or None


def _instant(value: datetime | None) -> str | None:
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%SZ")


def _date(value: datetime | None) -> str:
    return "" if value is None else value.date().isoformat()


def sorted_leads(offers: Iterable[Offer]) -> list[RecordId]:
    """Their leads, each once, in order."""
    return sorted({offer.lead for offer in offers})
