"""The ASGI application: takes requests off the wire, lets the org answer them one at a time in a
thread, and plays the faults that are about the connection."""

from __future__ import annotations

import asyncio
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool

from sfprm.devorg.api.dispatch import answer, log_lost
from sfprm.devorg.api.exchange import Answer, Request, refused
from sfprm.devorg.api.jobs import MAX_UPLOAD
from sfprm.devorg.problems import Refusal

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from sfprm.devorg.faults import Fault
    from sfprm.devorg.org import Org

__all__ = ["App"]

MAX_BODY = 52_428_800  # bytes; a REST request of more than 50 MB is refused [M]


class App:
    """One org behind HTTP."""

    def __init__(self, org: Org) -> None:
        self._org = org

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry; only HTTP."""
        if scope["type"] != "http":
            return
        most = _most(scope)
        body = await _read(receive, most)
        request = self._request(scope, body or b"")
        if body is None:
            too_large = Refusal(413, "REQUEST_LIMIT_EXCEEDED", f"more than {most} bytes")
            await _send(send, request, refused(too_large))
            return
        fault = self._fault(request)
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.kind == "drop-before":
            log_lost(request)
            await _drop(send)
            return
        found = await run_in_threadpool(self._answer, request, fault)
        if fault is not None and fault.kind == "drop-after":
            await _drop(send)
            return
        await _send(send, request, found)

    def _answer(self, request: Request, fault: Fault | None) -> Answer:
        with self._org.lock:
            return answer(request, fault)

    def _fault(self, request: Request) -> Fault | None:
        path = request.path.lower()
        if not path.startswith("/services/"):
            return None
        query = "&".join(f"{name}={value}" for name, value in request.params.items())
        return self._org.faults.strike(
            request.method, f"{request.path}?{query}" if query else request.path
        )

    def _request(self, scope: Scope, body: bytes) -> Request:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        raw = scope.get("raw_path") or scope["path"].encode()
        query = scope["query_string"].decode("latin-1")
        authorization = headers.get("authorization", "").split(None, 1)
        token = ""
        if len(authorization) == 2 and authorization[0].lower() in {"bearer", "oauth"}:
            token = authorization[1].strip()
        return Request(
            org=self._org,
            method=scope["method"].upper(),
            path=raw.decode("latin-1"),
            params=dict(parse_qsl(query, keep_blank_values=True)),
            headers=headers,
            body=body,
            base=f"{scope['scheme']}://{headers.get('host', 'localhost')}",
            token=token,
        )


def _most(scope: Scope) -> int:
    """Bytes that a body may have: more for the upload of a Bulk job."""
    path = scope["path"].lower().rstrip("/")
    upload = "/jobs/ingest/" in path and path.endswith("/batches")
    return MAX_UPLOAD if upload else MAX_BODY


async def _read(receive: Receive, most: int) -> bytes | None:
    """The whole body, chunked or not; None when it is larger than `most` bytes: it is then read to
    its end, so that the client gets the answer, but not kept."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= most:
            chunks.append(chunk)
        else:
            chunks.clear()
        if not message.get("more_body", False):
            return b"".join(chunks) if size <= most else None


async def _send(send: Send, request: Request, found: Answer) -> None:
    content = found.content(pretty=request.headers.get("x-prettyprint") == "1")
    headers = [(name.lower().encode(), value.encode()) for name, value in found.headers.items()]
    at = request.org.clock.now()
    headers.append((b"date", format_datetime(at, usegmt=True).encode()))
    headers.append((b"content-length", str(len(content)).encode()))
    if content:
        headers.append((b"content-type", found.content_type.encode()))
    await send({"type": "http.response.start", "status": found.status, "headers": headers})
    body = b"" if request.method == "HEAD" else content
    await send({"type": "http.response.body", "body": body})


async def _drop(send: Send) -> None:
    """Close the connection without a word. The server's `send` belongs to its request cycle, which
    holds the transport; ASGI has no other way."""
    cycle: Any = getattr(send, "__self__", None)
    cycle.transport.abort()
    for _ in range(50):
        if cycle.disconnected:
            return
        await asyncio.sleep(0.01)
