"""What the calls cost: counted by kind, beside what the org says of its daily allowance."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from sfprm.errors import BudgetSpent
from sfprm.salesforce.budget import CallBudget

__all__ = ["FREE_KINDS", "CallCount", "CallDone", "CallMark", "log_call", "log_refused"]

FREE_KINDS = frozenset({"login", "versions"})
"""Kinds that Salesforce does not count against the daily allowance: the token endpoint and the
list of API versions (documented for the latter; unverified for the former)."""

_USAGE = re.compile(r"(?:^|[^-\w])api-usage=(\d+)/(\d+)")


@dataclass(frozen=True, slots=True)
class CallDone:
    """One HTTP request that ended. Without query strings, bodies or tokens: safe to log.

    `status` is 0 when no answer came; `attempt` starts at 1.
    """

    kind: str
    method: str
    path: str
    status: int
    seconds: float
    attempt: int
    request_id: str
    host: str = ""


@dataclass(frozen=True, slots=True)
class CallMark:
    """Calls counted up to a moment, or between two."""

    total: int = 0
    by_kind: Mapping[str, int] = field(default_factory=dict)


class Counting:
    """Calls made within a stretch of work, those of its threads included. Safe for threads."""

    def __init__(self) -> None:
        self.total = 0
        self._lock = threading.Lock()

    def add(self) -> None:
        """One more."""
        with self._lock:
            self.total += 1


_here: ContextVar[Counting | None] = ContextVar("calls counted here", default=None)


class CallCount:
    """Counts requests as they are sent, repeats included. Safe for threads.

    `total` leaves out FREE_KINDS; `by_kind` holds them. `allowance` is (used, most) of the org's
    rolling 24 hours, as the newest answer said, or None before the first.
    """

    def __init__(self, budget: CallBudget | int | None = None) -> None:
        self._budget = budget if isinstance(budget, CallBudget) else CallBudget(budget)
        self._spent_before = 0
        self._left_at_start: int | None = None
        self._by_kind: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._allowance: tuple[int, int] | None = None
        self._is_old = False  # the allowance was told in an earlier run

    @property
    def total(self) -> int:
        return self.snapshot().total

    @property
    def by_kind(self) -> dict[str, int]:
        with self._lock:
            return dict(sorted(self._by_kind.items()))

    @property
    def allowance(self) -> tuple[int, int] | None:
        return self._allowance

    @property
    def budget(self) -> int | None:
        """Most calls that one run may make; None: no limit of ours."""
        return self._budget.most

    @property
    def room(self) -> int | None:
        """Calls that this run may still make, by the budget and by what the org told; None before
        anything is known."""
        with self._lock:
            spent = self._charged() - self._spent_before
            return self._budget.room(spent, self._allowance, self._left_at_start)

    def begin_run(self) -> None:
        """From here on, a new run's calls count toward the budget (a daemon's session outlives its
        runs). Its first call is sent whatever was left: the org's day moves on, and only an answer
        tells."""
        with self._lock:
            self._spent_before = self._charged()
            self._left_at_start = self._left()
            self._is_old = self._allowance is not None

    def _left(self) -> int | None:
        if self._allowance is None:
            return None
        return max(0, self._allowance[1] - self._allowance[0])

    def _charged(self) -> int:
        return sum(n for k, n in self._by_kind.items() if k not in FREE_KINDS)

    def snapshot(self) -> CallMark:
        """The count at this moment, for `since`."""
        by_kind = self.by_kind
        return CallMark(sum(n for k, n in by_kind.items() if k not in FREE_KINDS), by_kind)

    def since(self, mark: CallMark) -> CallMark:
        """The calls made after `mark` was taken."""
        now = self.snapshot()
        by_kind = {k: n - mark.by_kind.get(k, 0) for k, n in now.by_kind.items()}
        return CallMark(now.total - mark.total, {k: n for k, n in by_kind.items() if n})

    @contextmanager
    def counting(self) -> Iterator[Counting]:
        """Counts the calls made inside, by this thread and by those that work in its context,
        whatever others of the process make meanwhile. FREE_KINDS are left out."""
        found = Counting()
        token = _here.set(found)
        try:
            yield found
        finally:
            _here.reset(token)

    def spend(self, kind: str) -> float:
        """Count a call that is about to be sent; returns the seconds to wait before it.

        Raises BudgetSpent instead when a bound is reached; free kinds always pass.
        """
        with self._lock:
            pause = 0.0
            if kind not in FREE_KINDS:
                spent = self._charged() - self._spent_before
                if self._is_old and spent == 0:
                    verdict = self._budget.verdict(spent, None, None)
                else:
                    verdict = self._budget.verdict(spent, self._allowance, self._left_at_start)
                if verdict.stop:
                    raise BudgetSpent(
                        f"{verdict.stop}; the next call ({kind}) was not sent.", hint=verdict.hint
                    )
                pause = verdict.pause
            self._by_kind[kind] += 1
            here = _here.get()
            if here is not None and kind not in FREE_KINDS:
                here.add()
            return pause

    def watch(self, limit_info: str | None) -> None:
        """Take in an answer's `Sforce-Limit-Info` header (`api-usage=18/5000; …`)."""
        found = _USAGE.search(limit_info or "")
        if found:
            with self._lock:
                self._allowance = (int(found[1]), int(found[2]))
                if self._left_at_start is None or self._is_old:
                    self._left_at_start = self._left()
                self._is_old = False


def log_call(done: CallDone) -> None:
    """A ready `on_call` hook: one structlog event a request, at level debug; one that was refused
    or not answered at level info, so that its id is at hand when Salesforce is asked about it."""
    import structlog

    from sfprm.events import Event

    log = structlog.get_logger("sfprm.salesforce")
    well = 0 < done.status < 400
    (log.debug if well else log.info)(
        Event.CALL_DONE.value if well else Event.CALL_FAILED.value,
        kind=done.kind,
        method=done.method,
        path=done.path,
        status=done.status,
        milliseconds=round(done.seconds * 1000),
        attempt=done.attempt,
        request_id=done.request_id,
    )


def log_refused(object_: str, operation: str, rows: Iterable[tuple[str, str]]) -> None:
    """A structlog event for each row that the org refused, at level info: its record's id, if it
    has one, and the code of the refusal; not the words, which may quote what people wrote."""
    import structlog

    from sfprm.events import Event

    log = structlog.get_logger("sfprm.salesforce")
    for record, code in rows:
        log.info(
            Event.ROW_REFUSED.value, object=object_, operation=operation, record=record, code=code
        )
