"""What moves users and groups waits while a metadata deployment runs in the org (operations.md,
rule 22): leaving, coming back, and a migration. Apply's own wait is among the bad days."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sfprm.clock import FakeClock
from sfprm.errors import TryLater
from sfprm.events import NoProgress
from sfprm.jobs.migrate import MigrateJob, MigrateOptions
from sfprm.jobs.offboard import OffboardJob, OffboardOptions
from sfprm.jobs.provision import ProvisionJob, ProvisionOptions
from sfprm.jobs.reinstate import ReinstateJob, ReinstateOptions
from sfprm.jobs.runner import Finished, Starter, run_job
from sfprm.provisioning.deployments import running_deployments
from sfprm.salesforce.query import select_all
from sfprm.settings import load_settings

if TYPE_CHECKING:
    from tests.conftest import DevOrg

ROOT = Path(__file__).parents[2]
SECONDS = 60
LEAVER = "acme-ibericos"
USERS = f"SELECT Id, IsActive FROM User WHERE Contact.Account.Partner_Key__c = '{LEAVER}'"
NOTHING = (
    '<Package xmlns="http://soap.sforce.com/2006/04/metadata"><version>60.0</version></Package>'
)
NEW = """Company,Country,Channel Manager,First Name,Last Name,E-Mail
Quinta do Vale,PT,marta,Ana,Vale,ana@vale.example.com
"""


class OrgWaits(FakeClock):
    """Whoever sleeps sees the org's clock go on as well."""

    def __init__(self, org: DevOrg) -> None:
        super().__init__(datetime(2026, 11, 23, tzinfo=UTC))
        self.org = org

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.org.control("POST", "clock", {"advance": seconds})


class Office:
    """The sample partners in the org, and a deployment whenever one is asked for."""

    def __init__(self, org: DevOrg, folder: Path) -> None:
        self.config = Path(shutil.copytree(ROOT / "config", folder / "config"))
        env = org.env(folder / "state", SFPRM_PROGRAMME=str(self.config))
        self.clock = OrgWaits(org)
        self.starter = Starter(load_settings(env), self.clock, NoProgress(), started_by="test")
        assert run_job(ProvisionJob(), ProvisionOptions(), self.starter).error is None
        org.control("POST", "delays", {"deployment_seconds": SECONDS})

    def deploy(self) -> None:
        """Somebody starts a deployment that takes a minute."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("package.xml", NOTHING)
        files = {
            "json": (None, json.dumps({"deployOptions": {}}), "application/json"),
            "file": ("deploy.zip", packed.getvalue(), "application/zip"),
        }
        form = requests.Request("POST", "http://localhost", files=files).prepare()
        self.starter.connect().request(
            "POST",
            "metadata/deployRequest",
            kind="metadata",
            data=form.body,
            headers={"Content-Type": form.headers["Content-Type"]},
            repeatable=False,
        )
        self.clock.slept.clear()

    def run(self, job: Any, options: Any) -> Finished:
        return run_job(job, options, self.starter)

    def rows(self, query: str) -> list[Any]:
        return select_all(self.starter.connect(), query)

    def standing(self) -> tuple[int, int, int]:
        """Of the leaver's users: how many are active, frozen, and in queues."""
        users = self.rows(USERS)
        ids = ", ".join(f"'{u['Id']}'" for u in users)
        frozen = self.rows(f"SELECT Id FROM UserLogin WHERE IsFrozen = true AND UserId IN ({ids})")
        member = f"SELECT Id FROM GroupMember WHERE UserOrGroupId IN ({ids})"
        return sum(u["IsActive"] for u in users), len(frozen), len(self.rows(member))


@pytest.fixture(scope="module")
def office(ready_org: DevOrg, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    office = Office(ready_org, tmp_path_factory.mktemp("deploying"))
    with office.starter:
        yield office
    ready_org.control("POST", "delays", {"deployment_seconds": 0})


def waited_in_vain(finished: Finished) -> str:
    """What the run says of the deployment; it has ended with a next try."""
    assert isinstance(finished.error, TryLater)
    assert "by Sfprm Agent since 20" in finished.error.message
    assert "--deployment-wait" in finished.error.hint
    return finished.error.message


def test_leaving_waits_once_nobody_can_log_in(office: Office) -> None:
    """Frozen at once; out of queues and inactive when the deployment has ended, by the same
    command: its evidence has what they owned, and the way back works from it."""
    active, frozen, members = office.standing()
    assert (active > 1, frozen, members > 1) == (True, 0, True)
    office.deploy()
    said = waited_in_vain(
        office.run(OffboardJob(), OffboardOptions(target=LEAVER, deployment_wait=10))
    )
    assert "They are frozen; nothing else was changed." in said
    assert office.standing() == (active, active, members)
    whole = office.run(OffboardJob(), OffboardOptions(target=LEAVER))
    assert whole.exit_code == 0, whole.error
    assert SECONDS - 10 < sum(office.clock.slept) < SECONDS + 30
    assert office.standing() == (0, active, 0)

    office.deploy()
    back = ReinstateOptions(target=LEAVER, deployment_wait=10)
    assert "Nothing was written." in waited_in_vain(office.run(ReinstateJob(), back))
    assert office.standing() == (0, active, 0)
    assert office.run(ReinstateJob(), ReinstateOptions(target=LEAVER)).exit_code == 0
    assert office.standing() == (active, 0, members)
    assert office.clock.slept


def test_one_who_left_already_is_not_waited_for(office: Office) -> None:
    """Nor is a dry run: neither writes anything that meets a deployment's locks."""
    assert office.run(OffboardJob(), OffboardOptions(target=LEAVER)).exit_code == 0
    office.deploy()
    for options in (
        OffboardOptions(target=LEAVER),
        OffboardOptions(target="nordica", dry_run=True),
    ):
        assert office.run(OffboardJob(), options).exit_code == 0
    assert running_deployments(office.starter.connect())


def test_a_leaving_that_died_keeps_what_it_took_away(office: Office) -> None:
    """Killed after the queues were left: the next run finds nothing to leave, and coming back puts
    them into their queues all the same."""
    assert office.run(ReinstateJob(), ReinstateOptions(target=LEAVER)).exit_code == 0
    before = office.standing()
    assert office.run(OffboardDies(), OffboardOptions(target=LEAVER)).exit_code == 130
    assert office.standing()[2] == 0
    assert office.run(OffboardJob(), OffboardOptions(target=LEAVER)).exit_code == 0
    assert office.run(ReinstateJob(), ReinstateOptions(target=LEAVER)).exit_code == 0
    assert office.standing() == before


class OffboardDies(OffboardJob):
    """Is stopped by hand when it begins to deactivate."""

    def run(self, context: Any, options: OffboardOptions) -> Any:
        told = context.progress.stage

        def stage(name: str, many: int | None) -> None:
            if name == "deactivate":
                raise KeyboardInterrupt
            told(name, many)

        context.progress.stage = stage
        try:
            return super().run(context, options)
        finally:
            context.progress.stage = told


def test_a_migration_waits_before_it_writes_files(office: Office, tmp_path: Path) -> None:
    """So that the same command goes on."""
    source = tmp_path / "legacy.csv"
    source.write_text(NEW, encoding="utf-8")
    office.deploy()
    options = MigrateOptions(file=source, accept=True)
    short = MigrateOptions(file=source, accept=True, deployment_wait=10)
    assert "Nothing was written." in waited_in_vain(office.run(MigrateJob(), short))
    assert not (office.config / "migrated").exists()
    whole = office.run(MigrateJob(), options)
    assert whole.exit_code == 0, whole.error or whole.result
    assert sum(office.clock.slept) > SECONDS - 10
    assert (office.config / "migrated" / "legacy-partners.csv").exists()
    found = office.rows("SELECT Id FROM User WHERE Contact.Account.Name = 'Quinta do Vale'")
    assert len(found) == 1
