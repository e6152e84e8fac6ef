"""From differences to ordered steps, with what they cost. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sfprm.provisioning.chunks import expected_user_chunks
from sfprm.provisioning.difference import Comparison, Difference, Kind, SeatUse, Verdict, ref
from sfprm.provisioning.screen import plan_blocks
from sfprm.provisioning.steps import (
    PHASES,
    AddQueueMember,
    CreateAccount,
    CreateQueue,
    CreateUser,
    DeactivateUser,
    EnablePartner,
    FreezeUser,
    PlannedStep,
    QueueForLead,
    RemoveQueueMember,
    UpdateAccount,
    UpdateQueue,
    UpdateUser,
    UpsertContact,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sfprm.blocks import Block
    from sfprm.estate.model import Estate, OrgFacts
    from sfprm.ids import RecordId
    from sfprm.programme.model import FieldValue

__all__ = ["MAX_ROWS", "Plan", "build_plan", "calls_for"]

MAX_ROWS = 200
"""Records in one Collections call (REST guide)."""
_SECONDS_A_CALL = 0.3
_SECONDS_A_USER = 0.5
"""A cautious guess: no rate of partner-user inserts is published. Unverified."""
_FREEZE = "IsFrozen"
_FOR_LEAD = "Lead"


@dataclass(frozen=True, slots=True)
class Plan:
    """Exactly what apply will do, and all that is worth saying about it.

    `steps` are in the order of apply. `names` maps ids that occur in steps to what people call
    them. `read_calls` is what the making of the plan cost.
    """

    programme: str
    digest: str
    org: OrgFacts
    steps: tuple[PlannedStep, ...]
    comparison: Comparison
    names: Mapping[str, str]
    read_calls: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write; blocked records do not count."""
        return not self.steps

    @property
    def write_calls(self) -> int:
        """API calls that apply is expected to make, besides those of reading."""
        return calls_for(self.steps)

    @property
    def seconds(self) -> float:
        """Time expected, in seconds; a guess (see `_SECONDS_A_USER`)."""
        users = sum(1 for s in self.steps if isinstance(s, CreateUser))
        return self.write_calls * _SECONDS_A_CALL + users * _SECONDS_A_USER

    @property
    def seats(self) -> tuple[SeatUse, ...]:
        """Licences before and after."""
        return self.comparison.seats

    def counts(self) -> dict[str, int]:
        """`create`, `change`, `blocked`, `unchanged`, `unmanaged`: partners, people and queues,
        each counted once; a membership alone makes its queue a change."""
        out = dict.fromkeys(("create", "change", "blocked", "unchanged", "unmanaged"), 0)
        marks: dict[tuple[str, str], set[Verdict]] = {}
        created: set[tuple[str, str]] = set()
        for difference in self.comparison.differences:
            thing = _thing(difference)
            marks.setdefault(thing, set()).add(difference.verdict)
            if difference.verdict is Verdict.CREATE and difference.kind is not Kind.MEMBER:
                created.add(thing)
        for thing, verdicts in marks.items():
            if thing in created:
                out["create"] += 1
            elif verdicts & {Verdict.CREATE, Verdict.UPDATE, Verdict.REMOVE}:
                out["change"] += 1
            elif Verdict.BLOCKED not in verdicts:
                out["unchanged"] += 1
            if Verdict.BLOCKED in verdicts:
                out["blocked"] += 1
        out["unmanaged"] = len(self.comparison.unmanaged)
        return out

    def blocks(self) -> tuple[Block, ...]:
        """The readable diff."""
        return plan_blocks(self)

    def to_json(self) -> dict[str, Any]:
        """The same for machines: plain JSON values."""
        return {
            "programme": self.programme,
            "digest": self.digest,
            "org": {"id": self.org.id, "name": self.org.name, "nature": self.org.nature},
            "counts": self.counts(),
            "steps": [
                {
                    "number": number,
                    "kind": step.kind,
                    "object": step.object,
                    "key": step.key,
                    "label": step.label,
                    "id": step.record_id,
                    "before": dict(step.before),
                    "after": dict(step.after),
                    "links": dict(step.links),
                    "needs": list(step.needs),
                    "risk": step.risk,
                }
                for number, step in enumerate(self.steps, start=1)
            ],
            "blocked": [
                {"kind": d.kind.value, "key": d.key, "label": d.label, "why": d.why, "fix": d.fix}
                for d in self.comparison.blocked
            ],
            "left": [
                {"kind": d.kind.value, "key": d.key, "field": c.field, "why": c.note}
                for d in self.comparison.differences
                for c in d.changes
                if not c.written
            ],
            "notes": [
                {"kind": d.kind.value, "key": d.key, "note": note}
                for d in self.comparison.differences
                for note in d.notes
            ],
            "unmanaged": [
                {"object": u.object, "id": u.id, "label": u.label}
                for u in self.comparison.unmanaged
            ],
            "licences": [
                {
                    "name": s.licence,
                    "total": s.total,
                    "left": s.left_now,
                    "taken": s.taken,
                    "freed": s.freed,
                    "left_after": s.left_after,
                }
                for s in self.seats
            ],
            "calls": {"read": self.read_calls, "write": self.write_calls},
            "seconds": round(self.seconds, 1),
        }


def _thing(difference: Difference) -> tuple[str, str]:
    match difference.kind:
        case Kind.ACCOUNT | Kind.ENABLE:
            return "partner", difference.key
        case Kind.CONTACT | Kind.USER:
            return "person", difference.key
        case Kind.QUEUE | Kind.MEMBER:
            return "queue", difference.owner


def build_plan(
    programme: str, digest: str, estate: Estate, comparison: Comparison, *, read_calls: int = 0
) -> Plan:
    """The steps for all differences that can be done, in the order of `PHASES`; inside a phase
    in file order, the people of a partner together."""
    known = {d.ref: d.record_id for d in comparison.differences if d.record_id is not None}
    steps = [_resolved(step, known) for d in comparison.to_do for step in _steps(d)]
    rank = {kind: at for at, kinds in enumerate(PHASES) for kind in kinds}
    steps.sort(key=lambda s: rank[type(s)])
    made = {s.ref for s in steps}
    ordered = tuple(
        replace(s, needs=tuple(n for n in s.needs if n in made and n != s.ref)) for s in steps
    )
    return Plan(programme, digest, estate.org, ordered, comparison, _names(estate), read_calls)


def _resolved(step: PlannedStep, known: Mapping[str, RecordId]) -> PlannedStep:
    """Links to records that exist already become plain values."""
    there = {name: known[to] for name, to in step.links.items() if to in known}
    if not there:
        return step
    links = {name: to for name, to in step.links.items() if name not in there}
    return replace(step, after={**step.after, **there}, links=links)


def _names(estate: Estate) -> dict[str, str]:
    names: dict[str, str] = {u.id: u.username for u in estate.users.values()}
    names |= {p.id: p.name for p in estate.profiles.values()}
    names |= {a.owner_id: a.owner_username for a in estate.accounts.values()}
    names |= {a.id: a.name for a in estate.accounts.values()}
    names |= {u.id: u.username for u in estate.partner_users.values()}
    return names


def _steps(d: Difference) -> Iterator[PlannedStep]:
    remember = {
        name: want.value
        for name, want in d.declared.items()
        if not any(c.field == name and not c.written for c in d.changes)
    }
    after, before = d.after(), d.before()
    match d.kind:
        case Kind.ACCOUNT:
            made = CreateAccount if d.verdict is Verdict.CREATE else UpdateAccount
            yield _step(made, d, before, after, remember)
        case Kind.ENABLE:
            yield _step(EnablePartner, d, before, after, remember, needs=(ref("account", d.key),))
        case Kind.CONTACT:
            yield _step(UpsertContact, d, before, after, remember, needs=(ref("account", d.owner),))
        case Kind.USER:
            yield from _user_steps(d, before, after, remember)
        case Kind.QUEUE:
            yield from _queue_steps(d, before, after, remember)
        case Kind.MEMBER if d.verdict is Verdict.REMOVE:
            gone: dict[str, FieldValue] = {str(before["UserOrGroupId"]): None}
            yield _step(RemoveQueueMember, d, before, {}, gone)
        case Kind.MEMBER:
            queue = d.links["GroupId"]
            needs = (queue, *(v for k, v in d.links.items() if k == "UserOrGroupId"))
            yield _step(AddQueueMember, d, {}, after, {}, needs=needs)


def _step(
    made: type[PlannedStep],
    d: Difference,
    before: Mapping[str, FieldValue],
    after: Mapping[str, FieldValue],
    remember: Mapping[str, FieldValue],
    *,
    needs: tuple[str, ...] = (),
) -> PlannedStep:
    return made(
        key=d.key,
        label=d.label,
        owner=d.owner,
        ref=d.ref,
        before={} if d.verdict is Verdict.CREATE else before,
        after={k: v for k, v in after.items() if k not in d.links},
        record_id=d.record_id,
        links=d.links,
        needs=needs,
        remember=remember,
    )


def _user_steps(
    d: Difference,
    before: dict[str, FieldValue],
    after: dict[str, FieldValue],
    remember: dict[str, FieldValue],
) -> Iterator[PlannedStep]:
    frozen, was_frozen = after.pop(_FREEZE, None), before.pop(_FREEZE, None)
    needs = (ref("contact", d.key), ref("partner", d.owner), ref("account", d.owner))
    fields = {k: v for k, v in remember.items() if k != _FREEZE}
    if d.verdict is Verdict.CREATE:
        yield _step(CreateUser, d, before, after, {**fields, _FREEZE: False}, needs=needs)
        return
    if after.get("IsActive") is False:
        yield _step(DeactivateUser, d, before, after, fields)
    elif after:
        yield _step(UpdateUser, d, before, after, fields, needs=needs)
    if frozen is not None:
        yield _step(FreezeUser, d, {_FREEZE: was_frozen}, {_FREEZE: frozen}, {_FREEZE: frozen})


def _queue_steps(
    d: Difference,
    before: dict[str, FieldValue],
    after: dict[str, FieldValue],
    remember: dict[str, FieldValue],
) -> Iterator[PlannedStep]:
    for_lead = after.pop(_FOR_LEAD, None)
    before.pop(_FOR_LEAD, None)
    if after:
        made = CreateQueue if d.verdict is Verdict.CREATE else UpdateQueue
        yield _step(made, d, before, after, remember)
    if for_lead:
        linked = replace(d, links={"QueueId": d.ref}, record_id=None)
        yield replace(
            _step(QueueForLead, linked, {}, {"SobjectType": _FOR_LEAD}, {}, needs=(d.ref,)),
            ref=ref("lead-queue", d.key),
        )


def calls_for(steps: Sequence[PlannedStep]) -> int:
    """API calls that these steps cost when nothing goes wrong: 200 records a call, users in
    growing chunks, one query for the login rows of users to freeze. An update of accounts by Id
    and an upsert by key are calls of their own."""
    total = 0
    for kinds in PHASES:
        for kind in kinds:
            count = sum(1 for s in steps if type(s) is kind)
            if kind is CreateUser:
                total += len(expected_user_chunks(count))
            else:
                total += -(-count // MAX_ROWS)
            total += 1 if kind is FreezeUser and count else 0
    return total
