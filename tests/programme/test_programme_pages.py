"""The pages about the programme files: what they show works."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from pydantic import BaseModel
from ruamel.yaml import YAML

from sfprm.programme.csv_columns import PARTNERS, PEOPLE, CsvColumns
from sfprm.programme.load import load_programme
from sfprm.programme.record_files import PartnerFile, PersonFile
from sfprm.programme.reference import page
from sfprm.programme.schema import schemas

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", re.DOTALL)
ROUTING = "rules: [{name: Everything else, assign: {queue: Other}}]\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of programme.md, written out."""
    root = tmp_path_factory.mktemp("page")
    for name, text in _BLOCK.findall((DOCS / "programme.md").read_text("utf-8")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    (root / "routing.yaml").write_text(ROUTING, "utf-8")
    return root


@pytest.mark.parametrize(
    ("columns", "entry", "objects"),
    [
        (PARTNERS, PartnerFile, {"account", "attributes"}),
        (PEOPLE, PersonFile, {"contact", "user"}),
    ],
)
def test_yaml_and_csv_have_the_same_names(
    columns: CsvColumns, entry: type[BaseModel], objects: set[str]
) -> None:
    """A key that is added to one is added to the other."""
    assert {*columns.known} - {"key"} == {*entry.model_fields} - objects


def test_the_page_of_keys_is_current() -> None:
    """Write it again with `make docs`."""
    assert (DOCS / "programme-keys.md").read_text("utf-8") == page()


def test_the_files_of_the_page_load(folder: Path) -> None:
    """Both without and with the overlay."""
    plain, sandbox = load_programme(folder), load_programme(folder, "sandbox")
    assert list(plain.partners) == ["acme-ibericos", "nordica", "sulcom"]
    assert sandbox.channel_managers["marta"].username == "marta.lopes@example.com.uat"
    assert sandbox.channel_managers["jonas"].username == "jonas.test@example.com"
    assert [p.username for p in sandbox.people.values()][1].endswith(".uat")


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("programme.yaml", "programme"),
        ("teams/south.yaml", "part"),
        ("overlays/sandbox.yaml", "overlay"),
    ],
)
def test_the_files_of_the_page_fit_their_schemas(folder: Path, file: str, kind: str) -> None:
    """What an editor would say of them: nothing."""
    document = YAML(typ="safe", pure=True).load(folder / file)
    errors = Draft7Validator(json.loads(schemas()[f"{kind}.json"])).iter_errors(document)
    assert [error.message for error in errors] == []
