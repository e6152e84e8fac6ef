"""Leads from a seeded generator: the same seed, count and clock give the same leads.

Countries, ratings, products and revenues are spread so that the sample programme sends ten leads
to its user, most to its two pools, some to queues, and the rest to its last rule.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sfprm.devorg.stamps import stamp_text
from sfprm.devorg.story.names import (
    COMPANY_ENDS,
    COMPANY_STEMS,
    FIRST_NAMES,
    LAST_NAMES,
    TITLES,
    TOWNS,
)

__all__ = ["DAYS", "OPEN", "lead_rows"]

DAYS = 60
"""Age of the oldest seeded lead."""
OPEN = "Open - Not Contacted"
_BIG = 200
"""One lead in so many is of a very large company (more than 50 million a year)."""

_COUNTRIES: dict[str | None, int] = {
    "PT": 12,
    "ES": 13,
    "FR": 9,
    "IT": 8,
    "DE": 15,
    "AT": 5,
    "CH": 5,
    "SE": 7,
    "NO": 5,
    "DK": 5,
    "BR": 6,
    "PL": 7,
    None: 3,
}
_RATINGS: dict[str | None, int] = {"Hot": 27, "Warm": 48, "Cold": 18, None: 7}
_PRODUCTS: dict[str | None, int] = {"Pumps": 34, "Valves": 26, "Sensors": 22, "Drives": 15, None: 3}
_SOURCES: dict[str | None, int] = {
    "Web": 50,
    "Trade Show": 25,
    "Phone Inquiry": 15,
    "Partner Referral": 10,
}


def _one_of(chance: random.Random, weights: dict[str | None, int]) -> str | None:
    return chance.choices(list(weights), list(weights.values()))[0]


def lead_rows(
    seed: int, count: int, owners: Sequence[tuple[str, int]], newest: datetime, days: float = DAYS
) -> list[dict[str, Any]]:
    """`count` lead rows without Id, oldest first, spread over the `days` before `newest`.

    `owners` are (18-character id, weight) pairs. All are open, unread and unconverted.
    """
    chance = random.Random(seed)  # noqa: S311 - sample data, no secret
    big = set(chance.sample(range(count), count // _BIG))
    ages = sorted((chance.uniform(0, days * 86_400) for _ in range(count)), reverse=True)
    ids, weights = [owner for owner, _ in owners], [weight for _, weight in owners]
    rows: list[dict[str, Any]] = []
    for place, age in enumerate(ages):
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
        stem, end = chance.choice(COMPANY_STEMS), chance.choice(COMPANY_ENDS)
        country = _one_of(chance, _COUNTRIES)
        town, postal = _town(chance, country)
        revenue = _revenue(chance, place in big)
        rows.append(
            {
                "FirstName": first,
                "LastName": last,
                "Title": chance.choice(TITLES),
                "Company": f"{stem} {end}",
                "Email": f"{first}.{last}@{stem}-{end}.example.org".lower(),
                "Phone": f"+000 555 {chance.randrange(10_000):04}",
                "City": town,
                "PostalCode": postal,
                "Country": country,
                "Product__c": _one_of(chance, _PRODUCTS),
                "Rating": _one_of(chance, _RATINGS),
                "AnnualRevenue": revenue,
                "NumberOfEmployees": None if revenue is None else max(3, round(revenue / 150_000)),
                "LeadSource": _one_of(chance, _SOURCES),
                "Status": OPEN,
                "IsUnreadByOwner": True,
                "OwnerId": chance.choices(ids, weights)[0],
                "CreatedDate": stamp_text(newest - timedelta(seconds=age)),
            }
        )
    return rows


def _town(chance: random.Random, country: str | None) -> tuple[str | None, str | None]:
    if country is None:
        return None, None
    town, start = chance.choice(TOWNS[country])
    digits = 4 if country in ("AT", "CH", "NO", "DK") else 5
    missing = 3 if country == "PT" else digits - len(start)
    return town, start + f"{chance.randrange(10**missing):0{missing}}"


def _revenue(chance: random.Random, big: bool) -> float | None:
    if big:
        return float(chance.randrange(51, 400) * 1_000_000)
    if chance.random() < 0.15:
        return None
    return min(49_000_000.0, round(chance.lognormvariate(14.5, 1.2), -4))
