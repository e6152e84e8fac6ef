"""The embedded org's storage and SOQL at size, inside the process: 1,000,000 leads of 25 fields.

Loads them into a file from a generator, then times indexed queries of 200 rows of 10 fields (the
median of 20). Prints a table, then one line of JSON. An argument gives another number of leads.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sfprm.devorg.ids import mint
from sfprm.devorg.schema import FieldDef, load_schema
from sfprm.devorg.soql import run_query
from sfprm.devorg.storage import Storage
from sfprm.devorg.values import datetime_text

NOW = datetime(2026, 1, 15, tzinfo=UTC)
KEY = FieldDef("Partner_Key__c", "string", length=80, unique=True, external_id=True)
OWNERS = [mint("005", serial) for serial in range(1, 2_001)]
STATUSES = ("Open - Not Contacted", "Working - Contacted", "Closed - Converted")
RATINGS = ("Hot", "Warm", "Cold", None)
COUNTRIES = ("PT", "ES", "FR", "IT", "DE", "AT", "CH", "SE", "NO", "DK")

SELECT = (
    "SELECT Id, FirstName, LastName, Company, Email, Status, Rating, OwnerId, CreatedDate, "
    "Country FROM Lead WHERE "
)
QUERIES = {
    "OwnerId": f"OwnerId = '{OWNERS[77]}' ORDER BY Id LIMIT 200",
    "Status": f"Status = '{STATUSES[0]}' LIMIT 200",
    "Status, by CreatedDate": f"Status = '{STATUSES[0]}' ORDER BY CreatedDate, Id LIMIT 200",
    "CreatedDate": "CreatedDate > 2025-12-20T00:00:00Z LIMIT 200",
    "CreatedDate, newest": "CreatedDate = LAST_N_DAYS:30 ORDER BY CreatedDate DESC LIMIT 200",
    "external ids": "Partner_Key__c IN ("
    + ", ".join(f"'key-{one * 4_001 % 999_983}'" for one in range(200))
    + ")",
    "Id list": "Id IN (" + ", ".join(f"'{mint('00Q', 1 + one * 997)}'" for one in range(200)) + ")",
    "e-mail prefix": "Email LIKE 'lead12345%' LIMIT 200",
}
USERNAME = "SELECT Id, Username FROM User WHERE Username = 'U1999@alder.example.com'"


def leads(count: int) -> Iterator[dict[str, Any]]:
    """Leads of 25 fields."""
    for place in range(count):
        made = datetime_text(NOW - timedelta(seconds=5 * (count - place)))
        owner = OWNERS[place * 7 % len(OWNERS)]
        yield {
            "FirstName": f"First{place % 911}",
            "LastName": f"Last{place % 10_007}",
            "Company": f"Company {place % 50_021} GmbH",
            "Title": "Head of Purchasing",
            "Email": f"lead{place}@example.org",
            "Phone": f"+49 30 {place % 1_000_000:06}",
            "Street": f"Hauptstrasse {place % 200}",
            "City": "Berlin",
            "PostalCode": f"{place % 100_000:05}",
            "Country": COUNTRIES[place % 10],
            "LeadSource": "Web",
            "Status": STATUSES[place % 3],
            "Rating": RATINGS[place % 4],
            "Industry": "Machinery",
            "AnnualRevenue": float(place % 90_000_000),
            "NumberOfEmployees": place % 5_000,
            "OwnerId": owner,
            "IsConverted": False,
            "IsUnreadByOwner": True,
            "CreatedDate": made,
            "CreatedById": owner,
            "LastModifiedDate": made,
            "LastModifiedById": owner,
            "SystemModstamp": made,
            "Partner_Key__c": f"key-{place}",
        }


def main() -> None:
    """Load, query, print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "org.db"
        schema, storage = load_schema(), Storage(str(path))
        schema.add_field("Lead", KEY)
        storage.create(schema)
        storage.add_column("Lead", KEY)
        storage.load(
            "User",
            (
                {"Id": id_, "LastName": f"U{place}", "Username": f"u{place}@alder.example.com"}
                for place, id_ in enumerate(OWNERS)
            ),
        )
        begun = time.perf_counter()
        storage.load("Lead", leads(count))
        figures: dict[str, float] = {
            "leads": count,
            "load_s": round(time.perf_counter() - begun, 1),
            "file_mb": round(path.stat().st_size / 1e6, 1),
            "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }
        for name, value in figures.items():
            print(f"{name:26}{value:>10,}")
        for name, text in [*((n, SELECT + q) for n, q in QUERIES.items()), ("Username", USERNAME)]:
            figures[f"{name} ms"] = round(median_ms(text, schema, storage), 2)
            print(f"{name + ' ms':26}{figures[f'{name} ms']:>10,}")
        storage.close()
    print(json.dumps(figures))


def median_ms(text: str, schema: Any, storage: Storage) -> float:
    """The median time of 20 runs, in milliseconds."""
    times = []
    for _ in range(20):
        begun = time.perf_counter()
        run_query(
            text,
            schema,
            storage,
            visible=lambda object_, field: True,
            object_visible=lambda object_: True,
            now=NOW,
            user_zone="Europe/Berlin",
        )
        times.append(1000 * (time.perf_counter() - begun))
    return statistics.median(times)


if __name__ == "__main__":
    main()
