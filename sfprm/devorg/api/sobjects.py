"""/sobjects/X: one record at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.api.records import render, seen, wanted_fields
from sfprm.devorg.api.related import related
from sfprm.devorg.api.writing import (
    context_of,
    external_id,
    find_object,
    refusal,
    transaction,
)
from sfprm.devorg.dml import Row, delete_rows, insert_rows, parse_rows, update_rows
from sfprm.devorg.dml.coerce import coerce
from sfprm.devorg.ids import canonical, is_id
from sfprm.devorg.problems import Refusal, RowProblem
from sfprm.devorg.schema import FieldDef, ObjectDef

__all__ = [
    "create", "create_by_id", "delete", "delete_by", "get", "get_by", "supports", "update",
    "upsert",
]  # fmt: skip


def supports(definition: ObjectDef, operation: str) -> RowProblem | None:
    """The refusal of an operation that the object does not have (text [M])."""
    able = {
        "create": definition.createable,
        "update": definition.updateable,
        "delete": definition.deletable,
    }[operation]
    if able:
        return None
    return RowProblem(
        "INVALID_TYPE_FOR_OPERATION",
        f"entity type {definition.name} does not support {operation}",
    )


def create(request: Request, object: str) -> Answer:
    """POST /sobjects/X: 201 with the id."""
    definition = find_object(request, object)
    row = _insert(request, definition, request.json_object())
    return Answer(
        201,
        {"id": row.id, "success": True, "errors": []},
        {"Location": f"{request.data}/sobjects/{definition.name}/{row.id}"},
    )


def create_by_id(request: Request, object: str, field: str) -> Answer:
    """POST /sobjects/X/Id: a create by upsert's way (v37 and later) [D]."""
    if field.lower() != "id":
        raise Refusal(405, "METHOD_NOT_ALLOWED", "HTTP Method 'POST' not allowed. Allowed are GET,"
                      "PATCH,DELETE")  # fmt: skip
    return create(request, object)


def get(request: Request, object: str, id: str) -> Answer:
    """GET /sobjects/X/id[?fields=A,B]."""
    definition = find_object(request, object)
    record = _existing(request, definition, id)
    return _shown(request, definition, record)


def get_by(request: Request, object: str, field: str, value: str) -> Answer:
    """GET /sobjects/X/Ext__c/value; with an id in the field's place, X's relationship `value`."""
    definition = find_object(request, object)
    if is_id(field) and definition.field(field) is None:
        start = _existing(request, definition, field)
        return related(request, definition, str(start["Id"]), value)
    key = external_id(request, definition, field)
    record = _one(request, definition, key, value)
    if record is None:
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
    return _shown(request, definition, record)


def update(request: Request, object: str, id: str) -> Answer:
    """PATCH /sobjects/X/id: 204."""
    definition = find_object(request, object)
    body = request.json_object()
    record = _existing(request, definition, id)
    _refuse_key(body, "Id")
    _update(request, definition, str(record["Id"]), body)
    return Answer(204)


def upsert(request: Request, object: str, field: str, value: str) -> Answer:
    """PATCH /sobjects/X/Ext__c/value[?updateOnly=true]: 201 when created; updated: 200 with a body
    from v46 on, 204 before [D]; 300 with the addresses when several records match [R]."""
    definition = find_object(request, object)
    key = external_id(request, definition, field)
    body = request.json_object()
    _refuse_key(body, key.name)
    with transaction(request.org):
        record = _one(request, definition, key, value)
        if record is not None:
            _update(request, definition, str(record["Id"]), body)
            if request.number < 46:
                return Answer(204)
            return Answer(200, _upserted(str(record["Id"]), created=False))
        if request.params.get("updateOnly", "").lower() == "true" or key.name == "Id":
            raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
        row = _insert(request, definition, {**body, key.name: value})
    return Answer(201, _upserted(str(row.id), created=True))


def delete(request: Request, object: str, id: str) -> Answer:
    """DELETE /sobjects/X/id: 204; once more: 404 ENTITY_IS_DELETED [R]."""
    definition = find_object(request, object)
    if not is_id(id) or id[:3] != definition.key_prefix:
        raise _no_such_key(id)
    _delete(request, definition, canonical(id))
    return Answer(204)


def delete_by(request: Request, object: str, field: str, value: str) -> Answer:
    """DELETE /sobjects/X/Ext__c/value: 204."""
    definition = find_object(request, object)
    record = _one(request, definition, external_id(request, definition, field), value)
    if record is None:
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
    _delete(request, definition, str(record["Id"]))
    return Answer(204)


def _upserted(id_: str, *, created: bool) -> dict[str, Any]:
    return {"id": id_, "success": True, "errors": [], "created": created}


def _shown(request: Request, definition: ObjectDef, record: Mapping[str, Any]) -> Answer:
    names = request.params.get("fields")
    fields = wanted_fields(request, definition, names.split(",") if names else None)
    return Answer(body=render(request, definition, record, fields))


def _no_such_key(text: str) -> Refusal:
    """The answer to a malformed id in the path is the one to an unknown external id [R]."""
    return Refusal(
        404,
        "NOT_FOUND",
        f"Provided external ID field does not exist or is not accessible: {text}",
    )


def _existing(request: Request, definition: ObjectDef, id_: str) -> dict[str, Any]:
    if not is_id(id_):
        raise _no_such_key(id_)
    record = None
    if id_[:3] == definition.key_prefix:
        record = request.org.storage.get(definition.name, canonical(id_))
    if record is None or not seen(request, definition, [record]):
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
    if record.get("IsDeleted"):
        raise Refusal(404, "ENTITY_IS_DELETED", "entity is deleted", ())
    return record


def _one(
    request: Request, definition: ObjectDef, key: FieldDef, value: str
) -> dict[str, Any] | None:
    """The living record with this key; None when there is none. Raises Refusal 300 for several."""
    try:
        stored = coerce(key, value)
    except RowProblem as problem:
        raise refusal(problem) from problem
    if stored is None:
        return None
    found = [
        record
        for record in request.org.storage.find(definition.name, **{key.name: stored})
        if not record.get("IsDeleted")
    ]
    found = seen(request, definition, found)
    if len(found) > 1:
        addresses = [f"{request.data}/sobjects/{definition.name}/{one['Id']}" for one in found]
        raise Refusal(300, "MULTIPLE_CHOICES", "several records match", body=addresses)
    return found[0] if found else None


def _refuse_key(body: Mapping[str, Any], name: str) -> None:
    """The key is in the path and must not be in the body too (for Id [D, R]; for others [M])."""
    for key in body:
        if key.lower() == name.lower():
            raise Refusal(
                400,
                "INVALID_FIELD",
                f"The {name} field should not be specified in the sobject data.",
                (),
            )


def _insert(request: Request, definition: ObjectDef, body: Mapping[str, Any]) -> Row:
    _able(definition, "create")
    context = context_of(request)
    mixed = context.mixed_with(definition.name)
    if mixed is not None:
        raise refusal(mixed)
    with transaction(request.org):
        rows = parse_rows(context, definition, "insert", [body])
        insert_rows(context, definition, rows)
        _raise(rows[0])
    return rows[0]


def _update(request: Request, definition: ObjectDef, id_: str, body: Mapping[str, Any]) -> None:
    _able(definition, "update")
    context = context_of(request)
    mixed = context.mixed_with(definition.name)
    if mixed is not None:
        raise refusal(mixed)
    with transaction(request.org):
        rows = parse_rows(context, definition, "update", [{**body, "Id": id_}])
        update_rows(context, definition, rows)
        _raise(rows[0])


def _delete(request: Request, definition: ObjectDef, id_: str) -> None:
    _able(definition, "delete")
    context = context_of(request)
    mixed = context.mixed_with(definition.name)
    if mixed is not None:
        raise refusal(mixed)
    with transaction(request.org):
        row = Row(0, id=id_)
        delete_rows(context, definition, [row])
        if row.problem is not None and row.old is None:
            raise Refusal(404, row.problem.code, row.problem.message, row.problem.fields)
        _raise(row)


def _able(definition: ObjectDef, operation: str) -> None:
    problem = supports(definition, operation)
    if problem is not None:
        raise refusal(problem)


def _raise(row: Row) -> None:
    if row.problem is not None:
        raise refusal(row.problem)
