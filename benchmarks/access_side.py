"""One side of `bench_access.py`, in a process of its own, so that its memory is its own.

Argument: JSON with `side`, `rows` and the embedded org's ready line. Prints one line of JSON:
seconds (login apart), of them on this side's processor, rows, calls, and the most memory that the
process had, in MB.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIELDS = (
    *("Id", "FirstName", "LastName", "Company", "Email", "Status", "Rating", "OwnerId"),
    *("CreatedDate", "Country"),
)
VERSION = "66.0"
ROOT = f"/services/data/v{VERSION}"
BATCH = 200
KEY = "Bench_Key__c"


def leads(count: int, side: str) -> Iterator[dict[str, Any]]:
    """Leads to be inserted, each with a key."""
    for place in range(count):
        yield {
            "FirstName": f"First{place % 911}",
            "LastName": f"Last{place}",
            "Company": f"Company {place % 500}",
            "Email": f"lead{place}@example.org",
            "Status": "Open - Not Contacted",
            "Country": "PT",
            "City": "Porto",
            "LeadSource": "Web",
            "AnnualRevenue": 1_000_000 + place,
            KEY: f"{side}-{place}",
        }


@dataclass
class Run:
    """What one side did."""

    rows: int
    calls: int
    seconds: float


def bare(ready: Mapping[str, Any], work: Callable[[Any, str], tuple[int, int]]) -> Run:
    """A side that is a loop over `requests` with json, and nothing else."""
    import requests

    with requests.Session() as http:
        http.trust_env = False  # the environment may name other authorities
        http.verify = ready["ca"]
        form = {
            "grant_type": "client_credentials",
            "client_id": ready["client_id"],
            "client_secret": ready["client_secret"],
        }
        told = http.post(f"{ready['http']}/services/oauth2/token", data=form, timeout=60).json()
        http.headers["Authorization"] = f"Bearer {told['access_token']}"
        begun = time.perf_counter()
        rows, calls = work(http, told["instance_url"])
        return Run(rows, calls, time.perf_counter() - begun)


def bare_read(http: Any, base: str) -> tuple[int, int]:
    """Page after page."""
    soql = f"SELECT {', '.join(FIELDS)} FROM Lead"
    page = http.get(f"{base}{ROOT}/query", params={"q": soql}, timeout=120).json()
    rows = calls = 0
    while True:
        calls += 1
        for record in page["records"]:
            rows += record["Id"] is not None
        if page["done"]:
            return rows, calls
        page = http.get(base + page["nextRecordsUrl"], timeout=120).json()


def bare_write(count: int, turn: int) -> Callable[[Any, str], tuple[int, int]]:
    """200 rows a call."""

    def work(http: Any, base: str) -> tuple[int, int]:
        given = list(leads(count, f"bare-{turn}"))
        done = calls = 0
        for start in range(0, count, BATCH):
            records = [{"attributes": {"type": "Lead"}, **r} for r in given[start : start + BATCH]]
            body = {"allOrNone": False, "records": records}
            url = f"{base}{ROOT}/composite/sobjects"
            done += sum(one["success"] for one in http.post(url, json=body, timeout=120).json())
            calls += 1
        return done, calls

    return work


def naive_write(count: int) -> Callable[[Any, str], tuple[int, int]]:
    """Plain simple-salesforce, one record a call."""

    def work(http: Any, base: str) -> tuple[int, int]:
        from simple_salesforce.api import Salesforce

        token = http.headers["Authorization"].removeprefix("Bearer ")
        sf = Salesforce(session_id=token, instance_url=base, version=VERSION, session=http)
        given = leads(count, "naive")
        lead: Any = sf.Lead
        return sum(bool(lead.create(row)["success"]) for row in given), count

    return work


def ours(ready: Mapping[str, Any], work: Callable[[Any], int]) -> Run:
    """A side by sfprm's access layer."""
    from pydantic import SecretStr

    import sfprm.salesforce.read
    import sfprm.salesforce.write  # noqa: F401  (loading is not what is measured)
    from sfprm.clock import SystemClock
    from sfprm.salesforce.credentials import ClientCredentials
    from sfprm.salesforce.session import Session

    credentials = ClientCredentials(
        ready["http"], ready["client_id"], SecretStr(ready["client_secret"])
    )
    with Session(
        credentials, clock=SystemClock(), api_version=VERSION, ca_bundle=Path(ready["ca"])
    ) as session:
        _ = session.instance_url
        begun = time.perf_counter()
        rows = work(session)
        return Run(rows, session.calls.total, time.perf_counter() - begun)


def read(session: Any) -> int:
    """The way that `read` chooses."""
    from sfprm.salesforce.read import read
    from sfprm.salesforce.soql import Query

    return sum(row["Id"] is not None for row in read(session, Query(FIELDS, "Lead")))


def pages(session: Any) -> int:
    """The same pages as the bare loop's."""
    from sfprm.salesforce.query import select
    from sfprm.salesforce.soql import Query

    return sum(row["Id"] is not None for row in select(session, Query(FIELDS, "Lead")))


def write(count: int, key: str | None, turn: int = 0) -> Callable[[Any], int]:
    """The way that sfprm chooses: with a column that tells rows apart, bulk jobs."""

    def work(session: Any) -> int:
        from sfprm.salesforce.write import write_each

        given = leads(count, "bulk" if key else f"composite-{turn}")
        told = write_each(session, "Lead", given, operation="insert", key=key)
        return sum(outcome.success for outcome in told)

    return work


def main() -> None:
    """Do one side, tell."""
    given = json.loads(sys.argv[1])
    ready, count, turn = given["ready"], given["rows"], given["turn"]
    sides: Mapping[str, Callable[[], Run]] = {
        "bare-read": lambda: bare(ready, bare_read),
        "bare-write": lambda: bare(ready, bare_write(count, turn)),
        "naive-write": lambda: bare(ready, naive_write(count)),
        "read": lambda: ours(ready, read),
        "pages": lambda: ours(ready, pages),
        "write": lambda: ours(ready, write(count, KEY)),
        "collections": lambda: ours(ready, write(count, None, turn)),
    }
    before = time.process_time()
    run = sides[given["side"]]()
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    told = {"seconds": run.seconds, "rows": run.rows, "calls": run.calls}
    told["cpu"] = time.process_time() - before
    print(json.dumps({**told, "mb": int(peak.split()[1]) / 1024}))


if __name__ == "__main__":
    main()
