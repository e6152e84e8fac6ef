"""JSON Schema of the programme files, for editors.

`docs/schema/` holds what this gives; run `python -m sfprm.programme.schema docs/schema` to write
it again (a test compares).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from sfprm.programme.files import RoutingFile
from sfprm.programme.programme_file import ProgrammeFile

__all__ = ["schemas", "write_schemas"]

_DIALECT = "http://json-schema.org/draft-07/schema#"
"""What the YAML language server understands."""


def schemas() -> dict[str, str]:
    """File name to text, for each kind of YAML file."""
    return {
        "programme.json": _text(ProgrammeFile.model_json_schema(), "sfprm: programme.yaml"),
        "routing.json": _text(RoutingFile.model_json_schema(), "sfprm: routing.yaml"),
    }


def _text(schema: dict[str, Any], title: str) -> str:
    moved = json.loads(json.dumps(schema).replace("#/$defs/", "#/definitions/"))
    definitions = moved.pop("$defs", {})
    whole = {"$schema": _DIALECT, **moved, "title": title, "definitions": definitions}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


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
