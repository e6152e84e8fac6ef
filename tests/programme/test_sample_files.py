"""What is generated from code is current, and what is deployed is well formed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from defusedxml import ElementTree
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from sfprm.programme.load import load_programme
from sfprm.programme.schema import schemas, write_schemas
from sfprm.programme.show import describe
from sfprm.settings import Settings, load_settings
from sfprm.settings_example import env_example

ROOT = Path(__file__).parents[2]
NS = "{http://soap.sforce.com/2006/04/metadata}"


@pytest.mark.parametrize("name", ["programme.json", "routing.json"])
def test_schema_is_current(name: str) -> None:
    """docs/schema holds what the models say; write it again with the command in its module."""
    assert (ROOT / "docs/schema" / name).read_text("utf-8") == schemas()[name]


@pytest.mark.parametrize("kind", ["programme", "routing"])
def test_sample_fits_its_schema(kind: str) -> None:
    """What an editor checks agrees with what loading checks."""
    schema = json.loads(schemas()[f"{kind}.json"])
    Draft7Validator.check_schema(schema)
    document = YAML(typ="safe", pure=True).load(ROOT / "config" / f"{kind}.yaml")
    assert list(Draft7Validator(schema).iter_errors(document)) == []


@pytest.mark.parametrize("kind", ["programme", "routing"])
def test_sample_names_its_schema(kind: str) -> None:
    """The first line leads an editor to the schema, which is there."""
    first = (ROOT / "config" / f"{kind}.yaml").read_text("utf-8").splitlines()[0]
    path = first.removeprefix("# yaml-language-server: $schema=")
    assert (ROOT / "config" / path).is_file()


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("routing", {"rules": [{"name": "x", "assign": {"pool": "a", "queue": "b"}}]}),
        ("routing", {"rules": [{"name": "x"}]}),
        ("routing", {"pools": {"a": {"membres": []}}}),
        ("programme", {"programme": "x", "site": "y"}),
    ],
)
def test_schema_refuses_what_loading_refuses(kind: str, document: object) -> None:
    """Unknown and missing keys, two targets."""
    assert list(Draft7Validator(json.loads(schemas()[f"{kind}.json"])).iter_errors(document))


def test_schemas_are_written(tmp_path: Path) -> None:
    """Both files, into a folder that is made."""
    written = write_schemas(tmp_path / "new")
    assert [path.name for path in written] == ["programme.json", "routing.json"]


def test_env_example_is_current() -> None:
    """Write it again with the command in sfprm.settings_example."""
    assert (ROOT / "config/.env.example").read_text("utf-8") == env_example()


def test_env_example_has_every_setting_and_no_other(tmp_path: Path) -> None:
    """With the comment marks off its settings, it loads."""
    lines = env_example().splitlines()
    given = [line[1:] for line in lines if line.startswith("#SFPRM_")]
    assert len(given) == len(Settings.model_fields)
    path = tmp_path / "env"
    path.write_text("\n".join(given), "utf-8")
    assert load_settings({}, path) == Settings()


def test_metadata_grants_the_fields_it_deploys() -> None:
    """Every deployed field is readable and editable by both permission sets."""
    folder = ROOT / "config/metadata"
    fields = {
        f"{path.stem}.{name.text}"
        for path in (folder / "objects").iterdir()
        for name in ElementTree.parse(path).iter(f"{NS}fullName")
    }
    assert fields == {"Account.Partner_Key__c", "Contact.Partner_Key__c"}
    for path in (folder / "permissionsets").iterdir():
        granted = {
            grant.findtext(f"{NS}field")
            for grant in ElementTree.parse(path).iter(f"{NS}fieldPermissions")
            if grant.findtext(f"{NS}editable") == grant.findtext(f"{NS}readable") == "true"
        }
        assert granted == fields, path.name


def test_package_names_every_file() -> None:
    """Members of the manifest are the files beside it."""
    folder = ROOT / "config/metadata"
    members = {m.text for m in ElementTree.parse(folder / "package.xml").iter(f"{NS}members")}
    sets = {path.stem for path in (folder / "permissionsets").iterdir()}
    assert members == {"Account.Partner_Key__c", "Contact.Partner_Key__c"} | sets


def test_each_permission_says_which_step_needs_it() -> None:
    """A comment stands before every user permission."""
    for path in (ROOT / "config/metadata/permissionsets").iterdir():
        lines = path.read_text("utf-8").splitlines()
        for at, line in enumerate(lines):
            if "<userPermissions>" in line:
                assert lines[at - 1].strip().endswith("-->"), f"{path.name}:{at}"


def test_summary_of_the_sample() -> None:
    """Counts and a tree with every partner, person, pool and rule."""
    summary = describe(load_programme(ROOT / "config"))
    assert summary.counts == {
        "channel managers": 3,
        "partners": 12,
        "people": 30,
        "queues": 2,
        "queues of the org": 3,
        "pools": 2,
        "rules": 6,
        "notices": 1,
    }
    assert "    nordica: Nordica Handel, Gold, is AccountNumber P-1002" in summary.lines
    assert "  partner alpentech: 10 %, at most 60 open" in summary.lines
    assert "  6. Everything else: every lead → queue Inside Sales Desk" in summary.lines
