"""Many leads at once: over a pool, to channel managers, by a file; and back, quickly."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sfprm.distribution.reassign import LeadsWanted, ReassignResult, reassign
from sfprm.distribution.undo import undo
from sfprm.errors import BadRequest
from sfprm.events import NoProgress
from sfprm.ids import PartnerKey, PoolKey, RunId
from sfprm.jobs.owners_moved import write_moves
from sfprm.jobs.reassign import ReassignOptions, _ids_in
from sfprm.programme.model import Cap
from sfprm.routing.credits import broken_laws
from tests.distribution.test_recall_org import PARTNERS, offering
from tests.quick import quick_clock

if TYPE_CHECKING:
    from tests.distribution.conftest import Channel

WAITING = "Owner.Name IN ('Web Leads', 'Event Leads')"


def move(channel: Channel, run: str = "moves", **options: object) -> ReassignResult:
    """One reassignment."""
    options = {"leads": LeadsWanted(where="IsConverted = false"), **options}
    return reassign(
        channel.session,
        channel.store,
        channel.programme,
        clock=quick_clock(),
        run=RunId(run),
        progress=NoProgress(),
        **options,  # type: ignore[arg-type]  # a row of a table
    )


def test_over_a_pool_to_its_managers_and_back(channel: Channel, tmp_path: Path) -> None:
    """Evenly, each lead in the result file; undone, every credit is back."""
    channel.only(40)
    channel.programme = offering(channel.programme)
    wanted = LeadsWanted(where="Owner.Name IN ('Web Leads', 'Event Leads')", limit=30)
    told = move(channel, leads=wanted, pool="trio", dry_run=True)
    assert channel.store.entries() == []
    done = move(channel, leads=wanted, pool="trio")
    assert [m.owner_new for m in done.moves] == [m.owner_new for m in told.moves]
    assert (done.moved, done.left, done.refused) == (30, (), ())
    won = Counter(c.winner for e in channel.store.entries() for c in e.choices[:1])
    assert won == {f"partner:{key}": 10 for key in PARTNERS}
    path = write_moves(tmp_path / "moves.csv", done)
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["Result"] for row in rows) == {"moved": 30}
    ids = LeadsWanted(ids=tuple(m.lead for m in done.moves))
    up = move(channel, "up", leads=ids, manager=True)
    managers = {m.owner_name for m in up.moves}
    assert (up.moved, len(managers) >= 1) == (30, True)
    commits: list[str] = []
    channel.store.on_commit(commits.append)
    for run in ("up", "moves"):
        back = undo(
            channel.session,
            channel.store,
            None,
            of=RunId(run),
            clock=quick_clock(),
            run=RunId(f"undo-{run}"),
            progress=NoProgress(),
        )
        assert (back.moved, back.cannot) == (30, ())
    assert len(commits) <= 10
    assert all(
        not ledger.credits or not any(ledger.credits.values()) for ledger in _ledgers(channel)
    )
    assert channel.store.verify() == []


def test_a_whole_set_is_shared_out_evenly(channel: Channel) -> None:
    """Within one lead of the entitlement, caps kept, shortfall named; no credit moves."""
    channel.only(40)
    channel.programme = offering(channel.programme)
    pool = channel.programme.routing.pools[PoolKey("trio")]
    capped = replace(pool.members[0], cap=Cap(open=4))
    heavy = replace(pool.members[1], weight=3)
    members = (capped, heavy, pool.members[2])
    routing = replace(channel.programme.routing, pools={pool.key: replace(pool, members=members)})
    channel.programme = replace(channel.programme, routing=routing)
    wanted = LeadsWanted(where="Owner.Name IN ('Web Leads', 'Event Leads')")
    done = move(channel, leads=wanted, pool="trio", evenly=True)
    assert (done.moved, done.left) == (40, ())
    people = {
        channel.user_id(p.key): p.partner
        for p in channel.programme.people.values()
        if p.partner in PARTNERS
    }
    got = Counter(people[m.owner_new] for m in done.moves)
    assert got[PartnerKey(PARTNERS[0])] == 4
    assert 24 <= got[PartnerKey(PARTNERS[1])] <= 28
    assert channel.store.all_ledgers() == {}
    all_capped = tuple(replace(m, cap=Cap(open=4)) for m in members)
    routing = replace(routing, pools={pool.key: replace(pool, members=all_capped)})
    channel.programme = replace(channel.programme, routing=routing)
    ids = LeadsWanted(ids=tuple(m.lead for m in done.moves[:5]))
    short = move(channel, "short", leads=ids, pool="trio", evenly=True)
    assert (short.moved, len(short.left)) == (0, 5)


def _ledgers(channel: Channel) -> list:  # type: ignore[type-arg]
    found = list(channel.store.all_ledgers().values())
    assert [w for ledger in found for w in broken_laws(ledger)] == []
    return found


def test_a_brake_stops_before_anything_is_written(channel: Channel) -> None:
    """And an unknown pool is named."""
    channel.only(5)
    with pytest.raises(BadRequest, match="more than --max-changes 3"):
        move(channel, queue="Partner leads South", max_changes=3)
    with pytest.raises(BadRequest, match="no pool 'nowhere'"):
        move(channel, pool="nowhere")
    assert channel.store.entries() == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Id,Company\n00QKp0000000001,A\n", ["00QKp0000000001"]),
        ("Company;Lead ID\nA;00QKp0000000001\nB;\n", ["00QKp0000000001"]),
    ],
)
def test_ids_of_a_file(tmp_path: Path, text: str, found: list[str]) -> None:
    """As reports and the data loader write them."""
    path = tmp_path / "leads.csv"
    path.write_text(text, encoding="utf-8-sig")
    assert _ids_in(path) == found
    assert ReassignOptions(to="manager", file=path).file == path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Company\nA\n", "has no column Id"),
        ("Id\nabc\n", r"leads\.csv:2: 'abc' is not a Salesforce id"),
        ("Id\n", "names no lead"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    """With the line."""
    path = tmp_path / "leads.csv"
    path.write_text(text)
    with pytest.raises(BadRequest, match=words):
        _ids_in(path)
