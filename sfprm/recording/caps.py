"""What a live run may do to an org: so many records and mails, and nothing for ever.

Counted at the line, before a request is sent, whoever sends it; what would go over is not sent,
and what the org refuses is given back. Deletions and reads are free: tidying up is never refused.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from sfprm.recording.failures import ForEver, TooMuch

__all__ = ["MAILS", "RECORDS", "Caps", "Weight", "weigh"]

RECORDS, MAILS = 200, 10
"""What a live run may write and send in all."""

_DATA = re.compile(r"/services/data/v\d+\.\d+/(?:tooling/)?")
_CHECK_ONLY = re.compile(rb"\"checkOnly\"\s*:\s*true")
_SOAP_WRITE = re.compile(rb"<(?:\w+:)?(?:create|update|upsert|deploy|delete)\w*[\s>]")
_SOAP_RECORD = re.compile(rb"<(?:\w+:)?sObjects[\s>]")
_USER = "a user, who can never be deleted"


@dataclass(frozen=True, slots=True)
class Weight:
    """Records written (created or changed) and mails sent by a request; `for_ever` names what of it
    cannot be taken back."""

    records: int = 0
    mails: int = 0
    for_ever: str = ""

    def __add__(self, other: Weight) -> Weight:
        return Weight(
            self.records + other.records,
            self.mails + other.mails,
            self.for_ever or other.for_ever,
        )


def weigh(method: str, path: str, body: bytes) -> Weight:
    """What a request comes to. `path` without its query. Pure; unknown writes count as one record.

    A user that is made counts as a mail too: the site may welcome them.
    """
    method = method.upper()
    if "/services/soap/" in path.lower():
        found = _SOAP_WRITE.search(body)
        deploys = found is not None and b"deploy" in found[0]
        records = max(1, len(_SOAP_RECORD.findall(body))) if found is not None else 0
        return Weight(records, for_ever="a deployment" if deploys else "")
    place = _DATA.match(path)
    if place is None or method in ("GET", "HEAD"):
        return Weight()
    return _rest(method, path[place.end() :].strip("/"), body)


def _rest(method: str, path: str, body: bytes) -> Weight:
    parts = path.lower().split("/")
    if method == "DELETE":
        return (
            Weight(mails=1) if parts[:2] == ["sobjects", "user"] and len(parts) == 4 else Weight()
        )
    if parts[:2] == ["metadata", "deployrequest"]:
        checked = len(parts) > 2 or _CHECK_ONLY.search(body) is not None
        return Weight() if checked else Weight(1, for_ever="a deployment")
    if parts[:2] == ["jobs", "ingest"]:
        return _ingest(method, parts, body)
    try:
        told: Any = json.loads(body) if body else {}
    except ValueError:
        return Weight(1)
    match parts:
        case ["composite", *_]:
            return _composite(method, parts, told)
        case ["actions", "standard", "emailsimple"]:
            return Weight(mails=sum(_addresses(one) for one in _list(told, "inputs")))
        case ["sobjects", "user"] if method == "POST":
            return Weight(1, 1, _USER)
        case ["sobjects", "user", field, _] if field != "id" and method == "PATCH":
            return Weight(1, 1, _USER)  # an upsert
    return Weight() if parts[:2] == ["jobs", "query"] else Weight(1)


def _ingest(method: str, parts: list[str], body: bytes) -> Weight:
    if method == "PUT":
        lines = csv.reader(io.StringIO(body.decode("utf-8", errors="replace"), newline=""))
        return Weight(max(0, sum(1 for line in lines if line) - 1))
    makes = method == "POST" and re.search(rb"\"object\"\s*:\s*\"user\"", body, re.I)
    return Weight(0, 0, _USER if makes else "")


def _composite(method: str, parts: list[str], told: Any) -> Weight:
    match parts[1:]:
        case []:
            return _all(_list(told, "compositeRequest"), "url", "body")
        case ["batch"]:
            return _all(_list(told, "batchRequests"), "url", "richInput")
        case ["graph"]:
            requests_ = [one for g in _list(told, "graphs") for one in _list(g, "compositeRequest")]
            return _all(requests_, "url", "body")
        case ["tree", object_]:
            return _records(_tree(told), object_ == "user")
        case ["sobjects", *rest] if "records" in told:
            records = _list(told, "records")
            inserts = method == "POST" or bool(rest)
            users = [r for r in records if _type(r) == "user"]
            return _records(len(records) - len(users), False) + _records(len(users), inserts)
    return Weight()  # records asked for by their ids


def _all(items: list[Any], url: str, body: str) -> Weight:
    total = Weight()
    for item in items:
        path = str(item.get(url, "")).partition("?")[0]
        path = _DATA.sub("", path) if path.startswith("/") else re.sub(r"^v\d+\.\d+/", "", path)
        method = str(item.get("method", "GET")).upper()
        if method not in ("GET", "HEAD"):
            total += _rest(method, path.strip("/"), json.dumps(item.get(body) or {}).encode())
    return total


def _records(count: int, makes_users: bool) -> Weight:
    return Weight(count, count, _USER) if makes_users and count else Weight(count)


def _tree(told: Any) -> int:
    records = _list(told, "records")
    return len(records) + sum(_tree(v) for r in records for v in r.values() if isinstance(v, dict))


def _list(told: Any, name: str) -> list[Any]:
    found = told.get(name) if isinstance(told, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _type(record: Any) -> str:
    attributes = record.get("attributes")
    return str(attributes.get("type", "")).lower() if isinstance(attributes, Mapping) else ""


def _addresses(one: Any) -> int:
    told = [
        value if isinstance(value, str) else ",".join(map(str, value))
        for name, value in one.items()
        if "address" in name.lower() and "sender" not in name.lower() and value
    ]
    return max(1, sum(1 for text in told for part in text.split(",") if part.strip()))


class Caps:
    """Counts, and refuses what would go over. Safe for threads.

    `kept_back` records are there for tidying up alone (see `tidying`). `for_ever`: whether a person
    has confirmed what cannot be taken back.
    """

    def __init__(
        self,
        records: int = RECORDS,
        mails: int = MAILS,
        *,
        kept_back: int = 0,
        for_ever: bool = False,
    ) -> None:
        self.spent = Weight()
        self._most = Weight(records, mails)
        self._kept_back = kept_back
        self.for_ever = for_ever
        self._lock = threading.Lock()

    def __str__(self) -> str:
        return (
            f"{self.spent.records} of {self._most.records} records written, "
            f"{self.spent.mails} of {self._most.mails} mails sent"
        )

    def spend(self, weight: Weight) -> None:
        """Count it. Raises TooMuch or ForEver, and counts nothing, when it may not be sent."""
        if weight.for_ever and not self.for_ever:
            raise ForEver(f"This would make {weight.for_ever}; it was not sent.")
        with self._lock:
            after = self.spent + weight
            over = weight.records and after.records > self._most.records - self._kept_back
            if over or (weight.mails and after.mails > self._most.mails):
                raise TooMuch(f"This request was not sent: {self} in this run.")
            self.spent = Weight(after.records, after.mails)

    def give_back(self, weight: Weight) -> None:
        """The org refused it: nothing was written or sent."""
        with self._lock:
            self.spent = Weight(
                self.spent.records - weight.records, self.spent.mails - weight.mails
            )

    @contextmanager
    def tidying(self) -> Iterator[None]:
        """The records kept back may be written inside."""
        kept, self._kept_back = self._kept_back, 0
        try:
            yield
        finally:
            self._kept_back = kept

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Weigh all that goes through `requests` in this process."""
        original = HTTPAdapter.send
        caps = self

        def send(
            adapter: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **options: Any
        ) -> requests.Response:
            path = urlsplit(request.url or "").path
            weight = weigh(request.method or "GET", path, _bytes_of(request))
            caps.spend(weight)
            response = original(adapter, request, *args, **options)
            if response.status_code >= 400:
                caps.give_back(weight)
            return response

        HTTPAdapter.send = send  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            HTTPAdapter.send = original  # type: ignore[method-assign]


def _bytes_of(request: requests.PreparedRequest) -> bytes:
    body = request.body
    content = body.encode() if isinstance(body, str) else body
    if not isinstance(content, bytes | bytearray):
        return b""
    packed = str(request.headers.get("Content-Encoding", "")).lower() == "gzip"
    return gzip.decompress(content) if packed else bytes(content)
