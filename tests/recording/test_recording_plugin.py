"""The pytest plugin, as another project uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

SCENARIO = """
import pytest, requests

@pytest.mark.salesforce_recording("versions", story="empty")
def test_versions(salesforce_recording):
    told = salesforce_recording
    name = told.fact("name", lambda: "Some One")
    verify = str(told.ca) if told.ca else True
    answer = requests.get(told.login_url + "/services/data", timeout=30, verify=verify)
    assert answer.json()[-1]["version"] >= "60.0"
    assert name == "Some One" if told.mode == "devorg" else name == "text-1"

@pytest.mark.salesforce_recording("other")
def test_other(salesforce_recording):
    raise AssertionError("not asked for")
"""
OPTIONS = ("-p", "no:cacheprovider", "--sfprm-scenario", "versions")


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project of somebody's with two scenarios and no recordings."""
    pytester.makepyfile(test_theirs=SCENARIO)
    return pytester


def test_without_a_recording(project: pytest.Pytester) -> None:
    """The test fails with the file and the command that makes it."""
    result = project.runpytest_inprocess(*OPTIONS)
    result.assert_outcomes(errors=1, deselected=1)
    result.stdout.fnmatch_lines(["*fixtures/recordings/versions.yaml: no such recording.*"])
    result.stdout.fnmatch_lines(["*--sfprm-record*"])


def test_recording_needs_an_org(project: pytest.Pytester) -> None:
    """Never from a recording."""
    result = project.runpytest_inprocess(*OPTIONS, "--sfprm-record")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--sfprm-record needs an org*"])


def test_live_needs_a_named_org(project: pytest.Pytester) -> None:
    """What is missing is named."""
    result = project.runpytest_inprocess(*OPTIONS, "--sfprm-mode", "live")
    result.assert_outcomes(errors=1, deselected=1)
    result.stdout.fnmatch_lines(["*SFPRM_TEST_LIVE_LOGIN_URL*"])


def test_an_unknown_scenario(project: pytest.Pytester) -> None:
    """Those that there are are named."""
    result = project.runpytest_inprocess(*OPTIONS, "--sfprm-scenario", "versoins")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no such scenario: versoins; there are other, versions*"])


def test_recorded_then_replayed(project: pytest.Pytester) -> None:
    """In the embedded org first; then without any. The page's example with them. A failed
    scenario is not written."""
    page = Path(__file__).parents[2].joinpath("docs/recording.md").read_text(encoding="utf-8")
    example = page.partition("```python\n")[2].partition("```")[0]
    project.makepyfile(test_page=example)
    record = (*OPTIONS[:-2], "--sfprm-mode", "devorg", "--sfprm-record")
    folder = project.path / "fixtures/recordings"
    project.runpytest_inprocess(*record).assert_outcomes(passed=2, failed=1)
    written = sorted(path.name for path in folder.iterdir())
    assert written == ["hot-leads.yaml", "versions.yaml"]
    text = (folder / "versions.yaml").read_text(encoding="utf-8")
    assert "recorded from the embedded org" in text
    assert "Some One" not in text
    replayed = project.runpytest_inprocess(*OPTIONS, "--sfprm-scenario", "hot-leads")
    replayed.assert_outcomes(passed=2, deselected=1)
    replayed.stdout.fnmatch_lines(["2 of 2 replayed scenarios have no recording from a real org*"])
