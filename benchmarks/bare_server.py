"""A bare Starlette + SQLite server for `bench_org.py`: takes Collections of 200, checks nothing.

`python bare_server.py FILE` prints one JSON line with its address when it is ready.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import sys
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sfprm.devorg.ids import mint

FIELDS = (
    "Id", "FirstName", "LastName", "Company", "Email", "Status", "Country", "City", "Rating",
    "LeadSource", "AnnualRevenue", "OwnerId", "CreatedDate",
)  # fmt: skip


def application(path: str) -> Starlette:
    """One route, one table, an index on three columns."""
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute(f"CREATE TABLE Lead ({', '.join(FIELDS)}, PRIMARY KEY (Id))")
    for name in ("OwnerId", "Status", "CreatedDate"):
        database.execute(f"CREATE INDEX Lead_{name} ON Lead ({name})")
    insert = f"INSERT INTO Lead VALUES ({', '.join('?' * len(FIELDS))})"
    serial = 0

    async def collections(request: Request) -> Response:
        nonlocal serial
        records: list[dict[str, Any]] = orjson.loads(await request.body())["records"]
        ids = [mint("00Q", serial + place + 1) for place in range(len(records))]
        serial += len(records)
        rows = [
            (id_, *(record.get(name) for name in FIELDS[1:]))
            for id_, record in zip(ids, records, strict=True)
        ]
        database.execute("BEGIN")
        database.executemany(insert, rows)
        database.execute("COMMIT")
        done = [{"id": id_, "success": True, "errors": []} for id_ in ids]
        return Response(orjson.dumps(done), media_type="application/json")

    route = Route("/services/data/v66.0/composite/sobjects", collections, methods=["POST"])
    return Starlette(routes=[route])


def main() -> None:
    """Serve until told to stop."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        application(sys.argv[1]), log_level="error", access_log=False, lifespan="off"
    )
    print(json.dumps({"http": f"http://127.0.0.1:{listener.getsockname()[1]}"}), flush=True)
    asyncio.run(uvicorn.Server(config).serve([listener]))


if __name__ == "__main__":
    main()
