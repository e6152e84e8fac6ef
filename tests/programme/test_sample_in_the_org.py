"""What is shipped fits the embedded org: the metadata deploys, the routing reads its leads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sfprm.clock import SystemClock
from sfprm.programme.fields_read import check_against_describe
from sfprm.programme.load import load_programme
from sfprm.salesforce.describe import describe
from sfprm.salesforce.metadata import deploy
from sfprm.salesforce.query import select_all
from sfprm.salesforce.session import open_session
from sfprm.settings import load_settings
from sfprm.shipped import metadata_files

ROOT = Path(__file__).parents[2]


def test_metadata_deploys_and_rules_read_what_is_there(devorg: Any, tmp_path: Path) -> None:
    """Fields and permission sets are taken as they are; every queue, user and field is known."""
    settings = load_settings(devorg.env(tmp_path))
    clock = SystemClock()
    session = open_session(settings, clock)
    try:
        outcome = deploy(session, metadata_files(ROOT / "config"), clock=clock)
        assert outcome.success, outcome.failures
        programme = load_programme(ROOT / "config")
        lead = describe(session, "Lead")
        assert lead is not None
        fields = {name: field.type for name, field in lead.fields.items()}
        assert check_against_describe(programme, fields) == []
        queues = {row["Name"] for row in select_all(session, "SELECT Name FROM Group")}
        assert {name for name, q in programme.queues.items() if not q.managed} <= queues
        users = {row["Username"] for row in select_all(session, "SELECT Username FROM User")}
        managers = {m.username for m in programme.channel_managers.values()}
        assert managers | {"lena.berg@alder.example.com"} <= users
    finally:
        session.close()
