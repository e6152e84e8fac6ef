"""Who is called absent in the files leaves, with their leads handed on; once."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sfprm.events import NoProgress
from sfprm.jobs.offboard_queue import OffboardQueueJob, OffboardQueueOptions
from sfprm.jobs.provision import ProvisionJob, ProvisionOptions
from sfprm.jobs.route import RouteJob, RouteOptions
from sfprm.jobs.runner import Finished, Starter, run_job
from sfprm.salesforce.query import select_all
from sfprm.settings import load_settings
from tests.quick import quick_clock

if TYPE_CHECKING:
    from tests.conftest import DevOrg

ROOT = Path(__file__).parents[2]


class Office:
    """Two people of one partner and a whole one are called absent, after leads were routed."""

    def __init__(self, org: DevOrg, folder: Path) -> None:
        self.config = Path(shutil.copytree(ROOT / "config", folder / "config"))
        env = org.env(folder / "state", SFPRM_PROGRAMME=str(self.config))
        self.starter = Starter(load_settings(env), quick_clock(), NoProgress(), started_by="test")
        for job, options in (
            (ProvisionJob(), ProvisionOptions()),
            (RouteJob(), RouteOptions(limit=400)),
        ):
            assert run_job(job, options, self.starter).error is None
            org.event("first-login")

    def call_absent(self, name: str, *keys: str) -> None:
        """In a CSV of the programme, which may name no states so far."""
        path = self.config / name
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            row["state"] = "absent" if row["key"] in keys else row.get("state") or "active"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)

    def run(self, **options: Any) -> Finished:
        """The job."""
        return run_job(OffboardQueueJob(), OffboardQueueOptions(**options), self.starter)

    def standing(self, where: str) -> tuple[int, int]:
        """Active users, and open leads of users, with that condition on the user."""
        session = self.starter.connect()
        users = select_all(session, f"SELECT Id, IsActive FROM User WHERE {where}")
        ids = ", ".join(f"'{row['Id']}'" for row in users)
        leads = select_all(session, f"SELECT Id FROM Lead WHERE OwnerId IN ({ids})")
        return sum(row["IsActive"] for row in users), len(leads)


@pytest.fixture(scope="module")
def office(ready_org: DevOrg, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    office = Office(ready_org, tmp_path_factory.mktemp("queue"))
    with office.starter:
        yield office


def test_those_called_absent_leave_once(office: Office) -> None:
    """A person and a whole partner: shown first, then gone with nothing left behind; each with
    evidence of their own; the second run finds nobody."""
    person = "Contact.Partner_Key__c = 'rui.prata'"
    partner = "Contact.Account.Partner_Key__c = 'sulcom'"
    assert office.run().result.to_json()["done"] == {}  # type: ignore[union-attr]
    office.call_absent("people.csv", "rui.prata")
    office.call_absent("partners.csv", "sulcom")
    before = office.standing(partner)
    assert before[0] > 0
    assert before[1] > 0
    shown = office.run(dry_run=True)
    assert list(shown.result.to_json()["done"]) == ["sulcom", "rui.prata"]  # type: ignore[union-attr]
    assert office.standing(partner) == before
    first = office.run(most=1)
    assert first.result is not None, first.error
    assert (list(first.result.to_json()["done"]), first.result.to_json()["left_over"]) == (
        ["sulcom"], 1,
    )  # fmt: skip
    assert office.standing(partner) == (0, 0)
    assert office.standing(person)[0] == 1
    second = office.run()
    assert second.exit_code == 0, second.error
    assert office.standing(person) == (0, 0)
    for run, target in ((first.run, "sulcom"), (second.run, "rui.prata")):
        folder = office.starter.settings.state_dir / "runs" / run / target
        assert (folder / "evidence.json").is_file()
    again = office.run()
    assert again.result is not None
    assert again.result.counts == {"offboarded": 0, "refused": 0}
