"""Opening the state: new, known, older, newer, wrong."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from sfprm.errors import BadSettings, NotReady, TryLater
from sfprm.store.database import migrate, open_store
from sfprm.store.engine import connect_to
from sfprm.store.tables import HEAD, metadata


def test_a_new_database_gets_exactly_the_tables_of_the_code(store_url: str) -> None:
    """Migrating from nothing and the metadata agree, column by column."""
    open_store(store_url).close()
    engine = connect_to(store_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, metadata)
    engine.dispose()
    assert found == []


def test_the_code_knows_the_newest_migration() -> None:
    """HEAD, read without importing Alembic, is Alembic's head."""
    config = Config()
    config.set_main_option("script_location", "sfprm.store:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_opening_again_finds_what_was_written(store_url: str) -> None:
    """The state outlives the process's hold on it."""
    with open_store(store_url) as first:
        first.unpark([])
    with open_store(store_url) as second:
        assert second.runs() == []


def test_many_may_open_a_new_database_at_once(store_url: str) -> None:
    """One makes the tables, the others find them."""
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(open_store, [store_url] * 4))
    for store in stores:
        assert store.runs() == []
        store.close()


def test_migrating_twice_does_nothing_more(store_url: str) -> None:
    """`state migrate` is safe to repeat and says from which version it came."""
    assert migrate(store_url) == ("", HEAD)
    assert migrate(store_url) == (HEAD, HEAD)


def test_several_databases_are_made_at_once(tmp_path: Path) -> None:
    """By threads of one process: what makes the tables is one global of the process."""
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in "abcd"]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(migrate, urls)) == [("", HEAD)] * 4
    for url in urls:
        open_store(url).close()


@pytest.mark.parametrize(
    ("version", "words"), [("0000", f"needs {HEAD}"), ("9999", "newer than this sfprm knows")]
)
def test_another_version_is_not_written_to(store_url: str, version: str, words: str) -> None:
    """Older and newer tables are refused, with what to do."""
    migrate(store_url)
    engine = connect_to(store_url)
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE alembic_version SET version_num = '{version}'"))
    engine.dispose()
    with pytest.raises(NotReady, match=words) as caught:
        open_store(store_url)
    assert "sfprm" in caught.value.hint


def test_the_file_is_nobody_elses_to_read(tmp_path: Path) -> None:
    """Folder 0700, database and its side files 0600."""
    folder = tmp_path / "state"
    with open_store(f"sqlite:///{folder / 'state.db'}") as store:
        store.runs()
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://host/name", "sqlite://", "sqlite:///:memory:", "oops://x"]
)
def test_a_wrong_url_is_refused_with_the_right_forms(url: str) -> None:
    """Wrong URLs are settings' mistakes."""
    with pytest.raises(BadSettings) as caught:
        open_store(url)
    assert "postgresql+psycopg://" in caught.value.hint


def test_a_file_that_is_no_database_is_named_as_such(tmp_path: Path) -> None:
    """A damaged state is not written over."""
    path = tmp_path / "state.db"
    path.write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(NotReady, match="cannot be read"):
        open_store(f"sqlite:///{path}")


def test_a_server_that_does_not_answer_is_a_passing_trouble() -> None:
    """No traceback and no password when PostgreSQL is away."""
    with pytest.raises(TryLater) as caught:
        open_store("postgresql+psycopg://someone:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in str(caught.value)
