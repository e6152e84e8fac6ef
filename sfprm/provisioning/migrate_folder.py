"""What was migrated, as files of the programme: declared from then on.

`migrated/NAME.yaml` names `NAME-partners.csv` and `NAME-people.csv` beside it; programme.yaml gets
`include: migrated/*.yaml` once. The loader judges the files in a copy before anything is written.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from sfprm.errors import BadFiles, BadRequest
from sfprm.programme.complaints import Complaints
from sfprm.programme.csv_columns import PARTNERS, PEOPLE
from sfprm.programme.csv_text import csv_records
from sfprm.programme.layers import gather
from sfprm.programme.load import PROGRAMME_FILE, load_programme
from sfprm.programme.source import decode
from sfprm.programme.spreadsheet import meant
from sfprm.provisioning.adopt_files import csv_text
from sfprm.provisioning.migrate_draft import Draft, Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.programme.model import Programme

__all__ = ["FOLDER", "Prepared", "begun", "prepared", "write_prepared"]

FOLDER = "migrated"
_INCLUDE = f"{FOLDER}/*.yaml"
MOST_ROUNDS = 200


@dataclass(frozen=True, slots=True)
class Prepared:
    """Files by path within the programme's folder, and the programme with them."""

    files: Mapping[str, str]
    programme: Programme


def begun(root: Path, name: str) -> bool:
    """Whether a migration of that name has written its files already."""
    return (root / FOLDER / f"{name}.yaml").exists()


def prepared(root: Path, environment: str, name: str, draft: Draft) -> Prepared:
    """The files for all rows that are not held. Rows that the loader refuses are held, with its
    words; `draft.findings` grows by them. Raises BadFiles when other files are wrong."""
    for _ in range(MOST_ROUNDS):
        partners, people = draft.without(draft.held())
        files = _files(root, name, partners, people)
        with tempfile.TemporaryDirectory(prefix="sfprm-migrate-") as temp:
            copy = Path(temp, "programme")
            _copy(root, copy)
            _write(copy, files)
            try:
                programme = load_programme(copy, environment)
            except BadFiles as bad:
                if not _hold(bad, files, name, draft):
                    raise _at_home(bad, copy, root) from bad
                continue
        return Prepared(files, programme)
    raise BadRequest("The rows have more kinds of faults than can be told apart; split the file.")


def write_prepared(root: Path, prepared: Prepared) -> None:
    """Write the files into the programme's folder. Raises BadRequest."""
    try:
        _write(root, prepared.files)
    except OSError as error:
        raise BadRequest(f"{root} cannot be written: {error.strerror or error}.") from error


def _write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_text(text, encoding="utf-8", newline="")
        os.replace(fresh, path)


def _copy(root: Path, to: Path) -> None:
    """What the loader may read: YAML and CSV files, none in hidden folders."""
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if not name.startswith(".")]
        for name in names:
            if Path(name).suffix in (".yaml", ".yml", ".csv") and Path(folder, name).is_file():
                target = to / Path(folder, name).relative_to(root)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(Path(folder, name), target)


def _files(
    root: Path, name: str, partners: list[dict[str, str]], people: list[dict[str, str]]
) -> dict[str, str]:
    """Texts by path; programme.yaml last, so that a file that it names is always there."""
    files: dict[str, str] = {}
    named: dict[str, str] = {}
    for kind, rows, columns in (("partners", partners, PARTNERS), ("people", people, PEOPLE)):
        path = f"{FOLDER}/{name}-{kind}.csv"
        every = {row["key"]: row for row in (*_rows(root / path), *rows)}
        if every:
            files[path] = csv_text(list(every.values()), columns.known, columns.required)
            named[kind] = f"{name}-{kind}.csv"
    if not named:
        return {}
    lines = [f"{kind}: {_scalar(file)}\n" for kind, file in named.items()]
    head = "# yaml-language-server: $schema=../../docs/schema/part.json\n"
    files[f"{FOLDER}/{name}.yaml"] = head + f"# Migrated from {name}.\n" + "".join(lines)
    text = _including(root)
    if text is not None:
        files[PROGRAMME_FILE] = text
    return files


def _scalar(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _rows(path: Path) -> list[dict[str, str]]:
    """Rows written by an earlier attempt."""
    if not path.exists():
        return []
    source = decode(path.read_bytes(), str(path), Complaints())
    records = csv_records(source, Complaints()) if source is not None else []
    if not records:
        return []
    columns = records[0][1]
    return [
        {c: meant(cell) for c, cell in zip(columns, cells, strict=False) if cell}
        for _, cells in records[1:]
    ]


def _including(root: Path) -> str | None:
    """programme.yaml with the include; None when it has it."""
    text = (root / PROGRAMME_FILE).read_text("utf-8-sig")
    tree = gather(root, PROGRAMME_FILE, Complaints())
    declared = (tree.root.entries or {}) if tree is not None else {}
    yaml = _yaml()
    document: Any = yaml.load(text)
    present = document.get("include")
    names = present if isinstance(present, list) else [present] if present else []
    if _INCLUDE in names:
        return None
    # an include that names partners would stand in the place of what was only meant
    lines = [
        f"{kind}: {kind}.csv"
        for kind in ("partners", "people")
        if kind not in declared and (root / f"{kind}.csv").exists()
    ]
    if names:
        document["include"] = CommentedSeq([*names, _INCLUDE])
        document["include"].fa.set_flow_style()
        out = io.StringIO()
        yaml.dump(document, out)
        text = out.getvalue()
    else:
        lines.insert(0, f"include: {_INCLUDE}")
    return _with_lines(text, lines)


def _yaml() -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


_ONE_LINE = re.compile(r"^(?:profile|site|programme):[ ]+[^|>&*!{\[#\s][^\n]*$", re.MULTILINE)


def _with_lines(text: str, lines: list[str]) -> str:
    """The lines after the first of the keys that stand at the top, so that no comment loses the
    key that it is about; at the end where there is none."""
    if not lines:
        return text
    added = "".join(f"{line}\n" for line in lines)
    heads = list(_ONE_LINE.finditer(text))
    if not heads or text[heads[-1].end() :][:1] not in ("\n", ""):
        return f"{text.rstrip()}\n{added}"
    at = heads[-1].end()
    return f"{text[:at]}\n{added.rstrip()}{text[at:]}"


def _hold(bad: BadFiles, files: Mapping[str, str], name: str, draft: Draft) -> bool:
    """Hold the rows that the loader complains about; False when it complains about none."""
    held = draft.held()
    some = False
    for kind, of in (("partners", draft.partner_of), ("people", draft.person_of)):
        path = f"{FOLDER}/{name}-{kind}.csv"
        keys = _keys_by_line(files.get(path, ""))
        for complaint in bad.complaints:
            key = keys.get(complaint.line) if complaint.file.endswith(path) else None
            for row, stands_for in of.items():
                if key is not None and stands_for == key and row not in held:
                    some = True
                    said = _of_rows(complaint.message, path, keys, of)
                    draft.findings.append(Finding(row, "", "refused", said, complaint.hint))
    return some


def _of_rows(message: str, path: str, keys: Mapping[int, str], rows: Mapping[int, str]) -> str:
    """The complaint with rows of the source in the place of lines of a file that nobody has."""

    def row(found: re.Match[str]) -> str:
        key = keys.get(int(found[1]))
        numbers = [number for number, stands_for in rows.items() if stands_for == key]
        return f"row {numbers[0]}" if key and numbers else path

    return re.sub(rf"\S*{re.escape(path)}:(\d+)(?::\d+)?", row, message)


def _keys_by_line(text: str) -> dict[int, str]:
    source = decode(text.encode(), "f.csv", Complaints())
    records = csv_records(source, Complaints()) if source is not None else []
    at = records[0][1].index("key") if records else 0
    return {line: cells[at] for line, cells in records[1:]}


def _at_home(bad: BadFiles, copy: Path, root: Path) -> BadFiles:
    """The complaints with the paths of the real folder."""
    from dataclasses import replace

    return BadFiles([replace(c, file=c.file.replace(str(copy), str(root))) for c in bad.complaints])
