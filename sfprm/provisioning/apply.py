"""apply(plan): exactly its steps, in the order of the phases, each journalled before and after.

Setup objects never share a request with accounts and contacts. What locks roles goes one request
at a time, the rest wide (`lanes`, `apply_stream`). What is stopped at any point is finished by the
same command again: accounts and contacts are upserts by key, a user is known by its contact, a
group by its API name, a membership by its pair. What became of each step stands in `apply_book`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.errors import BadRequest, TryLater
from sfprm.ids import RecordId
from sfprm.programme.policies import KeyFields, OnDuplicate
from sfprm.provisioning.apply_book import Book
from sfprm.provisioning.apply_stream import Stream, Turn
from sfprm.provisioning.chunks import ChunkSize
from sfprm.provisioning.lanes import lanes, most_rows, takes_role_lock
from sfprm.provisioning.late_roles import find_roles
from sfprm.provisioning.members_seen import look_again
from sfprm.provisioning.result import ApplyResult
from sfprm.provisioning.sending import Sender
from sfprm.provisioning.steps import (
    PHASES,
    AddMember,
    CreateUser,
    PlannedStep,
    RemoveMember,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sfprm.clock import Clock
    from sfprm.events import Progress
    from sfprm.ids import RunId
    from sfprm.programme.model import Programme
    from sfprm.provisioning.plan import Plan
    from sfprm.provisioning.standing import Stand
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreWriter

__all__ = ["Brakes", "apply", "apply_part"]

FIRST_USERS = ChunkSize()


@dataclass(frozen=True, slots=True)
class Brakes:
    """What holds an apply back. `max_changes` is looked at before the first write. `open_now`:
    whether steps that move roles may run at this instant (None: always)."""

    max_changes: int | None = None
    stop_on_error: bool = False
    open_now: Callable[[], bool] | None = None

    def check(self, plan: Plan) -> None:
        """Raises BadRequest when the plan is larger than may be."""
        if self.max_changes is not None and len(plan.steps) > self.max_changes:
            raise BadRequest(
                f"The plan has {len(plan.steps)} changes, more than --max-changes "
                f"{self.max_changes}. Nothing was written.",
                hint="Look at `sfprm plan`; if it is right, raise --max-changes.",
            )


def apply(
    session: Session,
    store: StoreWriter,
    plan: Plan,
    *,
    run: RunId,
    clock: Clock,
    progress: Progress,
    max_changes: int | None = None,
    stop_on_error: bool = False,
    brakes: Brakes | None = None,
    stands: Sequence[Stand] | None = None,
    programme: Programme | None = None,
    first: int = 1,
) -> ApplyResult:
    """Carry the plan out and say what became of each step.

    `run` must have been started in the store; its steps are numbered from `first` on. `stands`:
    where the steps of a saved plan stand now (`standing.stand`); without it the plan is taken as
    fresh. A refused row fails alone; steps that need it are skipped with the reason. Raises
    BadRequest before the first write when there are more than `max_changes` steps; TryLater and its
    kin when the org cannot be reached (the same command again goes on). Partly done is a result,
    not an error: see `ApplyResult.is_whole`.
    """
    held = brakes or Brakes(max_changes, stop_on_error)
    held.check(plan)
    book = Book(store, plan.steps, run=run, clock=clock, progress=progress, first=first)
    if stands is not None:
        book.stand(stands)
    return _Apply(session, plan, book, held, programme).all()


def apply_part(
    session: Session,
    plan: Plan,
    book: Book,
    *,
    programme: Programme,
    users: ChunkSize,
    turn: Turn | None = None,
) -> tuple[ApplyResult, ChunkSize]:
    """Carry out a part of a plan whose steps stand in the book, and the size that users' chunks
    have grown to from `users`. What it needs of other parts the book knows. `turn`: its place
    between others."""
    work = _Apply(session, plan, book, Brakes(), programme, users, turn)
    return work.all(), work.users


class _Apply:
    """One run, phase by phase."""

    def __init__(
        self,
        session: Session,
        plan: Plan,
        book: Book,
        brakes: Brakes,
        programme: Programme | None,
        users: ChunkSize = FIRST_USERS,
        turn: Turn | None = None,
    ) -> None:
        self.session, self.plan, self.book, self.users = session, plan, book, users
        self.brakes, self.programme, self.clock = brakes, programme, book.clock
        keys = programme.key_fields if programme is not None else KeyFields()
        rules = programme.territory_rules if programme is not None else None
        sender = Sender(session, keys, rules, _allowed(programme))
        self.stream = Stream(
            book, sender, self.clock, keys, lambda: session.gate.room, brakes.stop_on_error, turn
        )
        self.user_seconds = 0.0
        self.late: set[str] = set()
        """Partners whose role-moving steps wait for a window."""

    def all(self) -> ApplyResult:
        started, book = self.clock.monotonic(), self.book
        with self.session.calls.counting() as calls:
            try:
                self._phases()
            except TryLater as stopped:
                many = sum(book.done.values()) + book.already
                stopped.message += f" {many:,} of {len(self.plan.steps):,} steps are done."
                raise
            book.remember(self.plan.comparison.baseline)
            self._look_at_members()
        return ApplyResult(
            done=dict(book.done),
            failed=tuple(book.failed),
            skipped=tuple(book.skipped),
            ids=dict(book.ids),
            calls=calls.total,
            seconds=self.clock.monotonic() - started,
            adopted=tuple(sorted(book.adopted)),
            already=book.already,
            waiting=tuple(book.waiting),
            locks=book.locks,
            user_seconds=self.user_seconds,
        )

    def _phases(self) -> None:
        """All kinds in order. However it ends, the journal tells of each step."""
        by_kind: dict[type[PlannedStep], list[PlannedStep]] = {}
        for step in self.plan.steps:
            if id(step) not in self.book.settled:
                by_kind.setdefault(type(step), []).append(step)
        try:
            coming = [kind for kinds in PHASES for kind in kinds if kind in by_kind]
            for kind in coming:
                self._kind(kind, by_kind[kind], last=kind is coming[-1])
        finally:
            self.book.close()

    def _kind(self, kind: type[PlannedStep], steps: list[PlannedStep], *, last: bool) -> None:
        book = self.book
        book.progress.stage(kind.phase, len(steps))
        if kind is AddMember:
            found, missing = find_roles(self.session, self.programme, steps, self._account_of)
            book.ids |= found
            book.bad |= missing
        size = self.users if kind is CreateUser else ChunkSize(most_rows(kind))
        began = self.clock.monotonic()
        parts = lanes(kind, book.ready(steps))
        for at, (part, wide) in enumerate(parts, start=1):
            ends = last and at == len(parts)
            size = self.stream.send(kind, self._in_window(part), size, wide, last=ends)
        if kind is CreateUser:
            self.users = size
            self.user_seconds = self.clock.monotonic() - began

    def _in_window(self, steps: list[PlannedStep]) -> list[PlannedStep]:
        """Those that may run now. Where the first user of an account waits, so do the others: one
        of them would be the first."""
        is_open = self.brakes.open_now
        if is_open is not None and any(takes_role_lock(s) for s in steps) and not is_open():
            self.late |= {s.owner for s in steps if takes_role_lock(s)}
        late = [s for s in steps if self.late and (s.owner in self.late or takes_role_lock(s))]
        late = [s for s in late if takes_role_lock(s) or isinstance(s, CreateUser)]
        if not late:
            return steps
        self.book.wait(late, "moves roles: waits for its window")
        waiting = {id(s) for s in late}
        return [s for s in steps if id(s) not in waiting]

    # groups

    def _account_of(self, partner: str) -> RecordId | None:
        made = self.book.ids.get(f"account:{partner}")
        if made is not None:
            return made
        for difference in self.plan.comparison.differences:
            if difference.ref == f"account:{partner}":
                return difference.record_id
        return None

    def _look_at_members(self) -> None:
        """Read the groups that this run changed once more, so that the next plan need not."""
        book = self.book
        touched = {
            s.owner: at
            for s in self.plan.steps
            if isinstance(s, AddMember | RemoveMember)
            and id(s) not in book.settled
            and (at := s.after.get("GroupId") or book.ids.get(s.links.get("GroupId", "")))
        }
        if touched:
            named = {key: RecordId(str(at)) for key, at in touched.items()}
            book.remember(look_again(self.session, book.store, named))


def _allowed(programme: Programme | None) -> frozenset[str]:
    if programme is None:
        return frozenset()
    return frozenset(o for o, d in programme.on_duplicate.items() if d is OnDuplicate.ALLOW_ALERT)
