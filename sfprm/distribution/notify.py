"""Notices about leads, after what they tell of is seen in the org.

A notice goes out once, or not at all: it is due from the transaction that makes its news true; that
it is meant to go is noted before it is handed over, and what has been noted is never sent again. An
outcome that is not known is reported. A notice that fails holds nothing up.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sfprm.errors import BadRequest, NotReady, OrgRefused, OutcomeUnknown, TryLater
from sfprm.ids import RecordId
from sfprm.outbound.mail_guard import MailPolicy, guarded
from sfprm.outbound.notices import BadTemplate, Mail, render, render_digest
from sfprm.outbound.outlets import MOST_MAILS, Outlets
from sfprm.outbound.smtp import SmtpPost
from sfprm.outbound.webhook import post
from sfprm.routing.offers import OfferState
from sfprm.salesforce.actions import send_email
from sfprm.salesforce.limits import limits
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, split_in
from sfprm.store.mail_rows import DUE, INTENDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sfprm.programme.model import Notice, Programme
    from sfprm.routing.offers import Offer
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreWriter
    from sfprm.store.records import JournalEntry

__all__ = [
    "DIGEST_FROM",
    "MOST_MAILS",
    "NO_MAIL",
    "Due",
    "MailReport",
    "about_offer",
    "key_of",
    "notice_named",
    "send_notices",
    "to_new_owner",
    "waiting_notices",
]

LATEST = timedelta(days=1)
"""After that, the notice of a run that died is not worth sending."""

DIGEST_FROM = 4
"""Leads of one owner from which one notice tells of all of them."""

USER_PREFIX = "005"
_ALWAYS = {
    "lead": ("Id", "Name", "Company"),
    "owner": ("Id", "Name", "Email", "Username", "LanguageLocaleKey"),
}


@dataclass(frozen=True, slots=True)
class MailReport:
    """`sent`: handed over, which says nothing of delivery. `not_sent`: why, a line each.
    `queues`: leads that went to a queue, which has its own notification. `again`: told of before,
    so not sent again."""

    sent: int = 0
    not_sent: tuple[str, ...] = ()
    queues: int = 0
    again: int = 0

    def __add__(self, other: MailReport) -> MailReport:
        return MailReport(
            self.sent + other.sent,
            (*self.not_sent, *other.not_sent),
            self.queues + other.queues,
            self.again + other.again,
        )


NO_MAIL = MailReport()
"""Nothing was to be sent."""


@dataclass(frozen=True, slots=True)
class Due:
    """One notice to be sent. `entry` and `about` together are told of once: the decision, and the
    kind of news. `to` is a user."""

    notice: Notice
    about: str
    entry: int
    lead: RecordId
    label: str
    to: RecordId
    to_name: str
    rule: str | None = None
    offer: Mapping[str, Any] = field(default_factory=dict)


def to_new_owner(entry: JournalEntry, notice: Notice, offer: Offer | None = None) -> Due | None:
    """The news of a decision for whom it gives the lead; None when no user gets it."""
    if entry.owner_new is None or entry.owner_new.prefix != USER_PREFIX:
        return None
    return Due(
        notice=notice,
        about="owner",
        entry=entry.sequence,
        lead=entry.lead,
        label=entry.label,
        to=entry.owner_new,
        to_name=entry.owner_name,
        rule=entry.rule,
        offer=_offer_values(offer),
    )


def about_offer(offer: Offer, notice: Notice, about: str) -> Due | None:
    """News about an offer for its owner; None when that is a queue."""
    if offer.owner.prefix != USER_PREFIX:
        return None
    return Due(
        notice=notice,
        about=about,
        entry=offer.entry,
        lead=offer.lead,
        label=offer.label,
        to=offer.owner,
        to_name=offer.owner_name,
        rule=offer.rule,
        offer=_offer_values(offer),
    )


def _offer_values(offer: Offer | None) -> dict[str, Any]:
    def told(instant: datetime | None) -> str:
        return "" if instant is None else f"{instant:%Y-%m-%d %H:%M} UTC"

    return {
        "number": offer.number if offer else None,
        "accept_by": told(offer.accept_by if offer else None),
        "act_by": told(offer.act_by if offer else None),
        "pool": offer.pool if offer else None,
    }


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
    store: StoreWriter,
    programme: Programme,
    outlets: Outlets | MailPolicy,
    due: Sequence[Due],
    now: datetime,
) -> MailReport:
    """Send each once, through the mail guard; several leads of one owner in one.

    Two calls for some hundreds of leads, one for the day's mail allowance, and one for each mail
    that the org sends. Raises nothing of the org's: what fails is told in the report.
    """
    outlets = Outlets(outlets) if isinstance(outlets, MailPolicy) else outlets
    if not due:
        return NO_MAIL
    told = {(m.entry, m.notice): m.state for m in store.offers.mailed({d.entry for d in due})}
    new = [d for d in due if told.get(key_of(d), DUE) == DUE]
    report = replace(_unknown_before(store, due, told), again=len(due) - len(new))
    if not new:
        return report
    try:
        leads = _read(session, "Lead", "lead", {d.lead for d in new}, new)
        owners = _read(session, "User", "owner", {d.to for d in new}, new)
    except (OrgRefused, TryLater) as error:
        _give_up(store, new, error.message, now)
        return report + MailReport(not_sent=(f"no notice was sent: {error.message}",))
    with ExitStack() as stack:
        sender = _Sender(session, programme, outlets, leads, owners, stack)
        return report + _send_all(sender, store, new, outlets.most, now)


def key_of(due: Due) -> tuple[int, str]:
    """What a notice is noted under: the decision, and the news with its template."""
    return due.entry, _key(due)


def _key(due: Due) -> str:
    return f"{due.about}:{due.notice.key}"


def waiting_notices(
    store: StoreWriter, programme: Programme, known: Mapping[int, JournalEntry], now: datetime
) -> tuple[list[Due], MailReport]:
    """All notices that are due, of this run and of runs that died before they sent theirs, and a
    report of those that go no more: perhaps sent already, older than a day, or no longer true.
    `known`: entries at hand, by number."""
    rows = store.offers.mails_open()
    offers = {o.entry: o for o in store.offers.of_entries(r.entry for r in rows)}
    found: list[Due] = []
    lost: list[str] = []
    for row in rows:
        entry = known.get(row.entry) or _entry(store, row.entry)
        label = (entry.label or entry.lead) if entry is not None else f"decision {row.entry}"
        if row.state == INTENDED:
            store.offers.mail_ended([(row.entry, row.notice)], "unknown", "the run broke off")
            lost.append(f"{label}: perhaps sent before a run broke off; not sent again")
            continue
        due = (
            None if entry is None else _rebuilt(row.notice, entry, offers.get(row.entry), programme)
        )
        if due is None or now - row.at > LATEST:
            words = "it came too late" if due is not None else "it is no longer true"
            store.offers.mail_ended([(row.entry, row.notice)], "failed", words)
            lost.append(f"{label}: a run broke off before its notice, and now {words}; not sent")
        else:
            found.append(due)
    return found, MailReport(not_sent=tuple(lost))


def _entry(store: StoreWriter, number: int) -> JournalEntry | None:
    found = store.entries(after=number - 1, limit=1)
    return found[0] if found and found[0].sequence == number else None


def _rebuilt(
    key: str, entry: JournalEntry, offer: Offer | None, programme: Programme
) -> Due | None:
    """The notice again, from what is kept of it; None when the programme has it no more, or its
    news is old: who is to be reminded has answered."""
    about, _, name = key.partition(":")
    notice = programme.routing.notices.get(name)
    if notice is None:
        return None
    if about == "owner":
        return to_new_owner(entry, notice, offer)
    if offer is None or (about == "remind" and offer.state is not OfferState.REMINDED):
        return None
    return about_offer(offer, notice, about)


def _unknown_before(
    store: StoreWriter, due: Sequence[Due], told: Mapping[tuple[int, str], str]
) -> MailReport:
    """Notices that an earlier run meant to send when it died: perhaps they went out."""
    lost = [d for d in due if told.get(key_of(d)) == INTENDED]
    store.offers.mail_ended([key_of(d) for d in lost], "unknown", "the run broke off")
    return MailReport(
        not_sent=tuple(
            f"{d.label}: perhaps sent before a run broke off; not sent again" for d in lost
        )
    )


def _give_up(store: StoreWriter, due: Sequence[Due], words: str, now: datetime) -> None:
    """Notices that are not handed over at all."""
    keys = [key_of(d) for d in due]
    store.offers.mean_to_mail(keys, now)
    store.offers.mail_ended(keys, "failed", words)


def _send_all(
    sender: _Sender, store: StoreWriter, due: Sequence[Due], most: int, now: datetime
) -> MailReport:
    sent, failed = 0, []
    room = min(most, sender.allowance(due))
    for at, group in enumerate(_grouped(due)):
        if at >= room:
            held = len(due) - sum(len(g) for g in _grouped(due)[:at])
            rest = [d for g in _grouped(due)[at:] for d in g]
            _give_up(store, rest, "over the limit of mails", now)
            failed.append(f"{held} notices: only {room} go out in one run")
            break
        what = group[0].label or group[0].lead
        what = what if len(group) == 1 else f"{len(group)} leads of {group[0].to_name}"
        keys = [key_of(d) for d in group]
        if len(store.offers.mean_to_mail(keys, now)) < len(keys):
            failed.append(f"{what}: another run is sending it")
            continue
        try:
            sender.send(group)
        except OutcomeUnknown as error:
            store.offers.mail_ended(keys, "unknown", error.message)
            failed.append(f"{what}: {error.message} It is not sent again.")
        except (BadTemplate, OrgRefused, TryLater, NotReady) as error:
            store.offers.mail_ended(keys, "failed", error.message)
            failed.append(f"{what}: {error.message}")
        else:
            store.offers.mail_ended(keys, "sent")
            sent += 1
    return MailReport(sent, tuple(failed))


def _grouped(due: Sequence[Due]) -> list[list[Due]]:
    """What goes out together: all of one owner's leads under one notice, from DIGEST_FROM on."""
    groups: dict[tuple[RecordId, str], list[Due]] = {}
    for each in due:
        groups.setdefault((each.to, _key(each)), []).append(each)
    found: list[list[Due]] = []
    for group in groups.values():
        found.extend([group] if len(group) >= DIGEST_FROM else [[each] for each in group])
    return found


def mails_for(due: Sequence[Due]) -> int:
    """How many would go out."""
    return len(_grouped(due))


class _Sender:
    """Renders and hands over."""

    def __init__(
        self,
        session: Session,
        programme: Programme,
        outlets: Outlets,
        leads: Mapping[RecordId, Row],
        owners: Mapping[RecordId, Row],
        stack: ExitStack,
    ) -> None:
        self._session = session
        self._programme = programme
        self._outlets = outlets
        self._leads = leads
        self._owners = owners
        self._stack = stack
        self._smtp: SmtpPost | None = None

    def allowance(self, due: Sequence[Due]) -> int:
        """How many mails the org still sends today; as many as asked for when that is not known or
        the org sends none of them."""
        if not any(d.notice.via == "org" for d in due):
            return len(due)
        try:
            left = limits(self._session).get("SingleEmail")
        except (OrgRefused, TryLater):
            return len(due)
        return len(due) if left is None else left.remaining

    def send(self, group: Sequence[Due]) -> None:
        """One notice, about one lead or several of one owner."""
        first = group[0]
        notice = first.notice
        owner = self._owners.get(first.to)
        if owner is None or not owner.get("Email"):
            raise OrgRefused(f"no address of {first.to_name} is known")
        mail = self._rendered(group, owner)
        address = guarded(str(owner["Email"]), self._outlets.policy)
        match notice.via:
            case "org":
                send_email(self._session, [address], mail.subject, mail.body)
            case "smtp":
                self._post().send(address, mail)
            case "webhook":
                webhook = self._outlets.webhooks.get(notice.webhook or "")
                if webhook is None:
                    raise BadTemplate(
                        f"{notice.origin}: SFPRM_WEBHOOKS names no address {notice.webhook!r}."
                    )
                if not self._outlets.may_call(webhook):
                    raise NotReady(
                        f"the mail guard holds webhooks back: {self._outlets.policy.why}"
                    )
                post(webhook, mail, address)

    def _post(self) -> SmtpPost:
        if self._smtp is None:
            if self._outlets.mailbox is None:
                raise NotReady(
                    "a notice goes by SMTP, and no mail server is set (SFPRM_SMTP_HOST, "
                    "SFPRM_SMTP_FROM)."
                )
            self._smtp = self._stack.enter_context(SmtpPost(self._outlets.mailbox))
        return self._smtp

    def _rendered(self, group: Sequence[Due], owner: Row) -> Mail:
        first = group[0]
        partner = _partner(self._programme, owner)
        if len(group) == 1:
            lead = self._leads.get(first.lead)
            if lead is None:
                raise OrgRefused("the lead is out of the agent's sight")
            values = {
                "lead": lead,
                "owner": owner,
                "rule": {"name": first.rule},
                "partner": partner,
                "offer": first.offer,
            }
            return render(first.notice, values, str(owner.get("LanguageLocaleKey") or ""))
        leads = [self._leads[d.lead] for d in group if d.lead in self._leads]
        values = {"owner": owner, "partner": partner}
        return render_digest(first.notice, values, leads)


def _partner(programme: Programme, owner: Row) -> dict[str, Any]:
    username = str(owner.get("Username") or "").lower()
    person = next((p for p in programme.people.values() if p.username.lower() == username), None)
    partner = programme.partners.get(person.partner) if person is not None else None
    return {
        "key": partner.key if partner is not None else None,
        "name": partner.name if partner is not None else None,
    }


def _read(
    session: Session, object_: str, name: str, ids: Iterable[RecordId], due: Sequence[Due]
) -> dict[RecordId, Row]:
    """Those records with the fields that the notices name."""
    fields = dict.fromkeys(_ALWAYS[name])
    for notice in {d.notice.key: d.notice for d in due}.values():
        texts = [f"{notice.subject} {notice.body}"]
        texts += [f"{t.subject} {t.body}" for t in notice.languages.values()]
        if notice.digest is not None:
            texts.append(f"{notice.digest.subject} {notice.digest.body}")
        for text in texts:
            fields.update(dict.fromkeys(re.findall(rf"\b{name}\.([A-Za-z]\w*)", text)))
    found: dict[RecordId, Row] = {}
    for condition in split_in("Id", sorted(ids)):
        for row in select(session, Query(tuple(fields), object_, (condition,))):
            found[RecordId(row["Id"])] = row
    return found
