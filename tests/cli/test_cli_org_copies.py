"""`sfprm org snapshot`, `restore` and `fork` against a running embedded org."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from tests.conftest import DevOrg, Program


def test_snapshot_fork_and_restore(sfprm: Program, devorg: DevOrg) -> None:
    """A snapshot is kept; a fork of it answers elsewhere; the org comes back to it."""
    org = ("--org", devorg.http)
    kept = sfprm("org", "snapshot", "ready", *org, "--json")
    assert (kept.code, kept.json["result"]["name"]) == (0, "ready"), kept.err
    devorg.control("POST", "clock", {"advance": 60})
    forked = sfprm("org", "fork", "copy", "--snapshot", "ready", *org, "--json")
    assert forked.code == 0, forked.err
    status = requests.get(forked.json["result"]["http"] + "/_devorg/status", timeout=30).json()
    assert (status["org"], status["story"]) == ("copy", "demo")
    devorg.control("DELETE", "orgs/copy")
    back = sfprm("org", "restore", "ready", *org)
    assert back.code == 0, back.err
    assert devorg.control("GET", "clock")["offset"] == 0


def test_a_snapshot_that_is_not_there(sfprm: Program, devorg: DevOrg) -> None:
    """Exit 2, in the org's words."""
    answer = sfprm("org", "restore", "nothing", "--org", devorg.http)
    assert answer.code == 2
    assert "no snapshot 'nothing'" in answer.err
