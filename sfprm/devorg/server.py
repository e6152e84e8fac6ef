"""The server process: one org, HTTP and HTTPS on one event loop, a clean stop."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from sfprm.devorg.app import App
from sfprm.devorg.auth import load_app
from sfprm.devorg.behaviours.sites import resume
from sfprm.devorg.certificates import make_certificates
from sfprm.devorg.org import AGENT_USERNAME, Org
from sfprm.devorg.schema import load_schema
from sfprm.devorg.storage import Storage

__all__ = ["Options", "open_org", "serve"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. `data` None keeps the org in memory; port 0 is any free one."""

    state_dir: Path
    host: str = "127.0.0.1"
    http_port: int = 0
    https_port: int = 0
    data: Path | None = None
    story: str | None = None
    seed: int = 7
    with_parent: bool = False


class _Server(uvicorn.Server):
    """Leaves signals to `serve`, which stops both servers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def open_org(options: Options) -> Org:
    """The org, from its file or new. A new one is seeded with the story asked for, or `empty`."""
    options.state_dir.mkdir(parents=True, exist_ok=True)
    storage = Storage(str(options.data) if options.data else None)
    schema = load_schema()
    storage.create(schema)
    org = Org(storage, schema, options.state_dir, load_app(options.state_dir, AGENT_USERNAME))
    if not org.organization:
        org.seed(options.story or "empty", options.seed)
        org.set_setting("story_by_default", options.story is None)
    resume(org)
    return org


def serve(options: Options) -> int:
    """Run until SIGTERM or SIGINT, or the parent's end with `with_parent`. Prints the one ready
    line; the exit code."""
    org = open_org(options)
    ca, pem = make_certificates(options.state_dir, options.host)
    plain = _listen(options.host, options.http_port)
    secure = _listen(options.host, options.https_port)
    org.http_url = f"http://{options.host}:{plain.getsockname()[1]}"
    org.instance_url = f"https://{options.host}:{secure.getsockname()[1]}"
    app = App(org)
    servers = [
        (_Server(_config(app, None)), plain),
        (_Server(_config(app, pem)), secure),
    ]
    ready = {
        "http": org.http_url,
        "https": org.instance_url,
        "ca": str(ca),
        "client_id": org.app.client_id,
        "client_secret": org.app.client_secret,
        "username": org.app.run_as,
        "data": str(options.data) if options.data else None,
    }
    runner = asyncio.Runner(loop_factory=_new_loop)
    with runner:
        runner.run(_serve(servers, ready, options.with_parent))
    org.storage.close()
    return 0


def _new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def _config(app: App, pem: Path | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
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


async def _serve(
    servers: list[tuple[_Server, socket.socket]], ready: dict[str, str | None], with_parent: bool
) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for server, _ in servers:
            server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if with_parent:
        threading.Thread(target=_watch_parent, args=(loop, stop), daemon=True).start()
    tasks = [asyncio.create_task(server.serve(sockets=[sock])) for server, sock in servers]
    while not all(server.started for server, _ in servers):
        if any(task.done() for task in tasks):
            break
        await asyncio.sleep(0.005)
    print(json.dumps(ready), flush=True)
    await asyncio.gather(*tasks)


def _watch_parent(loop: asyncio.AbstractEventLoop, stop: object) -> None:
    """Wait until the pipe on stdin closes, which it does when the parent dies."""
    while sys.stdin.buffer.read(1):
        pass
    assert callable(stop)
    loop.call_soon_threadsafe(stop)
