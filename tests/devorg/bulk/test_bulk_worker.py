"""Work that goes on between requests, by the org's clock alone."""

from __future__ import annotations

from dataclasses import replace

from sfprm.devorg.bulk.bulk import SLICE
from sfprm.devorg.bulk.job import Event, Job, State
from sfprm.devorg.org import Org
from sfprm.devorg.stamps import stamp_text
from sfprm.devorg.working import work_once


def _closed(org: Org, rows: int) -> str:
    """A closed job that inserts so many leads; its id."""
    now, id_ = stamp_text(org.clock.now()), org.storage.next_id("750")
    job = Job(id_, "ingest", "insert", "Lead", org.agent_id, "66.0", now, now, State.OPEN)
    org.bulk.store.prepare()
    org.bulk.add(job)
    lines = "".join(f"Lead {number},A\n" for number in range(rows))
    org.bulk.store.put_data(id_, f"LastName,Company\n{lines}")
    assert org.bulk.close(replace(job, uploaded=True)) is not None
    return id_


def test_nothing_waits(empty_org: Org) -> None:
    """An org without jobs has nothing to do, and knows it without a look at the database."""
    assert work_once(empty_org) is None
    assert not empty_org.bulk.waiting


def test_a_job_waits_for_its_instant(empty_org: Org) -> None:
    """Not before the org's clock says so; then it is done."""
    empty_org.delays.bulk_seconds = 60
    id_ = _closed(empty_org, 3)
    assert work_once(empty_org) == 60
    empty_org.clock.advance(45)
    assert work_once(empty_org) == 15
    assert empty_org.storage.find("Lead") == []
    empty_org.clock.advance(15)
    assert work_once(empty_org) is None
    job = empty_org.bulk.store.find(id_)
    assert job is not None
    assert (job.outcome, job.processed, job.state) == (Event.FINISH, 3, State.RUNNING)


def test_a_long_job_goes_on_by_slices(empty_org: Org) -> None:
    """Between slices others have the org; there is more to do at once."""
    _closed(empty_org, SLICE + 1)
    assert work_once(empty_org) == 0
    assert len(empty_org.storage.find("Lead")) == SLICE
    assert work_once(empty_org) is None
    assert len(empty_org.storage.find("Lead")) == SLICE + 1


def test_a_closed_org_is_left_alone(empty_org: Org) -> None:
    """No work for an org whose storage is gone."""
    _closed(empty_org, 1)
    empty_org.closed = True
    assert work_once(empty_org) is None
