"""Moves that a person orders: one lead or many, to a user or a queue; journalled, then written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sfprm.distribution.carry import Carrier, Settled
from sfprm.distribution.destination import find_destination
from sfprm.distribution.notify import (
    MOST_MAILS,
    NO_MAIL,
    MailReport,
    notice_named,
    send_notices,
    to_new_owner,
)
from sfprm.errors import BadRequest
from sfprm.estate.who import user_conditions
from sfprm.ids import PartnerKey, PersonKey, RecordId, is_record_id
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, in_, split_in

if TYPE_CHECKING:
    from datetime import datetime

    from sfprm.clock import Clock
    from sfprm.events import Progress
    from sfprm.ids import RunId
    from sfprm.outbound.mail_guard import MailPolicy
    from sfprm.outbound.outlets import Outlets
    from sfprm.programme.model import Notice, Programme
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreWriter

__all__ = ["LeadsWanted", "Move", "ReassignResult", "reassign"]

OWNER_PREFIXES = ("005", "00G")
_FIELDS = ("Id", "OwnerId", "Owner.Name", "Name", "Company")


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
class ReassignResult:
    """What a reassignment did. `moves` were ordered (in a dry run: would be); `moved` were seen
    with the new owner; `already` were with it before."""

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
    dry_run: bool = False,
    allow_any_owner: bool = False,
    notify: str | None = None,
    policy: Outlets | MailPolicy | None = None,
    max_changes: int | None = None,
) -> ReassignResult:
    """Move leads to a user or a queue.

    Refused before anything is written: an owner who fails a condition (OwnerRefused, unless
    `allow_any_owner`), more moves than `max_changes`, more than MOST_MAILS mails, an id that is no
    open lead (BadRequest). Run again after an interruption it finishes what is left.
    """
    mark = session.calls.snapshot()
    notice = None if notify is None else notice_named(programme, notify)
    carrier = Carrier(session, store, clock, progress, tell_all=notice is not None)
    taken_up = 0 if dry_run else carrier.take_up()
    mended = carrier.tally.confirmed
    carrier.tally.to_tell.clear()
    to = find_destination(session, programme, user=user, queue=queue)
    if not allow_any_owner:
        to.require()
    rows = _find(session, programme, leads)
    moves = tuple(
        Move(
            lead=RecordId(row["Id"]),
            label=", ".join(str(row[n]) for n in ("Name", "Company") if row.get(n)),
            owner_seen=RecordId(row["OwnerId"]),
            owner_new=to.owner_id,
            owner_name=to.name,
            from_name=str((row.get("Owner") or {}).get("Name") or ""),
        )
        for row in rows
        if RecordId(row["OwnerId"]) != to.owner_id
    )
    _brake(len(moves), max_changes, notice if not to.is_queue else None)
    mails = NO_MAIL
    if moves and not dry_run:
        progress.stage("leads", len(moves))
        entries = store.journal_manual(
            moves, run=run, kind="reassign", programme=programme, now=clock.now()
        )
        carrier.carry_out(entries)
        mails = _mail(session, store, programme, carrier, notice, policy, clock.now())
    return ReassignResult(
        dry_run=dry_run,
        to=to.name,
        moves=moves,
        moved=carrier.tally.confirmed - mended,
        already=len(rows) - len(moves),
        taken_up=taken_up,
        refused=tuple(carrier.tally.refused),
        overtaken=tuple(carrier.tally.overtaken),
        mails=mails,
        calls=session.calls.since(mark).total,
    )


def _brake(moves: int, max_changes: int | None, notice: Notice | None) -> None:
    if max_changes is not None and moves > max_changes:
        raise BadRequest(
            f"This would move {moves:,} leads, more than --max-changes {max_changes:,}.",
            hint="Narrow the condition, or raise --max-changes. Nothing was written.",
        )
    if notice is not None and moves > MOST_MAILS:
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


def _find(session: Session, programme: Programme, wanted: LeadsWanted) -> list[Row]:
    """The leads, oldest first."""
    if not (wanted.ids or wanted.where or wanted.owner):
        raise BadRequest(
            "No leads are named.", hint="Give ids, --where with a SOQL condition, or --from OWNER."
        )
    conditions = [eq("IsConverted", False)]
    if wanted.owner:
        conditions.append(in_("OwnerId", _owners(session, programme, wanted.owner)))
    if wanted.where:
        conditions.append(wanted.where)
    query = Query(_FIELDS, "Lead", tuple(conditions), ("CreatedDate", "Id"), wanted.limit)
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
