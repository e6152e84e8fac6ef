"""Members, ledgers and credits in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.ids import PartnerKey, PersonKey
from sfprm.routing.values import UNIT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from sfprm.programme.model import Programme
    from sfprm.routing.values import Reason


def member_name(member: str, programme: Programme | None) -> str:
    """`partner:acme` as the programme calls it; without its prefix when it is not in there."""
    kind, _, key = member.partition(":")
    if programme is not None:
        if kind == "partner" and (partner := programme.partners.get(PartnerKey(key))):
            return partner.name
        if kind == "person" and (person := programme.people.get(PersonKey(key))):
            return f"{person.first_name} {person.last_name}".strip()
    return key or member


def leads_text(credit: int, *, sign: bool = False) -> str:
    """Credit as leads, to the hundredth: `0.33`, `+0.62`, `−0.05`. Only what is printed is rounded;
    what is less than half a hundredth prints as 0.00."""
    hundredths = (abs(credit) * 200 + UNIT) // (2 * UNIT)
    text = f"{hundredths // 100:,}.{hundredths % 100:02d}"
    if credit < 0 and hundredths:
        return f"−{text}"
    return f"+{text}" if sign and hundredths else text


def reasons_text(reasons: Sequence[Reason]) -> str:
    """Reasons as one phrase."""
    return ", ".join(reason.detail or reason.code.value for reason in reasons)


def instant_text(value: datetime) -> str:
    """`2 Mar 2026 09:00 UTC`."""
    return f"{value.day} {value:%b %Y %H:%M} UTC"


def span_text(span: timedelta) -> str:
    """`12 min`, `5 h`, `3 days`: the largest unit that it fills."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 2 * 86400:
        return f"{seconds // 3600} h"
    return f"{seconds // 86400} days"
