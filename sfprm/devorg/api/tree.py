"""/composite/tree/X: records with their children, in one request, all or nothing.

At most 200 records, 5 levels, 5 types; every record has a type and a `referenceId` of its own; 201
with the new ids, roots first, then level by level [D]. On failure only the offending records are
listed [D], with status 400 [M]. The words about reference ids are [M]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.api.sobjects import supports
from sfprm.devorg.api.writing import context_of, find_object, result, transaction
from sfprm.devorg.dml import Context, Row, insert_rows, parse_rows
from sfprm.devorg.problems import Refusal, RowProblem
from sfprm.devorg.schema import ObjectDef

__all__ = ["tree"]

MAX_RECORDS = 200
MAX_LEVELS = 5
MAX_TYPES = 5


@dataclass(slots=True)
class _Node:
    """One record; `link` is the field that names its parent."""

    level: int
    definition: ObjectDef
    reference: str
    values: dict[str, Any]
    parent: _Node | None = None
    link: str = ""
    id: str | None = None


class _Failed(Exception):
    """Some records are refused."""

    def __init__(self, problems: list[tuple[str, RowProblem]]) -> None:
        super().__init__()
        self.problems = problems


def tree(request: Request, object: str) -> Answer:
    """POST /composite/tree/X."""
    definition = find_object(request, object)
    nodes: list[_Node] = []
    _gather(request, nodes, definition, request.json_object(), None, "")
    nodes.sort(key=lambda node: node.level)
    if not nodes or len(nodes) > MAX_RECORDS:
        raise Refusal(400, "INVALID_INPUT", f"A tree has 1 to {MAX_RECORDS} records")
    if len({node.definition.name for node in nodes}) > MAX_TYPES:
        raise Refusal(400, "INVALID_INPUT", f"A tree has at most {MAX_TYPES} types of records")
    try:
        _check_references(nodes)
        with transaction(request.org):
            _write(request, context_of(request), nodes)
    except _Failed as failed:
        results = [
            {"referenceId": reference, "errors": result(Row(0, problem=problem))["errors"]}
            for reference, problem in failed.problems
        ]
        return Answer(400, {"hasErrors": True, "results": results})
    made = [{"referenceId": node.reference, "id": node.id} for node in nodes]
    return Answer(201, {"hasErrors": False, "results": made})


def _gather(
    request: Request,
    nodes: list[_Node],
    definition: ObjectDef,
    body: Mapping[str, Any],
    parent: _Node | None,
    link: str,
) -> None:
    """Append the records of a `records` list, each followed by its children."""
    level = parent.level + 1 if parent is not None else 1
    if level > MAX_LEVELS:
        raise Refusal(400, "INVALID_INPUT", f"A tree is at most {MAX_LEVELS} levels deep")
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise Refusal(400, "INVALID_INPUT", "records must be a list of objects")
    for record in records:
        attributes = record.get("attributes")
        attributes = attributes if isinstance(attributes, dict) else {}
        if str(attributes.get("type", "")).lower() != definition.name.lower():
            raise Refusal(
                400, "INVALID_INPUT", f"The type of every record here must be {definition.name}"
            )
        node = _Node(level, definition, str(attributes.get("referenceId") or ""), {}, parent, link)
        nodes.append(node)
        for name, value in record.items():
            below = definition.child(name) if isinstance(value, dict) else None
            if below is None or not isinstance(value, dict) or "records" not in value:
                node.values[name] = value
                continue
            child = find_object(request, below.child)
            _gather(request, nodes, child, value, node, below.field)


def _check_references(nodes: list[_Node]) -> None:
    """Every record needs a reference id that no other has. Raises _Failed."""
    names = [node.reference for node in nodes]
    problems: list[tuple[str, RowProblem]] = []
    for name in names:
        if not name:
            text = "Include a reference ID for each record in the request."
            problems.append((name, RowProblem("INVALID_INPUT", text)))
        elif names.count(name) > 1:
            text = "Duplicate ReferenceId provided in the request."
            problems.append((name, RowProblem("INVALID_INPUT", text)))
    if problems:
        raise _Failed(problems)


def _write(request: Request, context: Context, nodes: list[_Node]) -> None:
    """Insert level by level, one type at a time. Raises _Failed with the level's problems."""
    for _, group in groupby(nodes, key=lambda node: node.level):
        problems: list[tuple[str, RowProblem]] = []
        by_type: dict[str, list[_Node]] = {}
        for node in group:
            by_type.setdefault(node.definition.name, []).append(node)
        for chunk in by_type.values():
            problems += _insert(request, context, chunk)
        if problems:
            raise _Failed(problems)


def _insert(request: Request, context: Context, chunk: list[_Node]) -> list[tuple[str, RowProblem]]:
    definition = chunk[0].definition
    refused = supports(definition, "create") or context.mixed_with(definition.name)
    if refused is not None:
        return [(node.reference, refused) for node in chunk]
    records = []
    for node in chunk:
        link = {node.link: node.parent.id} if node.parent is not None else {}
        records.append({**node.values, **link})
    rows = parse_rows(context, definition, "insert", records)
    with transaction(request.org):
        insert_rows(context, definition, rows)
    for node, row in zip(chunk, rows, strict=True):
        node.id = row.id
    return [
        (node.reference, row.problem)
        for node, row in zip(chunk, rows, strict=True)
        if row.problem is not None
    ]
