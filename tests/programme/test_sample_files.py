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


SCHEMAS = ("overlay", "part", "partners", "people", "programme", "routing")
SAMPLES = {
    "programme.yaml": "programme",
    "routing.yaml": "routing",
    "overlays/sandbox.yaml": "overlay",
    "overlays/production.yaml": "overlay",
}


def fits(kind: str, document: object) -> bool:
    """Whether an editor would find nothing wrong."""
    schema = json.loads(schemas()[f"{kind}.json"])
    return not list(Draft7Validator(schema).iter_errors(document))


@pytest.mark.parametrize("name", [f"{kind}.json" for kind in SCHEMAS])
def test_schema_is_current(name: str) -> None:
    """docs/schema holds what the models say; write it again with the command in its module."""
    assert (ROOT / "docs/schema" / name).read_text("utf-8") == schemas()[name]


def test_every_sample_file_is_known_here() -> None:
    """A YAML file that is added to config/ must be checked below."""
    there = {path.relative_to(ROOT / "config").as_posix() for path in ROOT.glob("config/**/*.yaml")}
    assert there == set(SAMPLES)


@pytest.mark.parametrize("kind", SCHEMAS)
def test_schema_is_a_schema(kind: str) -> None:
    """In the dialect that editors know."""
    Draft7Validator.check_schema(json.loads(schemas()[f"{kind}.json"]))


@pytest.mark.parametrize(("file", "kind"), SAMPLES.items())
def test_sample_fits_its_schema(file: str, kind: str) -> None:
    """What an editor checks agrees with what loading checks."""
    assert fits(kind, YAML(typ="safe", pure=True).load(ROOT / "config" / file))


@pytest.mark.parametrize(("file", "kind"), SAMPLES.items())
def test_sample_names_its_schema(file: str, kind: str) -> None:
    """The first line leads an editor to the schema, which is there."""
    first = (ROOT / "config" / file).read_text("utf-8").splitlines()[0]
    path = first.removeprefix("# yaml-language-server: $schema=")
    assert (ROOT / "config" / file).parent.joinpath(path).resolve() == (
        ROOT / f"docs/schema/{kind}.json"
    )


WHOLE = {"programme": "x", "site": "y", "profile": "z", "channel_managers": {}}


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("routing", {"rules": [{"name": "x", "assign": {"pool": "a", "queue": "b"}}]}),
        ("routing", {"rules": [{"name": "x"}]}),
        ("routing", {"pools": {"a": {"membres": []}}}),
        ("programme", {"programme": "x", "site": "y"}),
        ("programme", WHOLE | {"sites": "Partner Central"}),
        ("programme", WHOLE | {"partners": {"acme": {"teir": "Gold"}}}),
        ("programme", WHOLE | {"partners": [{"name": "Acme"}]}),
        ("programme", WHOLE | {"people": {"ines": {"role": "Boss"}}}),
        ("programme", WHOLE | {"people": {"ines": {"permission_sets": ["With Blanks"]}}}),
        ("programme", WHOLE | {"queues": {"North": {"members": [{"user": "a", "person": "b"}]}}}),
        ("programme", WHOLE | {"groups": {"All": {"members": [{"subordinates": True}]}}}),
        ("programme", WHOLE | {"who_wins": {"Account.Phone": "nobody"}}),
        ("programme", WHOLE | {"who_wins": {"Phone": "file"}}),
        ("programme", WHOLE | {"on_duplicate": {"Account": "merge"}}),
        ("programme", WHOLE | {"defaults": {"person": {"username": {"on_taken": "fail"}}}}),
        ("programme", WHOLE | {"defaults": {"person": {"currency": "euro"}}}),
        ("programme", WHOLE | {"delegated_admin": {"profile": "a", "permission_set": "b"}}),
        ("part", {"include": 3}),
        ("part", {"site": ["y"]}),
        ("overlay", {"partners": {"acme": {"teir": "Gold"}}}),
        ("overlay", {"routing": {"pools": {"a": {"membres": []}}}}),
        ("overlay", {"routing": {"rules": {"x": {"assing": {}}}}}),
        ("overlay", {"internal_users": {"sufix": ".uat"}}),
        ("partners", {"acme": {"manager": 3}}),
        ("people", {"ines": {"state": "gone"}}),
    ],
)
def test_schema_refuses_what_loading_refuses(kind: str, document: object) -> None:
    """Unknown and missing keys, wrong kinds of value, two targets."""
    assert not fits(kind, document)


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("programme", WHOLE | {"partners": ["a.csv", {"key": "acme", "name": "Acme"}]}),
        ("programme", WHOLE | {"partners": {"acme": {"account": {"Phone": None}}}}),
        ("programme", WHOLE | {"queues": {"N": {"members": [{"partner": "a", "role": "User"}]}}}),
        ("part", {"queues": {"North": {"members": ["acme"]}}}),
        ("overlay", {"channel_managers": {"marta": "marta@example.com.uat"}, "tiers": None}),
        ("overlay", {"routing": {"rules": {"x": {"assign": {"queue": "North"}}}}}),
        ("overlay", {"routing": {"pools": {"a": {"members": [{"partner": "acme"}]}}}}),
        ("people", {"ines": {"partner": "acme", "user": {"Title": "Dr"}}}),
    ],
)
def test_schema_takes_what_loading_takes(kind: str, document: object) -> None:
    """Each form that a key may have."""
    assert fits(kind, document)


def test_schemas_are_written(tmp_path: Path) -> None:
    """All, into a folder that is made."""
    written = write_schemas(tmp_path / "new")
    assert sorted(path.stem for path in written) == sorted(SCHEMAS)


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
        "groups": 0,
        "pools": 2,
        "rules": 6,
        "notices": 1,
    }
    assert "    nordica: Nordica Handel, Gold, is AccountNumber P-1002" in summary.lines
    assert "  partner alpentech: 10 %, at most 60 open" in summary.lines
    assert "  6. Everything else: every lead → queue Inside Sales Desk" in summary.lines
