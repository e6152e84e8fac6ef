"""What has become of each step of a run, as the journal and the result tell it."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfprm.provisioning.apply_rows import frozen_instead, journalled, to_remember
from sfprm.provisioning.result import FailedRow
from sfprm.provisioning.standing import FOUND_DONE, Stand, Standing
from sfprm.provisioning.steps import AddMember, FreezeUser, GrantPermissionSet, PlannedStep
from sfprm.salesforce.refusals import Refusal
from sfprm.store.records import AppliedValue, StepState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sfprm.clock import Clock
    from sfprm.events import Progress
    from sfprm.ids import RecordId, RunId
    from sfprm.provisioning.sending import Sent
    from sfprm.salesforce.collections import RowOutcome
    from sfprm.store.api import StoreWriter
    from sfprm.store.records import Step, StepOutcome

__all__ = ["Book", "met_lock"]

_JOURNALLED_AT_ONCE = 5000
_AHEAD = 300
"""Steps that are journalled beyond what is sent, each time; a request takes 200 at most."""
_MEND = "mend that, then run apply again"
_LOOK = "look at `sfprm plan`, and make a new plan"
_IN_TIME = "apply again in the window"
_GONE = "undelete it in Salesforce, or run apply again: what the files still name is made anew"


@dataclass(slots=True)
class _Unwritten:
    """What became of chunks that the journal does not tell of yet, by number of the step."""

    done: list[int] = field(default_factory=list)
    record_ids: dict[int, RecordId] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    values: list[AppliedValue] = field(default_factory=list)


class Book:
    """The steps of one run: which are done, which failed and why, and the ids made.

    That a chunk is sent is journalled before it is; what became of it while the next one is under
    way (`write_down`), so a run that dies then leaves one chunk more as sent than the org had under
    way: the same command again finds it done. What is planned is journalled a good way ahead of
    what is sent, while requests are under way, and whole at the end (`close`). Only of a run that
    dies may the steps that it did not come near be missing; whoever asks for them has its plan.
    `numbers`: those of the steps in the run, ascending, where they are a part of it.
    """

    def __init__(
        self,
        store: StoreWriter,
        steps: Sequence[PlannedStep],
        *,
        run: RunId,
        clock: Clock,
        progress: Progress,
        first: int = 1,
        numbers: Sequence[int] | None = None,
    ) -> None:
        self.store, self.run, self.clock, self.progress = store, run, clock, progress
        self._steps = steps
        # steps are frozen but hold maps, so they are known by their place in the plan
        named = numbers if numbers is not None else range(first, first + len(steps))
        self._numbers = {id(s): n for s, n in zip(steps, named, strict=True)}
        self.ids: dict[str, RecordId] = {}
        """Records made or found, by ref."""
        self.bad: dict[str, str] = {}
        """Refs that will not be there, and why."""
        self.done: Counter[str] = Counter()
        self.already = 0
        self.failed: list[FailedRow] = []
        self.skipped: list[FailedRow] = []
        self.waiting: list[FailedRow] = []
        self.adopted: set[str] = set()
        self._late: set[str] = set()
        """Refs that wait for a window."""
        self.locks = 0
        self.settled: set[int] = set()
        """Steps (by `id`) of a saved plan that are done, or have moved."""
        self._unwritten = _Unwritten()
        self._named: Sequence[int] = named
        self._journalled = 0
        """The steps before this place in the plan are in the journal."""

    def take_up(self, known: Mapping[int, StepOutcome]) -> None:
        """Settle what another has done before it died, by the journal; the rest is done again,
        which is safe for every kind of step."""
        # steps are journalled in their order, so what is there is the head of them
        self._journalled = next(
            (at for at, n in enumerate(self._named) if n not in known), len(self._named)
        )
        for step in self._steps:
            found = known.get(self._number(step))
            if found is None or found.state in (StepState.PLANNED, StepState.SENT):
                continue
            self.settled.add(id(step))
            if found.state is StepState.DONE:
                self.done[step.kind] += 1
                if found.record_id is not None and not isinstance(step, FreezeUser):
                    self.ids[step.ref] = found.record_id
                continue
            self.bad[step.ref] = found.message
            failed = found.state is StepState.FAILED
            row = self._row_of(step, "failed" if failed else "skipped", "", found.message, _MEND)
            (self.failed if failed else self.skipped).append(row)

    def stand(self, stands: Sequence[Stand]) -> None:
        """Settle what of a saved plan is done already, and refuse what has moved."""
        done: list[PlannedStep] = []
        moved: list[tuple[PlannedStep, str]] = []
        values: list[AppliedValue] = []
        for step, found in zip(self._steps, stands, strict=True):
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
                values += to_remember(step, {})
        self._refuse(moved)
        self.already = len(done)
        if done:
            numbers = [self._number(s) for s in done]
            ids = {self._number(s): self.ids[s.ref] for s in done if s.ref in self.ids}
            words = dict.fromkeys(numbers, FOUND_DONE)
            self._tell(numbers, StepState.DONE, ids=ids, words=words)
            self.store.record_applied(values, self.run, self.clock.now())

    def ready(self, steps: Iterable[PlannedStep]) -> list[PlannedStep]:
        """Those whose needs are met; the others are left out, or wait with what they need."""
        if not self.bad:
            return list(steps)
        ready, held, late = [], [], []
        for step in steps:
            named = [n for n in (*step.needs, *step.links.values()) if n in self.bad]
            if not named:
                ready.append(step)
            elif all(n in self._late for n in named):
                late.append(step)
            else:
                held.append((step, next(self.bad[n] for n in named if n not in self._late)))
        self.skip(held)
        self.wait(late, "needs what waits for its window")
        return ready

    def sent(self, part: Sequence[PlannedStep]) -> None:
        """The chunk is on its way."""
        self._set(part, StepState.SENT)

    def settle(self, part: Sequence[PlannedStep], sent: Sent) -> None:
        """What became of a chunk; `write_down` journals it."""
        unwritten, numbers, ids = self._unwritten, self._numbers, self.ids
        done, good, values = unwritten.done, unwritten.record_ids, unwritten.values
        adopted, frees = sent.adopted, isinstance(part[0], FreezeUser) if part else False
        many = 0
        for at, (step, outcome, row) in enumerate(zip(part, sent.outcomes, sent.rows, strict=True)):
            if not outcome.success:
                self._refused(step, outcome, frozen=at in sent.frozen)
                continue
            number = numbers[id(step)]
            done.append(number)
            many += 1
            record_id = outcome.id or step.record_id
            if record_id is not None and not frees:
                good[number] = ids[step.ref] = record_id
            if at in adopted:
                self.adopted.add(step.ref)
                if not isinstance(step, AddMember):
                    continue
            values += to_remember(step, row)
        if many:
            self.done[part[0].kind] += many
        self.locks += met_lock(sent)
        self.progress.advance(len(part))

    def _refused(self, step: PlannedStep, outcome: RowOutcome, *, frozen: bool) -> None:
        error = outcome.error
        assert error is not None
        first = outcome.errors[0] if outcome.errors else None
        code = first.code if first is not None else ""
        words, fix = str(first or error.message), error.hint
        if frozen:
            words = f"{words}; frozen instead"
            fix = "take the user out of it in Setup, then run apply again"
            self._unwritten.values.append(frozen_instead(step))
        elif first is not None and first.refusal is Refusal.GONE:
            fix = _GONE
            if step.object == "Account":
                self.bad[f"account:{step.key}"] = f"{step.label} is gone: {code}"
        self._unwritten.failed[self._number(step)] = words
        self.failed.append(self._row_of(step, "failed", code, words, fix))
        self.bad[step.ref] = f"{step.label} ({step.kind}) failed: {code}"

    def write_down(self, coming: Sequence[PlannedStep] = ()) -> None:
        """Journal what became of the chunks settled since, and that the `coming` one is sent."""
        known, numbers = self._unwritten, [self._number(step) for step in coming]
        planned = self._planned(numbers, _AHEAD)
        if not (known.done or known.failed or numbers or planned):
            return
        self.store.settle_steps(
            self.run,
            done=known.done,
            record_ids=known.record_ids,
            failed=known.failed,
            values=known.values,
            now=self.clock.now(),
            sent=numbers,
            planned=planned,
        )
        self._journalled += len(planned)
        self._unwritten = _Unwritten()

    def close(self) -> None:
        """Journal what became of all that was sent, and what was never reached."""
        self.write_down()
        while self._journalled < len(self._steps):
            rest = self._planned((), _JOURNALLED_AT_ONCE)
            self.store.add_steps(rest)
            self._journalled += len(rest)

    def _planned(self, numbers: Sequence[int], ahead: int) -> list[Step]:
        """Steps to be journalled before those with the numbers may be told of, and some ahead."""
        done = self._journalled
        if done == len(self._steps):
            return []
        needed = bisect_right(self._named, max(numbers)) if numbers else 0
        part = slice(done, max(needed, done) + ahead)
        named = zip(self._named[part], self._steps[part], strict=True)
        return [journalled(self.run, n, s) for n, s in named]

    def skip(self, held: Sequence[tuple[PlannedStep, str]]) -> None:
        """Leave steps out, each with the reason why."""
        if not held:
            return
        for step, why in held:
            self.bad[step.ref] = why
            self.skipped.append(self._row_of(step, "skipped", "", why, _MEND))
        words = {self._number(step): why for step, why in held}
        self._set([step for step, _ in held], StepState.SKIPPED, words)
        self.progress.advance(len(held))

    def wait(self, late: Sequence[PlannedStep], why: str) -> None:
        """Leave steps for their window."""
        if not late:
            return
        for step in late:
            self._late.add(step.ref)
            self.bad[step.ref] = f"{step.label} waits for the window"
            self.waiting.append(self._row_of(step, "waiting", "", why, _IN_TIME))
        self._set(late, StepState.SKIPPED, dict.fromkeys(map(self._number, late), why))

    def remember(self, values: Sequence[AppliedValue]) -> None:
        """Keep what was found, without a step."""
        if values:
            self.store.record_applied(values, self.run, self.clock.now())

    def _refuse(self, moved: Sequence[tuple[PlannedStep, str]]) -> None:
        """Steps whose records are neither as before nor as after."""
        for step, why in moved:
            self.bad[step.ref] = why
            self.failed.append(self._row_of(step, "moved", "MOVED", why, _LOOK))
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
        return self._numbers[id(step)]

    def _set(
        self, part: Sequence[PlannedStep], state: StepState, words: dict[int, str] | None = None
    ) -> None:
        self._tell([self._number(s) for s in part], state, words=words)

    def _tell(
        self,
        numbers: Sequence[int],
        state: StepState,
        *,
        ids: Mapping[int, RecordId] | None = None,
        words: Mapping[int, str] | None = None,
    ) -> None:
        planned = self._planned(numbers, 0)
        if planned:
            self.store.add_steps(planned)
            self._journalled += len(planned)
        self.store.set_steps(self.run, numbers, state, record_ids=ids, messages=words)


def met_lock(sent: Sent) -> bool:
    """Whether a lock was met to the end."""
    return any(e.refusal is Refusal.LOCK for o in sent.outcomes for e in o.errors)
