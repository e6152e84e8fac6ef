"""Open leads and who holds them, as the report counts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.estate.who import partner_accounts
from sfprm.ids import RecordId
from sfprm.salesforce.identity import parse_datetime
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sfprm.ids import PartnerKey
    from sfprm.programme.model import Programme
    from sfprm.salesforce.session import Session

__all__ = ["read_open_leads"]


def read_open_leads(
    session: Session, programme: Programme
) -> Iterator[tuple[RecordId, datetime, PartnerKey | None, str | None]]:
    """Every open lead: id, instant of creation, and the partner or the queue that holds it
    (neither: an internal user). Open means not converted.

    One call for the partners' accounts and one for every 2,000 leads.
    `Lead.PartnerAccountId` follows the owner's account (documented).
    """
    partners = partner_accounts(session, programme)
    fields = ("Id", "CreatedDate", "PartnerAccountId", "Owner.Type", "Owner.Name")
    for row in select(session, Query(fields, "Lead", (eq("IsConverted", False),))):
        owner = row.get("Owner") or {}
        account = row.get("PartnerAccountId")
        yield (
            RecordId(row["Id"]),
            parse_datetime(row["CreatedDate"]),
            partners.get(RecordId(account)) if account else None,
            owner.get("Name") if owner.get("Type") == "Queue" else None,
        )
