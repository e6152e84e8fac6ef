"""The server process: its orgs, HTTP and HTTPS on one event loop, a clean stop."""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfprm.devorg.app import App
from sfprm.devorg.apps import load_app
from sfprm.devorg.certificates import make_certificates
from sfprm.devorg.listening import Listeners
from sfprm.devorg.org import AGENT_USERNAME
from sfprm.devorg.orgs import Orgs, open_orgs
from sfprm.devorg.working import Worker

__all__ = ["Options", "serve"]


COLLECT_AFTER = 50_000
"""Values made and still held between two rounds of the collector; Python's own default is 700."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. `data` None keeps the orgs in memory; port 0 is any free one;
    `orgs` names further ones; `explain` tells people on stderr how clients get in."""

    state_dir: Path
    host: str = "127.0.0.1"
    http_port: int = 0
    https_port: int = 0
    data: Path | None = None
    story: str | None = None
    seed: int = 7
    with_parent: bool = False
    orgs: tuple[str, ...] = ()
    explain: bool = False


def serve(options: Options) -> int:
    """Run until SIGTERM or SIGINT, or the parent's end with `with_parent`. Prints the one ready
    line; the exit code. Raises ValueError for a story or name that is none."""
    options.state_dir.mkdir(parents=True, exist_ok=True)
    connected = load_app(options.state_dir, AGENT_USERNAME)
    orgs = open_orgs(
        options.state_dir,
        connected,
        data=options.data,
        story=options.story,
        seed=options.seed,
        names=options.orgs,
    )
    ca, pem = make_certificates(options.state_dir, options.host)
    worker = Worker(orgs)
    listeners = Listeners(App(orgs, worker), options.host, pem)
    for org in orgs.all():
        first = org is orgs.main
        ports = (options.http_port, options.https_port) if first else (0, 0)
        orgs.listening(org, listeners.open(org, *ports))
    orgs.ports = listeners
    ready = _ready(orgs, ca, options)
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(_serve(listeners, worker, ready, options))
    orgs.close_all()
    return 0


def _ready(orgs: Orgs, ca: Path, options: Options) -> dict[str, Any]:
    main = orgs.main
    app = main.apps.all()[0]
    ready: dict[str, Any] = {
        "http": main.http_url,
        "https": main.instance_url,
        "ca": str(ca),
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "username": main.agent_username,
        "data": str(options.data) if options.data else None,
    }
    if len(orgs.all()) > 1:
        ready["orgs"] = {
            org.name: {
                "http": org.http_url,
                "https": org.instance_url,
                "username": org.agent_username,
            }
            for org in orgs.all()
        }
    return ready


def _explanation(ready: dict[str, Any]) -> str:
    """How a client finds, trusts and enters the org, for people."""
    ca = ready["ca"]
    lines = [
        f"The embedded org answers at {ready['https']} (and {ready['http']}). Stop it with Ctrl+C.",
        "",
        f"  login URL    {ready['https']}",
        f"  client id    {ready['client_id']}",
        f"  secret       {ready['client_secret']}",
        f"  runs as      {ready['username']}",
    ]
    for name, one in ready.get("orgs", {}).items():
        lines.append(f"  org {name:<8} {one['https']}  {one['username']}")
    lines += [
        "",
        "Its certificate is signed by an authority of its own. Tell the client:",
        f"  Python       REQUESTS_CA_BUNDLE={ca}",
        f"  Node, sf     NODE_EXTRA_CA_CERTS={ca}",
        f"  curl         curl --cacert {ca} {ready['https']}/services/data",
        "",
        "For sfprm, in .env or the environment:",
        f"  SFPRM_LOGIN_URL={ready['https']}",
        f"  SFPRM_CLIENT_ID={ready['client_id']}",
        f"  SFPRM_CLIENT_SECRET={ready['client_secret']}",
        f"  SFPRM_CA_BUNDLE={ca}",
    ]
    return "\n".join(lines)


def _new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


async def _serve(
    listeners: Listeners, worker: Worker, ready: dict[str, Any], options: Options
) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, listeners.stop)
    if options.with_parent:
        watch = threading.Thread(target=_watch_parent, args=(loop, listeners.stop), daemon=True)
        watch.start()
    await listeners.start()
    _settle_memory()
    print(json.dumps(ready), flush=True)
    if options.explain:
        print(_explanation(ready), file=sys.stderr, flush=True)
    worker.start()
    await listeners.run()
    await worker.stop()


def _settle_memory() -> None:
    """Leave what was made at the start (schemas, routes) out of the collector's rounds, and let
    it look less often: a request makes thousands of values and hardly a cycle."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 25, 25)


def _watch_parent(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    """Wait until the pipe on stdin closes, which it does when the parent dies."""
    while sys.stdin.buffer.read(1):
        pass
    loop.call_soon_threadsafe(stop)
