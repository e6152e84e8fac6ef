"""A plan: ordered steps, what they cost, and what is worth saying about them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfprm.provisioning.chunks import ChunkSize
from sfprm.provisioning.difference import Comparison, Difference, Kind, SeatUse, Verdict
from sfprm.provisioning.lanes import cut, lanes, most_rows
from sfprm.provisioning.screen import plan_blocks
from sfprm.provisioning.steps import (
    AddMember,
    CreateUser,
    FreezeUser,
    PlannedStep,
    RemoveMember,
    UpsertContact,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.blocks import Block
    from sfprm.estate.model import OrgFacts

__all__ = ["Plan", "calls_for"]

_PAGE = 2000
"""Rows in one page of a query."""
_SECONDS_A_CALL = 0.3
_USERS_A_SECOND = 2.0
"""A cautious guess until it is measured: no rate of partner-user inserts is published."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Exactly what apply will do, and all that is worth saying about it.

    `steps` are in the order of apply. `names` maps ids that occur in steps to what people call
    them. `read_calls` is what the making of the plan cost. `mails` are the welcome mails that the
    site will send (None: not known). `users_a_second` is the pace of the last apply in this org,
    or of `bench-estate --users`; None: never measured.
    """

    programme: str
    digest: str
    org: OrgFacts
    steps: tuple[PlannedStep, ...]
    comparison: Comparison
    names: Mapping[str, str]
    read_calls: int = 0
    mails: int | None = None
    users_a_second: float | None = None

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
        """Time expected, in seconds; a guess where no pace was measured."""
        users = sum(1 for s in self.steps if isinstance(s, CreateUser))
        pace = self.users_a_second or _USERS_A_SECOND
        return self.write_calls * _SECONDS_A_CALL + users / pace

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
            if difference.verdict is Verdict.CREATE and difference.kind not in _PARTS:
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
                    "reason": step.reason,
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
            "mails": self.mails,
            "seconds": round(self.seconds, 1),
        }


_PARTS = (Kind.MEMBER, Kind.GRANT)


def _thing(difference: Difference) -> tuple[str, str]:
    match difference.kind:
        case Kind.ACCOUNT | Kind.ENABLE:
            return "partner", difference.key
        case Kind.CONTACT | Kind.USER:
            return "person", difference.key
        case Kind.GRANT:
            return "person", difference.owner
        case Kind.GROUP | Kind.QUEUE | Kind.MEMBER:
            return "group", difference.owner


def calls_for(steps: Sequence[PlannedStep]) -> int:
    """API calls that these steps cost when nothing goes wrong: 200 records a call, users in growing
    chunks, one account's people never in two calls; queries for the login rows of users to freeze,
    and for the members of groups once they were changed."""
    by_kind: dict[type[PlannedStep], list[PlannedStep]] = {}
    for step in steps:
        by_kind.setdefault(type(step), []).append(step)
    total = 0
    for kind, mine in by_kind.items():
        size = ChunkSize() if kind is CreateUser else ChunkSize(most_rows(kind))
        for part, wide in lanes(kind, mine):
            at = 0
            while at < len(part):
                at = cut(part, at, size.size) if wide else at + size.size
                size = size.after(0.0, locked=False) if kind is CreateUser else size
                total += 2 if kind is FreezeUser else 1
        if kind is UpsertContact and len({s.record_id is None for s in mine}) == 2:
            total += 1
    members = len(by_kind.get(AddMember, ())) + len(by_kind.get(RemoveMember, ()))
    return total + -(-members // _PAGE)
