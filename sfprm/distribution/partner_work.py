"""What partners work on, beside their open leads: opportunities and conversions, and leads that lie
with owners who are gone. Few aggregates, whatever the number of records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.errors import OrgRefused
from sfprm.ids import PartnerKey, RecordId
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, compare, eq, ne, split_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sfprm.salesforce.session import Session

__all__ = [
    "Converted",
    "Opportunities",
    "count_owned_by",
    "read_conversions",
    "read_opportunities",
]


@dataclass(frozen=True, slots=True)
class Opportunities:
    """Open opportunities of a partner's users: how many, and their amounts' sum as the org adds it
    up (in its own currency); None where none has an amount."""

    count: int
    amount: float | None


@dataclass(frozen=True, slots=True)
class Converted:
    """Of leads created since an instant and with a partner now: how many, and how many of them
    became opportunities."""

    leads: int
    converted: int


def read_opportunities(
    session: Session, partners: Mapping[RecordId, PartnerKey]
) -> Mapping[PartnerKey, Opportunities] | None:
    """Open opportunities by partner, by `Opportunity.PartnerAccountId` (documented: the account of
    the partner user who owns it). One call; None when the agent may not see opportunities."""
    query = Query(
        ("PartnerAccountId partner", "COUNT(Id) n", "SUM(Amount) amount"),
        "Opportunity",
        (eq("IsClosed", False), ne("PartnerAccountId", None)),
    )
    grouped = f"{query.text()} GROUP BY PartnerAccountId"
    try:
        rows = list(select(session, grouped))
    except OrgRefused:
        return None
    return {
        partners[account]: Opportunities(int(row["n"]), row["amount"])
        for row in rows
        if (account := RecordId(row["partner"])) in partners
    }


def read_conversions(
    session: Session, partners: Mapping[RecordId, PartnerKey], since: datetime
) -> Mapping[PartnerKey, Converted]:
    """Leads created since then, by partner, and those converted. One call."""
    query = Query(
        ("PartnerAccountId partner", "IsConverted won", "COUNT(Id) n"),
        "Lead",
        (compare("CreatedDate", ">=", since), ne("PartnerAccountId", None)),
    )
    leads: dict[PartnerKey, list[int]] = {}
    for row in select(session, f"{query.text()} GROUP BY PartnerAccountId, IsConverted"):
        partner = partners.get(RecordId(row["partner"]))
        if partner is not None:
            counts = leads.setdefault(partner, [0, 0])
            counts[0] += int(row["n"])
            counts[1] += int(row["n"]) if row["won"] else 0
    return {partner: Converted(*counts) for partner, counts in leads.items()}


def count_owned_by(session: Session, owners: Iterable[RecordId]) -> Mapping[RecordId, int]:
    """Open leads by those owners; owners without any are left out. One call for most."""
    found: dict[RecordId, int] = {}
    for condition in split_in("OwnerId", sorted(owners)):
        query = Query(
            ("OwnerId owner", "COUNT(Id) n"), "Lead", (eq("IsConverted", False), condition)
        )
        for row in select(session, f"{query.text()} GROUP BY OwnerId"):
            found[RecordId(row["owner"])] = int(row["n"])
    return found
