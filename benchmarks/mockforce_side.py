"""simple-mockforce's side of `bench_org.py`, run by the Python of its own environment.

Reads rows and queries as JSON from stdin; prints rates a second as one line of JSON.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

from simple_mockforce import mock_salesforce
from simple_salesforce.api import Salesforce


@mock_salesforce
def measure(given: dict[str, Any]) -> dict[str, float]:
    """Create all, query, then append all by its Bulk API."""
    sf: Any = Salesforce(username="u", password="p", security_token="t")  # noqa: S106 - mocked
    begun = time.perf_counter()
    for row in given["rows"]:
        sf.Lead.create(row)
    create = len(given["rows"]) / (time.perf_counter() - begun)
    begun = time.perf_counter()
    for _ in range(given["times"]):
        for soql in given["queries"]:
            assert sf.query(soql)["records"]
    query = given["times"] * len(given["queries"]) / (time.perf_counter() - begun)
    begun = time.perf_counter()
    sf.bulk.Lead.insert(given["rows"], batch_size=10_000)
    bulk = len(given["rows"]) / (time.perf_counter() - begun)
    return {"create": create, "query": query, "bulk": bulk}


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print(json.dumps(measure(json.load(sys.stdin))))
