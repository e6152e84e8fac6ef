"""One way in for writes of several objects: in the order given, in as few calls as that allows.

Neighbours that are alike (object, operation, key) make a stretch, written as `write` would write
it. Short stretches share a composite call, but never setup objects (users, groups, permission
sets) with the others: an org refuses both in one transaction (MIXED_DML_OPERATION), and their locks
reach far. Creates share no call with what may be repeated, so that a lost answer stays harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from sfprm.errors import BadRequest
from sfprm.salesforce.bulk import Fields, Operation
from sfprm.salesforce.collections import RowOutcome
from sfprm.salesforce.composite import MAX_HEAVY
from sfprm.salesforce.session import Session
from sfprm.salesforce.ways import Chunk, by_bulk, chunks_of, is_unknown
from sfprm.salesforce.write import (
    BULK_FROM,
    SETUP_OBJECTS,
    ReadBack,
    Way,
    WritePlan,
    not_sent,
    plan_write,
    send_chunks,
)

__all__ = ["Change", "Stretch", "plan_changes", "write_changes"]

Headers = Mapping[str, Mapping[str, str]]
"""Headers by object, such as `{"Lead": AUTO_ASSIGN_OFF}`."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row to be written. `key`: an upsert's external id, or a field by which a bulk insert can
    tell its rows apart; update and delete go by `Id`."""

    object: str
    operation: Operation
    row: Fields = field(repr=False)
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Changes `start` to `end` (from 0, `end` left out), which are alike, and how they go out.

    `joins`: it shares the last call of the stretch before, and `plan.calls` counts that not.
    """

    object: str
    operation: Operation
    key: str | None
    start: int
    end: int
    plan: WritePlan
    joins: bool = False

    @property
    def is_setup(self) -> bool:
        """Whether these are users, groups and the like."""
        return self.object.lower() in SETUP_OBJECTS


def plan_changes(
    changes: Sequence[Change],
    *,
    headers: Headers | None = None,
    bulk_from: int = BULK_FROM,
    owners_by_bulk: bool = False,
) -> tuple[Stretch, ...]:
    """How the changes are best written, in their order. Pure.

    Raises BadRequest for an upsert that names no key.
    """
    stretches: list[Stretch] = []
    room = 0
    start = 0
    for (object_, operation, key), alike in groupby(changes, _kind):
        if operation == "upsert" and key is None:
            raise BadRequest(
                f"Row {start + 1}: an upsert of {object_} needs its external-id field."
            )
        rows = [change.row for change in alike]
        end = start + len(rows)
        carried = (headers or {}).get(object_)
        plan = plan_write(
            object_, operation, len(rows), frozenset(name for row in rows for name in row),
            key=key, headers=carried, bulk_from=bulk_from, owners_by_bulk=owners_by_bulk,
        )  # fmt: skip
        stretch = Stretch(object_, operation, key, start, end, plan)
        chunks = len(chunks_of(object_, operation, rows, key))
        shares = plan.way is not Way.BULK and not stretch.is_setup and not carried
        fits = shares and room >= chunks and _alike(stretches[-1], stretch)
        if fits:
            stretch = replace(stretch, joins=True, plan=replace(plan, calls=0))
            room -= chunks
        else:
            room = MAX_HEAVY - (chunks - 1) % MAX_HEAVY - 1 if shares else 0
        stretches.append(stretch)
        start = end
    return tuple(stretches)


def write_changes(
    session: Session,
    changes: Sequence[Change],
    *,
    headers: Headers | None = None,
    bulk_from: int = BULK_FROM,
    owners_by_bulk: bool = False,
    read_back: ReadBack | None = None,
    on_outcomes: Callable[[Sequence[RowOutcome]], None] | None = None,
) -> list[RowOutcome]:
    """Write rows of any objects; one outcome a row, in order, as `write` gives them.

    Nothing after a row whose outcome stays unknown is sent. Rows that need ids of earlier ones must
    wait for those: a row is sent as it is given.
    """
    plan = plan_changes(
        changes, headers=headers, bulk_from=bulk_from, owners_by_bulk=owners_by_bulk
    )
    done: list[RowOutcome] = []

    def tell(told: Sequence[RowOutcome]) -> None:
        if on_outcomes is not None:
            on_outcomes(told)

    for group in _together(plan):
        first, start = group[0], group[0].start
        rows = [change.row for change in changes[start : group[-1].end]]
        if first.plan.way is Way.BULK and first.key is not None:
            told = by_bulk(session, first.object, rows, first.operation, first.key)
            told = [replace(one, index=start + one.index) for one in told]
            tell(told)
        else:
            told = send_chunks(
                session, _chunks(group, rows),
                packed=len(group) > 1 or first.plan.way is Way.COMPOSITE,
                headers=(headers or {}).get(first.object),
                read_back=read_back, on_outcomes=tell, start=start,
            )  # fmt: skip
        done += told
        if any(is_unknown(one) for one in told):
            rest = not_sent(len(done), len(changes) - len(done))
            if rest:
                tell(rest)
            return done + rest
    return done


def _kind(change: Change) -> tuple[str, Operation, str | None]:
    by_id = change.operation in ("update", "delete")
    return change.object, change.operation, "Id" if by_id else change.key


def _alike(before: Stretch, after: Stretch) -> bool:
    """Whether a call may hold both."""
    return (before.operation == "insert") == (after.operation == "insert")


def _together(plan: Sequence[Stretch]) -> list[list[Stretch]]:
    """Stretches that share calls."""
    groups: list[list[Stretch]] = []
    for stretch in plan:
        if stretch.joins:
            groups[-1].append(stretch)
        else:
            groups.append([stretch])
    return groups


def _chunks(group: Sequence[Stretch], rows: Sequence[Fields]) -> list[Chunk]:
    start = group[0].start
    return [
        chunk
        for one in group
        for chunk in chunks_of(
            one.object, one.operation, rows[one.start - start : one.end - start], one.key
        )
    ]
