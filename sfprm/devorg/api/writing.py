"""What all writing resources share: the caller's context, transactions, and results as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sfprm.devorg.api.exchange import Request
from sfprm.devorg.dml import Context, Row
from sfprm.devorg.dml.duplicate_header import read_header
from sfprm.devorg.ids import canonical, is_id
from sfprm.devorg.org import Org
from sfprm.devorg.problems import Refusal, RowProblem, not_imitated
from sfprm.devorg.schema import FieldDef, ObjectDef
from sfprm.devorg.schema.absent import absent
from sfprm.devorg.stamps import stamp_text

__all__ = [
    "context_of",
    "external_id",
    "find_object",
    "refusal",
    "result",
    "transaction",
]

_STATUS = {
    "ENTITY_IS_DELETED": 404,
    "INSUFFICIENT_ACCESS": 403,
    "INSUFFICIENT_ACCESS_OR_READONLY": 403,  # by mocks only [M]; 400 is seen too
    "NOT_IMITATED": 501,
}


def context_of(request: Request) -> Context:
    """The transaction's context: the one of the surrounding composite, or a new one. Raises
    Refusal for a malformed `Sforce-Auto-Assign`."""
    duplicates = read_header(request.headers, request.number, request.data)
    if request.transaction is not None:
        request.transaction.auto_assign = _auto_assign(request)
        request.transaction.duplicates = duplicates
        return request.transaction
    org = request.org
    now = stamp_text(org.clock.now())
    return Context(
        org, request.access, now, _auto_assign(request), request.lock, duplicates=duplicates
    )


def _auto_assign(request: Request) -> bool | str:
    """`Sforce-Auto-Assign`: TRUE, FALSE (any case) or an assignment rule's id; absent is TRUE [D].
    A malformed id answers MALFORMED_ID as in SOAP [D]; over REST unverified."""
    value = request.headers.get("sforce-auto-assign", "").strip()
    if value.lower() in {"", "true"}:
        return True
    if value.lower() == "false":
        return False
    if is_id(value) and value[:3] == "01Q":
        return canonical(value)
    raise Refusal(400, "MALFORMED_ID", f"malformed id {value}")


@contextmanager
def transaction(org: Org) -> Iterator[None]:
    """All or nothing, mails and computed permissions included; nests."""
    try:
        with org.storage.transaction():
            yield
    except BaseException:
        org.changed()
        raise


def find_object(request: Request, name: str) -> ObjectDef:
    """The object, as far as this caller has it. Raises Refusal 404, or 501 for one that every org
    has."""
    definition = request.org.schema.object(name)
    missing = absent(name) if definition is None else None
    if missing is not None:
        raise not_imitated(f"the object {missing}")
    if (
        definition is None
        or not request.org.has_object(definition)
        or not request.access.object_visible(definition.name)
    ):
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
    return definition


def external_id(request: Request, definition: ObjectDef, name: str) -> FieldDef:
    """The field that may identify a record (external id, idLookup or Id). Raises Refusal 404 when
    it may not, or when the caller cannot see it [R]."""
    field = definition.field(name)
    if (
        field is None
        or not request.org.has_field(field)
        or not request.access.visible(definition.name, field.name)
        or not (field.external_id or field.id_lookup or field.name == "Id")
    ):
        raise Refusal(
            404,
            "NOT_FOUND",
            f"Provided external ID field does not exist or is not accessible: {name}",
        )
    return field


def refusal(problem: RowProblem) -> Refusal:
    """A row's problem as the answer to a request about one record."""
    status = _STATUS.get(problem.code, 400)
    return Refusal(status, problem.code, problem.message, problem.fields, body=problem.body)


def result(row: Row, *, upsert: bool = False) -> dict[str, Any]:
    """A row's entry in the list that Collections answers."""
    if row.problem is not None:
        return {
            "success": False,
            "errors": [
                {
                    "statusCode": row.problem.code,
                    "message": row.problem.message,
                    "fields": list(row.problem.fields),
                }
            ],
        }
    entry: dict[str, Any] = {"id": row.id, "success": True, "errors": []}
    if upsert:
        entry["created"] = row.created
    return entry
