"""`sfprm setup` as people and pipelines type it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sfprm.ids import RecordId
from sfprm.jobs.setup import SetupOptions, is_production
from sfprm.salesforce.identity import OrgIdentity


def org(type_: str, *, sandbox: bool = False) -> OrgIdentity:
    """An org of an edition."""
    return OrgIdentity(
        org_id=RecordId("00D000000000001"),
        org_name="X",
        organization_type=type_,
        is_sandbox=sandbox,
        created=datetime(2019, 3, 4, tzinfo=UTC),
        user_id=RecordId("005000000000001"),
        username="agent@example.com",
        instance_url="https://x.example.com",
        api_version="66.0",
        instance_name="EU1",
    )


@pytest.mark.parametrize(
    ("type_", "sandbox", "listed", "wanted"),
    [
        ("Enterprise Edition", False, (), True),
        ("Unlimited Edition", False, ("00D000000000001",), True),
        ("Developer Edition", False, (), False),
        ("Developer Edition", False, ("00D000000000001EAA",), True),
        ("Enterprise Edition", True, ("00D000000000001EAA",), False),
    ],
)
def test_what_counts_as_production(
    type_: str, sandbox: bool, listed: tuple[str, ...], wanted: bool
) -> None:
    """Whatever is no sandbox or developer edition, and whatever is listed."""
    assert is_production(org(type_, sandbox=sandbox), listed) is wanted


@pytest.mark.parametrize(
    ("given", "writes"),
    [
        ({}, True),
        ({"dry_run": True}, False),
        ({"verify": True}, False),
        ({"export": Path("out")}, False),
        ({"restore": Path("b")}, True),
        ({"restore": Path("b"), "dry_run": True}, False),
    ],
)
def test_which_options_change_the_org(given: dict[str, Any], writes: bool) -> None:
    """Only those take the lock, and ask."""
    assert SetupOptions(**given).writes is writes


def test_a_pipeline_exports_deploys_and_verifies(sfprm: Any, devorg: Any, tmp_path: Path) -> None:
    """The export is a project with its packages in order; verify says what is missing."""
    env = devorg.env(tmp_path)
    out = tmp_path / "out"
    told = sfprm("setup", "--export", str(out), "--convert", "all", env=env)
    assert told.code == 0, told.err
    assert "README.md" in told.out
    project = json.loads((out / "sfdx-project.json").read_text("utf-8"))
    assert [p["path"] for p in project["packageDirectories"]] == ["fields", "convert", "switch-on"]
    missing = sfprm("setup", "--verify", "--json", env=env)
    assert missing.code == 1
    assert any(line.startswith("switch on") for line in missing.json["result"]["missing"])


def test_what_does_not_go_together() -> None:
    """One of export, verify and restore at a time."""
    with pytest.raises(ValidationError, match="do not go together"):
        SetupOptions(verify=True, export=Path("out"))
