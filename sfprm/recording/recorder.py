"""Recording what goes through `requests`: one session, or all of the process.

One request in flight: a second thread waits for the first one's answer, so that the order in the
file is the order in which things happened.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from sfprm.clock import Clock
from sfprm.recording.bodies import body_from
from sfprm.recording.clock import RecordingClock
from sfprm.recording.exchange import EMPTY, Body, Exchange, Given, Recording, Sent, Source
from sfprm.recording.file import save
from sfprm.recording.keep import SALESFORCE, KeepList
from sfprm.recording.scrub import scrubbed

__all__ = ["FAILURES", "Recorder", "sent_from"]

FAILURES: tuple[type[requests.RequestException], ...] = (
    requests.exceptions.ConnectTimeout,
    requests.exceptions.ReadTimeout,
    requests.exceptions.SSLError,
    requests.exceptions.ProxyError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ConnectionError,
)
"""Failures that a recording can hold; a subclass comes before its base."""

_Send = Callable[..., requests.Response]


class Recorder:
    """Collects the exchanges of one scenario in memory, and writes them scrubbed.

    Paths that start with one of `unseen` are let through unrecorded. Give `clock` to the code
    under test: it stands still between answers.
    """

    def __init__(
        self,
        scenario: str,
        *,
        clock: Clock,
        keep: KeepList = SALESFORCE,
        fictional: frozenset[str] | set[str] = frozenset(),
        unseen: tuple[str, ...] = ("/_devorg/",),
    ) -> None:
        self.scenario = scenario
        self.clock = RecordingClock(clock.now(), clock)
        self._keep = keep
        self._fictional = frozenset(fictional)
        self._unseen = unseen
        self._exchanges: list[Exchange] = []
        self._facts: dict[str, str] = {}
        self._one_at_a_time = threading.RLock()
        self._paused = False

    def fact(self, name: str, value: str) -> str:
        """Keep a value that the scenario was given, scrubbed like the rest; returns it."""
        self._facts[name] = value
        return value

    @contextmanager
    def unrecorded(self) -> Iterator[None]:
        """Let set-up and clean-up through."""
        was, self._paused = self._paused, True
        try:
            yield
        finally:
            self._paused = was

    @contextmanager
    def session(self, http: requests.Session) -> Iterator[requests.Session]:
        """Record what goes through this session alone."""
        mounted = list(http.adapters.items())
        for prefix, adapter in mounted:
            http.mount(prefix, _Listening(adapter, self))
        try:
            yield http
        finally:
            for prefix, adapter in mounted:
                http.mount(prefix, adapter)

    @contextmanager
    def everything(self) -> Iterator[None]:
        """Record what goes through `requests` anywhere in this process, as `responses` replays it:
        for code that builds its own session."""
        original = HTTPAdapter.send
        recorder = self

        def send(
            adapter: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **options: Any
        ) -> requests.Response:
            return recorder.through(
                lambda *a, **o: original(adapter, *a, **o), request, *args, **options
            )

        HTTPAdapter.send = send  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            HTTPAdapter.send = original  # type: ignore[method-assign]

    def through(
        self, send: _Send, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        """Send, and keep what was sent and what came back. The answer is read whole."""
        if self._paused or urlsplit(request.url or "").path.startswith(self._unseen):
            return send(request, *args, **options)
        with self._one_at_a_time:
            sent = sent_from(request)
            try:
                response = send(request, *args, **options)
                content = response.content
            except FAILURES as error:
                self._add(sent, Given(0, {}, EMPTY, _failure_name(error)))
                raise
            body = body_from(content, response.headers.get("Content-Type", ""))
            self._add(sent, Given(response.status_code, dict(response.headers), body))
            return response

    def finish(self, source: Source) -> Recording:
        """The scrubbed recording of all that was heard."""
        raw = Recording(
            self.scenario, source, self.started, tuple(self._exchanges), dict(self._facts)
        )
        return scrubbed(raw, keep=self._keep, fictional=self._fictional)

    def write(self, folder: Path, source: Source, *, overwrite: bool = False) -> Path:
        """Write the scrubbed recording to `folder/SCENARIO.yaml`."""
        path = folder / f"{self.scenario}.yaml"
        save(self.finish(source), path, overwrite=overwrite)
        return path

    @property
    def started(self) -> datetime:
        """When the recording began."""
        return self.clock.start

    @property
    def api_version(self) -> str:
        """The version in the recorded paths, such as `66.0`; empty when there is none."""
        for exchange in self._exchanges:
            found = re.search(r"/v?(\d{2}\.0)(?:/|$)", exchange.sent.path)
            if found:
                return found[1]
        return ""

    def _add(self, sent: Sent, given: Given) -> None:
        self._exchanges.append(Exchange(self.clock.answered(), sent, given))


class _Listening(BaseAdapter):
    """An adapter around another one."""

    def __init__(self, inner: BaseAdapter, recorder: Recorder) -> None:
        super().__init__()
        self._inner = inner
        self._recorder = recorder

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        return self._recorder.through(self._inner.send, request, *args, **options)

    def close(self) -> None:
        self._inner.close()


def sent_from(request: requests.PreparedRequest) -> Sent:
    """A request by its meaning."""
    parts = urlsplit(request.url or "")
    headers: Mapping[str, str] = {
        str(name).lower(): _text(value) for name, value in request.headers.items()
    }
    return Sent(
        method=(request.method or "GET").upper(),
        host=f"{parts.scheme}://{parts.netloc}",
        path=parts.path or "/",
        query=tuple(parse_qsl(parts.query, keep_blank_values=True)),
        headers=headers,
        body=_body_of(request.body, headers.get("content-type", "")),
    )


def _body_of(body: Any, content_type: str) -> Body:
    if isinstance(body, str):
        body = body.encode()
    if isinstance(body, bytes | bytearray):
        return body_from(bytes(body), content_type)
    return EMPTY if body is None else Body("text", f"a stream ({type(body).__name__})")


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _failure_name(error: requests.RequestException) -> str:
    return next(kind.__name__ for kind in FAILURES if isinstance(error, kind))
