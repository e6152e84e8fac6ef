"""Jobs outlive the process: they are in the org's database with their data."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from sfprm.devorg.apps import ConnectedApp
from sfprm.devorg.bulk.job import Event, Job, State
from sfprm.devorg.org import AGENT_USERNAME, Org
from sfprm.devorg.schema import load_schema
from sfprm.devorg.stamps import stamp_text
from sfprm.devorg.storage import Storage


def open_org(storage: Storage, folder: Path) -> Org:
    """The org in a database, as a new process finds it."""
    org = Org(storage, load_schema(), folder, ConnectedApp("id", "secret", AGENT_USERNAME))
    storage.create(org.schema)
    return org


def test_a_closed_job_goes_on_after_a_restart(tmp_path: Path) -> None:
    """Closed by one process, done by the next, its poll not forgotten."""
    path = str(tmp_path / "org.db")
    with closing(Storage(path)) as storage:
        org = open_org(storage, tmp_path)
        org.seed("empty", 7)
        now = stamp_text(org.clock.now())
        id_ = storage.next_id("750")
        job = Job(id_, "ingest", "insert", "Lead", org.agent_id, "66.0", now, now, State.OPEN)
        org.bulk.store.prepare()
        org.bulk.add(job)
        org.bulk.store.put_data(id_, "LastName,Company\nA,B\n")
        closed = org.bulk.close(replace(job, uploaded=True))
        assert closed is not None
        assert org.bulk.poll(closed).state is State.UPLOADED
    with closing(Storage(path)) as storage:
        org = open_org(storage, tmp_path)
        org.bulk.settle()
        kept = org.bulk.store.find(id_)
        assert kept is not None
        assert (kept.outcome, kept.processed, kept.failed) == (Event.FINISH, 1, 0)
        assert org.bulk.poll(kept).state is State.DONE
        assert [one["LastName"] for one in storage.find("Lead")] == ["A"]


def test_aborted_rows_are_kept_apart(tmp_path: Path) -> None:
    """An aborted job does no work, and says which rows were left."""
    with closing(Storage(None)) as storage:
        org = open_org(storage, tmp_path)
        org.seed("empty", 7)
        now = stamp_text(org.clock.now())
        id_ = storage.next_id("750")
        job = Job(id_, "ingest", "insert", "Lead", org.agent_id, "66.0", now, now, State.OPEN)
        org.bulk.store.prepare()
        org.bulk.add(job)
        org.bulk.store.put_data(id_, "LastName,Company\nA,B\n")
        closed = org.bulk.close(job)
        assert closed is not None
        aborted = org.bulk.abort(closed)
        assert aborted is not None
        org.bulk.settle()
        assert org.bulk.abort(aborted) is None
        assert org.bulk.store.parts(id_, "unprocessed") == ['"LastName","Company"\n"A","B"\n']
        assert storage.find("Lead") == []
