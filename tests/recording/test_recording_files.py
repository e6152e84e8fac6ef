"""The files in fixtures/, the scanner, drift, and where recording is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sfprm.recording import BadRecording, ProductionOrg, Source, load, save
from sfprm.recording.__main__ import main
from sfprm.recording.drift import drift, drift_of_places
from sfprm.recording.orgs import Organization, named_org, refuse_production
from sfprm.recording.scan import scan_files, scan_text
from sfprm.recording.scrub import scrubbed

ROOT = Path(__file__).parents[2]
RECORDINGS = sorted((ROOT / "fixtures/recordings").glob("*.yaml"))


def test_nothing_real_in_fixtures() -> None:
    """Every file below fixtures/, whoever put it there."""
    assert [str(one) for one in scan_files([ROOT / "fixtures"])] == []


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_says_where_it_is_from(path: Path) -> None:
    """Its first lines, for a reader; its source, for the program."""
    told = load(path)
    assert told.scenario == path.stem
    assert f"from: {told.source}" in path.read_text(encoding="utf-8")
    assert told.source.kind in ("embedded org", "org")


@pytest.mark.parametrize(
    "text",
    [
        "id: 003000000000001AAA",
        "url: https://org-1.example.my.salesforce.com/services/data/v66.0/query/01g000000000001AAA-2000",
        "name: enableGuestSecurityOptOutPref",
        "code: INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "at: 2026-11-23T17:31:26.466+00:00",
        "mail: person-1@example.com, a.b@alder.example.com",
        "header: Bearer (elided)",
        'xmlns="http://soap.sforce.com/2006/04/metadata"',
        "issued_at: 1795455086627",
        "characteristics and classifications of responsibilities",
    ],
)
def test_the_scanner_lets_pass(text: str) -> None:
    """Stand-ins, names of Salesforce's, words and times."""
    assert scan_text(text) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("id: 0035g00000AbCdEAAV", "record id"),
        ("id: 0035g00000AbCdE", "record id"),
        ("key: f3a9c1d47be20586aa19f3a9c1d47be2", "high entropy"),
        ("card: 4012888888881881", "card number"),
        ("tel: +351 912 345 678", "phone number"),
    ],
)
def test_the_scanner_finds(text: str, kind: str) -> None:
    """Beside the shapes that the canary plants; never shown whole."""
    [found] = {one.kind: one for one in scan_text(text)}.values()
    assert found.kind == kind
    assert text.partition(": ")[2] not in str(found)


def test_a_recording_is_not_replaced_by_accident(tmp_path: Path) -> None:
    """A second flag is needed."""
    told = load(RECORDINGS[0])
    save(told, tmp_path / "a.yaml")
    with pytest.raises(BadRecording, match="recorded already"):
        save(told, tmp_path / "a.yaml")
    save(told, tmp_path / "a.yaml", overwrite=True)


@pytest.mark.parametrize("text", ["", "recording: 99", "{", "recording: 1\nexchanges: 3", "\0"])
def test_a_file_that_is_no_recording(text: str, tmp_path: Path) -> None:
    """One sentence with the file's name."""
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(BadRecording, match=r"bad\.yaml: not a recording"):
        load(path)


def test_drift_in_status_headers_codes_and_shape(exchange: Any, recording: Any) -> None:
    """Field by field; ids, versions and values say nothing."""

    def told(status: int, body: Any, path: str, **headers: str) -> Any:
        return scrubbed(
            recording(
                exchange(
                    path=f"/services/data/{path}",
                    status=status,
                    given=json.dumps(body).encode(),
                    given_headers=headers,
                )
            )
        )

    error = {"errorCode": "A", "message": "x", "fields": []}
    one = told(400, [error], "v66.0/sobjects/Lead/00Q5g00000AbCdEEAV")
    two = told(404, [{"errorCode": "B", "message": 5}], "v67.0/sobjects/Lead/00Q5g00000AbCdFEAV",
               **{"Retry-After": "3"})  # fmt: skip
    assert drift(one, one) == []
    assert [str(line) for line in drift(one, two)] == [
        "told #1: status : 400 | 404",
        "told #1: headers retry-after: absent | present",
        "told #1: code [].errorCode: A | B",
        "told #1: shape [].fields: list | absent",
        "told #1: shape [].message: text | number",
    ]


def test_drift_in_number_and_order(exchange: Any, recording: Any) -> None:
    """A request more, and another request in its place."""
    one = scrubbed(recording(exchange(), exchange()))
    assert [d.where for d in drift(one, one.with_exchanges(one.exchanges[:1]))] == ["requests"]
    other = scrubbed(recording(exchange("DELETE"), exchange()))
    assert [d.where for d in drift(one, other)] == ["requests"]


def test_drift_of_folders_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1 and a line each; 0 without a difference; 2 when asked wrongly."""
    told = load(RECORDINGS[0])
    for folder in ("one", "two"):
        save(told, tmp_path / folder / "same.yaml")
    save(replace(told, scenario="more"), tmp_path / "two/more.yaml")
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    assert main(["drift", one, two]) == 1
    assert capsys.readouterr().out == "more: missing : not recorded | recorded\n"
    assert main(["drift", one, one]) == 0
    assert main(["drift", one, str(tmp_path / "none")]) == 2
    assert main(["scan", one]) == 0
    assert drift_of_places(tmp_path / "one/same.yaml", tmp_path / "two/same.yaml") == []


@pytest.mark.parametrize(
    ("organization", "refused"),
    [
        (Organization("Enterprise Edition", False, "EU42", False, "66.0"), True),
        (Organization("Unlimited Edition", False, "NA1", False, "66.0"), True),
        (Organization("Enterprise Edition", True, "EU42S", False, "66.0"), False),
        (Organization("Enterprise Edition", False, "EU42", True, "66.0"), False),
        (Organization("Developer Edition", False, "EU45", False, "66.0"), False),
        (Organization("Enterprise Edition", False, "DEVORG", False, "66.0"), False),
    ],
)
def test_production_is_refused(organization: Organization, refused: bool) -> None:
    """Sandboxes, trials, scratch orgs and developer editions pass; force overrides."""
    refuse_production(organization, forced=True)
    if not refused:
        refuse_production(organization)
        return
    with pytest.raises(ProductionOrg, match=organization.instance_name):
        refuse_production(organization)


def test_an_org_is_named_whole() -> None:
    """The missing keys are named, and no value of the others."""
    with pytest.raises(Exception, match="SFPRM_TEST_LIVE_CLIENT_SECRET missing") as raised:
        named_org({"SFPRM_TEST_LIVE_LOGIN_URL": "https://x", "SFPRM_TEST_LIVE_CLIENT_ID": "abc"})
    assert "abc" not in str(raised.value)


def test_a_source_says_what_it_is() -> None:
    """In words for a reader."""
    assert str(Source("embedded org", "x", "66.0")) == "recorded from the embedded org, API 66.0"
    assert "Developer Edition" in str(Source("org", "Developer Edition", "66.0"))
