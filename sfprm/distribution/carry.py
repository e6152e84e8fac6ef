"""Carries journalled decisions out: write, read back, settle. Safe to break off anywhere.

What was decided stands in the journal before the org is written, so a run that died is taken up
from journal and org alone: owner as decided → confirmed; owner as seen → written again; anything
else → someone or something was there first, and is never fought. What does not come about is
settled in one transaction with its credit and with when the lead is tried again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sfprm.distribution.offering import ExtraFields
from sfprm.distribution.owners import (
    LeadNow,
    Place,
    place_of,
    read_just_written,
    read_leads_now,
    read_owners,
    read_written_between,
)
from sfprm.distribution.rule_names import read_who_may_take
from sfprm.distribution.writing import write_owners
from sfprm.errors import NotReady
from sfprm.ids import RecordId
from sfprm.routing.values import Code, Outcome, Reason
from sfprm.routing.waits import retry_after
from sfprm.salesforce.collections import MAX_ROWS
from sfprm.store.batches import NotDone
from sfprm.store.records import WriteState
from sfprm.store.refused import MERGED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sfprm.clock import Clock
    from sfprm.events import Progress
    from sfprm.programme.model import Programme
    from sfprm.salesforce.collections import RowOutcome
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreWriter
    from sfprm.store.offer_book import SecondLook
    from sfprm.store.records import JournalEntry

__all__ = ["DECIDED", "MOST_UNSEEN", "Carrier", "Settled", "Tally"]

CLOCK_MARGIN = timedelta(seconds=60)
"""How far the org's clock may be behind ours before reading back costs more calls."""

MOST_UNSEEN = 20
"""Leads out of sight after our own write before a run stops (operations.md, rule 6)."""

SETTLING = timedelta(minutes=5)
"""After how long a confirmed owner is looked at once more: by then automation has had its turn."""

LOOKS_AT_ONCE = 5
"""Batches that are looked at again together: leads written one after the other share pages."""

DELETED = "ENTITY_IS_DELETED"
GONE = frozenset({DELETED, "CANNOT_UPDATE_CONVERTED_LEAD"})
"""Refusals after which a lead is never tried again: it is no lead any more."""

ROUTE = "route"
UNDO = "undo"
REASSIGN = "reassign"
DECIDED = (ROUTE, "recall", "escalate", "recycle")
"""Kinds of entries that sfprm decided itself: what does not come about gives credit back."""


@dataclass(frozen=True, slots=True)
class Settled:
    """One decision that did not come out as decided, and why, in words."""

    entry: JournalEntry
    state: WriteState
    words: str


@dataclass(slots=True)
class Tally:
    """What became of the decisions carried out so far. `confirmed` counts, `parked` those of them
    that went to a waiting place; `to_tell` are those that somebody is to hear of."""

    confirmed: int = 0
    parked: int = 0
    to_tell: list[JournalEntry] = field(default_factory=list)
    not_done: list[Settled] = field(default_factory=list)
    unseen: int = 0

    @property
    def owned(self) -> int:
        """Confirmed with the owner that was decided."""
        return self.confirmed - self.parked

    @property
    def refused(self) -> list[Settled]:
        """Writes that the org refused."""
        return [s for s in self.not_done if s.state is WriteState.REFUSED]

    @property
    def overtaken(self) -> list[Settled]:
        """Leads that someone or something else moved."""
        return [s for s in self.not_done if s.state is WriteState.OVERTAKEN]


@dataclass(frozen=True, slots=True)
class _Failed:
    """A decision about to be settled as not done. `reason`: why the lead is kept back."""

    entry: JournalEntry
    state: WriteState
    words: str
    reason: Reason | None = None


NO_NAMES: frozenset[str] = frozenset()


def owner_news(entry: JournalEntry, notices: frozenset[str]) -> tuple[int, str] | None:
    """The notice (entry, key) for a decision's new owner; None when none is asked for, or a queue
    has it."""
    if entry.notify not in notices:
        return None
    if entry.owner_new is None or entry.owner_new.prefix != "005":
        return None
    return entry.sequence, f"owner:{entry.notify}"


class Carrier:
    """Carries out the decisions of one run; `tally` grows as it goes.

    `tell_all`: every confirmed decision is kept for a notice, not only those that ask for one.
    `among_others`: other workers write leads of the same owners at the same time.
    """

    def __init__(
        self,
        session: Session,
        store: StoreWriter,
        clock: Clock,
        progress: Progress,
        programme: Programme | None = None,
        *,
        tell_all: bool = False,
        among_others: bool = False,
    ) -> None:
        self._extra = ExtraFields(programme, store)
        self._notices = frozenset(programme.routing.notices) if programme is not None else NO_NAMES
        self._session = session
        self._store = store
        self._clock = clock
        self._progress = progress
        self._tell_all = tell_all
        self._among_others = among_others
        self._broken_off = False
        self._takers = ""
        self.tally = Tally()

    def break_off(self) -> None:
        """From another thread: end after the write in hand. What is not confirmed by then stays
        open in the journal and is taken up by the next run."""
        self._broken_off = True

    def take_up(self) -> int:
        """Finish decisions that an earlier run journalled and did not see confirmed, and look again
        at those that were confirmed a while ago; how many were finished."""
        left = self._store.entries(states=(WriteState.DECIDED,))
        self.finish(left)
        self._look_again()
        return len(left)

    def finish(self, left: Sequence[JournalEntry]) -> None:
        """Carry out what somebody may have begun: the org is read before it is written."""
        for at in range(0, len(left), MAX_ROWS * 10):
            self._take_up(left[at : at + MAX_ROWS * 10])

    def _take_up(self, left: Sequence[JournalEntry]) -> None:
        self._progress.say(f"taking up {len(left)} decisions of a run that was interrupted")
        given_back = {
            e.refunds
            for e in self._store.entries(kinds=("refund",), after=left[0].sequence)
            if e.refunds is not None
        }
        now = self._now_of(left)
        confirmed, again, failed = [], [], []
        for entry in left:
            lead = now.get(entry.lead)
            match place_of(entry, lead):
                case _ if entry.sequence in given_back:
                    words = "refused before the run broke off"
                    failed.append(_Failed(entry, WriteState.REFUSED, words))
                case Place.AS_DECIDED | Place.NOT_VISIBLE:
                    # where it waited we saw it; out of sight it has gone where it was sent
                    confirmed.append(entry)
                case Place.AS_SEEN:
                    again.append(entry)
                case place:
                    failed.append(self._overtaken(entry, place, lead))
        self._confirm_where_they_are(confirmed, now)
        self._settle(failed)
        self.carry_out(again)

    def _now_of(self, entries: Iterable[JournalEntry]) -> dict[RecordId, LeadNow]:
        """The entries' leads; one that was merged away is its survivor's."""
        now = read_leads_now(self._session, [e.lead for e in entries])
        merged = {lead.id: lead.merged_into for lead in now.values() if lead.merged_into}
        if merged:
            survivors = read_leads_now(self._session, merged.values())
            now |= {lead: survivors[into] for lead, into in merged.items() if into in survivors}
        return now

    def carry_out(self, entries: Sequence[JournalEntry]) -> None:
        """Write the owners, 200 a call, then read them back, 2,000 a call.

        Raises OutcomeUnknown or TryLater when the org stops answering; the entries stay open and
        are taken up by the next run. Raises NotReady when too many leads went out of sight.
        """
        began = self._clock.now()
        written: list[JournalEntry] = []
        calls = write_owners(self._session, entries, self._extra, lambda: self._broken_off)
        for part, outcomes in calls:
            failed = []
            for entry, outcome in zip(part, outcomes, strict=True):
                if outcome.success:
                    written.append(entry)
                else:
                    failed.append(_refused(entry, outcome))
            self._settle(self._merged_or_deleted(failed))
            self._progress.advance(len(part))
        if not self._broken_off:
            self._read_back(written, began - CLOCK_MARGIN)

    def _merged_or_deleted(self, failed: Sequence[_Failed]) -> list[_Failed]:
        """Leads that are gone, told apart: one that was merged away says into which. A call, where
        there are any."""
        gone = [f.entry.lead for f in failed if f.words.startswith(DELETED)]
        if not gone:
            return list(failed)
        now = read_leads_now(self._session, gone)
        into = {lead.id: lead.merged_into for lead in now.values() if lead.merged_into}
        return [
            replace(f, words=f"{MERGED} {into[f.entry.lead]}: {f.words}")
            if f.entry.lead in into
            else f
            for f in failed
        ]

    def _read_back(self, written: Sequence[JournalEntry], since: datetime) -> None:
        if not written:
            return
        leads = [e.lead for e in written]
        if self._among_others:
            found = read_owners(self._session, leads, since)
        else:
            owners = sorted({e.owner_new for e in written if e.owner_new is not None})
            found = read_just_written(self._session, leads, owners, since)
        held = found.owners
        self._confirm([e for e in written if held.get(e.lead) == e.owner_new])
        missed = [e for e in written if held.get(e.lead) != e.owner_new]
        if missed:
            self._confirm_missed(missed)
        ours = [e.sequence for e in written if e.kind in DECIDED]
        if ours:
            due = self._clock.now() + SETTLING
            self._store.offers.look_again(
                min(ours), max(ours), since=found.since, until=found.until, due=due
            )

    def _confirm_missed(self, missed: Sequence[JournalEntry]) -> None:
        now = self._now_of(missed)
        seen, unseen, failed = [], [], []
        for entry in missed:
            lead = now.get(entry.lead)
            match place_of(entry, lead):
                case Place.AS_DECIDED:
                    seen.append(entry)
                case Place.NOT_VISIBLE:
                    unseen.append(entry)
                case place:
                    failed.append(self._overtaken(entry, place, lead))
        self._confirm_where_they_are(seen, now)
        self._confirm(unseen, "written; not visible to the agent since")
        self._settle(failed)
        self.tally.unseen += len(unseen)
        if self.tally.unseen >= MOST_UNSEEN:
            raise NotReady(
                f"{self.tally.unseen} leads went out of the agent's sight when it gave them away.",
                hint="Grant the agent's user View All and Modify All on Lead.",
            )

    # The second look

    def _look_again(self) -> None:
        """Owners that were ours at once and are another's after settling, by the org's automation:
        taken for what it is. What people did meanwhile is theirs to do, and is left."""
        looks = self._store.offers.second_looks(self._clock.now())
        for at in range(0, len(looks), LOOKS_AT_ONCE):
            self._look_at(looks[at : at + LOOKS_AT_ONCE])

    def _look_at(self, looks: Sequence[SecondLook]) -> None:
        given: dict[str, tuple[int, RecordId]] = {}
        for look in looks:
            for one, entry in self._store.confirmed(look.first, look.last, DECIDED).items():
                given[one] = entry
        owners = sorted({owner for _, owner in given.values()})
        if owners:
            since, until = min(x.since for x in looks), max(x.until for x in looks)
            for lead, owner in read_written_between(self._session, owners, since, until):
                if lead in given and given[lead][1] == owner:
                    del given[lead]
        if given:
            missed = {sequence for sequence, _ in given.values()}
            about = self._store.entries(leads=[RecordId(lead) for lead in given], kinds=DECIDED)
            self._settle(self._turned([entry for entry in about if entry.sequence in missed]))
        self._store.offers.looked_again([look.id for look in looks])

    def _turned(self, missed: Sequence[JournalEntry]) -> list[_Failed]:
        """Those whose owner an automation changed, as far as can be told."""
        later = {
            e.lead
            for e in self._store.entries(
                leads=[e.lead for e in missed], after=min(e.sequence for e in missed)
            )
            if e.refunds is None
            and e.sequence > max(m.sequence for m in missed if m.lead == e.lead)
        }
        now = self._now_of(missed)
        held = {o.entry: o.owner for o in self._store.offers.of_entries(e.sequence for e in missed)}
        found = []
        for entry in missed:
            lead = now.get(entry.lead)
            if entry.lead in later or place_of(entry, lead) is not Place.MOVED:
                continue
            if lead is not None and held.get(entry.sequence) == lead.owner_id:
                continue  # a partner took it from the queue, and its offer says so
            failed = self._overtaken(entry, Place.MOVED, lead)
            if failed.reason is not None:
                found.append(failed)
        return found

    # Settling

    def _confirm_where_they_are(
        self, entries: Sequence[JournalEntry], now: Mapping[RecordId, LeadNow]
    ) -> None:
        """One that was merged away counts for its survivor, and says so."""
        into = {e.sequence: now[e.lead].id for e in entries if e.lead in now}
        merged = [e for e in entries if into.get(e.sequence, e.lead) != e.lead]
        self._confirm([e for e in entries if e not in merged] if merged else entries)
        for entry in merged:
            self._confirm([entry], f"{MERGED} {into[entry.sequence]}, which has this owner")

    def _confirm(self, entries: Sequence[JournalEntry], words: str = "") -> None:
        if not entries:
            return
        moved = [e for e in entries if e.kind not in DECIDED]
        undone = [e for e in moved if e.kind == UNDO]
        if undone:
            self._give_back_undone(undone)
        if moved:
            self._store.unpark([e.lead for e in moved])
        self._store.settle(
            [e.sequence for e in entries],
            WriteState.CONFIRMED,
            messages={e.sequence: words for e in entries} if words else None,
            due=[news for e in entries if (news := owner_news(e, self._notices)) is not None],
            at=self._clock.now(),
        )
        self.tally.confirmed += len(entries)
        self.tally.parked += sum(e.outcome == Outcome.PARKED.value for e in entries)
        self.tally.to_tell.extend(e for e in entries if self._tell_all or e.notify is not None)

    def _give_back_undone(self, undone: Sequence[JournalEntry]) -> None:
        """Routed leads that went back: the member did not have them, so its credit returns."""
        owner_of = {e.lead: e.owner_seen for e in undone}
        last: dict[RecordId, int] = {}
        for entry in self._store.entries(leads=list(owner_of), kinds=(*DECIDED, REASSIGN)):
            if entry.owner_new == owner_of[entry.lead] and entry.choices:
                last[entry.lead] = entry.sequence
        self._store.refund_all(sorted(last.values()), self._clock.now())

    def _overtaken(self, entry: JournalEntry, place: Place, lead: LeadNow | None) -> _Failed:
        agent = self._session.identity.user_id
        words, automation = _why_overtaken(place, lead, agent)
        if automation:
            words, _ = _why_overtaken(place, lead, agent, self._who_may_take())
        if lead is not None and lead.id != entry.lead:
            words = f"{MERGED} {lead.id}: {words}"
        reason = Reason(Code.AUTOMATION, words) if automation else None
        return _Failed(entry, WriteState.OVERTAKEN, words, reason)

    def _who_may_take(self) -> str:
        """Asked for once in a pass, and only when something took a lead."""
        if not self._takers:
            self._takers = read_who_may_take(self._session)
        return self._takers

    def _settle(self, failed: Sequence[_Failed]) -> None:
        """Record what did not come about: all of it in one transaction."""
        if not failed:
            return
        now = self._clock.now()
        before = self._failures([f.entry.lead for f in failed if f.reason is not None])
        rows = [self._row(f, before.get(f.entry.lead, []), now) for f in failed]
        self._store.settle_not_done(rows, now)
        self.tally.not_done.extend(Settled(f.entry, f.state, f.words) for f in failed)

    def _failures(self, leads: Sequence[RecordId]) -> Mapping[RecordId, list[JournalEntry]]:
        """Earlier decisions about those leads that did not come about."""
        found: dict[RecordId, list[JournalEntry]] = {}
        if leads:
            for entry in self._store.entries(leads=leads, kinds=DECIDED):
                if entry.state in (WriteState.REFUSED, WriteState.OVERTAKEN):
                    found.setdefault(entry.lead, []).append(entry)
        return found

    def _row(self, failed: _Failed, before: Sequence[JournalEntry], now: datetime) -> NotDone:
        entry, reason = failed.entry, failed.reason
        if entry.kind not in DECIDED:
            back = bool(entry.choices)  # a pool was asked to share it out
            return NotDone(entry.sequence, entry.lead, failed.state, failed.words, refund=back)
        # a lead that could not be taken back stays with its owner, under its old offer
        stays = entry.kind != ROUTE and failed.state is WriteState.REFUSED
        if stays:
            reason = None
        wait = None if reason is None else _wait(reason, before)
        return NotDone(
            entry=entry.sequence,
            lead=entry.lead,
            state=failed.state,
            words=failed.words,
            refund=bool(entry.choices),
            reason=reason,
            next_try=None if wait is None else now + wait,
            free=stays,
        )


def _refused(entry: JournalEntry, outcome: RowOutcome) -> _Failed:
    words = "; ".join(str(e) for e in outcome.errors) or "refused without a reason"
    gone = any(e.code in GONE for e in outcome.errors)
    reason = None if gone else Reason(Code.REFUSED_BY_ORG, words)
    return _Failed(entry, WriteState.REFUSED, words, reason)


def _wait(reason: Reason, before: Sequence[JournalEntry]) -> timedelta | None:
    """Longer each time; None, never again, once automation has twice taken the lead."""
    turned = any(e.state is WriteState.OVERTAKEN for e in before)
    if reason.code is Code.AUTOMATION and turned:
        return None
    return retry_after(len(before))


def _why_overtaken(
    place: Place,
    lead: LeadNow | None,
    agent: RecordId,
    takers: str = "flow, trigger or another router",
) -> tuple[str, bool]:
    """In words, and whether an automation of the org did it: the last to write was our own user.
    `takers`: what may have done it."""
    if place is Place.DELETED:
        return "the lead was deleted meanwhile", False
    if place is Place.CONVERTED:
        return "the lead was converted meanwhile", False
    owner = lead.owner_name if lead is not None else "another owner"
    if lead is not None and lead.modified_by_id != agent:
        return f"{lead.modified_by or 'another user'} gave it to {owner} meanwhile", False
    return f"an automation of the org ({takers}) gave it to {owner} right after our own write", True
