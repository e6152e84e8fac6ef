"""What has happened to an open offer, by how its lead is seen now. People come before clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.programme.offer_terms import Sign
from sfprm.routing.match import text_of
from sfprm.routing.offer_table import AWAITED, LEAVING, OfferEvent, OfferState
from sfprm.routing.offers import Seen, criteria_hold

if TYPE_CHECKING:
    from datetime import datetime

    from sfprm.ids import RecordId
    from sfprm.programme.offer_terms import OfferTerms
    from sfprm.routing.offers import Offer, Sight

__all__ = ["look"]

S, E = OfferState, OfferEvent


def look(
    offer: Offer, terms: OfferTerms, sight: Sight, now: datetime, agent: RecordId
) -> Seen | None:
    """What has happened to an open offer; None when nothing has. People come before clocks, and
    the first that holds counts: further ones are found at the next look."""
    if offer.state is S.PLANNED or not offer.is_open:
        return None
    gone = _gone(offer, terms, sight)
    if gone is not None:
        return gone
    if offer.state is S.EXPIRED or offer.state is S.REJECTED:
        return _late(offer, terms, sight, agent)
    if terms.reject is not None and criteria_hold(terms.reject.when, sight.fields):
        reason = sight.fields.get(terms.reject.reason) if terms.reject.reason else None
        return Seen(E.REJECTED, f"rejected: {reason}" if reason else "rejected")
    if not sight.owner_live:
        return Seen(E.OWNER_GONE, f"{sight.owner_name or offer.owner_name} can no longer own it")
    if offer.state in AWAITED:
        return _accepted(offer, terms, sight, agent) or _awaited_clock(offer, terms, sight, now)
    if offer.state in (S.ACCEPTED, S.ESCALATED) and _acted(offer, terms, sight):
        return Seen(E.ACTED, f"{offer.owner_name} works on it")
    if offer.state is S.ACCEPTED and offer.act_by is not None and now >= offer.act_by:
        return Seen(E.ACT_DUE, f"{offer.owner_name} has done nothing since accepting it")
    if offer.state is S.ESCALATED and offer.next_at is not None and now >= offer.next_at:
        return Seen(E.ESCALATION_DUE, f"{offer.owner_name} has not acted upon it")
    return None


def _gone(offer: Offer, terms: OfferTerms, sight: Sight) -> Seen | None:
    if sight.deleted:
        if sight.merged_into is not None:
            return Seen(E.MERGED, f"merged into {sight.merged_into}")
        return Seen(E.DELETED, "the lead was deleted")
    if sight.converted:
        return Seen(E.CONVERTED, "converted")
    if sight.owner == offer.owner:
        return None
    took = offer.owner.prefix == "00G" and sight.owner.prefix == "005"
    if took and offer.state in (*AWAITED, *LEAVING) and Sign.TAKEN in terms.signs:
        return Seen(E.TAKEN, f"{sight.owner_name} took it from {offer.owner_name}")
    who = sight.modified_by_name or "another user"
    return Seen(E.MOVED, f"{who} gave it to {sight.owner_name or sight.owner}")


def _late(offer: Offer, terms: OfferTerms, sight: Sight, agent: RecordId) -> Seen | None:
    """An offer about to be taken back that was accepted in the last moment stays."""
    if offer.state is S.EXPIRED and offer.why is E.ACCEPT_DUE and sight.owner_live:
        return _accepted(offer, terms, sight, agent)
    return None


def _accepted(offer: Offer, terms: OfferTerms, sight: Sight, agent: RecordId) -> Seen | None:
    said = next((c for c in terms.accepted_when if criteria_hold((c,), sight.fields)), None)
    if said is not None:
        return Seen(E.ACCEPTED, said.text)
    for sign in terms.signs:
        match sign:
            case Sign.STATUS:
                others = sight.status_by - {agent}
                if text_of(sight.status) != text_of(offer.status) or others:
                    return Seen(E.ACCEPTED, f"status {sight.status}")
            case Sign.MODIFIED:
                if offer.owner in sight.touched_by or sight.modified_by == offer.owner:
                    return Seen(E.ACCEPTED, f"{offer.owner_name} changed it")
            case Sign.READ:
                if not sight.unread and offer.owner.prefix == "005":
                    return Seen(E.ACCEPTED, f"{offer.owner_name} opened it")
            case Sign.TAKEN:
                continue  # a change of owner; seen above
    return None


def _awaited_clock(offer: Offer, terms: OfferTerms, sight: Sight, now: datetime) -> Seen | None:
    receipt = terms.receipt if offer.state in (S.PENDING, S.SYNC_LATE) else None
    if receipt is not None and criteria_hold(receipt.when, sight.fields):
        return Seen(E.RECEIPT, "received by the partner's system")
    if offer.accept_by is not None and now >= offer.accept_by:
        return Seen(E.ACCEPT_DUE, f"{offer.owner_name} did not accept it in time")
    if offer.accept_by is None and offer.act_by is not None and now >= offer.act_by:
        return Seen(E.ACCEPT_DUE, f"{offer.owner_name} did not act upon it in time")
    if receipt is not None and offer.next_at is not None and now >= offer.next_at:
        cause = sight.fields.get(receipt.cause) if receipt.cause else None
        return Seen(E.RECEIPT_DUE, f"no receipt: {cause or 'no cause is given'}")
    if offer.state is S.OFFERED and offer.remind_at is not None and now >= offer.remind_at:
        return Seen(E.REMIND_DUE, "no answer yet")
    return None


def _acted(offer: Offer, terms: OfferTerms, sight: Sight) -> bool:
    if terms.acted_when:
        return any(criteria_hold((c,), sight.fields) for c in terms.acted_when)
    if text_of(sight.status) != text_of(offer.status):
        return True
    since = offer.touched or offer.offered_at
    return sight.modified_by == offer.owner and sight.modified_at > since
