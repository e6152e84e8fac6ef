"""Literals in a SOQL text: found with the field that they stand beside, and replaced."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["identifiers", "looks_like_soql", "with_literals", "without_layout"]

_TOKEN = re.compile(
    r"'(?:\\.|[^'\\])*'"
    r"|\d{4}-\d{2}-\d{2}(?:T[0-9:.]+(?:Z|[+-]\d{2}:?\d{2})?)?"
    r"|-?\d+(?:\.\d+)?"
    r"|[A-Za-z_][\w.]*"
    r"|\s+|.",
    re.DOTALL,
)
_NOT_FIELDS = re.compile(
    "and|or|not|in|like|includes|excludes|asc|desc|nulls|first|last|null|true|false|where|having|"
    "order|by|group",
    re.IGNORECASE,
)
_COUNTED = frozenset({"limit", "offset"})


def looks_like_soql(text: str) -> bool:
    """Whether the text is a query."""
    return re.match(r"\s*select\b", text, re.IGNORECASE) is not None


def with_literals(text: str, replace: Callable[[str, str, str], str]) -> str:
    """The query with each literal replaced by `replace(object, field, value)`.

    `object` is the relationship before the field, else what is selected from. Dates stay, and the
    numbers of LIMIT and OFFSET.
    """
    found = re.search(r"\bFROM\s+(\w+)", text, re.IGNORECASE)
    source = found[1] if found else ""
    out: list[str] = []
    path = ""
    for token in _TOKEN.findall(text):
        if token[0] == "'":
            value = re.sub(r"\\(.)", r"\1", token[1:-1])
            made = replace(*_of(path, source), value)
            kept = token if made == value else f"'{_escaped(made)}'"
            out.append(kept)
        elif re.fullmatch(r"-?\d+(?:\.\d+)?", token):
            counted = path.lower() in _COUNTED
            out.append(token if counted else replace(*_of(path, source), token))
        else:
            if re.match(r"[A-Za-z_]", token) and not _NOT_FIELDS.fullmatch(token):
                path = token
            out.append(token)
    return "".join(out)


def identifiers(text: str) -> set[str]:
    """Every name in the query: objects and fields, and keywords with them."""
    return {
        part
        for token in _TOKEN.findall(text)
        if re.match(r"[A-Za-z_]", token)
        for part in token.split(".")
    }


def without_layout(text: str) -> str:
    """The query with its white space made one, outside literals: for comparing."""
    return "".join(" " if token.isspace() else token for token in _TOKEN.findall(text)).strip()


def _of(path: str, source: str) -> tuple[str, str]:
    parts = path.split(".")
    return (parts[-2] if len(parts) > 1 else source), parts[-1]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")
