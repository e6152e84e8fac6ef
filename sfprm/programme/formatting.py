"""Programme files in one canonical form: what `sfprm programme fmt` writes.

YAML: two blanks a level, list items indented below their key, one blank line at most, comments
kept, collections in braces spread over lines when they would not fit 120 columns. Order of keys
and quotes are the writer's. CSV: cells trimmed, quotes only where needed, one kind of line end,
formulas made harmless. Nothing that a file says changes; where that cannot be kept (a comment
inside braces can be lost), the file is left as it is and complained about.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from sfprm.programme.complaints import Complaints
from sfprm.programme.csv_text import csv_records
from sfprm.programme.source import decode
from sfprm.programme.spreadsheet import harmless, meant
from sfprm.programme.yaml_text import parse_yaml

if TYPE_CHECKING:
    from sfprm.programme.source import Source
    from sfprm.programme.yaml_text import Value

__all__ = ["WIDTH", "formatted"]

WIDTH = 120
"""Columns after which a collection in braces is spread over lines."""

_FAULTS = (YAMLError, ValueError, TypeError, AttributeError, KeyError, IndexError, AssertionError)
_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*", re.MULTILINE)


def formatted(source: Source, complaints: Complaints) -> str | None:
    """The file in canonical form; None after a complaint."""
    if source.file.endswith(".csv"):
        return _csv(source, complaints)
    return _yaml(source, complaints)


def _csv(source: Source, complaints: Complaints) -> str | None:
    before = len(complaints.errors)
    rows = csv_records(source, complaints)
    if len(complaints.errors) > before:
        return None
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    for _, cells in rows:
        if any(cell.strip() for cell in cells):
            # the writer does not quote a lone carriage return; the org makes line ends one as well
            lines = (re.sub(r"\r\n?", "\n", meant(cell.strip())) for cell in cells)
            writer.writerow([harmless(text) for text in lines])
    return out.getvalue()


def _yaml(source: Source, complaints: Complaints) -> str | None:
    tree = parse_yaml(source, complaints)
    if tree is None:
        return None
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 1_000_000  # lines are broken by us, at whole entries
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    try:
        document = yaml.load(source.text.replace("\r\n", "\n").replace("\r", "\n"))
        _spread(document, 0, 0)
        yaml.dump(document, out)
    except _FAULTS as error:
        said = " ".join(str(error).split("\n")[0].split())
        complaints.error(source.place(1), f"cannot be formatted: {said or type(error).__name__}.")
        return None
    text = _tidied(out.getvalue())
    again = decode(text.encode(), source.file, Complaints())
    parsed = parse_yaml(again, Complaints()) if again is not None else None
    if parsed is None or not _same(tree.root, parsed.root):
        complaints.error(source.place(1), "formatting would change what the file says; it was not.")
        return None
    lost = _comments(source.text, tree.root) - _comments(text, parsed.root)
    if lost:
        comment = next(iter(lost))
        line = next((n for n, one in enumerate(source.lines, 1) if comment in one), 1)
        complaints.error(
            source.place(line),
            f"formatting would lose the comment {comment[:60]!r}; the file was left as it is.",
            "Put comments outside of braces and brackets.",
        )
        return None
    return text


def _spread(node: Any, column: int, level: int) -> None:
    """Turn collections in braces into lines where they would pass `WIDTH`."""
    if isinstance(node, CommentedMap):
        if node.fa.flow_style() and column + _length(node) > WIDTH:
            node.fa.set_block_style()
        if not node.fa.flow_style():
            for key, value in node.items():
                _spread(value, 2 * level + len(str(key)) + 2, level + 1)
    elif isinstance(node, CommentedSeq):
        if node.fa.flow_style() and column + _length(node) > WIDTH:
            node.fa.set_block_style()
        if not node.fa.flow_style():
            for value in node:
                _spread(value, 2 * level + 2, level + 1)


def _length(node: Any) -> int:
    """About how long it is in one line."""
    if isinstance(node, CommentedMap):
        return sum(len(str(key)) + 4 + _length(value) for key, value in node.items())
    if isinstance(node, CommentedSeq):
        return sum(2 + _length(value) for value in node)
    return len(str(node))


def _tidied(text: str) -> str:
    """No blanks at ends of lines but inside scalars (checked after), one blank line at most."""
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"


def _same(one: Value, other: Value) -> bool:
    """Whether both say the same in the same order."""
    if one.entries is not None and other.entries is not None:
        return list(one.entries) == list(other.entries) and all(
            _same(value, other.entries[key][1]) for key, (_, value) in one.entries.items()
        )
    if one.items is not None and other.items is not None:
        return len(one.items) == len(other.items) and all(
            _same(a, b) for a, b in zip(one.items, other.items, strict=True)
        )
    return type(one.plain) is type(other.plain) and one.plain == other.plain


def _comments(text: str, root: Value) -> Counter[str]:
    """Comments as they stand, scalars cut out."""
    spans: list[tuple[int, int]] = []
    waiting = [root]
    while waiting:
        value = waiting.pop()
        waiting += [inner for _, inner in (value.entries or {}).values()]
        waiting += value.items or ()
        if value.items is None and value.entries is None and value.end > value.start:
            spans.append((value.start, value.end))
    kept, at = [], 0
    for start, end in sorted(set(spans)):
        scalar = text[start:end]
        if scalar[:1] in ("|", ">"):  # a comment may follow the block's header
            first = scalar.partition("\n")[0]
            kept.append(text[at:start] + " " + first[1:])
        elif start >= at:
            kept.append(text[at:start] + "_")
        at = max(at, end)
    kept.append(text[at:])
    return Counter(c.rstrip() for c in _COMMENT.findall("".join(kept)))
