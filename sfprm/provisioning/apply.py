"""apply(plan): exactly its steps, in the order of the phases, each journalled before and after.

One request at a time, many records in it. Setup objects never share a request with accounts and
contacts. What is stopped at any point is finished by the same command again: accounts and
contacts are upserts by key, a user is known by its contact, a queue by its API name, a membership
by its pair.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sfprm.errors import BadRequest, OrgRefused, OutcomeUnknown
from sfprm.estate.model import KEY_FIELD
from sfprm.ids import RecordId
from sfprm.provisioning.chunks import ChunkSize
from sfprm.provisioning.readback import READ_BACK, Found
from sfprm.provisioning.result import ApplyResult, FailedRow
from sfprm.provisioning.steps import (
    PHASES,
    AddQueueMember,
    CreateAccount,
    CreateQueue,
    CreateUser,
    FreezeUser,
    PlannedStep,
    QueueForLead,
    RemoveQueueMember,
    UpsertContact,
)
from sfprm.salesforce import collections
from sfprm.salesforce.collections import MAX_ROWS, RowError, RowOutcome
from sfprm.salesforce.query import select
from sfprm.salesforce.refusals import Refusal
from sfprm.salesforce.soql import Query, in_
from sfprm.store.records import AppliedValue, Step, StepState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.clock import Clock
    from sfprm.events import Progress
    from sfprm.ids import RunId
    from sfprm.provisioning.plan import Plan
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreWriter

__all__ = ["ADOPTED_CODES", "apply"]

ADOPTED_CODES: Mapping[type[PlannedStep], frozenset[str]] = {
    CreateUser: frozenset({"PORTAL_USER_ALREADY_EXISTS_FOR_CONTACT"}),
    CreateQueue: frozenset({"DUPLICATE_DEVELOPER_NAME"}),
    QueueForLead: frozenset({"DUPLICATE_VALUE"}),
    AddQueueMember: frozenset({"DUPLICATE_VALUE"}),
}
"""Refusals that say the record is there already: it is read back and taken as ours."""
_GONE = frozenset({"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND"})
"""Answers to the deletion of a membership that somebody else has taken away."""


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
) -> ApplyResult:
    """Carry the plan out and say what became of each step.

    `run` must have been started in the store. A refused row fails alone; steps that need it are
    skipped with the reason. Raises BadRequest before the first write when there are more than
    `max_changes` steps; TryLater and its kin when the org cannot be reached (the same command
    again goes on). Partly done is a result, not an error: see `ApplyResult.is_whole`.
    """
    if max_changes is not None and len(plan.steps) > max_changes:
        raise BadRequest(
            f"The plan has {len(plan.steps)} changes, more than --max-changes {max_changes}. "
            "Nothing was written.",
            hint="Look at `sfprm plan`; if it is right, raise --max-changes.",
        )
    store.add_steps([_journalled(run, n, s) for n, s in enumerate(plan.steps, start=1)])
    work = _Apply(session, store, plan, run, clock, progress, stop_on_error)
    return work.all()


def _journalled(run: RunId, number: int, step: PlannedStep) -> Step:
    return Step(
        run=run,
        number=number,
        kind=step.kind,
        key=step.key,
        state=StepState.PLANNED,
        before=dict(step.before),
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
        stop_on_error: bool,
    ) -> None:
        self.session = session
        self.store = store
        self.plan = plan
        self.run = run
        self.clock = clock
        self.progress = progress
        self.stop_on_error = stop_on_error
        # steps are frozen but hold maps, so they are known by their place in the plan
        self.numbers = {id(s): n for n, s in enumerate(plan.steps, start=1)}
        self.ids: dict[str, RecordId] = {}
        self.bad: dict[str, str] = {}
        self.done: Counter[str] = Counter()
        self.failed: list[FailedRow] = []
        self.skipped: list[FailedRow] = []
        self.adopted: list[str] = []

    def all(self) -> ApplyResult:
        mark, started = self.session.calls.snapshot(), self.clock.monotonic()
        for kinds in PHASES:
            steps = [s for s in self.plan.steps if type(s) in kinds]
            if steps:
                self.progress.stage(steps[0].phase, len(steps))
            for kind in kinds:
                self._kind(kind, [s for s in steps if type(s) is kind])
        if self.plan.comparison.baseline:
            self.store.record_applied(self.plan.comparison.baseline, self.run, self.clock.now())
        return ApplyResult(
            done=dict(self.done),
            failed=tuple(self.failed),
            skipped=tuple(self.skipped),
            ids=dict(self.ids),
            calls=self.session.calls.since(mark).total,
            seconds=self.clock.monotonic() - started,
            adopted=tuple(self.adopted),
        )

    def _kind(self, kind: type[PlannedStep], steps: Sequence[PlannedStep]) -> None:
        ready = self._ready(steps)
        size = ChunkSize() if kind is CreateUser else ChunkSize(MAX_ROWS)
        while ready:
            if self.stop_on_error and self.failed:
                self._skip(ready, "stopped after the first failure (--stop-on-error)")
                return
            part, ready = ready[: size.size], ready[size.size :]
            began = self.clock.monotonic()
            locked = self._send(kind, part)
            if kind is CreateUser:
                size = size.after(self.clock.monotonic() - began, locked=locked)

    def _ready(self, steps: Sequence[PlannedStep]) -> list[PlannedStep]:
        ready = []
        for step in steps:
            because = next((self.bad[n] for n in step.needs if n in self.bad), None)
            if because is None:
                ready.append(step)
            else:
                self._skip([step], because)
        return ready

    def _send(self, kind: type[PlannedStep], part: Sequence[PlannedStep]) -> bool:
        """Send one chunk and settle its steps. Whether a lock was met to the end."""
        self._mark(part, StepState.SENT)
        found: Found = {}
        try:
            outcomes = self._call(kind, part)
        except OutcomeUnknown:
            if kind not in READ_BACK:
                raise
            found = self._read_back(kind, part)
            rest = [s for s in part if s.ref not in found]
            again = iter(self._call(kind, rest) if rest else ())
            outcomes = [
                RowOutcome(n, found[s.ref], True, created=True) if s.ref in found else next(again)
                for n, s in enumerate(part)
            ]
        except OrgRefused as refused:
            error = RowError(refused.code, refused.message)
            outcomes = [RowOutcome(n, None, False, errors=(error,)) for n in range(len(part))]
        outcomes = self._adopt(kind, part, outcomes)
        self._settle(part, outcomes)
        self.progress.advance(len(part))
        return any(e.refusal is Refusal.LOCK for o in outcomes for e in o.errors)

    def _call(self, kind: type[PlannedStep], part: Sequence[PlannedStep]) -> list[RowOutcome]:
        session = self.session
        if kind is RemoveQueueMember:
            return collections.delete(session, [str(s.record_id) for s in part])
        if kind is FreezeUser:
            return self._freeze(part)
        rows = [self._row(step) for step in part]
        if kind is CreateAccount or kind is UpsertContact:
            return collections.upsert(session, kind.object, KEY_FIELD, rows)
        if kind in READ_BACK:
            return collections.create(session, kind.object, rows)
        return collections.update(session, kind.object, rows)

    def _row(self, step: PlannedStep) -> dict[str, Any]:
        row: dict[str, Any] = dict(step.after)
        row |= {name: self.ids[to] for name, to in step.links.items()}
        match step:
            case UpsertContact():
                row[KEY_FIELD] = step.key
            case CreateQueue():
                row |= {"DeveloperName": step.key, "Type": "Queue"}
            case CreateAccount() | CreateUser() | QueueForLead() | AddQueueMember():
                pass
            case _:
                row["Id"] = step.record_id or self.ids[f"account:{step.key}"]
        return row

    def _freeze(self, part: Sequence[PlannedStep]) -> list[RowOutcome]:
        """The login rows are read first: freezing is a field of UserLogin, not of User."""
        users = [str(s.record_id) for s in part]
        query = Query(("Id", "UserId"), "UserLogin", (in_("UserId", users),))
        logins = {row["UserId"]: row["Id"] for row in select(self.session, query)}
        there = [s for s in part if s.record_id in logins]
        rows = [{"Id": logins[str(s.record_id)], **s.after} for s in there]
        answers = iter(collections.update(self.session, FreezeUser.object, rows) if rows else ())
        missing = RowError("NOT_FOUND", "the user has no login row to freeze")
        return [
            next(answers)
            if s.record_id in logins
            else RowOutcome(n, None, False, errors=(missing,))
            for n, s in enumerate(part)
        ]

    def _read_back(self, kind: type[PlannedStep], part: Sequence[PlannedStep]) -> Found:
        rows = {s.ref: self._row(s) for s in part}
        return READ_BACK[kind](self.session, rows)

    def _adopt(
        self,
        kind: type[PlannedStep],
        part: Sequence[PlannedStep],
        outcomes: Sequence[RowOutcome],
    ) -> list[RowOutcome]:
        """Rows refused because the record is there already are done, if it is found."""
        out = list(outcomes)
        if kind is RemoveQueueMember:
            return [RowOutcome(o.index, None, True) if _codes(o) & _GONE else o for o in out]
        codes = ADOPTED_CODES.get(kind, frozenset())
        there = [n for n, o in enumerate(out) if _codes(o) & codes]
        if there:
            found = self._read_back(kind, [part[n] for n in there])
            for n in there:
                record_id = found.get(part[n].ref)
                if record_id is not None:
                    out[n] = RowOutcome(n, record_id, True)
                    self.adopted.append(part[n].ref)
        return out

    def _settle(self, part: Sequence[PlannedStep], outcomes: Sequence[RowOutcome]) -> None:
        good: dict[int, RecordId] = {}
        values: list[AppliedValue] = []
        bad: dict[int, str] = {}
        done: list[int] = []
        for step, outcome in zip(part, outcomes, strict=True):
            number = self.numbers[id(step)]
            if outcome.success:
                done.append(number)
                self.done[step.kind] += 1
                record_id = outcome.id or step.record_id
                if record_id is not None and not isinstance(step, FreezeUser):
                    good[number] = self.ids[step.ref] = record_id
                if step.ref not in self.adopted or isinstance(step, AddQueueMember):
                    values += self._to_remember(step)
            else:
                bad[number] = self._fail(step, outcome)
        if done:
            self.store.set_steps(self.run, done, StepState.DONE, record_ids=good)
            self.store.record_applied(values, self.run, self.clock.now())
        if bad:
            self.store.set_steps(self.run, list(bad), StepState.FAILED, messages=bad)

    def _to_remember(self, step: PlannedStep) -> list[AppliedValue]:
        if isinstance(step, AddQueueMember):
            user = str(self._row(step)["UserOrGroupId"])
            return [AppliedValue(step.object, step.owner, user, True)]
        object_, key = step.object, step.key
        if isinstance(step, FreezeUser):
            object_ = "User"
        elif isinstance(step, RemoveQueueMember):
            key = step.owner
        values = dict(step.remember)
        if isinstance(step, UpsertContact):
            row = self._row(step)
            values |= {"AccountId": row["AccountId"]} if "AccountId" in row else {}
        return [AppliedValue(object_, key, name, v) for name, v in values.items()]

    def _fail(self, step: PlannedStep, outcome: RowOutcome) -> str:
        error = outcome.error
        assert error is not None
        first = outcome.errors[0] if outcome.errors else RowError("", error.message)
        self.failed.append(self._failed_row(step, "failed", first.code, str(first), error.hint))
        self.bad[step.ref] = f"{step.label} ({step.kind}) failed: {first.code}"
        return str(first)

    def _skip(self, steps: Sequence[PlannedStep], why: str) -> None:
        for step in steps:
            self.bad[step.ref] = why
            self.skipped.append(
                self._failed_row(step, "skipped", "", why, "mend that, then run apply again")
            )
        numbers = [self.numbers[id(s)] for s in steps]
        messages = dict.fromkeys(numbers, why)
        self.store.set_steps(self.run, numbers, StepState.SKIPPED, messages=messages)
        self.progress.advance(len(steps))

    def _failed_row(
        self, step: PlannedStep, state: str, code: str, message: str, fix: str
    ) -> FailedRow:
        return FailedRow(
            number=self.numbers[id(step)],
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

    def _mark(self, part: Sequence[PlannedStep], state: StepState) -> None:
        self.store.set_steps(self.run, [self.numbers[id(s)] for s in part], state)


def _codes(outcome: RowOutcome) -> frozenset[str]:
    return frozenset(e.code for e in outcome.errors)
