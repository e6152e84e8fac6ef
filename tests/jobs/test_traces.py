"""Spans of runs and calls, as OpenTelemetry receives them; nothing of it when they are off."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from sfprm.clock import FakeClock, SystemClock
from sfprm.errors import BadSettings, NotReady
from sfprm.events import NoProgress
from sfprm.jobs.frame import JobContext
from sfprm.jobs.function import FunctionJob
from sfprm.jobs.runner import run_job
from sfprm.jobs.starter import Starter
from sfprm.jobs.traces import Traces, open_traces
from sfprm.salesforce.calls import CallDone
from sfprm.settings import load_settings


def done(status: int, **more: Any) -> CallDone:
    """A call that ended."""
    fields = {"attempt": 1, "request_id": "abc", "host": "acme.my.salesforce.com", **more}
    return CallDone("query", "GET", "query", status, 0.25, **fields)


def spans(act: Any) -> tuple[ReadableSpan, ...]:
    """What `act` leaves when it is given traces."""
    exporter = InMemorySpanExporter()
    traces = Traces(exporter)
    act(traces)
    traces.close()
    return exporter.get_finished_spans()


def test_a_call_is_a_clients_span() -> None:
    """By the HTTP conventions; a repeat and a failure are told; no query string is."""
    well, badly = spans(lambda t: (t.call(done(200)), t.call(done(0, attempt=3))))
    assert well.name == "GET query"
    assert dict(well.attributes or {}) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "acme.my.salesforce.com",
        "url.path": "query",
        "sfprm.request_id": "abc",
    }
    assert well.start_time is not None
    assert well.end_time is not None
    assert (well.end_time - well.start_time) / 1e9 == pytest.approx(0.25)
    assert badly.attributes is not None
    assert badly.attributes["http.request.resend_count"] == 2
    assert badly.attributes["error.type"] == "no answer"
    assert not badly.status.is_ok


def test_calls_of_any_thread_belong_to_the_run(tmp_path: Path) -> None:
    """A job run with traces: its span carries run, job and outcome, its calls are below it, and
    log events inside carry the trace's id."""
    seen: list[str] = []

    given: list[Traces] = []

    def work(context: JobContext) -> None:
        call = threading.Thread(target=given[0].call, args=(done(200),))
        call.start()
        call.join()
        seen.append(structlog.contextvars.get_contextvars()["trace_id"])
        raise NotReady("it is not")

    job = FunctionJob("ours:work", work)
    job.offline, job.writes, job.needs_programme = True, False, False  # type: ignore[misc]
    settings = load_settings({"SFPRM_STATE_DIR": str(tmp_path)})

    def act(traces: Traces) -> None:
        given.append(traces)
        with Starter(settings, FakeClock(SystemClock().now()), NoProgress()) as starter:
            starter.traces = traces
            assert run_job(job, job.options(), starter, name="night").exit_code == 1

    call, run = spans(act)
    assert run.name == "run night"
    assert run.attributes is not None
    assert run.attributes["sfprm.exit_code"] == 1
    assert run.attributes["error.type"] == "NotReady"
    assert call.parent is not None
    assert run.context is not None
    assert call.parent.span_id == run.context.span_id
    assert seen == [f"{run.context.trace_id:032x}"]
    assert "trace_id" not in structlog.contextvars.get_contextvars()


def test_what_others_do_of_a_run_belongs_to_its_trace() -> None:
    """A call of a helper is below its part, that below what the helper does, that below the run,
    which another process began; a thread without a part calls for the whole. The run's own hand
    has its parts right below the run."""
    carried: dict[str, str] = {}

    def begins(traces: Traces) -> None:
        with traces.run("r1", "night"):
            carried.update(traces.carried())
            with traces.part("r1", "leads", 1):
                traces.call(done(200))

    def helps(traces: Traces) -> None:
        with traces.help("r1", "night", carried):
            with traces.part("r1", "leads", 2):
                traces.call(done(200))
                elsewhere = threading.Thread(target=traces.call, args=(done(201),))
                elsewhere.start()
                elsewhere.join()
            carried["trace"] = structlog.contextvars.get_contextvars()["trace_id"]

    own_call, own_part, run = spans(begins)
    call, loose, part, helped = spans(helps)
    above = {helped: run, part: helped, call: part, loose: helped, own_part: run}
    for span, parent in {**above, own_call: own_part}.items():
        assert span.parent is not None
        assert span.parent.span_id == parent.context.span_id, span.name
    assert {s.context.trace_id for s in (call, part, own_call)} == {run.context.trace_id}
    assert carried["trace"] == f"{run.context.trace_id:032x}"
    assert (helped.name, part.name, dict(part.attributes or {})) == (
        *("help night", "part leads"),
        {"sfprm.run": "r1", "sfprm.part": 2},
    )


def test_a_helper_of_a_run_without_traces_keeps_its_own() -> None:
    """The other process may be of an older version, or keep none."""

    def helps(traces: Traces) -> None:
        with traces.help("r1", "night", {}):
            traces.call(done(200))

    _call, helped = spans(helps)
    assert helped.parent is None


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Something that takes OTLP over HTTP: its address, and the bodies that came."""
    bodies: list[bytes] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Taker)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", bodies
    server.shutdown()
    thread.join()
    server.server_close()


def test_spans_go_where_opentelemetry_is_told(
    collector: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its own variables, compressed or not; what is left goes out at the end."""
    address, bodies = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "channel")
    traces = open_traces(load_settings({"SFPRM_TRACES": "otlp"}))
    assert traces is not None
    traces.call(done(200))
    traces.close()
    [body] = bodies
    assert b"GET query" in body
    assert b"channel" in body


def test_without_the_library_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(BadSettings, match="OpenTelemetry is not installed") as told:
        open_traces(load_settings({"SFPRM_TRACES": "otlp"}))
    assert "sfprm[otel]" in told.value.hint


def test_switched_off_nothing_is_imported() -> None:
    """The program costs no more for it."""
    code = (
        "import sys, sfprm.cli.main, sfprm.jobs.traces as t\n"
        "from sfprm.settings import load_settings\n"
        "assert t.open_traces(load_settings({})) is None\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
