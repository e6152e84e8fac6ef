"""The state copied, backed up, restored, exported, begun anew; on both databases."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sfprm.errors import BadRequest, Bug, NotReady
from sfprm.ids import RecordId
from sfprm.store import engine_tables
from sfprm.store.database import migrate, open_store
from sfprm.store.engine import connect_to
from sfprm.store.keeping import backup, copy_state, export, rebase, restore
from sfprm.store.work import Pause
from sfprm.store.writer import Store

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
ORG = RecordId("00DKp0000000001")
NEW = RecordId("00DKp0000000002")


@pytest.fixture
def lived_in(store: Store, channel: Any) -> Store:
    """A state with runs, decisions, credits and a pause."""
    store.bind_org(ORG, "Northwind", NOW)
    store.start_run(channel.a_run())
    channel.route(store, range(1, 30))
    store.refund(3, NOW)
    store.work.pause(Pause("route", NOW, "ana"))
    return store


NO_MORE_ROWS = {
    "sqlite": (
        "CREATE TRIGGER full BEFORE INSERT ON moves BEGIN SELECT RAISE(ABORT, 'full'); END",
    ),
    "postgresql": ("ALTER TABLE moves ADD CONSTRAINT full_ CHECK (false) NOT VALID",),
}
"""What lets a table take no rows any more."""


def whole(store: Store) -> tuple[Any, ...]:
    """All that a state says."""
    return (store.org(), store.runs(), store.entries(), store.all_ledgers(), store.work.pauses())


def test_a_backup_is_the_state_and_restores_it(
    lived_in: Store, state_url: str, channel: Any, tmp_path: Path
) -> None:
    """Also after the state has gone on; decisions follow on as if nothing had happened."""
    before = whole(lived_in)
    path = tmp_path / "kept" / "one.db"
    counts = backup(state_url, path)
    assert counts["journal"] == 30
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["one.db"]
    channel.route(lived_in, range(100, 130))
    with pytest.raises(NotReady, match="a state already"):
        restore(state_url, path)
    restore(state_url, path, replace=True)
    assert whole(lived_in) == before
    [entry] = channel.route(lived_in, [200])
    assert entry.sequence == 31
    assert lived_in.verify() == []


def test_a_backup_is_never_overwritten(lived_in: Store, state_url: str, tmp_path: Path) -> None:
    """Nor is anything else."""
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(BadRequest, match="exists"):
        backup(state_url, path)
    assert path.read_text() == "mine"


def test_a_tampered_backup_is_not_restored(lived_in: Store, state_url: str, tmp_path: Path) -> None:
    """The state stays."""
    path = tmp_path / "one.db"
    backup(state_url, path)
    engine = connect_to(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE heads SET length = length - 1"))
    engine.dispose()
    before = whole(lived_in)
    with pytest.raises(NotReady, match="does not verify"):
        restore(state_url, path, replace=True)
    assert whole(lived_in) == before


def test_a_restore_that_breaks_off_leaves_the_state(
    lived_in: Store, state_url: str, channel: Any, tmp_path: Path
) -> None:
    """In the middle of it: not an empty state, not half of one."""
    path = tmp_path / "one.db"
    backup(state_url, path)
    channel.route(lived_in, range(100, 110))
    before = whole(lived_in)
    engine = connect_to(state_url)
    with engine.begin() as connection:
        for statement in NO_MORE_ROWS[engine.dialect.name]:
            connection.execute(sa.text(statement))
    engine.dispose()
    with pytest.raises(Bug, match="refused a row"):
        restore(state_url, path, replace=True)
    assert whole(lived_in) == before


@pytest.mark.postgres
def test_from_sqlite_to_postgresql_and_back(
    channel: Any, postgres_url: str, tmp_path: Path
) -> None:
    """By one call each way: the same state, and it goes on."""
    here = f"sqlite:///{tmp_path / 'state.db'}"
    with open_store(here) as first:
        first.bind_org(ORG, "Northwind", NOW)
        channel.route(first, range(1, 40))
        before = whole(first)
    copy_state(here, postgres_url)
    with open_store(postgres_url) as second:
        assert whole(second) == before
        channel.route(second, range(40, 80))
        assert second.verify() == []
        after = whole(second)
    back = f"sqlite:///{tmp_path / 'back.db'}"
    copy_state(postgres_url, back)
    with open_store(back) as third:
        assert whole(third) == after
    with pytest.raises(NotReady, match="holds a state already"):
        copy_state(here, postgres_url)


def test_another_org_begins_empty_and_the_old_state_is_kept(
    lived_in: Store, state_url: str, tmp_path: Path
) -> None:
    """A refreshed sandbox."""
    before = whole(lived_in)
    archive = tmp_path / "archive.db"
    with pytest.raises(BadRequest, match=r"belongs to \S.* already; nothing was done"):
        rebase(state_url, ORG, archive, NOW)
    rebase(state_url, NEW, archive, NOW)
    held = lived_in.org()
    assert held is not None
    assert (held.org_id, lived_in.runs(), lived_in.entries()) == (NEW, [], [])
    with open_store(f"sqlite:///{archive}") as kept:
        assert whole(kept) == before


def test_an_export_is_a_line_a_record(lived_in: Store) -> None:
    """Plain JSON, every decision in order."""
    out = io.StringIO()
    count = export(lived_in, out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(lines) == count
    assert [n["sequence"] for n in lines if n["kind"] == "decision"] == list(range(1, 31))
    assert {n["kind"] for n in lines} == {"org", "run", "decision", "ledger"}


@pytest.mark.postgres
def test_the_engines_tables_come_with_the_states(postgres_url: str) -> None:
    """In a schema of their own, once, and again without harm."""
    for _ in range(2):
        migrate(postgres_url)
    engine = connect_to(postgres_url)
    with engine.connect() as connection:
        assert engine_tables.is_made(connection)
    engine.dispose()
