"""JSON Schema of job files and alert channels, for editors.

`docs/schema/` holds what this gives; run `python -m sfprm.daemon.schema docs/schema` to write it
again (a test compares).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from sfprm.daemon.channels import ChannelModel
from sfprm.daemon.jobfile_model import SCHEDULES, JobFileModel

__all__ = ["schemas", "write_schemas"]

_DIALECT = "http://json-schema.org/draft-07/schema#"
"""What the YAML language server understands."""


def schemas() -> dict[str, str]:
    """File name to text."""
    return {
        "job.json": _text(JobFileModel, "sfprm: a job file", SCHEDULES),
        "alerts.json": _text(ChannelModel, "sfprm: a channel", ("mail", "webhook", "command")),
    }


def _text(model: type[BaseModel], title: str, one_of: tuple[str, ...]) -> str:
    schema = json.loads(json.dumps(model.model_json_schema()).replace("#/$defs/", "#/definitions/"))
    definitions = schema.pop("$defs", {})
    whole = {
        "$schema": _DIALECT,
        **schema,
        "title": title,
        "oneOf": [{"required": [key]} for key in one_of],
        "definitions": definitions,
    }
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
