"""`sfprm org describe` and `switch` against a running embedded org."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import DevOrg, Program

FLAGS = {"nillable": True, "createable": True, "updateable": True, "filterable": True}
FIELDS: list[dict[str, Any]] = [
    {"name": "Id", "type": "id", "label": "Record ID", "length": 18},
    {"name": "Name", "type": "string", "label": "Name", "length": 80, **FLAGS},
    {"name": "Tier__c", "type": "string", "label": "Tier", "length": 9, "custom": True, **FLAGS},
]


def test_a_describe_of_the_sf_cli(sfprm: Program, devorg: DevOrg, tmp_path: Path) -> None:
    """What `sf sobject describe --json` wrote gives the org a custom object."""
    described = {"name": "Deal__c", "label": "Deal", "custom": True, "fields": FIELDS}
    file = tmp_path / "deal.json"
    file.write_text(json.dumps({"status": 0, "result": described}), encoding="utf-8")
    answer = sfprm("org", "describe", str(file), "--org", devorg.http)
    assert answer.code == 0, answer.err
    assert "Deal__c: 3 fields, 1 of them custom." in answer.out


def test_a_file_that_is_none(sfprm: Program, devorg: DevOrg, tmp_path: Path) -> None:
    """Exit 2, with the file's name and what to keep in it."""
    file = tmp_path / "lead.json"
    file.write_text("<html>", encoding="utf-8")
    answer = sfprm("org", "describe", str(file), "--org", devorg.http)
    assert answer.code == 2
    assert "lead.json is not JSON" in answer.err


def test_switching_on_and_off(sfprm: Program, devorg: DevOrg) -> None:
    """A switch is turned, and told."""
    org = ("--org", devorg.http)
    on = sfprm("org", "switch", "state-country-picklists", *org)
    assert "state-country-picklists is on." in on.out
    off = sfprm("org", "switch", "state-country-picklists", "--off", *org, "--json")
    assert off.json["result"]["state_country_picklists"] is False
