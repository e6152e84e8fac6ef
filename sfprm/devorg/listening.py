"""The ports of the orgs: each org has one for HTTP and one for HTTPS, opened before or while the
server runs, all on one event loop."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from sfprm.devorg.app import App
    from sfprm.devorg.org import Org

__all__ = ["Listeners"]

_OPEN_SECONDS = 10


class _Server(uvicorn.Server):
    """Leaves signals to the process, which stops all servers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what was asked; cut connections on which nothing is under way. (A client that
        keeps an idle one over TLS says no goodbye, which would be waited for.)"""
        for connection in list(self.server_state.connections):
            cycle = getattr(connection, "cycle", None)
            if cycle is None or cycle.response_complete:
                connection.transport.abort()
        await super().shutdown(sockets)


class Listeners:
    """Opens and closes ports. `pem` is the server's certificate with its key."""

    def __init__(self, app: App, host: str, pem: Path) -> None:
        self._app = app
        self._host = host
        self._pem = pem
        self._loop: asyncio.AbstractEventLoop | None = None
        self._servers: dict[str, list[tuple[_Server, socket.socket]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock = threading.Lock()

    def open(self, org: Org, http_port: int = 0, https_port: int = 0) -> tuple[int, int]:
        """Two ports for an org (0: any free one), which is told its addresses. Raises OSError.
        From another thread while the loop runs, or before it does."""
        plain, secure = _listen(self._host, http_port), _listen(self._host, https_port)
        ports = int(plain.getsockname()[1]), int(secure.getsockname()[1])
        org.http_url = f"http://{self._host}:{ports[0]}"
        org.instance_url = f"https://{self._host}:{ports[1]}"
        servers = [
            (_Server(self._config(None)), plain),
            (_Server(self._config(self._pem)), secure),
        ]
        with self._lock:
            self._servers[org.name] = servers
        if self._loop is not None:
            started = asyncio.run_coroutine_threadsafe(self._start(servers), self._loop)
            started.result(_OPEN_SECONDS)
        return ports

    def close(self, name: str) -> None:
        """No more requests for the org of that name; those under way are answered."""
        with self._lock:
            for server, _ in self._servers.pop(name, []):
                server.should_exit = True

    def stop(self) -> None:
        """No more requests at all; `run` then ends."""
        with self._lock:
            for servers in self._servers.values():
                for server, _ in servers:
                    server.should_exit = True

    async def start(self) -> None:
        """Serve all ports opened so far."""
        self._loop = asyncio.get_running_loop()
        await self._start([one for servers in self._servers.values() for one in servers])

    async def run(self) -> None:
        """Until `stop`."""
        while self._tasks:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            self._tasks = {task for task in self._tasks if not task.done()}

    async def _start(self, servers: list[tuple[_Server, socket.socket]]) -> None:
        tasks = [asyncio.create_task(server.serve(sockets=[sock])) for server, sock in servers]
        self._tasks |= set(tasks)
        while not all(server.started for server, _ in servers):
            if any(task.done() for task in tasks):
                break
            await asyncio.sleep(0.001)

    def _config(self, pem: Path | None) -> uvicorn.Config:
        return uvicorn.Config(
            self._app,
            log_level="error",
            access_log=False,
            lifespan="off",
            ssl_certfile=str(pem) if pem else None,
            ssl_keyfile=str(pem) if pem else None,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=5,
            h11_max_incomplete_event_size=65536,
            server_header=False,
            date_header=False,
        )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(256)
    return listener
