"""Moves that a person orders: one lead or many, to a user or a queue; journalled, then written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sfprm.distribution.by_workers import Spread
from sfprm.distribution.carry import Carrier, Settled
from sfprm.distribution.destination import find_destination
from sfprm.distribution.intake import PAGE
from sfprm.distribution.notify import (
    MOST_MAILS,
    NO_MAIL,
    MailReport,
    notice_named,
    send_notices,
    to_new_owner,
)
from sfprm.distribution.spread import (
    Shared,
    facts_of,
    managers_of,
    share_evenly,
    share_out,
)
from sfprm.distribution.standing_now import read_standing
from sfprm.errors import BadRequest
from sfprm.estate.who import user_conditions
from sfprm.ids import PartnerKey, PersonKey, RecordId, is_record_id
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, in_, split_in
from sfprm.store.records import WriteState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from sfprm.clock import Clock
    from sfprm.distribution.by_workers import Hands
    from sfprm.events import Progress
    from sfprm.ids import RunId
    from sfprm.outbound.mail_guard import MailPolicy
    from sfprm.outbound.outlets import Outlets
    from sfprm.programme.model import Notice, Programme
    from sfprm.routing.values import Standing
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreWriter
    from sfprm.store.records import JournalEntry

    _Journal = Callable[
        [StoreWriter, RunId, datetime, str | None], Iterable[Sequence[JournalEntry]]
    ]

__all__ = ["LeadsWanted", "Left", "Move", "ReassignResult", "reassign"]

OWNER_PREFIXES = ("005", "00G")
_FIELDS = ("Id", "OwnerId", "Owner.Name", "Name", "Company", "CreatedDate")


@dataclass(frozen=True, slots=True)
class LeadsWanted:
    """Which leads: by id, by a SOQL condition on Lead, or by owner; converted ones never.

    `owner`: a username, a queue's label, a partner's or a person's key. `limit`: the oldest so
    many. Several of the first three together must all hold.
    """

    ids: tuple[RecordId, ...] = ()
    where: str | None = None
    owner: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """One lead's move, as `sfprm.store.api.ManualMove` wants it, and whose it was."""

    lead: RecordId
    label: str
    owner_seen: RecordId
    owner_new: RecordId
    owner_name: str
    from_name: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    """A lead that stays where it is, and why."""

    lead: RecordId
    label: str
    why: str


@dataclass(frozen=True, slots=True)
class ReassignResult:
    """What a reassignment did. `moves` were ordered (in a dry run: would be); `moved` were seen
    with the new owner; `already` were with it before; `left` stay where they are. `credits`:
    whether a pool's credits pay for them; None where no pool is asked."""

    dry_run: bool
    to: str
    moves: tuple[Move, ...]
    moved: int
    already: int
    taken_up: int
    refused: tuple[Settled, ...]
    overtaken: tuple[Settled, ...]
    mails: MailReport
    calls: int
    left: tuple[Left, ...] = ()
    credits: bool | None = None


def reassign(
    session: Session,
    store: StoreWriter,
    programme: Programme,
    *,
    leads: LeadsWanted,
    clock: Clock,
    run: RunId,
    progress: Progress,
    user: str | None = None,
    queue: str | None = None,
    pool: str | None = None,
    manager: bool = False,
    evenly: bool = False,
    dry_run: bool = False,
    allow_any_owner: bool = False,
    notify: str | None = None,
    policy: Outlets | MailPolicy | None = None,
    max_changes: int | None = None,
    hands: Hands | None = None,
) -> ReassignResult:
    """Move leads to a user or a queue, share them out over a pool (by who is owed most, or
    `evenly`), or hand each to its partner's channel manager.

    Refused before anything is written: an owner who fails a condition (OwnerRefused, unless
    `allow_any_owner`), more moves than `max_changes`, more than MOST_MAILS mails, an id that is no
    open lead (BadRequest). Run again after an interruption it finishes what is left. `hands`: other
    workers, who then write large moves.
    """
    mark = session.calls.snapshot()
    notice = None if notify is None else notice_named(programme, notify)
    carrier = Carrier(session, store, clock, progress, programme, tell_all=notice is not None)
    taken_up = 0 if dry_run else carrier.take_up()
    mended = carrier.tally.confirmed
    carrier.tally.to_tell.clear()
    order = _order(
        session,
        store,
        programme,
        leads,
        clock.now(),
        run,
        pool=pool,
        manager=manager,
        evenly=evenly,
    )
    if order is None:
        order = _one_owner(session, programme, leads, user, queue, allow_any_owner)
    _brake(len(order.moves), max_changes, notice if order.to_users else None, order.to_one)
    mails = NO_MAIL
    if order.moves and not dry_run:
        progress.stage("leads", len(order.moves))
        spread = None
        if hands is not None:
            spread = Spread(hands, carrier, store, tell_all=notice is not None)
        for entries in order.journal(store, run, clock.now(), notify):
            to_write = [e for e in entries if e.state is WriteState.DECIDED]
            (spread or carrier).carry_out(to_write)
        if spread is not None:
            spread.gather()
        mails = _mail(session, store, programme, carrier, notice, policy, clock.now())
    return ReassignResult(
        dry_run=dry_run,
        to=order.to,
        moves=order.moves,
        moved=carrier.tally.confirmed - mended,
        already=order.already,
        taken_up=taken_up,
        refused=tuple(carrier.tally.refused),
        overtaken=tuple(carrier.tally.overtaken),
        mails=mails,
        calls=session.calls.since(mark).total,
        left=order.left,
        credits=None if pool is None else not evenly,
    )


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be moved, before anything is written. `journal` makes the entries, some at a
    time, with the notice that new owners are to get."""

    to: str
    moves: tuple[Move, ...]
    already: int
    journal: _Journal
    left: tuple[Left, ...] = ()
    to_users: bool = True
    to_one: bool = False


def _one_owner(
    session: Session,
    programme: Programme,
    leads: LeadsWanted,
    user: str | None,
    queue: str | None,
    allow_any_owner: bool,
) -> _Order:
    to = find_destination(session, programme, user=user, queue=queue)
    if not allow_any_owner:
        to.require()
    rows = _find(session, programme, leads)
    moves = tuple(
        _move(row, to.owner_id, to.name) for row in rows if RecordId(row["OwnerId"]) != to.owner_id
    )
    return _Order(
        to.name,
        moves,
        len(rows) - len(moves),
        _by_hand(programme, moves),
        to_users=not to.is_queue,
        to_one=True,
    )


def _order(
    session: Session,
    store: StoreWriter,
    programme: Programme,
    leads: LeadsWanted,
    now: datetime,
    run: RunId,
    *,
    pool: str | None,
    manager: bool,
    evenly: bool,
) -> _Order | None:
    """Leads shared out over a pool, or to channel managers; None for one owner."""
    if pool is None and not manager:
        return None
    more = programme.routing.fields_read() if pool is not None else ()
    rows = _find(session, programme, leads, more)
    standing = read_standing(session, store, programme, now)
    names = {RecordId(row["Id"]): str((row.get("Owner") or {}).get("Name") or "") for row in rows}
    if pool is None:
        return _to_managers(programme, standing, rows)
    facts = facts_of(rows, programme)

    def share(dry_run: bool, notify: str | None = None) -> Shared:
        return share_out(
            session,
            store,
            programme,
            standing,
            facts,
            pool,
            now,
            run,
            dry_run=dry_run,
            notify=notify,
        )

    def journal(
        _: StoreWriter, run: RunId, at: datetime, notify: str | None
    ) -> Iterable[Sequence[JournalEntry]]:
        return [share(False, notify).entries]

    if evenly:
        told = share_evenly(session, store, programme, standing, facts, pool, now)
    else:
        told = share(True)
    moves = tuple(
        Move(
            lead=d.lead.id,
            label=d.lead.label,
            owner_seen=d.lead.owner_id,
            owner_new=d.owner_id,
            owner_name=d.owner_name,
            from_name=names[d.lead.id],
        )
        for d in told.given
        if d.owner_id is not None
    )
    return _Order(
        to=f"pool {pool}",
        moves=moves,
        already=0,
        journal=_by_hand(programme, moves) if evenly else journal,
        left=tuple(
            Left(d.lead.id, d.lead.label, "; ".join(r.detail or r.code.value for r in d.reasons))
            for d in told.left
        ),
    )


def _to_managers(programme: Programme, standing: Standing, rows: Sequence[Row]) -> _Order:
    managers = managers_of(programme, standing)
    moves, left, already = [], [], 0
    for row in rows:
        owner = managers.get(RecordId(row["OwnerId"]))
        if owner is not None and owner.owner_id is not None:
            moves.append(_move(row, owner.owner_id, owner.name))
        elif any(o.owner_id == row["OwnerId"] for o in managers.values()):
            already += 1
        else:
            why = "no partner of the programme holds it, or its channel manager may not own leads"
            left.append(Left(RecordId(row["Id"]), _label(row), why))
    return _Order(
        "the channel manager",
        tuple(moves),
        already,
        _by_hand(programme, moves),
        left=tuple(left),
    )


def _by_hand(programme: Programme, moves: Sequence[Move]) -> _Journal:
    def journal(
        store: StoreWriter, run: RunId, now: datetime, notify: str | None
    ) -> Iterator[Sequence[JournalEntry]]:
        for at in range(0, len(moves), PAGE):
            yield store.journal_manual(
                moves[at : at + PAGE],
                run=run,
                kind="reassign",
                programme=programme,
                now=now,
                notify=notify,
            )

    return journal


def _move(row: Row, owner: RecordId, name: str) -> Move:
    return Move(
        lead=RecordId(row["Id"]),
        label=_label(row),
        owner_seen=RecordId(row["OwnerId"]),
        owner_new=owner,
        owner_name=name,
        from_name=str((row.get("Owner") or {}).get("Name") or ""),
    )


def _label(row: Row) -> str:
    return ", ".join(str(row[n]) for n in ("Name", "Company") if row.get(n))


def _brake(moves: int, max_changes: int | None, notice: Notice | None, to_one: bool) -> None:
    if max_changes is not None and moves > max_changes:
        raise BadRequest(
            f"This would move {moves:,} leads, more than --max-changes {max_changes:,}.",
            hint="Narrow the condition, or raise --max-changes. Nothing was written.",
        )
    # many leads of one owner go in one mail
    if notice is not None and moves > MOST_MAILS and not to_one:
        raise BadRequest(
            f"--notify would send {moves:,} mails; at most {MOST_MAILS} go out at once.",
            hint="Leave --notify out for moves of this size. Nothing was written.",
        )


def _mail(
    session: Session,
    store: StoreWriter,
    programme: Programme,
    carrier: Carrier,
    notice: Notice | None,
    policy: Outlets | MailPolicy | None,
    now: datetime,
) -> MailReport:
    if notice is None:
        return NO_MAIL
    if policy is None:
        raise BadRequest("A notice was asked for, and no mail policy says where mail may go.")
    due = [to_new_owner(entry, notice) for entry in carrier.tally.to_tell]
    report = send_notices(session, store, programme, policy, [d for d in due if d], now)
    return replace(report, queues=sum(d is None for d in due))


def _find(
    session: Session, programme: Programme, wanted: LeadsWanted, more: Sequence[str] = ()
) -> list[Row]:
    """The leads, oldest first, with `more` fields."""
    if not (wanted.ids or wanted.where or wanted.owner):
        raise BadRequest(
            "No leads are named.", hint="Give ids, --where with a SOQL condition, or --from OWNER."
        )
    conditions = [eq("IsConverted", False)]
    if wanted.owner:
        conditions.append(in_("OwnerId", _owners(session, programme, wanted.owner)))
    if wanted.where:
        conditions.append(wanted.where)
    known = {name.lower() for name in _FIELDS}
    fields = (*_FIELDS, *(name for name in more if name.lower() not in known))
    query = Query(fields, "Lead", tuple(conditions), ("CreatedDate", "Id"), wanted.limit)
    if not wanted.ids:
        return list(select(session, query))
    rows = [
        row
        for condition in split_in("Id", dict.fromkeys(wanted.ids))
        for row in select(session, query.also(condition))
    ]
    found = {RecordId(row["Id"]) for row in rows}
    missing = [lead for lead in wanted.ids if lead not in found]
    if missing and not (wanted.where or wanted.owner):
        raise BadRequest(
            f"{missing[0]} is no open lead that the agent sees"
            + (f" (and {len(missing) - 1} more)." if len(missing) > 1 else "."),
            hint="Correct the id; converted and deleted leads cannot be moved.",
        )
    return rows[: wanted.limit]


def _owners(session: Session, programme: Programme, owner: str) -> list[RecordId]:
    """Everybody meant by an owner's name. Raises BadRequest when nobody is."""
    if owner[:3] in OWNER_PREFIXES and is_record_id(owner):
        return [RecordId(owner)]
    partner = programme.partners.get(PartnerKey(owner))
    if partner is not None:
        conditions = user_conditions(programme, programme.people_of(partner.key))
        found = [at for c in conditions for at in _ids(session, Query(("Id",), "User", (c,)))]
    else:
        person = programme.people.get(PersonKey(owner))
        username = owner if person is None else person.username
        found = _ids(session, Query(("Id",), "User", (eq("Username", username),)))
        if not found:
            named = (eq("Type", "Queue"), f"{eq('Name', owner)} OR {eq('DeveloperName', owner)}")
            found = _ids(session, Query(("Id",), "Group", named))
    if not found:
        raise BadRequest(
            f"Nobody in the org is meant by '{owner}'.",
            hint="Give a username, a queue's label, or a partner's or person's key.",
        )
    return found


def _ids(session: Session, query: Query) -> list[RecordId]:
    return [RecordId(row["Id"]) for row in select(session, query)]
