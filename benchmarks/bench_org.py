"""The embedded org over HTTP beside simple-mockforce and a bare server, and at a million leads.

Three parts, both sides of each in one run:

1. 10,000 leads inserted, then found by filters, here (Collections of 200, /query) and in
   simple-mockforce 0.8.1, which runs inside its own process without any network. It has no
   Collections: its way for a record with an answer is `create`, one call each. Its old Bulk API,
   which only appends to a list, is shown too.
2. The same rows into a bare Starlette + SQLite server that checks nothing: rows/s of Collections.
3. 1,000,000 leads of 25 fields loaded inside the server, indexes after; then queries of 200 rows of
   10 fields by indexed fields, and updates of 200 records, each at the median; and both at 10,000.

Parts 1 and 2 are measured in turns, all sides of a turn right after each other; the median turn
counts, as other work on the machine slows one side or the other down.

Prints a table, then one line of JSON. An argument gives another number of leads for part 3.
simple-mockforce is installed into a virtual environment of its own under the user's cache.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

HERE = Path(__file__).parent
MOCKFORCE = ("simple-mockforce==0.8.1", "simple-salesforce==1.12.10")
SMALL = 10_000
TURNS = 5
BATCH = 200
ROOT = "/services/data/v66.0"
TEN = "Id, FirstName, LastName, Company, Email, Status, Rating, OwnerId, CreatedDate, Country"
FILTERS = (
    "SELECT Id, LastName FROM Lead WHERE Company = 'Company 77' LIMIT 200",
    "SELECT Id, LastName FROM Lead WHERE Email = 'lead4321@example.org'",
    "SELECT Id, LastName FROM Lead WHERE Status = 'Working - Contacted' LIMIT 200",
)
KEY = """<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata"><fields>
<fullName>Bench_Key__c</fullName><externalId>true</externalId><label>Key</label><length>40</length>
<type>Text</type><unique>true</unique></fields></CustomObject>"""
PROFILE = """<Profile xmlns="http://soap.sforce.com/2006/04/metadata"><fieldPermissions>
<editable>true</editable><field>Lead.Bench_Key__c</field><readable>true</readable>
</fieldPermissions></Profile>"""
PACKAGE = """<Package xmlns="http://soap.sforce.com/2006/04/metadata"><types><members>Lead</members>
<name>CustomObject</name></types><types><members>Admin</members><name>Profile</name></types>
<version>66.0</version></Package>"""


def leads(count: int) -> list[dict[str, Any]]:
    """Plain leads, as a client sends them."""
    return [
        {
            "FirstName": f"First{place % 911}",
            "LastName": f"Last{place}",
            "Company": f"Company {place % 500}",
            "Email": f"lead{place}@example.org",
            "Status": "Working - Contacted" if place % 4 == 0 else "Open - Not Contacted",
            "Country": "PT",
            "City": "Porto",
            "Rating": "Hot",
            "LeadSource": "Web",
            "AnnualRevenue": 1_000_000 + place,
        }
        for place in range(count)
    ]


@dataclass(frozen=True)
class Client:
    """One kept connection; JSON in, JSON out."""

    connection: http.client.HTTPConnection
    headers: Mapping[str, str]

    def __call__(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {**self.headers, "Content-Type": "application/json", **(headers or {})}
        self.connection.request(method, path, content, sent)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:500]!r}")
        return json.loads(text) if text else None

    def query(self, soql: str) -> Any:
        """One page."""
        return self("GET", f"{ROOT}/query?q={quote(soql)}")


@contextmanager
def served(*command: str) -> Iterator[tuple[dict[str, Any], int]]:
    """A server in a process of its own: its ready line, its process id."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline()), process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def connect(url: str) -> http.client.HTTPConnection:
    """A connection that stays open."""
    parts = urlsplit(url)
    return http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=1_000)


def log_in(ready: Mapping[str, Any]) -> Client:
    """The integration user."""
    connection = connect(str(ready["http"]))
    form = {
        "grant_type": "client_credentials",
        "client_id": ready["client_id"],
        "client_secret": ready["client_secret"],
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    token = Client(connection, {})(
        "POST", "/services/oauth2/token", urlencode(form).encode(), headers
    )["access_token"]
    return Client(connection, {"Authorization": f"Bearer {token}"})


def embedded(folder: str, name: str) -> tuple[str, ...]:
    """The command of an org in a file."""
    more = ("--data", f"{folder}/{name}.db", "--state", f"{folder}/{name}")
    return (sys.executable, "-m", "sfprm.devorg", "serve", *more)


def unlimited(client: Client) -> None:
    """The day's calls are not what is measured."""
    client("POST", "/_devorg/calls/reset", {})


def insert_rate(client: Client, rows: Sequence[Mapping[str, Any]]) -> float:
    """Rows a second by Collections of 200, all accepted."""
    bodies = [
        json.dumps(
            {"records": [{"attributes": {"type": "Lead"}, **row} for row in rows[at : at + BATCH]]}
        ).encode()
        for at in range(0, len(rows), BATCH)
    ]
    begun = time.perf_counter()
    for body in bodies:
        results = client("POST", f"{ROOT}/composite/sobjects", body)
        assert all(one["success"] for one in results), results[0]
    return len(rows) / (time.perf_counter() - begun)


def query_rate(client: Client, times: int) -> float:
    """Filtered queries a second."""
    begun = time.perf_counter()
    for _ in range(times):
        for soql in FILTERS:
            assert client.query(soql)["records"]
    return times * len(FILTERS) / (time.perf_counter() - begun)


def mockforce() -> dict[str, float]:
    """The other side of part 1, measured in an environment of its own."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "sfprm-bench"
    python = cache / "simple-mockforce-0.8.1" / "bin" / "python"
    if not python.exists():
        venv.create(python.parents[1], with_pip=True)
    probe = [str(python), "-c", "import simple_mockforce"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        install = [str(python), "-m", "pip", "install", "--quiet", *MOCKFORCE]
        subprocess.run(install, check=True)
    script = str(HERE / "mockforce_side.py")
    given = json.dumps({"rows": leads(SMALL), "queries": FILTERS, "times": 3})
    done = subprocess.run(
        [str(python), script], input=given, text=True, capture_output=True, check=True
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def at_size(folder: str, count: int) -> dict[str, Any]:
    """Part 3 for one number of leads."""
    with served(*embedded(folder, f"org{count}")) as (ready, pid):
        client = log_in(ready)
        _deploy_key(client)
        begun = time.perf_counter()
        client("POST", "/_devorg/seed", {"leads": count, "seed": 7, "key": "Bench_Key__c"})
        seconds = time.perf_counter() - begun
        queries = {name: _median(lambda q=q: client.query(q)) for name, q in _indexed(client)}
        ids = [row["Id"] for row in client.query("SELECT Id FROM Lead LIMIT 200")["records"]]
        turns = iter(range(1_000))
        update = _median(lambda: _update(client, ids, next(turns)))
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        files = Path(folder).glob(f"org{count}.db*")
        return {
            "seed_s": seconds,
            "queries": queries,
            "update_ms": update,
            "file_mb": sum(file.stat().st_size for file in files) / 1e6,
            "rss_mb": int(peak.split()[1]) / 1024,
        }


def _deploy_key(client: Client) -> None:
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("package.xml", PACKAGE)
        archive.writestr("objects/Lead.object", KEY)
        archive.writestr("profiles/Admin.profile", PROFILE)
    edge = "bench-edge"
    body = (
        (
            f'--{edge}\r\nContent-Disposition: form-data; name="json"\r\n\r\n{{}}\r\n--{edge}\r\n'
            'Content-Disposition: form-data; name="file"; filename="d.zip"\r\n\r\n'
        ).encode()
        + buffer.getvalue()
        + f"\r\n--{edge}--\r\n".encode()
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    started = client("POST", f"{ROOT}/metadata/deployRequest", body, headers)
    path = f"{ROOT}/metadata/deployRequest/{started['id']}?includeDetails=true"
    while not (result := client("GET", path)["deployResult"])["done"]:
        pass
    assert result["success"], result["details"]["componentFailures"]


def _indexed(client: Client) -> list[tuple[str, str]]:
    """Queries of 200 rows of 10 fields, and of one user, by what is indexed."""
    owner = client.query("SELECT OwnerId FROM Lead LIMIT 1")["records"][0]["OwnerId"]
    keys = ", ".join(f"'key-{place * 37 % 9_973}'" for place in range(200))
    wheres = {
        "OwnerId": f"OwnerId = '{owner}'",
        "Status": "Status = 'Working - Contacted'",
        "CreatedDate": "CreatedDate = LAST_N_DAYS:30",
        "external ids": f"Bench_Key__c IN ({keys})",
    }
    found = [(name, f"SELECT {TEN} FROM Lead WHERE {w} LIMIT 200") for name, w in wheres.items()]
    username = "Username = 'lena.berg@alder.example.com'"
    return [*found, ("Username", f"SELECT Id, Name, Email FROM User WHERE {username}")]


def _update(client: Client, ids: Sequence[str], turn: int) -> None:
    records = [
        {"attributes": {"type": "Lead"}, "id": id_, "Title": f"Buyer {turn}", "Rating": "Warm"}
        for id_ in ids
    ]
    results = client("PATCH", f"{ROOT}/composite/sobjects", {"records": records})
    assert all(one["success"] for one in results), results[0]


def _median(work: Any) -> float:
    """Milliseconds, the median of 21 runs."""
    times = []
    for _ in range(21):
        begun = time.perf_counter()
        work()
        times.append(1_000 * (time.perf_counter() - begun))
    return statistics.median(times)


def start_seconds(folder: str) -> float:
    """From the command to the first answer, the median of 3."""
    times = []
    for turn in range(3):
        begun = time.perf_counter()
        with served(*embedded(folder, f"start{turn}")) as (ready, _):
            Client(connect(str(ready["http"])), {})("GET", "/services/data")
            times.append(time.perf_counter() - begun)
    return statistics.median(times)


def line(name: str, value: float, unit: str, wanted: str = "") -> None:
    """One row of the table."""
    print(f"{name:<52}{value:>12,.1f} {unit:<8} {wanted}")


@dataclass(frozen=True)
class Turn:
    """Parts 1 and 2 once: rows and queries a second, all sides one right after the other."""

    inserts: float
    queries: float
    bare: float
    mock: Mapping[str, float]


def turn(folder: str, rows: Sequence[Mapping[str, Any]]) -> Turn:
    """Measure parts 1 and 2 in a new folder."""
    with served(*embedded(folder, "small")) as (ready, _):
        client = log_in(ready)
        inserts, queries = insert_rate(client, rows), query_rate(client, 100)
    with served(sys.executable, str(HERE / "bare_server.py"), f"{folder}/bare.db") as (bare, _):
        theirs = insert_rate(Client(connect(bare["http"]), {}), rows)
    return Turn(inserts, queries, theirs, mockforce())


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rows = leads(SMALL)
    turns = []
    for _ in range(TURNS):
        with tempfile.TemporaryDirectory() as folder:
            turns.append(turn(folder, rows))
    with tempfile.TemporaryDirectory() as folder:
        start = start_seconds(folder)
        small, large = at_size(folder, SMALL), at_size(folder, count)
    slowest = max(large["queries"].values())
    middle = statistics.median
    line("inserts, embedded org, Collections of 200", middle(t.inserts for t in turns), "rows/s")
    mock = {name: middle(t.mock[name] for t in turns) for name in turns[0].mock}
    line("inserts, simple-mockforce, create", mock["create"], "rows/s", "ours at least 10 times")
    line("inserts, simple-mockforce, bulk (a list appended to)", mock["bulk"], "rows/s")
    bare = middle(t.bare for t in turns)
    line("inserts, bare Starlette + SQLite", bare, "rows/s", "ours at least a third")
    queries = middle(t.queries for t in turns)
    line("filtered queries, embedded org, 10,000 leads", queries, "a second")
    line("filtered queries, simple-mockforce", mock["query"], "a second", "ours 50 times")
    line(f"{count:,} leads loaded", large["seed_s"], "s", "under 90")
    line("file", large["file_mb"], "MB", "under 1,000")
    line("server's memory at its most", large["rss_mb"], "MB", "under 400")
    for name, value in large["queries"].items():
        before = small["queries"][name]
        line(f"query by {name}", value, "ms", f"under 20; at 10,000 leads {before:.1f}")
    before = small["update_ms"]
    line("update of 200", large["update_ms"], "ms", f"under 60; at 10,000 leads {before:.1f}")
    line("start to first answer", start, "s", "under 1.5")
    figures = {
        "insert_ratio": middle(t.inserts / t.mock["create"] for t in turns),
        "query_ratio": middle(t.queries / t.mock["query"] for t in turns),
        "bare_ratio": middle(t.inserts / t.bare for t in turns),
        "seed_1m_s": large["seed_s"] * 1_000_000 / count,
        "file_mb": large["file_mb"],
        "rss_mb": large["rss_mb"],
        "indexed_query_ms": slowest,
        "update_200_ms": large["update_ms"],
        "start_s": start,
    }
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
