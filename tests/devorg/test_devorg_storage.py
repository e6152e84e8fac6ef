"""The embedded org's storage: types, transactions, serials, snapshots, a killed process."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sfprm.devorg.schema import FieldDef, load_schema
from sfprm.devorg.storage import Storage

KEY_FIELD = FieldDef("Partner_Key__c", "string", length=80, unique=True, external_id=True)


@pytest.fixture
def storage() -> Iterator[Storage]:
    """An empty org's storage in memory."""
    made = Storage(None)
    made.create(load_schema())
    yield made
    made.close()


def test_insert_mints_ids_and_get_gives_types_back(storage: Storage) -> None:
    """A record without Id gets one; flags are bool, absent ones false, '' is null."""
    (id_,) = storage.insert(
        "Lead", [{"LastName": "Berg", "FirstName": "", "AnnualRevenue": 5, "IsConverted": True}]
    )
    found = storage.get("Lead", id_)
    assert found is not None
    assert (found["FirstName"], found["AnnualRevenue"]) == (None, 5.0)
    assert (found["IsConverted"], found["IsDeleted"]) == (True, False)


def test_name_of_a_person_follows_its_parts(storage: Storage) -> None:
    """Name is computed, also after an update; a given Name is left out."""
    (id_,) = storage.insert("Contact", [{"FirstName": "Ana", "LastName": "Costa", "Name": "x"}])
    storage.update("Contact", id_, {"LastName": "Reis"})
    found = storage.get("Contact", id_)
    assert found is not None
    assert found["Name"] == "Ana Reis"


def test_find_compares_as_asked(storage: Storage) -> None:
    """find takes null, lists, and text in any case."""
    a, b, c = storage.insert("Account", [{"Name": "Acme"}, {"Name": "Berg"}, {"Name": "Cole"}])
    storage.update("Account", b, {"AccountNumber": "7"})
    assert [r["Id"] for r in storage.find("Account", Name="ACME")] == [a]
    assert [r["Id"] for r in storage.find("Account", AccountNumber=None)] == [a, c]
    assert [r["Id"] for r in storage.find("Account", {"Id": [c, b]})] == [b, c]
    assert storage.columns("Account", ("Name", "Id"), Id={c, b}) == [("Berg", b), ("Cole", c)]
    assert storage.columns("Account", ("IsPartner",), Name=["acme"]) == [(0,)]


def test_unknown_column_is_a_key_error(storage: Storage) -> None:
    """Only fields of the schema are columns; nothing is pasted into SQL."""
    with pytest.raises(KeyError):
        storage.find("Account", {'Name" = 1 --': "x"})
    with pytest.raises(KeyError):
        storage.insert("Account", [{'Name"; DROP TABLE "Lead': "x"}])


def test_update_and_delete_tell_whether_it_was_there(storage: Storage) -> None:
    """Both answer False for a record that is not there."""
    (id_,) = storage.insert("Account", [{"Name": "Acme"}])
    assert storage.update("Account", id_, {"Name": "Acme 2"})
    assert storage.delete("Account", id_)
    assert not storage.update("Account", id_, {"Name": "x"})
    assert not storage.delete("Account", id_)


def test_same_id_twice_is_refused(storage: Storage) -> None:
    """An Id is there once."""
    (id_,) = storage.insert("Account", [{"Name": "Acme"}])
    with pytest.raises(sqlite3.IntegrityError):
        storage.insert("Account", [{"Id": id_, "Name": "Other"}])


class _Stop(Exception):
    pass


def _insert_then_stop(storage: Storage) -> None:
    with storage.savepoint():
        storage.next_id("001")
        storage.insert("Account", [{"Name": "gone"}])
        raise _Stop


def test_savepoint_undoes_only_what_is_inside(storage: Storage) -> None:
    """An inner savepoint rolls back alone."""
    with storage.transaction():
        storage.insert("Account", [{"Name": "kept"}])
        with pytest.raises(_Stop):
            _insert_then_stop(storage)
    assert [row["Name"] for row in storage.find("Account")] == ["kept"]


def test_transaction_undoes_everything(storage: Storage) -> None:
    """An exception leaves nothing behind, ids included."""
    with pytest.raises(_Stop):
        _insert_then_stop(storage)
    assert storage.find("Account") == []
    assert storage.next_id("001")[6:15] == "000000001"


def test_serials_are_unique_over_threads(storage: Storage) -> None:
    """Many threads never get the same id."""
    given: list[str] = []
    threads = [
        threading.Thread(target=lambda: given.extend(storage.next_id("00Q") for _ in range(50)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(given)) == 200


def test_settings_are_json(storage: Storage) -> None:
    """meta keeps any JSON value."""
    storage.meta_set("x", {"a": [1, None]})
    assert storage.meta_get("x") == {"a": [1, None]}
    assert storage.meta_get("y", 7) == 7


def test_deployed_column_survives_reopening(tmp_path: Path) -> None:
    """A file remembers deployed fields and gives them to the schema."""
    path = str(tmp_path / "org.db")
    first = Storage(path)
    first.create(load_schema())
    first.add_column("Account", KEY_FIELD)
    first.insert("Account", [{"Name": "Acme", "Partner_Key__c": "acme"}])
    first.close()
    schema = load_schema()
    second = Storage(path)
    second.create(schema)
    account = schema.object("Account")
    assert account is not None
    assert account.field("partner_key__c") == KEY_FIELD
    assert second.find("Account", Partner_Key__c="ACME")[0]["Name"] == "Acme"
    second.close()


def test_file_of_an_older_schema_gets_new_columns(tmp_path: Path) -> None:
    """Fields that came with a newer version are there after opening an old file."""
    path = str(tmp_path / "org.db")
    older = load_schema()
    older.remove_field("Account", "Website")
    first = Storage(path)
    first.create(older)
    (id_,) = first.insert("Account", [{"Name": "Acme"}])
    first.close()
    second = Storage(path)
    second.create(load_schema())
    second.update("Account", id_, {"Website": "https://acme.example.com"})
    assert second.find("Account", Website="https://acme.example.com")[0]["Id"] == id_
    second.close()


@pytest.mark.parametrize("in_file", [False, True])
def test_snapshot_brings_everything_back(tmp_path: Path, in_file: bool) -> None:
    """restore undoes records, serials, settings and deployed columns, in memory and in a file."""
    storage = Storage(str(tmp_path / "org.db") if in_file else None)
    storage.create(load_schema())
    storage.insert("Account", [{"Name": "before"}])
    taken = storage.snapshot()
    storage.insert("Account", [{"Name": "after"}])
    storage.add_column("Account", KEY_FIELD)
    storage.meta_set("on", True)
    schema = load_schema()
    storage.restore(taken, schema)
    taken.close()
    assert [row["Name"] for row in storage.find("Account")] == ["before"]
    assert storage.meta_get("on") is None
    assert storage.added_fields() == []
    assert storage.next_id("001")[14] == "2"
    storage.add_column("Account", KEY_FIELD)
    storage.close()


WRITER = """
import sys
from sfprm.devorg.schema import load_schema
from sfprm.devorg.storage import Storage
storage = Storage(sys.argv[1])
storage.create(load_schema())
while True:
    with storage.transaction():
        storage.insert("Account", [{"Name": "one"}, {"Name": "two"}])
    print("done", flush=True)
"""


def test_killed_process_loses_nothing_and_leaves_no_half(tmp_path: Path) -> None:
    """After kill -9, what was committed is there, and each transaction is whole."""
    path = str(tmp_path / "org.db")
    with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        committed = 0
        for _ in range(5):
            assert child.stdout.readline() == b"done\n"
            committed += 1
        os.kill(child.pid, signal.SIGKILL)
    storage = Storage(path)
    storage.create(load_schema())
    names = [row["Name"] for row in storage.find("Account")]
    storage.close()
    assert len(names) >= 2 * committed
    assert names.count("one") == names.count("two")


class _Broken(Exception):
    """Takes a transaction back."""


def _rolled_back(storage: Storage, id_: str) -> None:
    with suppress(_Broken), storage.transaction():
        storage.update("User", id_, {"FirstName": "Ada"})
        storage.find("User", Id=id_)
        storage.meta_set("setting:x", 2)
        raise _Broken


_UPDATE = 'UPDATE "User" SET "FirstName" = \'Eva\' WHERE "Id" = ?'
_WAYS: dict[str, tuple[Callable[[Storage, str], object], str]] = {
    "update": (lambda storage, id_: storage.update("User", id_, {"FirstName": "Eva"}), "Eva"),
    "statement": (lambda storage, id_: storage.execute(_UPDATE, (id_,)), "Eva"),
    "rolled back": (_rolled_back, "Ana"),
}


@pytest.mark.parametrize("way", _WAYS)
def test_what_is_held_in_memory_is_what_is_stored(storage: Storage, way: str) -> None:
    """Users and settings that were asked for before are told as they are now."""
    (id_,) = storage.insert("User", [{"FirstName": "Ana", "LastName": "Reis"}])
    storage.meta_set("setting:x", 1)
    found = storage.find("User", Id=id_)
    found[0]["FirstName"] = "nobody's"
    assert storage.meta_get("setting:x") == 1
    work, name = _WAYS[way]
    work(storage, id_)
    assert [one["FirstName"] for one in storage.find("User", Id=id_)] == [name]
    assert storage.meta_get("setting:x") == 1
