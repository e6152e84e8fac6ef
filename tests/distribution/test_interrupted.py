"""A run that dies anywhere, and the same command again: same end, no double, nothing lost."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sfprm.clock import SystemClock
from sfprm.distribution.carry import Carrier
from sfprm.distribution.writing import AT_ONCE
from sfprm.events import NoProgress
from sfprm.store.records import WriteState

if TYPE_CHECKING:
    from tests.conftest import RunScript
    from tests.distribution.conftest import Channel

Opener = Callable[[Path], AbstractContextManager["Channel"]]
LEADS = 700

CHILD = """
import json, os, signal, sys
from pathlib import Path
from sfprm.clock import SystemClock
from sfprm.distribution.route import route
from sfprm.events import NoProgress
from sfprm.ids import RunId
from sfprm.programme.load import load_programme
from sfprm.salesforce.session import open_session
from sfprm.settings import load_settings
from sfprm.store.database import open_store

env, kind, name, times = json.loads(sys.argv[1])
left = times

def seen(what):
    global left
    if what == name:
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

settings = load_settings(env=env)
store = open_store(settings.database)
hooks = {"on_call": lambda done: seen(done.kind)} if kind == "call" else {}
if kind == "commit":
    store.on_commit(seen)
session = open_session(settings, SystemClock(), **hooks)
programme = load_programme(Path(env["SFPRM_PROGRAMME"]))
route(session, store, programme, clock=SystemClock(), run=RunId("dies"), progress=NoProgress())
"""


@pytest.fixture(scope="module")
def undisturbed(open_channel: Opener, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Lead → owner after a pass that nothing disturbed."""
    with open_channel(tmp_path_factory.mktemp("undisturbed")) as channel:
        channel.only(LEADS)
        channel.route()
        return channel.owners()


@pytest.mark.parametrize(
    ("kind", "name", "times"),
    [
        ("commit", "journal", 1),  # decided, nothing written
        ("call", "update", 1),
        ("call", "update", 3),
        ("call", "update", 4),  # all written, nothing confirmed
        ("commit", "decisions confirmed", 1),
    ],
)
def test_killed_and_run_again_ends_as_if_undisturbed(
    channel: Channel,
    undisturbed: dict[str, str],
    run_script: RunScript,
    kind: str,
    name: str,
    times: int,
) -> None:
    """kill -9 between any two steps."""
    channel.only(LEADS)
    spec = json.dumps([channel.org.env(channel.state_dir), kind, name, times])
    code, _, err = run_script(CHILD, spec)
    assert code == -signal.SIGKILL, err
    result = channel.route("again")
    assert channel.owners() == undisturbed
    entries = channel.store.entries()
    assert len({e.lead for e in entries}) == len(entries) == LEADS
    assert {e.state for e in entries} == {WriteState.CONFIRMED, WriteState.NOTHING_TO_WRITE}
    assert channel.store.verify() == []
    assert result.taken_up + result.looked_at <= LEADS


def test_broken_off_between_calls_and_run_again_ends_as_if_undisturbed(
    channel: Channel, undisturbed: dict[str, str]
) -> None:
    """Calls under way are waited for, none is begun after; the next run takes up all of it."""
    channel.only(LEADS)
    _decide_only(channel)
    open_entries = channel.store.entries(states=(WriteState.DECIDED,))

    class BreaksOff(NoProgress):
        def advance(self, by: int = 1) -> None:
            carrier.break_off()

    carrier = Carrier(channel.session, channel.store, SystemClock(), BreaksOff(), channel.programme)
    before = channel.session.calls.by_kind.get("update", 0)
    carrier.carry_out(open_entries)
    written = channel.session.calls.by_kind["update"] - before
    assert written == min(AT_ONCE + 1, ceil(len(open_entries) / 200))
    assert carrier.tally.confirmed == 0
    assert channel.store.entries(states=(WriteState.DECIDED,)) == open_entries
    channel.route("again")
    assert channel.owners() == undisturbed
    assert channel.store.verify() == []


class Dies(Exception):
    """The process ends here, as far as the code under test can tell."""


def _decide_only(channel: Channel) -> None:
    """A pass that dies once its decisions are journalled."""

    def die(what: str) -> None:
        if what == "journal":
            raise Dies

    channel.store.on_commit(die)
    with pytest.raises(Dies):
        channel.route("dies")
    channel.store._listeners.clear()


def test_a_person_who_moved_a_lead_meanwhile_wins(channel: Channel) -> None:
    """Overtaken: never fought, the credit returns, and it is not parked."""
    channel.only(60)
    _decide_only(channel)
    entry = next(e for e in channel.store.entries() if e.choices)
    marta = channel.query("SELECT Id FROM User WHERE Username = 'marta.lopes@alder.example.com'")
    channel.org.event(
        "person-edits", object="Lead", id=entry.lead, fields={"OwnerId": marta[0]["Id"]}
    )
    result = channel.route("again")
    [overtaken] = result.overtaken
    assert (overtaken.entry.lead, overtaken.state) == (entry.lead, WriteState.OVERTAKEN)
    assert overtaken.words == "Lena Berg gave it to Marta Lopes meanwhile"
    assert [e.refunds for e in channel.store.entries(kinds=("refund",))] == [entry.sequence]
    assert entry.lead not in {p.lead for p in channel.store.parked()}
    assert channel.store.verify() == []


def test_a_lead_that_was_deleted_meanwhile_gives_its_credit_back(channel: Channel) -> None:
    """Known from the recycle bin, not from its absence."""
    channel.only(60)
    _decide_only(channel)
    entry = next(e for e in channel.store.entries() if e.choices)
    channel.session.request("DELETE", f"sobjects/Lead/{entry.lead}", kind="delete")
    result = channel.route("again")
    assert [s.words for s in result.overtaken] == ["the lead was deleted meanwhile"]
    assert [e.refunds for e in channel.store.entries(kinds=("refund",))] == [entry.sequence]


def test_a_credit_is_not_given_back_twice(channel: Channel) -> None:
    """The run died between giving back and settling: the write is not tried again."""
    channel.only(60)
    _decide_only(channel)
    entry = next(e for e in channel.store.entries() if e.choices)
    channel.store.refund(entry.sequence, entry.decided_at)
    channel.route("again")
    assert len(channel.store.entries(kinds=("refund",))) == 1
    [settled] = channel.store.entries(lead=entry.lead, kinds=("route",))[:1]
    assert settled.state is WriteState.REFUSED
    assert channel.store.verify() == []
