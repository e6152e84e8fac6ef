"""Traces for OpenTelemetry: a span a run, one a part of a shared run, and one a call to Salesforce
inside them. What other workers do of a run belongs to the run's trace.

An extra (`sfprm[otel]`), switched on by SFPRM_TRACES=otlp; where to and how is said by
OpenTelemetry's own variables (OTEL_EXPORTER_OTLP_ENDPOINT and the like). Off, nothing of it is
imported. Spans carry what logs carry: names, ids and counts, never a body, a query or a token.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from sfprm import __version__
from sfprm.errors import BadSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

    from sfprm.salesforce.calls import CallDone
    from sfprm.settings import Settings

__all__ = ["Traces", "open_traces"]

NANO = 1_000_000_000


def open_traces(settings: Settings) -> Traces | None:
    """By the settings; None when they are off. Raises BadSettings when OpenTelemetry is not
    installed."""
    if settings.traces == "off":
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ModuleNotFoundError:
        raise BadSettings(
            "Traces are switched on (SFPRM_TRACES=otlp), and OpenTelemetry is not installed.",
            hint="Run: pip install 'sfprm[otel]', or set SFPRM_TRACES=off.",
        ) from None
    return Traces(OTLPSpanExporter())


class Traces:
    """One process's spans. A process does one run at a time, or parts of one; calls may end in any
    thread, and belong to the part that the thread does, else to the run that is under way."""

    def __init__(self, exporter: SpanExporter) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        resource = Resource.create({"service.version": __version__})
        if str(resource.attributes["service.name"]).startswith("unknown_service"):
            # neither OTEL_SERVICE_NAME nor OTEL_RESOURCE_ATTRIBUTES name it
            resource = resource.merge(Resource({"service.name": "sfprm"}))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("sfprm", __version__)
        self._run: Span | None = None

    @contextmanager
    def run(self, run: str, name: str) -> Iterator[None]:
        """The span of a run; log events inside carry its `trace_id`."""
        with (
            self._tracer.start_as_current_span(
                f"run {name}", attributes={"sfprm.run": run, "sfprm.job": name}
            ) as span,
            self._under(span),
        ):
            yield

    @contextmanager
    def _under(self, span: Span) -> Iterator[None]:
        """Spans and log events inside belong to that span."""
        from opentelemetry.trace import format_trace_id

        before, self._run = self._run, span
        trace = format_trace_id(span.get_span_context().trace_id)
        with structlog.contextvars.bound_contextvars(trace_id=trace):
            try:
                yield
            finally:
                self._run = before

    def carried(self) -> dict[str, str]:
        """What another process needs so that its spans belong to the run under way (W3C Trace
        Context)."""
        from opentelemetry.trace import set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        told: dict[str, str] = {}
        if self._run is not None:
            TraceContextTextMapPropagator().inject(told, set_span_in_context(self._run))
        return told

    @contextmanager
    def help(self, run: str, name: str, carried: Mapping[str, str]) -> Iterator[None]:
        """The span of what this process does of another's run; `carried` is what `carried()`
        gave there, empty when that process keeps no traces."""
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        with (
            self._tracer.start_as_current_span(
                f"help {name}",
                context=TraceContextTextMapPropagator().extract(carried),
                attributes={"sfprm.run": run, "sfprm.job": name},
            ) as span,
            self._under(span),
        ):
            yield

    @contextmanager
    def part(self, run: str, kind: str, number: int) -> Iterator[None]:
        """The span of one part, below the run or the help under way."""
        from opentelemetry.trace import set_span_in_context

        with self._tracer.start_as_current_span(
            f"part {kind}",
            context=None if self._run is None else set_span_in_context(self._run),
            attributes={"sfprm.run": run, "sfprm.part": number},
        ):
            yield

    def ended(self, exit_code: int, calls: int, error: str | None) -> None:
        """How the run under way ends: said before its span does. `error`: the name of its class."""
        from opentelemetry.trace import StatusCode

        if self._run is None:
            return
        self._run.set_attributes({"sfprm.exit_code": exit_code, "sfprm.calls": calls})
        if error is not None:
            self._run.set_attribute("error.type", error)
            self._run.set_status(StatusCode.ERROR)

    def call(self, done: CallDone) -> None:
        """A call that has just ended, by the semantic conventions of HTTP clients; `url.path` is
        without its query."""
        from opentelemetry.trace import (
            SpanKind,
            StatusCode,
            get_current_span,
            set_span_in_context,
        )

        end = time.time_ns()
        above = get_current_span()
        if not above.get_span_context().is_valid and self._run is not None:
            above = self._run
        span = self._tracer.start_span(
            f"{done.method} {done.kind}",
            context=set_span_in_context(above),
            kind=SpanKind.CLIENT,
            start_time=end - int(done.seconds * NANO),
            attributes={
                "http.request.method": done.method,
                "server.address": done.host,
                "url.path": done.path,
                "sfprm.request_id": done.request_id,
            },
        )
        if done.attempt > 1:
            span.set_attribute("http.request.resend_count", done.attempt - 1)
        if done.status:
            span.set_attribute("http.response.status_code", done.status)
        if done.status == 0 or done.status >= 400:
            span.set_attribute("error.type", str(done.status) if done.status else "no answer")
            span.set_status(StatusCode.ERROR)
        span.end(end)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
