"""Salesforce's own command line, unchanged, against the embedded org.

Needs Node and the package (`make clients` installs it); without them the tests are skipped.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.installed import MODULES, installed

if not installed("@salesforce/cli"):
    pytest.skip("other vendors' clients are not installed: make clients", allow_module_level=True)

QUEUE = """<?xml version="1.0" encoding="UTF-8"?>
<Queue xmlns="http://soap.sforce.com/2006/04/metadata">
    <doesSendEmailToMembers>false</doesSendEmailToMembers>
    <name>Clients Desk</name>
    <queueSobject>
        <sobjectType>Lead</sobjectType>
    </queueSobject>
</Queue>
"""


@pytest.fixture(scope="module")
def sf(
    devorg_process: Any, node: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Any]:
    """Runs `sf … --json` in a project folder, logged in as the story's agent; its `result`."""
    devorg_process.reset("demo")
    project = tmp_path_factory.mktemp("sf-project")
    (project / "force-app").mkdir()
    (project / "sfdx-project.json").write_text(
        json.dumps(
            {
                "packageDirectories": [{"path": "force-app", "default": True}],
                "sourceApiVersion": "64.0",
            }
        )
    )
    program = MODULES / "@salesforce" / "cli" / "bin" / "run.js"
    quiet = {
        "SF_DISABLE_TELEMETRY": "true",
        "SF_AUTOUPDATE_DISABLE": "true",
        "SF_DISABLE_LOG_FILE": "true",
        "SF_SKIP_NEW_VERSION_CHECK": "true",
    }

    def run(*arguments: str, **env: str) -> Any:
        answer = json.loads(node(program, *arguments, "--json", cwd=project, **quiet, **env))
        return answer["result"]

    token = devorg_process.control("POST", "sessions", {"username": devorg_process.username})
    run(
        *("org", "login", "access-token", "--no-prompt", "--alias", "trial", "--set-default"),
        *("--instance-url", devorg_process.https),
        SF_ACCESS_TOKEN=token["access_token"],
    )
    run.project = project  # type: ignore[attr-defined]
    return run


def test_the_login_is_kept_under_its_alias(sf: Callable[..., Any], devorg_process: Any) -> None:
    """`sf org display` knows the user and the API version from then on."""
    shown = sf("org", "display")
    assert shown["username"] == devorg_process.username
    assert shown["alias"] == "trial"


def test_records_are_created_queried_and_changed(sf: Callable[..., Any]) -> None:
    """One record through the REST resource of its object, found again by SOQL."""
    made = sf(
        *("data", "create", "record", "--sobject", "Lead"),
        *("--values", "LastName='Ferro Lima' Company='Kobalt Sf'"),
    )
    sf(
        *("data", "update", "record", "--sobject", "Lead", "--record-id", made["id"]),
        *("--values", "Rating=Warm"),
    )
    found = sf(
        *("data", "query", "--query"),
        "SELECT LastName, Rating, Owner.Name FROM Lead WHERE Company = 'Kobalt Sf'",
    )
    assert [(it["LastName"], it["Rating"]) for it in found["records"]] == [("Ferro Lima", "Warm")]


def test_a_file_is_imported_by_bulk(sf: Callable[..., Any], tmp_path: Path) -> None:
    """`sf data import bulk` makes one Bulk API 2.0 job of it and waits for its end."""
    rows = "".join(f'"Bulk, {at}",Mole Sf\n' for at in range(250))
    (tmp_path / "leads.csv").write_text("LastName,Company\n" + rows)
    done = sf(
        *("data", "import", "bulk", "--sobject", "Lead", "--wait", "2"),
        *("--file", str(tmp_path / "leads.csv"), "--line-ending", "LF"),
    )
    assert (done["processedRecords"], done["failedRecords"]) == (250, 0)


def test_metadata_is_deployed_and_retrieved(sf: Callable[..., Any]) -> None:
    """A queue goes in as source and comes back as it was."""
    project: Path = sf.project  # type: ignore[attr-defined]
    source = project / "force-app" / "main" / "default" / "queues"
    source.mkdir(parents=True)
    file = source / "Clients_Desk.queue-meta.xml"
    file.write_text(QUEUE)
    deployed = sf("project", "deploy", "start", "--metadata", "Queue:Clients_Desk", "--wait", "2")
    assert deployed["success"] is True
    file.unlink()
    sf("project", "retrieve", "start", "--metadata", "Queue:Clients_Desk", "--wait", "2")
    assert "<sobjectType>Lead</sobjectType>" in file.read_text()
