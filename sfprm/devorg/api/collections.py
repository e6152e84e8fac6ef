"""/composite/sobjects: up to 200 records a call.

Consecutive records of one type form a chunk, at most ten chunks a call [D]; the answer to more is
unverified. Setup objects cannot be mixed with others in one call [D]; refused per record here, in
the words of MIXED_DML_OPERATION (unverified)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.api.records import render, seen, wanted_fields
from sfprm.devorg.api.sobjects import supports
from sfprm.devorg.api.upserts import upsert_rows
from sfprm.devorg.api.writing import context_of, external_id, find_object, result, transaction
from sfprm.devorg.dml import (
    Context,
    Row,
    delete_rows,
    insert_rows,
    parse_rows,
    update_rows,
)
from sfprm.devorg.dml.context import Operation
from sfprm.devorg.ids import canonical, is_id
from sfprm.devorg.problems import Refusal, RowProblem

__all__ = ["create", "delete", "retrieve", "update", "upsert"]

MAX_ROWS = 200
MAX_CHUNKS = 10
MAX_RETRIEVED = 2000


class _RolledBack(Exception):
    """One row failed in an all-or-none call."""


def create(request: Request) -> Answer:
    """POST /composite/sobjects."""
    records, all_or_none = _body(request)
    context = context_of(request)

    def work() -> list[Row]:
        return _by_chunk(request, context, records, "insert")

    return _answer(request, work, all_or_none)


def update(request: Request) -> Answer:
    """PATCH /composite/sobjects, an `id` in each record."""
    records, all_or_none = _body(request)
    context = context_of(request)

    def work() -> list[Row]:
        return _by_chunk(request, context, records, "update")

    return _answer(request, work, all_or_none)


def upsert(request: Request, object: str, field: str) -> Answer:
    """PATCH /composite/sobjects/X/Ext__c: one type, one key."""
    definition = find_object(request, object)
    key = external_id(request, definition, field)
    records, all_or_none = _body(request)
    context = context_of(request)

    def work() -> list[Row]:
        return upsert_rows(request, context, definition, key, records)

    return _answer(request, work, all_or_none, upsert=True)


def delete(request: Request) -> Answer:
    """DELETE /composite/sobjects?ids=a,b&allOrNone=true."""
    ids = [one.strip() for one in request.params.get("ids", "").split(",") if one.strip()]
    if not ids:
        raise Refusal(400, "INVALID_ARGUMENT", "The ids parameter is required")
    _limit(len(ids))
    context = context_of(request)

    def work() -> list[Row]:
        rows = [Row(place, id=id_) for place, id_ in enumerate(ids)]
        for prefix, group in groupby(rows, key=lambda row: str(row.id)[:3]):
            chunk = list(group)
            definition = request.org.schema.by_key_prefix(prefix)
            if definition is None or not all(is_id(row.id) for row in chunk):
                for row in chunk:
                    row.refuse("MALFORMED_ID", f"malformed id {row.id}", "Id")
                continue
            problem = supports(definition, "delete") or context.mixed_with(definition.name)
            if problem is not None:
                for row in chunk:
                    row.problem = problem
                continue
            delete_rows(context, definition, chunk)
        return rows

    return _answer(request, work, request.params.get("allOrNone", "").lower() == "true")


def retrieve(request: Request, object: str) -> Answer:
    """GET ?ids=&fields= or POST {"ids":[],"fields":[]}: records in the order asked for, null for
    what is not there [M]."""
    definition = find_object(request, object)
    if request.method == "POST":
        body = request.json_object()
        ids, names = body.get("ids"), body.get("fields")
    else:
        ids = [one for one in request.params.get("ids", "").split(",") if one]
        names = [one for one in request.params.get("fields", "").split(",") if one]
    if not isinstance(ids, list) or not isinstance(names, list) or not ids or not names:
        raise Refusal(400, "INVALID_ARGUMENT", "ids and fields are required")
    if len(ids) > MAX_RETRIEVED:
        raise Refusal(
            400, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than "
            f"{MAX_RETRIEVED} records into this call",
        )  # fmt: skip
    fields = wanted_fields(request, definition, [str(name) for name in names])
    keys = [canonical(str(one).strip()) if is_id(str(one).strip()) else None for one in ids]
    found = {
        str(record["Id"]): record
        for record in request.org.storage.find(definition.name, Id=[key for key in keys if key])
        if not record.get("IsDeleted")
    }
    visible = {str(one["Id"]) for one in seen(request, definition, list(found.values()))}
    return Answer(
        body=[
            render(request, definition, found[key], fields) if key in visible else None
            for key in keys
        ]
    )


def _body(request: Request) -> tuple[list[Mapping[str, Any]], bool]:
    body = request.json_object()
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise Refusal(
            400,
            "JSON_PARSER_ERROR",
            "Cannot deserialize the request: records must be a list of objects [line:1, column:1]",
        )
    _limit(len(records))
    return records, body.get("allOrNone") is True


def _limit(count: int) -> None:
    if count > MAX_ROWS:
        raise Refusal(
            400,
            "EXCEEDED_ID_LIMIT",
            f"record limit reached. cannot submit more than {MAX_ROWS} records into this call",
        )


def _by_chunk(
    request: Request,
    context: Context,
    records: Sequence[Mapping[str, Any]],
    operation: Operation,
) -> list[Row]:
    chunks: list[tuple[str, list[Mapping[str, Any]]]] = [
        (type_, list(group)) for type_, group in groupby(records, key=_type)
    ]
    if len(chunks) > MAX_CHUNKS:
        raise Refusal(
            400,
            "LIMIT_EXCEEDED",
            f"Cannot have more than {MAX_CHUNKS} chunks in a single operation. Please rearrange "
            "the data to reduce chunking.",
        )
    rows: list[Row] = []
    for type_, chunk in chunks:
        rows += _chunk(request, context, type_, chunk, operation, len(rows))
    return rows


def _chunk(
    request: Request,
    context: Context,
    type_: str,
    records: Sequence[Mapping[str, Any]],
    operation: Operation,
    first: int,
) -> list[Row]:
    try:
        definition = find_object(request, type_)
    except Refusal as refusal:
        problem = RowProblem("INVALID_TYPE", f"sObject type '{type_}' is not supported.")
        if refusal.status == 501:
            problem = RowProblem(refusal.code, refusal.message)
        return [Row(first + place, problem=problem) for place in range(len(records))]
    refused = supports(definition, "create" if operation == "insert" else "update")
    refused = refused or context.mixed_with(definition.name)
    if refused is not None:
        return [Row(first + place, problem=refused) for place in range(len(records))]
    rows = parse_rows(context, definition, operation, records, first=first)
    (insert_rows if operation == "insert" else update_rows)(context, definition, rows)
    return rows


def _type(record: Mapping[str, Any]) -> str:
    attributes = record.get("attributes")
    type_ = attributes.get("type") if type(attributes) is dict else None
    if not isinstance(type_, str) or not type_:
        raise Refusal(
            400, "INVALID_INPUT", 'Every record needs its type: {"attributes":{"type":"X"}}'
        )
    return type_


def _answer(
    request: Request, work: Callable[[], list[Row]], all_or_none: bool, *, upsert: bool = False
) -> Answer:
    rows: list[Row] = []
    try:
        with transaction(request.org):
            rows = work()
            if all_or_none and any(row.problem is not None for row in rows):
                raise _RolledBack
    except _RolledBack:
        return Answer(body=[_rolled_back(row, upsert) for row in rows])
    return Answer(body=[result(row, upsert=upsert) for row in rows])


def _rolled_back(row: Row, upsert: bool) -> dict[str, Any]:
    """The innocent of an all-or-none call keep the id that they had or had been given [D, R]."""
    if row.problem is not None:
        return result(row, upsert=upsert)
    id_ = row.id
    row.problem = RowProblem(
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "Record rolled back because not all records were valid and the request was using "
        "AllOrNone header",
    )
    return {"id": id_, **result(row)}
