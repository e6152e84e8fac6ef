"""apply(plan): exactly its steps, in the order of the phases, each journalled before and after.

Setup objects never share a request with accounts and contacts. What locks roles goes one request
at a time, the rest wide (`lanes`). What is stopped at any point is finished by the same command
again: accounts and contacts are upserts by key, a user is known by its contact, a group by its API
name, a membership by its pair.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfprm.errors import BadRequest, SfprmError
from sfprm.ids import RecordId
from sfprm.programme.policies import KeyFields, OnDuplicate
from sfprm.provisioning.chunks import ChunkSize
from sfprm.provisioning.lanes import cut, lanes, most_rows, takes_role_lock
from sfprm.provisioning.late_roles import find_roles
from sfprm.provisioning.members_seen import look_again
from sfprm.provisioning.result import ApplyResult, FailedRow
from sfprm.provisioning.sending import Sender, Sent
from sfprm.provisioning.standing import FOUND_DONE, Stand, Standing
from sfprm.provisioning.steps import (
    PHASES,
    AddMember,
    CreateGroup,
    CreateQueue,
    CreateUser,
    FreezeUser,
    GrantPermissionSet,
    PlannedStep,
    RemoveMember,
    RevokePermissionSet,
    UpsertContact,
)
from sfprm.salesforce.refusals import Refusal
from sfprm.store.records import AppliedValue, Step, StepState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sfprm.clock import Clock
    from sfprm.events import Progress
    from sfprm.ids import RunId
    from sfprm.programme.model import Programme
    from sfprm.provisioning.plan import Plan
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreWriter

__all__ = ["Brakes", "apply"]

_JOURNALLED_AT_ONCE = 5000
MOST_IN_FLIGHT = 4
"""Requests of one kind under way at once; the session's window may narrow it."""


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
    for at in range(0, len(plan.steps), _JOURNALLED_AT_ONCE):
        part = enumerate(plan.steps[at : at + _JOURNALLED_AT_ONCE], start=at + first)
        store.add_steps([_journalled(run, n, s) for n, s in part])
    work = _Apply(session, store, plan, run, clock, progress, held, programme, first)
    return work.all(stands)


def _journalled(run: RunId, number: int, step: PlannedStep) -> Step:
    return Step(
        run=run,
        number=number,
        kind=step.kind,
        key=step.key,
        state=StepState.PLANNED,
        before=step.before,
        after={**step.after, **{name: f"@{to}" for name, to in step.links.items()}},
        record_id=step.record_id,
    )


class _Apply:
    """One run. Holds the ids made so far and what has failed."""

    def __init__(
        self,
        session: Session,
        store: StoreWriter,
        plan: Plan,
        run: RunId,
        clock: Clock,
        progress: Progress,
        brakes: Brakes,
        programme: Programme | None,
        first: int,
    ) -> None:
        self.session = session
        self.store = store
        self.plan = plan
        self.run = run
        self.clock = clock
        self.progress = progress
        self.brakes = brakes
        self.programme = programme
        self.keys = programme.key_fields if programme is not None else KeyFields()
        self.sender = Sender(
            session,
            self.keys,
            programme.territory_rules if programme is not None else None,
            _allowed(programme),
        )
        # steps are frozen but hold maps, so they are known by their place in the plan
        self.numbers = {id(s): n for n, s in enumerate(plan.steps, start=first)}
        self.ids: dict[str, RecordId] = {}
        self.bad: dict[str, str] = {}
        self.done: Counter[str] = Counter()
        self.already = 0
        self.failed: list[FailedRow] = []
        self.skipped: list[FailedRow] = []
        self.waiting: list[FailedRow] = []
        self.adopted: set[str] = set()
        self.locks = 0
        self.user_seconds = 0.0
        self.settled: set[int] = set()
        self.late: set[str] = set()
        """Partners whose role-moving steps wait for a window."""

    def all(self, stands: Sequence[Stand] | None) -> ApplyResult:
        mark, started = self.session.calls.snapshot(), self.clock.monotonic()
        if stands is not None:
            self._stand(stands)
        present = {type(s) for s in self.plan.steps}
        for kinds in PHASES:
            for kind in kinds:
                if kind in present:
                    self._kind(kind)
        if self.plan.comparison.baseline:
            self.store.record_applied(self.plan.comparison.baseline, self.run, self.clock.now())
        self._look_at_members()
        return ApplyResult(
            done=dict(self.done),
            failed=tuple(self.failed),
            skipped=tuple(self.skipped),
            ids=dict(self.ids),
            calls=self.session.calls.since(mark).total,
            seconds=self.clock.monotonic() - started,
            adopted=tuple(sorted(self.adopted)),
            already=self.already,
            waiting=tuple(self.waiting),
            locks=self.locks,
            user_seconds=self.user_seconds,
        )

    # a saved plan

    def _stand(self, stands: Sequence[Stand]) -> None:
        """Settle what is done already, and refuse what has moved."""
        done: list[PlannedStep] = []
        moved: list[tuple[PlannedStep, str]] = []
        values: list[AppliedValue] = []
        for step, found in zip(self.plan.steps, stands, strict=True):
            if found.standing is Standing.BEFORE:
                continue
            self.settled.add(id(step))
            if found.standing is Standing.MOVED:
                moved.append((step, found.why))
                continue
            done.append(step)
            if found.record_id is not None and not isinstance(step, FreezeUser):
                self.ids[step.ref] = found.record_id
            if not isinstance(step, AddMember | GrantPermissionSet):
                values += self._to_remember(step, {})
        self._refuse(moved)
        self.already = len(done)
        if done:
            numbers = [self._number(s) for s in done]
            ids = {self._number(s): self.ids[s.ref] for s in done if s.ref in self.ids}
            words = dict.fromkeys(numbers, FOUND_DONE)
            self.store.set_steps(self.run, numbers, StepState.DONE, record_ids=ids, messages=words)
            self.store.record_applied(values, self.run, self.clock.now())

    # phases

    def _kind(self, kind: type[PlannedStep]) -> None:
        steps = [s for s in self.plan.steps if type(s) is kind and id(s) not in self.settled]
        if not steps:
            return
        self.progress.stage(kind.phase, len(steps))
        if kind is AddMember:
            found, missing = find_roles(self.session, self.programme, steps, self._account_of)
            self.ids |= found
            self.bad |= missing
        size = ChunkSize() if kind is CreateUser else ChunkSize(most_rows(kind))
        began = self.clock.monotonic()
        for part, wide in lanes(kind, self._ready(steps)):
            ready = self._in_window(part)
            size = self._stream(kind, ready, size, wide)
        if kind is CreateUser:
            self.user_seconds = self.clock.monotonic() - began

    def _ready(self, steps: Iterable[PlannedStep]) -> list[PlannedStep]:
        ready, held = [], []
        for step in steps:
            named = (*step.needs, *step.links.values())
            because = next((self.bad[n] for n in named if n in self.bad), None)
            if because is None:
                ready.append(step)
            else:
                held.append((step, because))
        self._skip(held)
        return ready

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
        why = "moves roles: waits for the window (--window)"
        for step in late:
            self.bad[step.ref] = f"{step.label} waits for the window"
            self.waiting.append(self._row_of(step, "waiting", "", why, "apply again in the window"))
        self._set(late, StepState.SKIPPED, dict.fromkeys(map(self._number, late), why))
        waiting = {id(s) for s in late}
        return [s for s in steps if id(s) not in waiting]

    def _stream(
        self, kind: type[PlannedStep], steps: list[PlannedStep], size: ChunkSize, wide: bool
    ) -> ChunkSize:
        """Send the steps in chunks; several of them under way at once when `wide`."""
        at, grows = 0, kind is CreateUser
        room = min(MOST_IN_FLIGHT, self.session.gate.room) if wide else 1
        if room == 1:
            return self._in_turn(kind, steps, size, wide)
        flying: dict[Future[Sent], tuple[list[PlannedStep], float]] = {}
        error: SfprmError | None = None
        with ThreadPoolExecutor(room) as pool:
            while flying or (at < len(steps) and error is None):
                while at < len(steps) and error is None and len(flying) < room:
                    if self._stopped(steps[at:]):
                        at = len(steps)
                        break
                    end = cut(steps, at, size.size)
                    part, rows = steps[at:end], self._mark(steps[at:end])
                    sent = pool.submit(self.sender.send, kind, part, rows)
                    flying[sent] = part, self.clock.monotonic()
                    at = end
                landed, _ = wait(flying, return_when=FIRST_COMPLETED)
                for future in landed:
                    part, began = flying.pop(future)
                    try:
                        answer = future.result()
                    except SfprmError as failed:
                        error = error or failed
                        continue
                    self._settle(part, answer)
                    size = self._grown(size, began, _met_lock(answer)) if grows else size
        if error is not None:
            raise error
        return size

    def _in_turn(
        self, kind: type[PlannedStep], steps: list[PlannedStep], size: ChunkSize, wide: bool
    ) -> ChunkSize:
        """One request after the other; while one is under way, what became of the one before is
        journalled, with the start of the next."""

        def taken(at: int) -> list[PlannedStep]:
            end = cut(steps, at, size.size) if wide else at + size.size
            return steps[at:end]

        if not steps or self._stopped(steps):
            return size
        part = taken(0)
        self._set(part, StepState.SENT)
        at = len(part)
        before: tuple[list[PlannedStep], Sent] | None = None
        with ThreadPoolExecutor(1) as pool:
            while part:
                began = self.clock.monotonic()
                rows = [self._row(step) for step in part]
                flying = pool.submit(self.sender.send, kind, part, rows)
                # users' chunks grow by what the last one took, so the next is not cut before
                ahead = kind is not CreateUser or size.size >= most_rows(kind)
                coming = taken(at) if ahead else []
                if before is not None:
                    self._settle(*before, coming)
                elif coming:
                    self._set(coming, StepState.SENT)
                sent = flying.result()
                before = part, sent
                if kind is CreateUser:
                    size = self._grown(size, began, _met_lock(sent))
                if self.brakes.stop_on_error and not all(o.success for o in sent.outcomes):
                    self._settle(*before)
                    self._stopped(steps[at:])
                    return size
                if not ahead:
                    coming = taken(at)
                    self._settle(*before, coming)
                    before = None
                at += len(coming)
                part = coming
        if before is not None:
            self._settle(*before)
        return size

    def _grown(self, size: ChunkSize, began: float, locked: bool) -> ChunkSize:
        return size.after(self.clock.monotonic() - began, locked=locked)

    def _stopped(self, rest: list[PlannedStep]) -> bool:
        if self.brakes.stop_on_error and self.failed:
            why = "stopped after the first failure (--stop-on-error)"
            self._skip([(step, why) for step in rest])
            return True
        return False

    def _mark(self, part: Sequence[PlannedStep]) -> list[dict[str, Any]]:
        """Journal that the chunk is sent; its rows."""
        self._set(part, StepState.SENT)
        return [self._row(step) for step in part]

    def _row(self, step: PlannedStep) -> dict[str, Any]:
        row: dict[str, Any] = dict(step.after)
        row |= {name: self.ids[to] for name, to in step.links.items()}
        match step:
            case UpsertContact() if step.record_id is None:
                row.setdefault(self.keys.contact, step.key)
            case CreateQueue():
                row |= {"DeveloperName": step.key, "Type": "Queue"}
            case CreateGroup():
                row |= {"DeveloperName": step.key.removeprefix("group:"), "Type": "Regular"}
            case _ if step.record_id is not None:
                row["Id"] = step.record_id
            case _ if step.kind in ("EnablePartner", "ChangeOwner"):
                row["Id"] = self.ids[f"account:{step.key}"]
        return row

    # outcomes

    def _settle(
        self, part: Sequence[PlannedStep], sent: Sent, coming: Sequence[PlannedStep] = ()
    ) -> None:
        """Journal what became of a chunk, and that the `coming` one is sent."""
        good: dict[int, RecordId] = {}
        values: list[AppliedValue] = []
        bad: dict[int, str] = {}
        done: list[int] = []
        for at, (step, outcome) in enumerate(zip(part, sent.outcomes, strict=True)):
            number = self._number(step)
            if not outcome.success:
                error = outcome.error
                assert error is not None
                first = outcome.errors[0] if outcome.errors else None
                code = first.code if first is not None else ""
                bad[number] = str(first or error.message)
                self.failed.append(self._row_of(step, "failed", code, bad[number], error.hint))
                self.bad[step.ref] = f"{step.label} ({step.kind}) failed: {code}"
                continue
            done.append(number)
            self.done[step.kind] += 1
            record_id = outcome.id or step.record_id
            if record_id is not None and not isinstance(step, FreezeUser):
                good[number] = self.ids[step.ref] = record_id
            if at in sent.adopted:
                self.adopted.add(step.ref)
            if at not in sent.adopted or isinstance(step, AddMember):
                values += self._to_remember(step, sent.rows[at])
        self.locks += _met_lock(sent)
        self.store.settle_steps(
            self.run,
            done=done,
            record_ids=good,
            failed=bad,
            values=values,
            now=self.clock.now(),
            sent=[self._number(step) for step in coming],
        )
        self.progress.advance(len(part))

    def _to_remember(self, step: PlannedStep, row: dict[str, Any]) -> list[AppliedValue]:
        object_, key = step.object, step.key
        match step:
            case AddMember():
                user = str(row["UserOrGroupId"])
                return [AppliedValue(object_, step.owner, user, True)]
            case RemoveMember() | GrantPermissionSet() | RevokePermissionSet():
                key = step.owner
            case FreezeUser():
                object_ = "User"
        values = [AppliedValue(object_, key, name, v) for name, v in step.remember.items()]
        if object_ == "Contact" and "AccountId" in row:
            values.append(AppliedValue(object_, key, "AccountId", row["AccountId"]))
        return values

    def _skip(self, held: Sequence[tuple[PlannedStep, str]]) -> None:
        """Leave steps out, each with the reason why."""
        if not held:
            return
        fix = "mend that, then run apply again"
        for step, why in held:
            self.bad[step.ref] = why
            self.skipped.append(self._row_of(step, "skipped", "", why, fix))
        words = {self._number(step): why for step, why in held}
        self._set([step for step, _ in held], StepState.SKIPPED, words)
        self.progress.advance(len(held))

    def _refuse(self, moved: Sequence[tuple[PlannedStep, str]]) -> None:
        """Steps whose records are neither as before nor as after."""
        fix = "look at `sfprm plan`, and make a new plan"
        for step, why in moved:
            self.bad[step.ref] = why
            self.failed.append(self._row_of(step, "moved", "MOVED", why, fix))
        if moved:
            words = {self._number(step): why for step, why in moved}
            self._set([step for step, _ in moved], StepState.FAILED, words)

    def _row_of(
        self, step: PlannedStep, state: str, code: str, message: str, fix: str
    ) -> FailedRow:
        return FailedRow(
            number=self._number(step),
            kind=step.kind,
            object=step.object,
            key=step.key,
            label=step.label,
            state=state,
            code=code,
            message=message,
            fix=fix,
            values=dict(step.after),
        )

    def _number(self, step: PlannedStep) -> int:
        return self.numbers[id(step)]

    def _set(
        self, part: Sequence[PlannedStep], state: StepState, words: dict[int, str] | None = None
    ) -> None:
        self.store.set_steps(self.run, [self._number(s) for s in part], state, messages=words)

    # groups

    def _account_of(self, partner: str) -> RecordId | None:
        made = self.ids.get(f"account:{partner}")
        if made is not None:
            return made
        for difference in self.plan.comparison.differences:
            if difference.ref == f"account:{partner}":
                return difference.record_id
        return None

    def _look_at_members(self) -> None:
        """Read the groups that this run changed once more, so that the next plan need not."""
        touched = {
            s.owner: at
            for s in self.plan.steps
            if isinstance(s, AddMember | RemoveMember)
            and id(s) not in self.settled
            and (at := s.after.get("GroupId") or self.ids.get(s.links.get("GroupId", "")))
        }
        if touched:
            named = {key: RecordId(str(at)) for key, at in touched.items()}
            values = look_again(self.session, self.store, named)
            self.store.record_applied(values, self.run, self.clock.now())


def _met_lock(sent: Sent) -> bool:
    """Whether a lock was met to the end."""
    return any(e.refusal is Refusal.LOCK for o in sent.outcomes for e in o.errors)


def _allowed(programme: Programme | None) -> frozenset[str]:
    if programme is None:
        return frozenset()
    return frozenset(o for o, d in programme.on_duplicate.items() if d is OnDuplicate.ALLOW_ALERT)
