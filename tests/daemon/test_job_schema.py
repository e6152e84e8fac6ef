"""The editors' schemas: as the code has them, and of one mind with the reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from sfprm.daemon.schema import schemas

ROOT = Path(__file__).parents[2]
JOB: dict[str, Any] = json.loads(schemas()["job.json"])


def test_the_shipped_schemas_are_the_codes() -> None:
    """`make docs` writes them."""
    for name, text in schemas().items():
        assert (ROOT / "docs/schema" / name).read_text() == text


@pytest.mark.parametrize("path", sorted((ROOT / "jobs").glob("**/*.yaml")), ids=lambda p: p.name)
def test_the_shipped_files_fit(path: Path) -> None:
    """As an editor checks them."""
    name = "alerts.json" if path.parent.name == "alerts" else "job.json"
    data = YAML(typ="safe", pure=True).load(path.read_text())
    jsonschema.validate(data, json.loads(schemas()[name]))


@pytest.mark.parametrize(
    "data",
    [
        {"job": "route"},
        {"job": "route", "every": "1 hour", "cron": "* * * * *"},
        {"job": "route", "every": "1 hour", "overlap": "maybe"},
        {"job": "route", "every": "1 hour", "limits": {"api_calls": 0}},
        {"job": "route", "every": "1 hour", "retries": {"tmes": 1}},
        {"every": "1 hour"},
    ],
)
def test_an_editor_sees_mistakes(data: dict[str, Any]) -> None:
    """Without sfprm."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, JOB)
