"""Getting people in: who never logged in, and the reset mail that Salesforce sends them.

Each reset voids the last link, and mail scanners burn links (operations.md, rule 10): at most one a
person in three days by default, never for those with single sign-on or who have logged in. The
answer to a reset holds a temporary password: it is dropped unread.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sfprm.errors import NotReady, OrgRefused, OutcomeUnknown
from sfprm.ids import RecordId
from sfprm.salesforce.identity import parse_datetime
from sfprm.salesforce.query import select, select_all
from sfprm.salesforce.soql import Query, eq
from sfprm.store.records import AppliedValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sfprm.ids import RunId
    from sfprm.programme.model import FieldValue, Person, Programme
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreReader, StoreWriter

__all__ = ["Invitee", "Standing", "decide", "read_waiting", "refuse_closed_site", "reset"]

INVITES = "Invite"
"""Under (this, person) the store keeps `at` (the last reset, ISO 8601) and `count`."""
DAYS_BETWEEN = 3
MOST_RESETS = 3


@dataclass(frozen=True, slots=True)
class Invitee:
    """A person with a user who never logged in. `invited`: the last reset by sfprm."""

    person: str
    label: str
    partner: str
    user: RecordId
    username: str
    email: str
    created: datetime
    single_sign_on: bool
    invited: datetime | None = None
    resets: int = 0

    def waiting_days(self, now: datetime) -> int:
        """Whole days since the user was made."""
        return (now - self.created).days


@dataclass(frozen=True, slots=True)
class Standing:
    """What is to be done about one who never came in. `why` is empty when a reset is due."""

    who: Invitee
    why: str = ""


def read_waiting(
    session: Session, store: StoreReader, programme: Programme, people: Sequence[Person]
) -> list[Invitee]:
    """Those of the people who have an active user that never logged in and is not frozen, in file
    order: two calls, and one for every 2,000 of them."""
    key_field = programme.key_fields.contact
    fields = (
        *("Id", "Username", "Email", "CreatedDate", "FederationIdentifier"),
        f"Contact.{key_field}",
    )
    where = (f"Contact.{key_field} != null", eq("IsActive", True), "LastLoginDate = null")
    rows: dict[str, Row] = {}
    for found in select(session, Query(fields, "User", where)):
        rows[str((found.get("Contact") or {}).get(key_field)).lower()] = found
    frozen = {
        row["UserId"]
        for row in select(session, Query(("UserId",), "UserLogin", (eq("IsFrozen", True),)))
    }
    applied = store.applied()
    out = []
    for person in people:
        row = rows.get(person.key_value.lower())
        if row is None or row["Id"] in frozen:
            continue
        known: Mapping[str, FieldValue] = applied.get((INVITES, person.key), {})
        at = known.get("at")
        out.append(
            Invitee(
                person=person.key,
                label=f"{person.first_name} {person.last_name}".strip(),
                partner=person.partner,
                user=RecordId(row["Id"]),
                username=row["Username"],
                email=row["Email"] or "",
                created=parse_datetime(row["CreatedDate"]),
                single_sign_on=bool(person.federation_id or row.get("FederationIdentifier")),
                invited=datetime.fromisoformat(str(at)) if at else None,
                resets=int(known.get("count") or 0),
            )
        )
    return out


def decide(
    waiting: Sequence[Invitee],
    now: datetime,
    *,
    days_between: int = DAYS_BETWEEN,
    most_resets: int = MOST_RESETS,
    guard: Callable[[str], str],
) -> list[Standing]:
    """Who gets a reset now, and why each other does not. Pure. `guard`: mail_guard's answer."""
    out = []
    for who in waiting:
        why = ""
        if who.single_sign_on:
            why = "logs in by single sign-on: needs no password"
        elif guard(who.email) != who.email:
            why = f"{who.email} is kept from mail by the guard of this org"
        elif who.resets >= most_resets:
            why = f"was sent {who.resets} already: ask by telephone"
        elif who.invited is not None and now - who.invited < timedelta(days=days_between):
            again = who.invited + timedelta(days=days_between)
            why = f"was sent one on {who.invited:%d %b}; the next from {again:%d %b} on"
        out.append(Standing(who, why))
    return out


def reset(session: Session, store: StoreWriter, who: Invitee, *, run: RunId, now: datetime) -> str:
    """Have Salesforce mail a reset link; '' or why it did not. Remembered before it is sent: a
    crash in between costs a mail, never doubles one."""
    store.record_applied(_kept(who.person, now, who.resets + 1), run, now)
    try:
        session.request("DELETE", f"sobjects/User/{who.user}/password", kind="reset",
                        repeatable=False)  # fmt: skip
    except OutcomeUnknown as lost:
        return f"no answer came, so it may have been sent: {lost.message}"
    except OrgRefused as refused:
        store.record_applied(_kept(who.person, who.invited, who.resets), run, now)
        return refused.message
    return ""


def _kept(person: str, at: datetime | None, count: int) -> list[AppliedValue]:
    return [
        AppliedValue(INVITES, person, "at", at.isoformat() if at is not None else None),
        AppliedValue(INVITES, person, "count", count),
    ]


def refuse_closed_site(session: Session, programme: Programme) -> None:
    """Raises NotReady when the programme's site is not Live: the link would lead nowhere."""
    query = Query(("Status",), "Network", (eq("Name", programme.site),))
    rows = select_all(session, query)
    status = rows[0]["Status"] if rows else "not there"
    if status != "Live":
        raise NotReady(
            f"The site {programme.site} is not Live ({status}): people could not log in.",
            hint="Publish and activate the site, then run invite again.",
        )
