"""Carries journalled decisions out: write, read back, settle. Safe to break off anywhere.

What was decided stands in the journal before the org is written, so a run that died is taken up
from journal and org alone: owner as decided → confirmed; owner as seen → written again; anything
else → someone or something was there first, and is never fought. Credits go back before an entry
is settled, and only once, so breaking off between the two costs nothing either.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sfprm.distribution.offering import ExtraFields
from sfprm.distribution.owners import (
    LeadNow,
    Place,
    leads_written_since,
    place_of,
    read_leads_now,
)
from sfprm.errors import NotReady
from sfprm.routing.decide import retry_after
from sfprm.routing.values import Code, Reason
from sfprm.salesforce.collections import AUTO_ASSIGN_OFF, MAX_ROWS, update
from sfprm.store.records import WriteState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfprm.clock import Clock
    from sfprm.events import Progress
    from sfprm.ids import RecordId
    from sfprm.programme.model import Programme
    from sfprm.salesforce.collections import RowOutcome
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreWriter
    from sfprm.store.records import JournalEntry

__all__ = ["Carrier", "Settled", "Tally"]

CLOCK_MARGIN = timedelta(seconds=60)
"""How far the org's clock may be behind ours before reading back costs more calls."""

MOST_UNSEEN = 20
"""Leads out of sight after our own write before a run stops (operations.md, rule 6)."""

GONE = frozenset({"ENTITY_IS_DELETED", "CANNOT_UPDATE_CONVERTED_LEAD"})
"""Refusals after which a lead is never tried again: it is no lead any more."""

ROUTE = "route"
UNDO = "undo"
RECALL = "recall"
DECIDED = (ROUTE, RECALL, "escalate", "recycle")
"""Kinds of entries that sfprm decided itself: what does not come about gives credit back."""


@dataclass(frozen=True, slots=True)
class Settled:
    """One decision that did not come out as decided, and why, in words."""

    entry: JournalEntry
    state: WriteState
    words: str


@dataclass(slots=True)
class Tally:
    """What became of the decisions carried out so far."""

    confirmed: list[JournalEntry] = field(default_factory=list)
    not_done: list[Settled] = field(default_factory=list)
    unseen: int = 0

    @property
    def refused(self) -> list[Settled]:
        """Writes that the org refused."""
        return [s for s in self.not_done if s.state is WriteState.REFUSED]

    @property
    def overtaken(self) -> list[Settled]:
        """Leads that someone or something else moved."""
        return [s for s in self.not_done if s.state is WriteState.OVERTAKEN]


class Carrier:
    """Carries out the decisions of one run; `tally` grows as it goes."""

    def __init__(
        self,
        session: Session,
        store: StoreWriter,
        clock: Clock,
        progress: Progress,
        programme: Programme | None = None,
    ) -> None:
        self._extra = ExtraFields(programme, store)
        self._session = session
        self._store = store
        self._clock = clock
        self._progress = progress
        self.tally = Tally()

    def take_up(self) -> int:
        """Finish decisions that an earlier run journalled and did not see confirmed; how many."""
        left = self._store.entries(states=(WriteState.DECIDED,))
        if not left:
            return 0
        self._progress.say(f"taking up {len(left)} decisions of a run that was interrupted")
        given_back = {
            e.refunds
            for e in self._store.entries(kinds=("refund",), after=left[0].sequence)
            if e.refunds is not None
        }
        now = read_leads_now(self._session, [e.lead for e in left])
        confirmed, again = [], []
        for entry in left:
            lead = now.get(entry.lead)
            match place_of(entry, lead):
                case _ if entry.sequence in given_back:
                    # the run died between giving the credit back and settling
                    self._not_done(entry, WriteState.REFUSED, "refused before the run broke off")
                case Place.AS_DECIDED | Place.NOT_VISIBLE:
                    # where it waited we saw it; out of sight it has gone where it was sent
                    confirmed.append(entry)
                case Place.AS_SEEN:
                    again.append(entry)
                case place:
                    self._overtaken(entry, place, lead)
        self._confirm(confirmed)
        self.carry_out(again)
        return len(left)

    def carry_out(self, entries: Sequence[JournalEntry]) -> None:
        """Write the owners, 200 a call, then read them back, 2,000 a call.

        Raises OutcomeUnknown or TryLater when the org stops answering; the entries stay open and
        are taken up by the next run. Raises NotReady when too many leads went out of sight.
        """
        began = self._clock.now()
        written: list[JournalEntry] = []
        for at in range(0, len(entries), MAX_ROWS):
            part = entries[at : at + MAX_ROWS]
            extra = self._extra.of(part)
            rows = [
                {"Id": e.lead, "OwnerId": e.owner_new, **extra.get(e.sequence, {})} for e in part
            ]
            outcomes = update(self._session, "Lead", rows, headers=AUTO_ASSIGN_OFF)
            for entry, outcome in zip(part, outcomes, strict=True):
                if outcome.success:
                    written.append(entry)
                else:
                    self._refused(entry, outcome)
            self._progress.advance(len(part))
        self._read_back(written, began - CLOCK_MARGIN)

    def _read_back(self, written: Sequence[JournalEntry], since: datetime) -> None:
        if not written:
            return
        owners = sorted({e.owner_new for e in written if e.owner_new is not None})
        held = leads_written_since(self._session, owners, since)
        self._confirm([e for e in written if held.get(e.lead) == e.owner_new])
        missed = [e for e in written if held.get(e.lead) != e.owner_new]
        if not missed:
            return
        now = read_leads_now(self._session, [e.lead for e in missed])
        seen, unseen = [], []
        for entry in missed:
            lead = now.get(entry.lead)
            match place_of(entry, lead):
                case Place.AS_DECIDED:
                    seen.append(entry)
                case Place.NOT_VISIBLE:
                    unseen.append(entry)
                case place:
                    self._overtaken(entry, place, lead)
        self._confirm(seen)
        self._confirm(unseen, "written; not visible to the agent since")
        self.tally.unseen += len(unseen)
        if self.tally.unseen >= MOST_UNSEEN:
            raise NotReady(
                f"{self.tally.unseen} leads went out of the agent's sight when it gave them away.",
                hint="Grant the agent's user View All and Modify All on Lead.",
            )

    def _confirm(self, entries: Sequence[JournalEntry], words: str = "") -> None:
        if not entries:
            return
        moved = [e for e in entries if e.kind not in DECIDED]
        for entry in moved:
            if entry.kind == UNDO:
                self._give_back_undone(entry)
        if moved:
            self._store.unpark([e.lead for e in moved])
        self._store.settle(
            [e.sequence for e in entries],
            WriteState.CONFIRMED,
            messages={e.sequence: words for e in entries} if words else None,
        )
        self.tally.confirmed.extend(entries)

    def _give_back_undone(self, undo: JournalEntry) -> None:
        """A routed lead that went back: the member did not have it, so its credit returns."""
        for entry in reversed(self._store.entries(lead=undo.lead, kinds=DECIDED)):
            if entry.owner_new == undo.owner_seen and entry.choices:
                self._store.refund(entry.sequence, self._clock.now())
                return

    def _refused(self, entry: JournalEntry, outcome: RowOutcome) -> None:
        words = "; ".join(str(e) for e in outcome.errors) or "refused without a reason"
        gone = any(e.code in GONE for e in outcome.errors)
        reason = None if gone else Reason(Code.REFUSED_BY_ORG, words)
        self._not_done(entry, WriteState.REFUSED, words, reason)

    def _overtaken(self, entry: JournalEntry, place: Place, lead: LeadNow | None) -> None:
        words, automation = _why_overtaken(place, lead, self._session.identity.user_id)
        reason = Reason(Code.AUTOMATION, words) if automation else None
        self._not_done(entry, WriteState.OVERTAKEN, words, reason)

    def _not_done(
        self, entry: JournalEntry, state: WriteState, words: str, reason: Reason | None = None
    ) -> None:
        """Credit back, then kept back, then settled: in this order, so that no part is lost."""
        now = self._clock.now()
        if entry.kind in DECIDED:
            if entry.choices:
                self._store.refund(entry.sequence, now)
            if entry.kind != ROUTE and state is WriteState.REFUSED:
                # it stays with its owner, under its old offer
                self._store.unpark([entry.lead])
            elif reason is not None:
                wait = self._wait(entry.lead, reason)
                next_try = None if wait is None else now + wait
                self._store.park(entry.lead, [reason], now=now, next_try=next_try)
        self._store.settle([entry.sequence], state, messages={entry.sequence: words})
        self.tally.not_done.append(Settled(entry, state, words))

    def _wait(self, lead: RecordId, reason: Reason) -> timedelta | None:
        """Longer each time; None, never again, once automation has twice taken the lead."""
        before = [
            e
            for e in self._store.entries(lead=lead, kinds=DECIDED)
            if e.state in (WriteState.REFUSED, WriteState.OVERTAKEN)
        ]
        if reason.code is Code.AUTOMATION and any(e.state is WriteState.OVERTAKEN for e in before):
            return None
        return retry_after(len(before))


def _why_overtaken(place: Place, lead: LeadNow | None, agent: RecordId) -> tuple[str, bool]:
    """In words, and whether an automation of the org did it: the last to write was our own user."""
    if place is Place.DELETED:
        return "the lead was deleted meanwhile", False
    if place is Place.CONVERTED:
        return "the lead was converted meanwhile", False
    owner = lead.owner_name if lead is not None else "another owner"
    if lead is not None and lead.modified_by_id != agent:
        return f"{lead.modified_by or 'another user'} gave it to {owner} meanwhile", False
    return (
        f"an automation of the org (flow, trigger or another router) gave it to {owner} "
        "right after our own write",
        True,
    )
