"""/livez, /readyz and /metrics, on a port of this machine.

/livez: the process turns its wheel; an org that is away never fails it, so nothing is killed for
that. /readyz: the state answers, the org lets us in, and due runs do not wait too long; each check
is a line. Neither says anything that only an operator may know; bind it to loopback all the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST

from sfprm.errors import BadSettings

__all__ = ["Checks", "HealthServer"]

Checks = Callable[[], Mapping[str, str]]
"""What is checked, by name; an empty text when it is well, else what is wrong."""


class HealthServer:
    """Answers until it is closed. `address`: host:port, or off. `port` is the one taken."""

    def __init__(
        self, address: str, *, live: Checks, ready: Checks, metrics: Callable[[], bytes]
    ) -> None:
        self.port: int | None = None
        self._server: ThreadingHTTPServer | None = None
        if address == "off":
            return
        host, _, port = address.rpartition(":")
        handler = type(
            "Handler", (_Handler,), {"checks": {"/livez": live, "/readyz": ready}, "page": metrics}
        )
        try:
            self._server = ThreadingHTTPServer((host or "127.0.0.1", int(port)), handler)
        except (OSError, ValueError, OverflowError) as error:
            raise BadSettings(
                f"SFPRM_HEALTH: {address}: {error}.",
                hint="Name another host:port, port 0 for any that is free, or off.",
            ) from None
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True
        )
        self._thread.start()

    def __enter__(self) -> HealthServer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    """Three pages, read only."""

    checks: Mapping[str, Checks]
    page: Callable[[], bytes]
    timeout = 10
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, type(self).page(), CONTENT_TYPE_LATEST)
        elif path in self.checks:
            found = self.checks[path]()
            lines = [f"{'ok' if not why else 'FAIL'} {name} {why}".strip() for name, why in
                     found.items()]  # fmt: skip
            code = 200 if not any(found.values()) else 503
            self._answer(code, ("\n".join(lines) + "\n").encode())
        else:
            self._answer(404, b"only /livez, /readyz and /metrics\n")

    do_HEAD = do_GET

    def _answer(self, code: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        return "sfprm"

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are not worth a line."""
