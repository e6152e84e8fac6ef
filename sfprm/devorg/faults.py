"""Faults on demand: what goes wrong, where, after how many requests and how often."""

from __future__ import annotations

import random
import re
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfprm.devorg.api.exchange import Answer

__all__ = ["KINDS", "Fault", "Faults", "spoilt"]

KINDS = (
    "expired-session",
    "503",
    "html-503",
    "lock",
    "group-lock",
    "exhausted",
    "concurrent",
    "query-timeout",
    "person-edits",
    "slow",
    "drop-before",
    "drop-after",
    "duplicate",
    "truncated",
    "half",
    "wrong-content-type",
)
"""What can go wrong: answers of the org (to `query-timeout`), a person in between, and the way from
and to the org. `truncated` cuts the connection in the middle of an answer, `half` sends half of it
as if it were whole; both come after the effect. `duplicate` runs the request twice."""
_KEYS = {"kind", "path", "method", "times", "after", "seconds", "rate", "seed", "lasts", "edit"}


@dataclass(slots=True)
class Fault:
    """One fault asked for. `path` is a regular expression searched in the request's path (with
    query); a login is hit only when the pattern names `oauth2`. `after` requests pass first, then
    `times` are hit (None: no end), each with the chance `rate`, drawn from `seed`; from `until` of
    the org's clock on none is. `seconds` is for `slow`, `edit` for `person-edits`: object, fields,
    and perhaps id and by."""

    path: re.Pattern[str]
    method: str | None
    kind: str
    times: int | None
    after: int
    seconds: float
    rate: float = 1.0
    chance: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311
    until: datetime | None = None
    edit: dict[str, Any] | None = None

    def matches(self, method: str, path: str, now: datetime) -> bool:
        """The request is one that may be hit."""
        if self.times is not None and self.times <= 0:
            return False
        if self.until is not None and now >= self.until:
            return False
        if (self.method and self.method != method) or not self.path.search(path):
            return False
        return "/oauth2/" not in path.lower() or "oauth2" in self.path.pattern.lower()


class Faults:
    """The faults now in force."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, wanted: dict[str, Any], now: datetime) -> Fault:
        """Take a fault from the control API's JSON; `lasts` is counted in seconds from now. Raises
        ValueError saying what is wrong."""
        kind = wanted.get("kind")
        if kind not in KINDS:
            raise ValueError(f"kind: {kind!r} is none of {', '.join(KINDS)}")
        unknown = set(wanted) - _KEYS
        if unknown:
            raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
        try:
            path = re.compile(str(wanted.get("path", "")), re.IGNORECASE)
        except re.error as error:
            raise ValueError(f"path: {error}") from error
        method = wanted.get("method")
        endless = "rate" in wanted or "lasts" in wanted
        times = wanted.get("times", None if endless else 1)
        rate = float(wanted.get("rate", 1.0))
        if not 0 <= rate <= 1:
            raise ValueError("rate: a number from 0 to 1 is needed")
        edit = wanted.get("edit")
        if (kind == "person-edits") != isinstance(edit, dict):
            raise ValueError("edit: an object with object and fields goes with person-edits only")
        fault = Fault(
            path,
            str(method).upper() if method else None,
            kind,
            None if times is None else int(times),
            int(wanted.get("after", 0)),
            float(wanted.get("seconds", 1.0)),
            rate,
            random.Random(int(wanted.get("seed", 0))),  # noqa: S311
            now + timedelta(seconds=float(wanted["lasts"])) if "lasts" in wanted else None,
            edit,
        )
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """No faults any more."""
        with self._lock:
            self._faults.clear()

    def strike(self, method: str, path: str, now: datetime) -> Fault | None:
        """The fault that hits this request, counted down; None for most."""
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                if not fault.matches(method, path, now):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                if fault.rate < 1 and fault.chance.random() >= fault.rate:
                    continue
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None

    def as_json(self) -> list[dict[str, Any]]:
        """What is in force, with what is left of it."""
        with self._lock:
            return [
                {
                    "path": fault.path.pattern,
                    "method": fault.method,
                    "kind": fault.kind,
                    "times": fault.times,
                    "after": fault.after,
                    "seconds": fault.seconds,
                    "rate": fault.rate,
                    "until": fault.until.isoformat() if fault.until else None,
                    "edit": fault.edit,
                }
                for fault in self._faults
                if fault.times is None or fault.times > 0
            ]


def spoilt(answer: Answer, fault: Fault) -> Answer:
    """The answer as it arrives under a fault that is about its content."""
    if fault.kind == "half":
        content = answer.content(pretty=False)
        return replace(answer, raw=content[: len(content) // 2])
    if fault.kind == "wrong-content-type":
        return replace(answer, content_type="text/html; charset=UTF-8")
    return answer
