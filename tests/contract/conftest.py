"""Two ways into the org of a scenario: `sfprm.salesforce`, and HTTP as any client speaks it."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from sfprm.recording.plugin import Scenario
from sfprm.salesforce.credentials import ClientCredentials
from sfprm.salesforce.session import Session

VERSION = "66.0"


@dataclass
class Caller:
    """A logged-in client of plain HTTP; paths are below /services/data/v66.0 unless absolute."""

    http: requests.Session
    base: str
    scenario: Scenario
    made: list[str] = field(default_factory=list)

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        url = path if path.startswith("/") else f"/services/data/v{VERSION}/{path}"
        if body is not None:
            more["json"] = body
        answer = self.http.request(
            method, self.base + url, timeout=60, verify=trusted(self.scenario), **more
        )
        if method == "POST" and answer.status_code == 201:
            self.made.append(f"{path}/{answer.json()['id']}")
        return answer

    def rows(self, soql: str) -> list[dict[str, Any]]:
        """All records of a query that fits one page."""
        answer = self("GET", "query", params={"q": soql})
        assert answer.status_code == 200, answer.text
        records: list[dict[str, Any]] = answer.json()["records"]
        return records

    def make(self, object_: str, /, **values: Any) -> str:
        """Create a record; its id."""
        answer = self("POST", f"sobjects/{object_}", values)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def first(self, soql: str) -> str:
        """The id of the first record found; the scenario is skipped when the org has none."""
        rows = self.rows(soql)
        if not rows:
            pytest.skip(f"this org has no record for: {soql}")
        return str(rows[0]["Id"])


def trusted(scenario: Scenario) -> Any:
    """What `requests` takes as `verify`."""
    return str(scenario.ca) if scenario.ca else True


@pytest.fixture
def scenario(salesforce_recording: Scenario) -> Scenario:
    """The scenario that the test's marker names."""
    return salesforce_recording


@pytest.fixture
def session(scenario: Scenario) -> Iterator[Session]:
    """A session of sfprm in the scenario's org, with the scenario's clock."""
    credentials = ClientCredentials(
        scenario.login_url, scenario.client_id, SecretStr(scenario.client_secret)
    )
    with Session(
        credentials,
        clock=scenario.clock,
        api_version=VERSION,
        ca_bundle=scenario.ca,
        chance=random.Random(7),
    ) as opened:
        yield opened


@pytest.fixture
def call(scenario: Scenario) -> Iterator[Caller]:
    """A caller by client credentials. In a real org it deletes what it made."""
    with requests.Session() as http:
        answer = http.post(
            f"{scenario.login_url}/services/oauth2/token",
            data={
                "grant_type": "client_credentials",
                "client_id": scenario.client_id,
                "client_secret": scenario.client_secret,
            },
            timeout=60,
            verify=trusted(scenario),
        )
        assert answer.status_code == 200, answer.status_code
        http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        caller = Caller(http, answer.json()["instance_url"], scenario)
        yield caller
        if scenario.mode == "live":
            with scenario.unrecorded():
                for path in reversed(caller.made):
                    caller("DELETE", path)


@pytest.fixture
def irreversible(scenario: Scenario) -> None:
    """What a real org keeps for ever is done there only when it was said so."""
    if scenario.mode == "live" and os.environ.get("SFPRM_TEST_LIVE_IRREVERSIBLE") != "yes":
        pytest.skip("cannot be taken back: set SFPRM_TEST_LIVE_IRREVERSIBLE=yes")
