"""Replaying a recording, on `responses`: each recorded request exactly as often as recorded."""

from __future__ import annotations

from types import TracebackType
from typing import Literal

import requests
import responses
from responses.registries import FirstMatchRegistry

from sfprm.recording.bodies import BOUNDARY, bytes_of
from sfprm.recording.clock import RecordingClock
from sfprm.recording.exchange import Exchange, Recording
from sfprm.recording.failures import BadRecording, NotAsRecorded
from sfprm.recording.keep import SALESFORCE, KeepList
from sfprm.recording.match import differences
from sfprm.recording.recorder import FAILURES, sent_from

__all__ = ["Order", "Replay"]

Order = Literal["strict", "any"]


class Replay:
    """A context in which `requests` gets the recorded answers, and nothing reaches the network.

    `order`: `strict` asks for the recorded order; `any` takes the first answer not yet given whose
    request matches. Give `clock` to the code under test. Raises NotAsRecorded at a request that
    matches nothing, and at the end when answers are left over, or when the code swallowed the
    first.
    """

    def __init__(
        self, recording: Recording, *, order: Order = "strict", keep: KeepList = SALESFORCE
    ) -> None:
        self.recording = recording
        self.clock = RecordingClock(recording.recorded)
        self._registry = _Exchanges(recording, order, keep, self.clock)
        self._mock = responses.RequestsMock(assert_all_requests_are_fired=False)
        self._mock._registry = self._registry

    def fact(self, name: str) -> str:
        """A value that the scenario was given when it was recorded, or its stand-in."""
        try:
            return self.recording.facts[name]
        except KeyError:
            raise BadRecording(
                f"{self.recording.scenario}: no fact {name!r} was recorded.",
            ) from None

    def __enter__(self) -> Replay:
        self._mock.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._mock.stop(allow_assert=False)
        if error is None:
            self._registry.check_all_used()


class _Exchanges(FirstMatchRegistry):
    """What `responses` asks for an answer."""

    def __init__(
        self, recording: Recording, order: Order, keep: KeepList, clock: RecordingClock
    ) -> None:
        super().__init__()
        self._recording = recording
        self._left = list(recording.exchanges)
        self._order = order
        self._keep = keep
        self._clock = clock
        self._failed: NotAsRecorded | None = None

    def find(
        self, request: requests.PreparedRequest
    ) -> tuple[responses.BaseResponse | None, list[str]]:
        """The recorded answer; raises NotAsRecorded."""
        sent = sent_from(request)
        candidates = self._left[:1] if self._order == "strict" else self._left
        for exchange in candidates:
            if not differences(exchange.sent, sent, self._keep):
                self._left.remove(exchange)
                self._clock.move_to(exchange.at)
                return _response(exchange, request), []
        self._failed = self._unmatched(request)
        raise self._failed

    def check_all_used(self) -> None:
        """Raise the failure that the code under test swallowed, or NotAsRecorded for leftovers."""
        if self._failed is not None:
            raise self._failed
        if self._left:
            first = self._left[0].sent
            raise NotAsRecorded(
                f"{self._recording.scenario}: {len(self._left)} of "
                f"{len(self._recording.exchanges)} recorded requests were not made, the first "
                f"{first.method} {first.path}."
            )

    def _unmatched(self, request: requests.PreparedRequest) -> NotAsRecorded:
        sent = sent_from(request)
        asked = f"{self._recording.scenario}: {sent.method} {sent.path} "
        done = len(self._recording.exchanges) - len(self._left)
        if not self._left:
            return NotAsRecorded(f"{asked}came after all {done} recorded requests were answered.")
        if self._order == "strict":
            nearest, place = self._left[0], done
        else:
            nearest = min(self._left, key=lambda one: len(differences(one.sent, sent, self._keep)))
            place = self._recording.exchanges.index(nearest)
        found = differences(nearest.sent, sent, self._keep)
        lines = "\n".join(f"  - {line}" for line in found)
        elsewhere = [
            at + 1
            for at, one in enumerate(self._recording.exchanges)
            if not differences(one.sent, sent, self._keep)
        ]
        also = f"\nIt is what was recorded as number {elsewhere[0]}." if elsewhere else ""
        return NotAsRecorded(
            f"{asked}was not recorded here. The nearest is number {place + 1} of "
            f"{len(self._recording.exchanges)}, {nearest.sent.method} {nearest.sent.path}; "
            f"it differs in\n{lines}{also}"
        )


def _response(exchange: Exchange, request: requests.PreparedRequest) -> responses.Response:
    given = exchange.given
    url, method = str(request.url), str(request.method)
    if given.failure:
        failures = {kind.__name__: kind for kind in FAILURES}
        kind = failures.get(given.failure, requests.exceptions.ConnectionError)
        return responses.Response(method, url, body=kind("as recorded"))
    headers = {name: value for name, value in given.headers.items() if name != "content-type"}
    type_ = given.headers.get("content-type", "")
    if given.body.kind == "multipart":
        type_ = f"{type_}; boundary={BOUNDARY}"
    elif type_ and given.body.kind in ("json", "xml", "csv", "text"):
        type_ = f"{type_}; charset=UTF-8"
    return responses.Response(
        method,
        url,
        body=bytes_of(given.body),
        status=given.status,
        headers=headers,
        content_type=type_ or None,
    )
