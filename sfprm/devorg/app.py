"""The ASGI application: takes requests off the wire, lets the org answer them one at a time in a
thread, and plays the faults that are about the connection."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import replace
from email.utils import format_datetime
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool

from sfprm.devorg.api.dispatch import answer, log_lost
from sfprm.devorg.api.exchange import Answer, Request, refused
from sfprm.devorg.api.jobs import MAX_UPLOAD
from sfprm.devorg.contention import Held
from sfprm.devorg.faults import spoilt
from sfprm.devorg.problems import Refusal

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from sfprm.devorg.faults import Fault
    from sfprm.devorg.org import Org
    from sfprm.devorg.orgs import Orgs
    from sfprm.devorg.working import Worker

__all__ = ["App"]

_PATIENCE = 0.05  # seconds between two looks at a lock that somebody may have released early
MAX_BODY = 52_428_800  # bytes; a REST request of more than 50 MB is refused [M]


class App:
    """The orgs of a process behind HTTP."""

    def __init__(self, orgs: Orgs, worker: Worker | None = None) -> None:
        self._orgs = orgs
        self._worker = worker
        self._running: dict[int, tuple[Org, float]] = {}
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry; only HTTP."""
        if scope["type"] != "http":
            return
        request = self._request(scope)
        most = _most(scope)
        body = await _read(receive, most)
        try:
            if body is None:
                raise Refusal(413, "REQUEST_LIMIT_EXCEEDED", f"more than {most} bytes")
            _check_size(scope, request.org.limits.uri_bytes)
            request.body = _plain(body, request.headers.get("content-encoding", ""), most)
            self._check_long(request)
        except Refusal as refusal:
            await _send(send, request, refused(refusal))
            return
        self._count += 1
        number = self._count
        self._running[number] = (request.org, monotonic())
        try:
            await self._play(request, send)
        finally:
            del self._running[number]
            if self._worker is not None:
                self._worker.look(request.org)

    async def _play(self, request: Request, send: Send) -> None:
        fault = self._fault(request)
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.kind == "drop-before":
            log_lost(request)
            await _drop(send)
            return
        found = await self._run(request, fault)
        if fault is None:
            await _send(send, request, found)
            return
        if fault.kind == "duplicate":
            # Something between client and org sent the request twice; the second answer arrives
            found = await self._run(request, fault)
        if fault.kind == "drop-after":
            await _drop(send)
            return
        await _send(send, request, spoilt(found, fault), cut=fault.kind == "truncated")

    async def _run(self, request: Request, fault: Fault | None) -> Answer:
        """The answer, after as many attempts as the locks of others make necessary."""
        since = monotonic()
        while True:
            found, wait = await run_in_threadpool(self._answer, request, fault, since)
            if found is None:
                await asyncio.sleep(min(max(wait - monotonic(), 0.005), _PATIENCE))
                continue
            if wait:
                await asyncio.sleep(wait)
            return found

    def _answer(
        self, request: Request, fault: Fault | None, since: float
    ) -> tuple[Answer | None, float]:
        """(the answer, the seconds by which it is late), or (None, the instant to try again at)
        when another request holds what this one needs. Every attempt gets a request of its own, as
        answering changes it."""
        contention = request.org.contention
        with request.org.lock:
            try:
                found = answer(replace(request), fault, since)
            except Held as held:
                contention.abandon()
                return None, held.until
            return found, contention.end()

    def _check_long(self, request: Request) -> None:
        """Refuse a new call while as many long ones run as may [D]; the text is [P, R]."""
        limits = request.org.limits
        if len(self._running) < limits.long_requests or not is_api(request.path):
            return
        now = monotonic()
        long = sum(
            1
            for org, since in self._running.values()
            if org is request.org and now - since >= limits.long_seconds
        )
        if long >= limits.long_requests:
            raise Refusal(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.")

    def _fault(self, request: Request) -> Fault | None:
        path = request.path.lower()
        if not path.startswith("/services/"):
            return None
        query = "&".join(f"{name}={value}" for name, value in request.params.items())
        return request.org.faults.strike(
            request.method,
            f"{request.path}?{query}" if query else request.path,
            request.org.clock.now(),
        )

    def _request(self, scope: Scope) -> Request:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        raw = scope.get("raw_path") or scope["path"].encode()
        # The sf CLI sends two slashes where an instance address ends with one
        path = "/" + raw.decode("latin-1").lstrip("/")
        query = scope["query_string"].decode("latin-1")
        params = dict(parse_qsl(query, keep_blank_values=True))
        authorization = headers.get("authorization", "").split(None, 1)
        token = ""
        if len(authorization) == 2 and authorization[0].lower() in {"bearer", "oauth"}:
            token = authorization[1].strip()
        server, client = scope.get("server"), scope.get("client")
        org = self._orgs.at(server[1] if server else None, headers.get("host", ""))
        return Request(
            org=org,
            method=scope["method"].upper(),
            path=path,
            params=params,
            headers=headers,
            body=b"",
            base=f"{scope['scheme']}://{headers.get('host', 'localhost')}",
            token=token,
            ip=client[0] if client else None,
        )


def is_api(path: str) -> bool:
    """The address is one of the API's resources, not of login or control."""
    return path.lower().startswith("/services/data/")


def _check_size(scope: Scope, most: int) -> None:
    """414 for a long address, 431 for long headers: together at most 16,384 bytes [P]. The bodies
    are unverified."""
    address = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
    if address > most:
        raise Refusal(414, "URI_TOO_LONG", f"The address has more than {most} bytes")
    headers = sum(len(name) + len(value) for name, value in scope["headers"])
    if address + headers > most:
        raise Refusal(
            431, "HEADERS_TOO_LARGE", f"The address and the headers have more than {most} bytes"
        )


def _plain(body: bytes, encoding: str, most: int) -> bytes:
    """The body without its `Content-Encoding: gzip` [M]; never more than `most` bytes of it."""
    if encoding.lower() in {"", "identity"}:
        return body
    if encoding.lower() != "gzip":
        raise Refusal(
            415, "UNSUPPORTED_MEDIA_TYPE", f"Content-Encoding {encoding} is not supported"
        )
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, most)
    except zlib.error as error:
        raise Refusal(400, "MALFORMED_REQUEST", "The body is not gzip") from error
    if unpacker.unconsumed_tail:
        raise Refusal(413, "REQUEST_LIMIT_EXCEEDED", f"more than {most} bytes")
    if not unpacker.eof:
        raise Refusal(400, "MALFORMED_REQUEST", "The body is not gzip")
    return plain


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


async def _send(send: Send, request: Request, found: Answer, *, cut: bool = False) -> None:
    """Send the answer; with `cut` the connection ends in the middle of its body."""
    content = found.content(pretty=request.headers.get("x-prettyprint") == "1")
    headers = [(name.lower().encode(), value.encode()) for name, value in found.headers.items()]
    at = request.org.clock.now()
    headers.append((b"date", format_datetime(at, usegmt=True).encode()))
    headers.append((b"content-length", str(len(content)).encode()))
    if content:
        headers.append((b"content-type", found.content_type.encode()))
    await send({"type": "http.response.start", "status": found.status, "headers": headers})
    body = b"" if request.method == "HEAD" else content
    if cut:
        half = body[: len(body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await _drop(send, after_writing=True)
        return
    await send({"type": "http.response.body", "body": body})


async def _drop(send: Send, *, after_writing: bool = False) -> None:
    """Close the connection without a word. The server's `send` belongs to its request cycle, which
    holds the transport; ASGI has no other way."""
    cycle: Any = getattr(send, "__self__", None)
    if after_writing:
        cycle.transport.close()
    else:
        cycle.transport.abort()
    for _ in range(50):
        if cycle.disconnected:
            return
        await asyncio.sleep(0.01)
