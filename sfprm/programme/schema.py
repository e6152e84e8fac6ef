"""JSON Schema of the programme files, for editors.

`docs/schema/` holds what this gives; run `python -m sfprm.programme.schema docs/schema` to write
it again (a test compares).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfprm.programme.files import RoutingFile
from sfprm.programme.programme_file import ProgrammeFile
from sfprm.programme.record_files import PartnersFile, PeopleFile

if TYPE_CHECKING:
    from sfprm.programme.file_base import File

__all__ = ["schemas", "write_schemas"]

_DIALECT = "http://json-schema.org/draft-07/schema#"
"""What the YAML language server understands."""


def schemas() -> dict[str, str]:
    """File name to text, for each kind of YAML file.

    `programme.json` and `routing.json` for the two main files; `part.json` for what `include:` of
    programme.yaml names; `overlay.json` for `overlays/*.yaml`; `partners.json` and `people.json`
    for YAML files that `partners:` and `people:` name.
    """
    programme = ProgrammeFile.model_json_schema()
    routing = RoutingFile.model_json_schema()
    routing["properties"] = {"include": programme["properties"]["include"], **routing["properties"]}
    part = {key: value for key, value in programme.items() if key != "required"}
    return {
        "programme.json": _text(programme, "sfprm: programme.yaml"),
        "routing.json": _text(routing, "sfprm: routing.yaml"),
        "part.json": _text(part, "sfprm: a file that programme.yaml includes"),
        "overlay.json": _text(_overlay(programme, routing), "sfprm: an overlay"),
        "partners.json": _text(_table(PartnersFile, "partners"), "sfprm: partners by key"),
        "people.json": _text(_table(PeopleFile, "people"), "sfprm: people by key"),
    }


def _table(model: type[File], key: str) -> dict[str, Any]:
    """The schema of what stands below the one key."""
    whole = model.model_json_schema()
    return {"$defs": whole["$defs"], **whole["properties"][key]}


def _overlay(programme: dict[str, Any], routing: dict[str, Any]) -> dict[str, Any]:
    """Nothing is required, `null` takes a key away, and a mapping may stand for a list's entries by
    name."""
    programme, routing = _loose(programme), _loose(routing)
    definitions = {**programme.pop("$defs"), **routing.pop("$defs")}
    programme["properties"]["routing"] = {
        **routing,
        "description": "What is different in routing.yaml.",
    }
    programme["description"] = "What is different in one environment."
    return {**programme, "$defs": definitions}


def _loose(schema: Any, *, named: bool = False) -> Any:
    """A copy without what is required; `named`: the values are schemas by property."""
    if isinstance(schema, list):
        return [_loose(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if named:
        return {key: _or_null(_loose(value)) for key, value in schema.items()}
    loose = {
        key: _loose(value, named=key in ("properties", "$defs"))
        for key, value in schema.items()
        if key not in ("required", "default")
    }
    if all(set(choice) <= {"not"} or not choice for choice in loose.get("oneOf", [{"type": 0}])):
        loose.pop("oneOf")  # which keys exclude each other: told of the whole, not of a part
    elif "oneOf" in loose:
        loose["anyOf"] = loose.pop("oneOf")  # two forms may now fit at once
    if loose.get("type") == "array":
        return {"anyOf": [loose, {"type": "object", "additionalProperties": loose["items"]}]}
    if isinstance(loose.get("additionalProperties"), dict):
        loose["additionalProperties"] = _or_null(loose["additionalProperties"])
    return loose


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _text(schema: dict[str, Any], title: str) -> str:
    moved = json.loads(json.dumps(schema).replace("#/$defs/", "#/definitions/"))
    definitions = moved.pop("$defs", {})
    whole = {"$schema": _DIALECT, **moved, "title": title, "definitions": definitions}
    _close(whole)
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _close(schema: Any) -> None:
    """Refuse keys that fit no pattern, where patterns say what a key may be."""
    if isinstance(schema, dict):
        if "patternProperties" in schema:
            schema["additionalProperties"] = False
        schema = list(schema.values())
    for inner in schema if isinstance(schema, list) else ():
        _close(inner)


def write_schemas(folder: Path) -> list[Path]:
    """Write all schemas into the folder; the paths written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in schemas().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    for done in write_schemas(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/schema")):
        print(done)
