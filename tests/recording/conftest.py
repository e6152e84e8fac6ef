"""Exchanges put together by hand, and a server on loopback that answers what a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sfprm.recording.bodies import body_from
from sfprm.recording.exchange import Exchange, Given, Recording, Sent, Source

HOST = "https://acme.my.salesforce.com"
START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def exchange(
    method: str = "GET",
    path: str = "/services/data/v66.0/limits",
    *,
    host: str = HOST,
    query: tuple[tuple[str, str], ...] = (),
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    type_: str = "application/json",
    status: int = 200,
    given_headers: dict[str, str] | None = None,
    given: bytes = b"",
    given_type: str = "application/json",
    at: float = 1.0,
) -> Exchange:
    """One exchange; bodies as they go over the wire."""
    sent = Sent(method, host, path, query, {"content-type": type_, **(headers or {})},
                body_from(body, type_))  # fmt: skip
    answer = {"Content-Type": given_type, **(given_headers or {})}
    return Exchange(at, sent, Given(status, answer, body_from(given, given_type)))


def recording(*exchanges: Exchange, name: str = "told", **facts: str) -> Recording:
    """A raw recording of these exchanges."""
    return Recording(name, Source("org", "Developer Edition", "66.0"), START, exchanges, facts)


@pytest.fixture(name="exchange", scope="session")
def exchange_fixture() -> Any:
    return exchange


@pytest.fixture(name="recording", scope="session")
def recording_fixture() -> Any:
    return recording


Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[str, str, bytes], Answer]], str]]:
    """Start a server on loopback; `answer(method, path, body)` gives (status, headers, body)."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[str, str, bytes], Answer]) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _go(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, headers, content = answer(self.command, self.path, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_DELETE = _go

            def log_message(self, *_: Any) -> None:
                return None

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
