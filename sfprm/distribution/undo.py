"""Taking back what a run did with leads, as far as it can be, and saying what cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.distribution.carry import DECIDED, Carrier, Settled
from sfprm.distribution.intake import PAGE
from sfprm.distribution.owners import (
    LeadNow,
    Place,
    place_of,
    read_leads_now,
    read_owner_names,
)
from sfprm.distribution.reassign import Move
from sfprm.errors import BadRequest
from sfprm.store.records import WriteState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.clock import Clock
    from sfprm.events import Progress
    from sfprm.ids import RecordId, RunId
    from sfprm.programme.model import Programme
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreWriter
    from sfprm.store.records import JournalEntry

__all__ = ["CannotUndo", "UndoResult", "undo"]

OWNER_KINDS = (*DECIDED, "reassign", "undo")


@dataclass(frozen=True, slots=True)
class CannotUndo:
    """A lead that stays where it is, and why."""

    lead: RecordId
    label: str
    why: str


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What was taken back. `back_already`: leads that were with their old owner."""

    dry_run: bool
    of: RunId
    moves: tuple[Move, ...]
    moved: int
    back_already: int
    cannot: tuple[CannotUndo, ...]
    taken_up: int
    refused: tuple[Settled, ...]
    overtaken: tuple[Settled, ...]
    calls: int


def undo(
    session: Session,
    store: StoreWriter,
    programme: Programme | None,
    *,
    of: RunId,
    clock: Clock,
    run: RunId,
    progress: Progress,
    dry_run: bool = False,
) -> UndoResult:
    """Bring the leads of a run back to whom they were with, where the owner is still what the run
    left. A routed lead's credit returns. Raises BadRequest when the run moved no lead.

    Run again after an interruption it finishes what is left. What mails said is not unsaid.
    """
    mark = session.calls.snapshot()
    carrier = Carrier(session, store, clock, progress)
    taken_up = 0 if dry_run else carrier.take_up()
    mended = carrier.tally.confirmed
    done = _moved_by(store, of)
    now = read_leads_now(session, done)
    names = read_owner_names(session, (e.owner_seen for e in done.values()))
    moves, cannot, back = [], [], 0
    for entry in done.values():
        lead = now.get(entry.lead)
        match place_of(entry, lead):
            case Place.AS_DECIDED if entry.owner_new is not None:
                moves.append(
                    Move(
                        lead=entry.lead,
                        label=entry.label,
                        owner_seen=entry.owner_new,
                        owner_new=entry.owner_seen,
                        owner_name=names.get(entry.owner_seen, ""),
                        from_name=entry.owner_name,
                    )
                )
            case Place.AS_SEEN:
                back += 1
            case place:
                cannot.append(CannotUndo(entry.lead, entry.label, _why(place, lead)))
    if moves and not dry_run:
        progress.stage("leads", len(moves))
        for at in range(0, len(moves), PAGE):
            carrier.carry_out(
                store.journal_manual(
                    moves[at : at + PAGE],
                    run=run,
                    kind="undo",
                    programme=programme,
                    now=clock.now(),
                )
            )
    return UndoResult(
        dry_run=dry_run,
        of=of,
        moves=tuple(moves),
        moved=carrier.tally.confirmed - mended,
        back_already=back,
        cannot=tuple(cannot),
        taken_up=taken_up,
        refused=tuple(carrier.tally.refused),
        overtaken=tuple(carrier.tally.overtaken),
        calls=session.calls.since(mark).total,
    )


def _moved_by(store: StoreWriter, run: RunId) -> Mapping[RecordId, JournalEntry]:
    """The run's last confirmed move of each lead."""
    entries = store.entries(run=run, kinds=OWNER_KINDS, states=(WriteState.CONFIRMED,))
    moved = {e.lead: e for e in entries if e.owner_new is not None}
    if not moved:
        raise BadRequest(
            f"The run {run} moved no lead.", hint="`sfprm status` lists the runs and what they did."
        )
    return moved


def _why(place: Place, lead: LeadNow | None) -> str:
    match place:
        case Place.CONVERTED:
            return "converted since"
        case Place.DELETED:
            return "deleted since"
        case Place.NOT_VISIBLE:
            return "not visible to the agent"
        case _:
            who = f" by {lead.modified_by}" if lead is not None and lead.modified_by else ""
            to = f" to {lead.owner_name}" if lead is not None and lead.owner_name else ""
            return f"moved since{to}{who}"
