"""Mails to new owners, after the lead is seen to be theirs.

A mail is handed to Salesforce once, or not at all: it is sent after the decision is settled and
never repeated, and an outcome that is not known is reported. A mail that fails holds nothing up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfprm.errors import BadRequest, OrgRefused, TryLater
from sfprm.ids import RecordId
from sfprm.outbound.mail_guard import guarded
from sfprm.outbound.notices import BadTemplate, render
from sfprm.salesforce.actions import send_email
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, split_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sfprm.outbound.mail_guard import MailPolicy
    from sfprm.programme.model import Notice, Programme
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session
    from sfprm.store.records import JournalEntry

__all__ = ["MOST_MAILS", "NO_MAIL", "MailReport", "notice_named", "send_notices"]

MOST_MAILS = 50
"""Most mails of one run; developer editions may send few a day."""

USER_PREFIX = "005"
_ALWAYS = {"lead": ("Id", "Name", "Company"), "owner": ("Id", "Name", "Email", "Username")}


@dataclass(frozen=True, slots=True)
class MailReport:
    """`sent`: taken by Salesforce, which says nothing of delivery. `not_sent`: why, a line each.
    `queues`: leads that went to a queue, which has its own notification."""

    sent: int = 0
    not_sent: tuple[str, ...] = ()
    queues: int = 0


NO_MAIL = MailReport()
"""Nothing was to be sent."""


def notice_named(programme: Programme, key: str) -> Notice:
    """A notice of the programme. Raises BadRequest listing those that there are."""
    notice = programme.routing.notices.get(key)
    if notice is None:
        known = ", ".join(sorted(programme.routing.notices)) or "none"
        raise BadRequest(
            f"The programme has no notice '{key}' (there are: {known}).",
            hint="Add it under `notices:` in config/routing.yaml.",
        )
    return notice


def send_notices(
    session: Session,
    programme: Programme,
    policy: MailPolicy,
    moves: Sequence[tuple[JournalEntry, Notice]],
) -> MailReport:
    """One mail a lead to its new owner, through the mail guard.

    Two calls for some hundreds of leads, and one a mail. Raises nothing of the org's: what fails
    is told in the report.
    """
    to_users = [
        (entry, notice)
        for entry, notice in moves
        if entry.owner_new is not None and entry.owner_new.prefix == USER_PREFIX
    ]
    queues = len(moves) - len(to_users)
    if not to_users:
        return MailReport(queues=queues)
    try:
        leads = _read(session, "Lead", "lead", {e.lead for e, _ in to_users}, to_users)
        owners = _read(
            session, "User", "owner", {e.owner_new for e, _ in to_users if e.owner_new}, to_users
        )
    except (OrgRefused, TryLater) as error:
        return MailReport(0, (f"no mail was sent: {error.message}",), queues)
    sent, failed = 0, []
    for entry, notice in to_users:
        lead = leads.get(entry.lead)
        owner = owners.get(entry.owner_new) if entry.owner_new else None
        if lead is None or owner is None or not owner.get("Email"):
            failed.append(f"{entry.label or entry.lead}: no address of {entry.owner_name} is known")
            continue
        try:
            mail = render(notice, _values(programme, entry, lead, owner))
            send_email(session, [guarded(str(owner["Email"]), policy)], mail.subject, mail.body)
        except (BadTemplate, OrgRefused, TryLater) as error:
            failed.append(f"{entry.label or entry.lead}: {error.message}")
        else:
            sent += 1
    return MailReport(sent, tuple(failed), queues)


def _values(
    programme: Programme, entry: JournalEntry, lead: Row, owner: Row
) -> dict[str, Mapping[str, Any]]:
    username = str(owner.get("Username") or "").lower()
    person = next((p for p in programme.people.values() if p.username.lower() == username), None)
    partner = programme.partners.get(person.partner) if person is not None else None
    return {
        "lead": lead,
        "owner": owner,
        "rule": {"name": entry.rule},
        "partner": {
            "key": partner.key if partner is not None else None,
            "name": partner.name if partner is not None else None,
        },
    }


def _read(
    session: Session,
    object_: str,
    name: str,
    ids: Iterable[RecordId],
    moves: Sequence[tuple[JournalEntry, Notice]],
) -> dict[RecordId, Row]:
    """Those records with the fields that the notices name."""
    fields = dict.fromkeys(_ALWAYS[name])
    for notice in {notice.key: notice for _, notice in moves}.values():
        text = f"{notice.subject} {notice.body}"
        fields.update(dict.fromkeys(re.findall(rf"\b{name}\.([A-Za-z]\w*)", text)))
    found: dict[RecordId, Row] = {}
    for condition in split_in("Id", sorted(ids)):
        for row in select(session, Query(tuple(fields), object_, (condition,))):
            found[RecordId(row["Id"])] = row
    return found
