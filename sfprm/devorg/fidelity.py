"""`docs/fidelity.md`, written from the code: what is imitated, where it is known from, what is not.

`python -m sfprm.devorg.fidelity docs/fidelity.md` writes it; a test keeps it current. Objects come
from the schema, resources from the routing table, behaviours and all else from docstrings, refusals
and unverified statements from the sources of the package.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from sfprm.devorg.api import routes
from sfprm.devorg.behaviours import ALL
from sfprm.devorg.metadata.types import TYPES
from sfprm.devorg.schema import ObjectDef, load_schema

__all__ = ["main", "page"]

_ROOT = Path(__file__).parent
_MARK = re.compile(r"\[(?:[DRPXMGC])(?:[ ,;:/][^\]]*)?\]|\[[DRPXMGC](?:[,/][DRPXMGC])+\]")
_UNSURE = re.compile(r"unverified|from memory|assumed|\[[^\]]*\bM\b[^\]]*\]|\bnot known\b")
_HEAD = """# Fidelity of the embedded org

Written by `python -m sfprm.devorg.fidelity docs/fidelity.md` from the code itself: do not edit. A
statement that turns out wrong is corrected where it stands in the code, with its source.

Marks: **D** official documentation · **R** recorded, or read in public code · **P** a public page
or thread · **X** measured or from experience · **M** from memory, unverified. What is not imitated
is refused with 501 `NOT_IMITATED` (in a deployment: as the component's failure) that names it.
"""
_CHAPTERS = (
    ("Behaviours", "Salesforce's own rules, one file each.", "behaviours"),
    ("Writing", "The order of execution.", "dml"),
    ("Assignment rules and criteria", "As deployed, evaluated by the org.", "assignment"),
    ("Filters", "", "criteria"),
    ("Sharing", "What a user may see.", "sharing"),
    ("SOQL", "Tokens, tree, check, SQL, records.", "soql"),
    ("Bulk API 2.0", "", "bulk"),
    ("Metadata", "", "metadata"),
    ("Metadata types", "In the order in which a deployment applies them.", "metadata/types"),
    ("API", "The modules behind the addresses.", "api"),
    ("Storage", "", "storage"),
    ("The org itself", "", "."),
)


def page() -> str:
    """The whole page, as Markdown."""
    parts = [_HEAD, _objects(), _resources()]
    parts += [_chapter(*one) for one in _CHAPTERS]
    parts += [_not_imitated(), _unverified()]
    return "\n".join(part for part in parts if part)


def main(arguments: list[str]) -> int:
    """Write the page to the file named, or to stdout."""
    if arguments:
        Path(arguments[0]).write_text(page(), encoding="utf-8")
    else:
        sys.stdout.write(page())
    return 0


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    lines = [list(head), *(list(map(str, row)) for row in rows)]
    text = ["| " + " | ".join(one.replace("|", "\\|") for one in line) + " |" for line in lines]
    text.insert(1, "|" + "---|" * len(lines[0]))
    return "\n".join(text) + "\n"


def _objects() -> str:
    schema = load_schema()
    rows = [
        (
            f"`{one.name}`",
            len(one.fields),
            _marks(one),
            ", ".join(
                word
                for word, can in (
                    ("create", one.createable),
                    ("update", one.updateable),
                    ("delete", one.deletable),
                    ("undelete", one.undeletable),
                )
                if can
            )
            or "query only",
            one.feature or "always",
            ", ".join(f"{feature}: {count}" for feature, count in _features(one)),
        )
        for one in schema.objects()
    ]
    head = ("object", "fields", "by mark", "calls", "there with", "fields by feature")
    return (
        "## Objects\n\nFields by the mark of their definition; the data files under"
        " `schema/objects` have them all.\n\n" + _table(head, rows)
    )


def _marks(one: ObjectDef) -> str:
    counts = Counter(field.mark or "none" for field in one.fields)
    return ", ".join(f"{mark.replace(';', '+')} {count}" for mark, count in sorted(counts.items()))


def _features(one: ObjectDef) -> list[tuple[str, int]]:
    return sorted(Counter(field.feature for field in one.fields if field.feature).items())


def _resources() -> str:
    rows = [
        (route.method, f"`/{route.template}`", _first(route.handler)) for route in routes.ROUTES
    ]
    return (
        "## Resources\n\nBelow `/services/data/vNN.N`. Paths are matched without regard to case,"
        " with or without a trailing slash.\n\n" + _table(("verb", "path", "what"), rows)
    )


def _first(handler: Callable[..., object]) -> str:
    text = inspect.cleandoc(handler.__doc__ or "").partition("\n\n")[0]
    return " ".join(text.split())


def _chapter(title: str, about: str, folder: str) -> str:
    files = sorted((_ROOT / folder).glob("*.py"))
    if folder == "metadata/types":
        order = [type(one).__module__.rpartition(".")[2] for one in TYPES]
        files = sorted(files, key=lambda path: order.index(path.stem) if path.stem in order else -1)
    sections = [
        f"### `{_shown(path)}`\n\n{_also(path)}{_doc(path)}\n" for path in files if _doc(path)
    ]
    if not sections:
        return ""
    return "\n".join([f"## {title}\n", *([about + "\n"] if about else []), *sections])


def _doc(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.strip()


def _also(path: Path) -> str:
    """Which objects the behaviours of a file are about."""
    module = ".".join(("sfprm.devorg", *path.relative_to(_ROOT).with_suffix("").parts))
    names = sorted({name for one in ALL if type(one).__module__ == module for name in one.objects})
    if not names:
        return ""
    marks = sorted({mark[1] for mark in _MARK.findall(_doc(path))})
    found = f" Marks: {', '.join(marks)}." if marks else ""
    return f"Objects: {', '.join(names)}.{found}\n\n"


def _shown(path: Path) -> str:
    return path.relative_to(_ROOT).as_posix()


def _sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(_ROOT.rglob("*.py"), key=_shown):
        if path.name != "fidelity.py":
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def _not_imitated() -> str:
    names = sorted(routes.NOT_IMITATED)
    rows: list[tuple[str, str]] = []
    for path, tree in _sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                said = _refusal(node)
                if said:
                    rows.append((said, f"`{_shown(path)}`"))
    return (
        "## Not imitated\n\nWhole resources, but for the addresses in the table above: "
        + ", ".join(f"`/{name}`" for name in names)
        + ". Whatever else is refused, `…` standing for what was asked for:\n\n"
        + _table(("what", "where"), sorted(set(rows)))
    )


def _refusal(call: ast.Call) -> str:
    """What a call refuses as not imitated; '' for any other call."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    texts = [text for text in map(_text, call.args) if text]
    if name in {"not_imitated", "NotImitated"}:
        return texts[0] if texts else ""
    if name in {"Refused", "Refusal", "fault", "RowProblem"}:
        return next((text for text in texts if "not imitated" in text), "")
    return ""


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [_text(part) if isinstance(part, ast.Constant) else "…" for part in node.values]
        return "".join(parts)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + (_text(node.right) or "…")
    return ""


def _unverified() -> str:
    rows = []
    for path, tree in _sources():
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                text = " ".join((ast.get_docstring(node) or "").split())
                for sentence in re.split(r"(?<=[.;]) (?=[A-Z`])", text):
                    if _UNSURE.search(sentence):
                        rows.append((sentence, f"`{_shown(path)}`"))
    return (
        "## Unverified\n\nSentences of the code that say so: only a developer org can tell.\n\n"
        + _table(("statement", "where"), rows)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
