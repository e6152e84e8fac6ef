"""Why a lead waits, in words, and for how long."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sfprm.routing.eligibility import pool_of
from sfprm.routing.values import Code, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.ids import PartnerKey
    from sfprm.programme.model import Partner
    from sfprm.routing.values import AtWork, EligibilityClass

__all__ = ["FIRST_WAIT", "LONGEST_WAIT", "at_company", "nobody", "retry_after", "waits_for_hours"]

FIRST_WAIT = timedelta(hours=1)
LONGEST_WAIT = timedelta(hours=24)

_TIME = frozenset({Code.OUT_OF_HOURS, Code.HOLIDAY})


def retry_after(tries: int) -> timedelta:
    """How long a lead is kept back after having been parked `tries` times in a row before:
    an hour, doubling up to a day."""
    return min(FIRST_WAIT * (1 << min(tries, 5)), LONGEST_WAIT)


def waits_for_hours(members: EligibilityClass) -> bool:
    """Whether hours are in everybody's way, so that nobody comes in question before they open."""
    return all(any(r.code in _TIME for r in c.reasons) for c in members.candidates)


def nobody(members: EligibilityClass) -> tuple[Reason, ...]:
    """That nobody is eligible, then each member's first reason with its name."""
    each = tuple(
        Reason(c.reasons[0].code, f"{c.member}: {c.reasons[0].detail or c.reasons[0].code.value}")
        for c in members.candidates
    )
    words = f"nobody of pool {pool_of(members.ledger)} may have it"
    return (Reason(Code.NO_ELIGIBLE_MEMBER, words), *each)


def at_company(
    at_work: tuple[AtWork, ...], partners: Mapping[PartnerKey, Partner]
) -> tuple[Reason, ...]:
    """That somebody is at the company already, each with who is to settle it."""
    found = []
    for each in at_work:
        partner = partners.get(each.partner)
        manager = f"; for channel manager {partner.manager}" if partner is not None else ""
        found.append(Reason(Code.SAME_COMPANY, f"{each.detail}{manager}"))
    return tuple(found)
