"""Very many leads at once: loaded into the storage as a stream, indexes after; no rule runs.

Twenty-five fields each, from a seeded generator: the same seed, count and clock give the same
leads. They belong to the two intake queues and to the internal users with a role, are spread evenly
over the days before now, and a quarter of them is being worked on.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sfprm.devorg.stamps import stamp_text
from sfprm.devorg.story.leads import DAYS, OPEN
from sfprm.devorg.story.names import (
    COMPANY_ENDS,
    COMPANY_STEMS,
    FIRST_NAMES,
    LAST_NAMES,
    TITLES,
    TOWNS,
)
from sfprm.devorg.story.seeding import INTAKE

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["MOST", "load_leads"]

MOST = 5_000_000
"""Leads in one go."""
_RATINGS = ("Hot", "Warm", "Warm", "Cold")
_PRODUCTS = ("Pumps", "Valves", "Sensors", "Drives")
_SOURCES = ("Web", "Trade Show", "Phone Inquiry", "Partner Referral")


def load_leads(
    org: Org, count: int, seed: int, key_field: str | None = None, *, waiting: bool = False
) -> int:
    """Load `count` leads, 0 to MOST, all or none; how many. `key_field`, a deployed text field,
    gets `key-0`, `key-1`, … `waiting`: all are in intake queues, none is a user's. Raises
    ValueError."""
    lead = org.schema.object("Lead")
    key = None if lead is None or not key_field else lead.field(key_field)
    if not 0 <= count <= MOST:
        raise ValueError(f"leads: {count} is not between 0 and {MOST:,}")
    if key_field and (key is None or not key.custom or key.type != "string"):
        raise ValueError(f"key: Lead has no deployed text field {key_field}")
    if not org.organization:
        raise ValueError("the org is empty: seed a story first")
    owners = [
        str(row["Id"])
        for name, _ in INTAKE
        for row in org.storage.find("Group", DeveloperName=name, Type="Queue")
    ]
    users = [] if waiting else org.storage.find("User", UserType="Standard", IsActive=True)
    owners += [str(user["Id"]) for user in users if user["UserRoleId"]]
    rows = _rows(seed, count, owners, org.agent_id, org.clock.now(), key.name if key else None)
    loaded = org.storage.load("Lead", rows)
    org.changed()
    return loaded


def _rows(
    seed: int, count: int, owners: Sequence[str], agent: str, newest: datetime, key: str | None
) -> Iterator[dict[str, Any]]:
    """One lead after the other, the oldest first."""
    chance = random.Random(seed).random  # noqa: S311 - sample data, no secret
    countries = list(TOWNS)
    step = timedelta(days=DAYS) / max(count, 1)
    oldest = newest - timedelta(days=DAYS)

    def one_of(values: Sequence[Any]) -> Any:
        return values[int(chance() * len(values))]

    for place in range(count):
        made = stamp_text(oldest + step * place)
        first, last = one_of(FIRST_NAMES), one_of(LAST_NAMES)
        company = f"{one_of(COMPANY_STEMS)} {one_of(COMPANY_ENDS)}"
        country = one_of(countries)
        town, postal = one_of(TOWNS[country])
        size = int(chance() * 4_000)
        row = {
            "FirstName": first,
            "LastName": last,
            "Title": one_of(TITLES),
            "Company": company,
            "Email": f"{first}.{last}.{place}@lead.example.org".lower(),
            "Phone": f"+000 555 {place % 10_000:04}",
            "Street": f"{place % 200 + 1} {town} road",
            "City": town,
            "PostalCode": postal,
            "Country": country,
            "Product__c": one_of(_PRODUCTS),
            "Rating": one_of(_RATINGS),
            "Industry": "Machinery",
            "AnnualRevenue": size * 150_000.0,
            "NumberOfEmployees": size,
            "LeadSource": one_of(_SOURCES),
            "Status": "Working - Contacted" if place % 4 == 0 else OPEN,
            "IsUnreadByOwner": True,
            "IsConverted": False,
            "OwnerId": one_of(owners),
            "CreatedDate": made,
            "CreatedById": agent,
            "LastModifiedDate": made,
            "LastModifiedById": agent,
            "SystemModstamp": made,
        }
        if key is not None:
            row[key] = f"key-{place}"
        yield row
