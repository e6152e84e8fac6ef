"""The one org that the state belongs to, and what it allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from sfprm.errors import NotReady
from sfprm.ids import RecordId
from sfprm.store.inserts import insert
from sfprm.store.records import OrgRecord, SeenAllowance
from sfprm.store.tables import allowance, org

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


def bound(connection: Connection) -> OrgRecord | None:
    """The org bound to, or None."""
    row = connection.execute(select(org)).one_or_none()
    return None if row is None else OrgRecord(RecordId(row.org_id), row.name, row.bound_at)


def bind(connection: Connection, org_id: RecordId, name: str, now: datetime) -> None:
    """Bind to the org, or find that it is bound to it already. A new name is taken over."""
    connection.execute(
        insert(connection, org)
        .values(one=1, org_id=org_id, name=name, bound_at=now)
        .on_conflict_do_nothing()
    )
    held = bound(connection)
    if held is None or held.org_id != org_id:
        holder = "another org" if held is None else f"{held.name} ({held.org_id})"
        raise NotReady(
            f"This state belongs to {holder}; you are logged in to {name} ({org_id}).",
            hint="Log in to that org, or give this one its own SFPRM_STATE_DIR.",
        )
    if held.name != name:
        connection.execute(update(org).values(name=name))


def allowance_seen(connection: Connection) -> SeenAllowance | None:
    """The daily allowance as last told, or None."""
    row = connection.execute(select(allowance)).one_or_none()
    return None if row is None else SeenAllowance(row.used, row.most, row.seen_at)


def see_allowance(connection: Connection, seen: SeenAllowance) -> None:
    """Keep it, unless another run saw it later."""
    values = {"used": seen.used, "most": seen.most, "seen_at": seen.at}
    connection.execute(
        insert(connection, allowance)
        .values(one=1, **values)
        .on_conflict_do_update(
            index_elements=["one"], set_=values, where=allowance.c.seen_at <= seen.at
        )
    )
