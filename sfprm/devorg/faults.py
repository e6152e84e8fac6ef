"""Faults on demand: what goes wrong, where, after how many requests and how often."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Any

__all__ = ["KINDS", "Fault", "Faults"]

KINDS = ("expired-session", "503", "lock", "group-lock", "drop-before", "drop-after", "slow")


@dataclass(slots=True)
class Fault:
    """One fault asked for. `path` is a regular expression searched in the request's path (with
    query); a login is hit only when the pattern names `oauth2`. `after` requests pass first, then
    `times` are hit. `seconds` is for `slow`."""

    path: re.Pattern[str]
    method: str | None
    kind: str
    times: int
    after: int
    seconds: float


class Faults:
    """The faults now in force."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, wanted: dict[str, Any]) -> Fault:
        """Take a fault from the control API's JSON. Raises ValueError saying what is wrong."""
        kind = wanted.get("kind")
        if kind not in KINDS:
            raise ValueError(f"kind: {kind!r} is none of {', '.join(KINDS)}")
        unknown = set(wanted) - {"kind", "path", "method", "times", "after", "seconds"}
        if unknown:
            raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
        try:
            path = re.compile(str(wanted.get("path", "")), re.IGNORECASE)
        except re.error as error:
            raise ValueError(f"path: {error}") from error
        method = wanted.get("method")
        fault = Fault(
            path,
            str(method).upper() if method else None,
            kind,
            int(wanted.get("times", 1)),
            int(wanted.get("after", 0)),
            float(wanted.get("seconds", 1.0)),
        )
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """No faults any more."""
        with self._lock:
            self._faults.clear()

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault that hits this request, counted down; None for most."""
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                if fault.times <= 0 or (fault.method and fault.method != method):
                    continue
                if not fault.path.search(path):
                    continue
                if "/oauth2/" in path.lower() and "oauth2" not in fault.path.pattern.lower():
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
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
                }
                for fault in self._faults
                if fault.times > 0
            ]
