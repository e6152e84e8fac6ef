"""A large plan carried out by several workers: made once, and dealt out as shards that carry their
steps (`shards`). Whoever carries a shard out journals its steps, as an apply alone does.

What a shard needs of another (the contact of a user, the users of a queue) it finds in the journal,
under the number of the step that made it. So does a shard that was begun by a worker that died:
what is done stays done, and the rest is safe to repeat.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Protocol

from sfprm.ids import RecordId
from sfprm.provisioning.apply import apply_part
from sfprm.provisioning.apply_book import Book
from sfprm.provisioning.chunks import ChunkSize
from sfprm.provisioning.difference import Comparison
from sfprm.provisioning.plan_file import plan_from, plan_lines, step_lines
from sfprm.provisioning.result import ApplyResult, FailedRow
from sfprm.provisioning.shards import Shard, shards, worth_sharing
from sfprm.provisioning.steps import ChangeOwner, EnablePartner
from sfprm.store.records import StepState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sfprm.clock import Clock
    from sfprm.events import Progress
    from sfprm.ids import RunId
    from sfprm.programme.model import Programme
    from sfprm.provisioning.apply_stream import Turn
    from sfprm.provisioning.plan import Plan
    from sfprm.provisioning.steps import PlannedStep
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreWriter

__all__ = ["PART", "Hands", "apply_shard", "call_for_help", "share_out"]

PART = "steps"
"""The kind of these parts."""
_AT_FIRST = 2
"""Shards a worker that are handed out first; every other one stands in the line of first users."""
_ROLE = "partner-role:"
_UNDONE = "its step was not done"


class Hands(Protocol):
    """Those who take parts (`sfprm.jobs.hands`)."""

    @property
    def others(self) -> int:
        """Workers besides this one that might help."""

    def expect(self, programme: Programme | None = None) -> None:
        """Ask for help before there is any to be given, so that whoever comes is ready by then."""

    def give_all(
        self, wanted: Sequence[tuple[str, Any, Sequence[int]]], programme: Programme | None = None
    ) -> None:
        """Hand several out, some of which wait for others, by their places in all that is handed
        out."""

    def gather(self) -> list[Any]:
        """The results of all parts, in order."""


def call_for_help(hands: Hands | None, plan: Plan, programme: Programme) -> None:
    """Where `share_out` will share the plan, have the others get ready meanwhile."""
    if hands is not None and worth_sharing(plan.steps) and hands.others:
        hands.expect(programme)


def share_out(
    hands: Hands | None,
    store: StoreWriter,
    plan: Plan,
    programme: Programme,
    *,
    run: RunId,
    clock: Clock,
    ids: bool = False,
    lines: Sequence[str] | None = None,
    torn: bool = False,
) -> ApplyResult | None:
    """Have a large plan carried out by whoever is free, every step of it; None where there are no
    other workers, or the plan is small. `ids`: the result names the records made or changed.
    `lines`: the plan's steps, as `step_lines` made them; `torn` as for `shards`."""
    others = hands.others if hands is not None else 0
    made = shards(plan.steps, others + 1, torn=torn) if others else []
    if hands is None or not made:
        return None
    began = clock.monotonic()
    needed = _Needed(plan)
    told_as = step_lines(plan) if lines is None else lines
    # the first are at work while the rest is made ready
    enough = _AT_FIRST * (others + 1)
    for some in (made[:enough], made[enough:]):
        if some:
            hands.give_all(
                [(PART, _content(plan, shard, needed, told_as), shard.after) for shard in some],
                programme,
            )
    told = hands.gather()
    if plan.comparison.baseline:
        store.record_applied(plan.comparison.baseline, run, clock.now())
    made_by = _ids(store, plan, run) if ids else {}
    return _together(told, made_by, clock.monotonic() - began)


def apply_shard(
    session: Session,
    store: StoreWriter,
    programme: Programme,
    *,
    run: RunId,
    clock: Clock,
    progress: Progress,
    content: Mapping[str, Any],
    before: Sequence[Any],
    again: bool,
    turn: Turn | None = None,
) -> dict[str, Any]:
    """Carry one shard out; what became of its steps, as JSON. `before`: what the shards that it
    waited for told. `again`: somebody may have begun it. `turn`: its place between others that
    this process does."""
    plan = plan_from(content["plan"], f"the part of {run}")
    numbers: list[int] = content["numbers"]
    book = Book(store, plan.steps, run=run, clock=clock, progress=progress, numbers=numbers)
    book.ids |= {ref: RecordId(id_) for ref, id_ in content["known"].items()}
    made_by: dict[str, list[int]] = content["needs"]
    found = store.step_outcomes(run, sorted({n for named in made_by.values() for n in named}))
    for ref, named in made_by.items():
        for number in named:
            outcome = found.get(number)
            if outcome is None or outcome.state is not StepState.DONE:
                book.bad[ref] = (outcome.message if outcome is not None else "") or _UNDONE
            elif outcome.record_id is not None:
                book.ids[ref] = outcome.record_id
    if again:
        book.take_up(store.step_outcomes(run, numbers))
    users = ChunkSize(max((told["users"] for told in before), default=ChunkSize().size))
    done, grown = apply_part(session, plan, book, programme=programme, users=users, turn=turn)
    return {
        "done": dict(done.done),
        "failed": [asdict(row) for row in done.failed],
        "skipped": [asdict(row) for row in done.skipped],
        "adopted": list(done.adopted),
        "calls": done.calls,
        "locks": done.locks,
        "user_seconds": done.user_seconds,
        "users": grown.size,
    }


class _Needed:
    """What steps need that others make."""

    def __init__(self, plan: Plan) -> None:
        self._made: dict[str, list[int]] = {}
        for number, step in enumerate(plan.steps, start=1):
            self._made.setdefault(step.ref, []).append(number)
        self._known = {
            difference.ref: difference.record_id
            for difference in plan.comparison.differences
            if difference.record_id is not None
        }

    def of(
        self, steps: Sequence[PlannedStep], mine: frozenset[int]
    ) -> tuple[dict[str, list[int]], dict[str, str]]:
        """(ref → numbers of the steps of others that make it, ref → id of what was there)."""
        needs: dict[str, list[int]] = {}
        known: dict[str, str] = {}
        for ref in {ref for step in steps for ref in _refs(step)}:
            others = [number for number in self._made.get(ref, ()) if number not in mine]
            if others:
                needs[ref] = others
            elif ref not in self._made and ref in self._known:
                known[ref] = str(self._known[ref])
        return needs, known


def _refs(step: PlannedStep) -> Iterator[str]:
    yield from step.needs
    for ref in step.links.values():
        if ref.startswith(_ROLE):  # found by its account
            ref = f"account:{ref.removeprefix(_ROLE).rpartition('/')[0]}"
        yield ref
    if isinstance(step, EnablePartner | ChangeOwner):
        yield f"account:{step.key}"


def _content(plan: Plan, shard: Shard, needed: _Needed, lines: Sequence[str]) -> dict[str, Any]:
    steps = tuple(plan.steps[at] for at in shard.steps)
    numbers = [at + 1 for at in shard.steps]
    needs, known = needed.of(steps, frozenset(numbers))
    part = replace(plan, steps=steps, comparison=Comparison(differences=()), names={})
    return {
        "plan": "\n".join(plan_lines(part, [lines[at] for at in shard.steps])),
        "numbers": numbers,
        "needs": needs,
        "known": known,
    }


def _ids(store: StoreWriter, plan: Plan, run: RunId) -> dict[str, RecordId]:
    """What the shards made, by ref."""
    found = store.step_outcomes(run)
    ids: dict[str, RecordId] = {}
    for number, step in enumerate(plan.steps, start=1):
        made = found[number].record_id if number in found else None
        if made is not None:
            ids[step.ref] = made
    return ids


def _together(
    told: Sequence[Mapping[str, Any]], ids: Mapping[str, RecordId], seconds: float
) -> ApplyResult:
    """The result of the whole, from those of its shards."""
    done: Counter[str] = Counter()
    for one in told:
        done.update(one["done"])

    def rows(name: str) -> tuple[FailedRow, ...]:
        found = [FailedRow(**row) for one in told for row in one[name]]
        return tuple(sorted(found, key=lambda row: row.number))

    return ApplyResult(
        done=dict(done),
        failed=rows("failed"),
        skipped=rows("skipped"),
        ids=ids,
        calls=sum(one["calls"] for one in told),
        seconds=seconds,
        adopted=tuple(sorted(ref for one in told for ref in one["adopted"])),
        locks=sum(one["locks"] for one in told),
        # created side by side: the pace of the run is that of all
        user_seconds=sum(one["user_seconds"] for one in told),
    )
