"""What compare answers: one difference a declared record, in words and values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from sys import intern
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.provisioning.fields import SHOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.ids import RecordId
    from sfprm.programme.model import FieldValue
    from sfprm.provisioning.fields import Declared, FieldChange
    from sfprm.store.records import AppliedValue

__all__ = [
    "Comparison",
    "Difference",
    "Flag",
    "Kind",
    "Ref",
    "SeatUse",
    "Unmanaged",
    "Verdict",
    "blocked",
    "ref",
    "slim",
    "verdict_of",
]

Ref = str
"""`account:acme`, `contact:ines`, `user:ines`, `queue:Norte`: a record that may not exist yet."""


def ref(kind: str, key: str) -> Ref:
    """The reference of a declared record. One text for all who name it."""
    return intern(f"{kind}:{key}")


class Kind(StrEnum):
    """What a difference is about; the value names it in a Ref."""

    ACCOUNT = "account"
    ENABLE = "partner"
    CONTACT = "contact"
    USER = "user"
    GRANT = "grant"
    GROUP = "group"
    QUEUE = "queue"
    MEMBER = "member"


class Flag(StrEnum):
    """How a difference is carried out."""

    KEEP_TEAM = "keep_team"
    """An owner change keeps the account team and its shares."""
    MOVES_USER = "moves_user"
    """The contact has a partner user, who moves to another account with it."""
    FIRST_USER = "first_user"
    """The user is the first of its account: the account's roles are made with it."""
    NUMBER = "number"
    """A username that is taken is numbered."""


class Verdict(StrEnum):
    """What is to be done about it."""

    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"
    SAME = "same"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Difference:
    """One declared record against the org.

    `key` is the programme's own name, `label` for people, `owner` the partner key or queue it is
    shown under. `changes` that are `written` become steps. `links` are fields whose value is the
    id of another declared record. `declared` is what the store remembers once it is written.
    `why` and `fix` are set when blocked. `flags` say how it is to be carried out (`Flag`).
    """

    kind: Kind
    key: str
    label: str
    verdict: Verdict
    owner: str = ""
    changes: tuple[FieldChange, ...] = ()
    record_id: RecordId | None = None
    links: Mapping[str, Ref] = field(default_factory=lambda: MappingProxyType({}))
    declared: Mapping[str, Declared] = field(default_factory=lambda: MappingProxyType({}))
    why: str = ""
    fix: str = ""
    notes: tuple[str, ...] = ()
    flags: frozenset[Flag] = frozenset()
    values: Mapping[str, FieldValue] | None = None
    """Of a difference that creates: the values left after it, where `changes` are few of them."""
    remember: Mapping[str, FieldValue] = field(default_factory=lambda: MappingProxyType({}))
    """Of a slim difference: what the store remembers once it is written."""

    @property
    def ref(self) -> Ref:
        """How other differences and steps name this record."""
        return ref(self.kind.value, self.key)

    @property
    def writes(self) -> tuple[FieldChange, ...]:
        """The changes that are to be written."""
        return tuple(c for c in self.changes if c.written)

    def after(self) -> dict[str, FieldValue]:
        """The values left after it."""
        if self.values is not None:
            return dict(self.values)
        return {c.field: c.after for c in self.writes}

    def before(self) -> dict[str, FieldValue]:
        """The values expected before it."""
        return {c.field: c.before for c in self.writes}


_NOTHING: Mapping[str, Declared] = MappingProxyType({})


def slim(d: Difference) -> Difference:
    """The difference without what only comparing needed: a plan of 100,000 records is held for
    long."""
    if d.verdict in (Verdict.SAME, Verdict.BLOCKED):
        return replace(d, declared=_NOTHING) if d.declared else d
    left = {c.field for c in d.changes if not c.written}
    remember = {name: want.value for name, want in d.declared.items() if name not in left}
    if d.verdict is not Verdict.CREATE:
        return replace(d, declared=_NOTHING, remember=remember)
    values = d.after()
    # most of a large plan comes by here: `replace` would take three times as long
    return Difference(
        d.kind,
        d.key,
        d.label,
        d.verdict,
        owner=d.owner,
        changes=tuple(c for c in d.changes if c.field in SHOWN),
        record_id=d.record_id,
        links=d.links,
        why=d.why,
        fix=d.fix,
        notes=d.notes,
        flags=d.flags,
        values=values,
        remember=values if remember == values else remember,
    )


def blocked(kind: Kind, key: str, label: str, owner: str, why: str, fix: str) -> Difference:
    """A difference that cannot be done before somebody mends something."""
    return Difference(kind, key, label, Verdict.BLOCKED, owner=owner, why=why, fix=fix)


def verdict_of(new: bool, changes: tuple[FieldChange, ...]) -> Verdict:
    """What these changes make of a record that is `new` or not."""
    if new:
        return Verdict.CREATE
    return Verdict.UPDATE if any(c.written for c in changes) else Verdict.SAME


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """A record in the org that looks like the programme's, but no file names it. Left alone."""

    object: str
    id: RecordId
    label: str


@dataclass(frozen=True, slots=True)
class SeatUse:
    """Seats of one licence: free now, taken and given back by the plan."""

    licence: str
    total: int
    left_now: int
    taken: int
    freed: int

    @property
    def left_after(self) -> int:
        """Free seats once the plan is carried out."""
        return self.left_now - self.taken + self.freed


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences in file order: partners with their people, then queues with members.

    `baseline` are values that are right already but that the store does not know of: remembered
    by the next apply, so that a later hand change can be told from a file's."""

    differences: tuple[Difference, ...]
    unmanaged: tuple[Unmanaged, ...] = ()
    seats: tuple[SeatUse, ...] = ()
    baseline: tuple[AppliedValue, ...] = ()

    @property
    def blocked(self) -> tuple[Difference, ...]:
        """Those that cannot be done before somebody mends something."""
        return tuple(d for d in self.differences if d.verdict is Verdict.BLOCKED)

    @property
    def to_do(self) -> tuple[Difference, ...]:
        """Those that become steps."""
        return tuple(
            d
            for d in self.differences
            if d.verdict in (Verdict.CREATE, Verdict.UPDATE, Verdict.REMOVE)
        )
