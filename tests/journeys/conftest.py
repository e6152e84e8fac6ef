"""The demo told once; and an org in which `apply` and `route` can be killed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sfprm.clock import SystemClock
from sfprm.salesforce.query import select_all
from sfprm.salesforce.session import open_session
from sfprm.settings import load_settings

if TYPE_CHECKING:
    from tests.conftest import DevOrg, Program


@dataclass(frozen=True)
class Told:
    """What the demo said and left."""

    code: int
    said: dict[str, Any]
    err: str
    folder: Path


@pytest.fixture(scope="session")
def told(sfprm: Program, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """`sfprm demo --json` in an empty folder, with an empty home."""
    folder = tmp_path_factory.mktemp("told")
    answer = sfprm("demo", "--json", cwd=folder, timeout=120)
    return Told(answer.code, json.loads(answer.out or "{}"), answer.err, folder / "sfprm-demo")


@dataclass(frozen=True)
class Scene:
    """An org and a state, for the program to work on."""

    org: DevOrg
    env: dict[str, str]

    def estate(self) -> dict[str, list[Any]]:
        """Partners, people, queues and owners, by name instead of id: equal for equal ends."""
        with open_session(load_settings(self.env), SystemClock()) as session:
            users = select_all(session, "SELECT Id, Username FROM User")
            names = {row["Id"]: row["Username"] for row in users}
            return {
                name: sorted(repr(_by_name(row, names)) for row in select_all(session, query))
                for name, query in ESTATE.items()
            }


ESTATE = {
    "accounts": "SELECT Name, AccountNumber, Partner_Key__c, IsPartner, Owner.Username, Phone, "
    "BillingCity FROM Account",
    "contacts": "SELECT Name, Email, Partner_Key__c, Account.Name, Owner.Username FROM Contact",
    "users": "SELECT Username, Name, Email, IsActive, Profile.Name, UserRole.Name, Contact.Name "
    "FROM User",
    "queues": "SELECT Name, DeveloperName, Type FROM Group WHERE Type = 'Queue'",
    "for leads": "SELECT Queue.Name, SobjectType FROM QueueSobject",
    "members": "SELECT Group.Name, UserOrGroupId FROM GroupMember WHERE Group.Type = 'Queue'",
    "leads": "SELECT Email, Company, Owner.Name, Status FROM Lead",
    "seats": "SELECT Name, UsedLicenses FROM UserLicense",
}


def _by_name(row: Any, names: dict[str, str]) -> Any:
    if isinstance(row, Mapping):
        return {k: _by_name(v, names) for k, v in sorted(row.items()) if k != "Id"}
    return names.get(row, row)


@pytest.fixture(scope="session")
def open_scene(devorg_process: DevOrg) -> Callable[[str], Scene]:
    """Opens the org as it is after setup, with a state in the folder named."""

    def opened(state: str) -> Scene:
        devorg_process.control("DELETE", "faults")
        devorg_process.reset("partners-ready")
        return Scene(devorg_process, devorg_process.env(Path(state)))

    return opened
