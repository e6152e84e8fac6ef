"""Processes of several orgs, each told once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sfprm.insight.hands_now import hands_now
from sfprm.store.work import WorkerSeen

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def seen(process: int, doing: str = "", minutes: int = 0, host: str = "one") -> WorkerSeen:
    """A process, started so many minutes after NOW and seen a minute later."""
    at = NOW + timedelta(minutes=minutes)
    minute = timedelta(minutes=1)
    return WorkerSeen(f"{host}:{process}", "worker", host, process, at, at + minute, doing)


def test_a_process_is_told_once_with_what_it_does() -> None:
    """It lives in the state of each org that it has worked in, and is busy in one of them."""
    found = hands_now(
        {"": [seen(1), seen(2, "route r1")], "emea": [seen(1, "route r2", minutes=5), seen(2)]}
    )
    assert [(h.seen.process, h.words) for h in found] == [(1, "route r2 @emea"), (2, "route r1")]
    assert found[0].seen.started == NOW
    assert found[0].seen.seen == NOW + timedelta(minutes=6)


def test_processes_of_one_number_on_two_hosts_are_two() -> None:
    """A number is a host's own."""
    found = hands_now({"": [seen(1), seen(1, host="two")]})
    assert [(h.seen.host, h.words) for h in found] == [("one", ""), ("two", "")]
