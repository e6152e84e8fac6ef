"""SOAP `update()` of the partner API, for what REST cannot say: OwnerChangeOptions [D, from memory
of the SOAP API guide; unverified in detail].

Rows fail alone, as without AllOrNoneHeader [D]; `fieldsToNull` is not imitated. Account teams are
not imitated either, so that KeepAccountTeam is accepted and has nothing to keep; an option of
another name answers INVALID_OPERATION (code unverified)."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import Any

from sfprm.devorg.api.collections import MAX_ROWS
from sfprm.devorg.api.exchange import Request
from sfprm.devorg.api.writing import context_of, find_object, transaction
from sfprm.devorg.dml.parse import parse_rows
from sfprm.devorg.dml.run import update_rows
from sfprm.devorg.metadata.markup import Node
from sfprm.devorg.problems import Refusal

__all__ = ["OPTIONS", "soap_update"]

OPTIONS = frozenset(
    {
        *("EnforceNewOwnerHasReadAccess", "TransferOpenActivities", "TransferNotesAndAttachments"),
        *("TransferOthersOpenOpportunities", "TransferOwnedOpenOpportunities", "TransferContacts"),
        *("TransferContracts", "TransferOrders", "TransferOwnedOpenCases", "KeepAccountTeam"),
        *("TransferOwnedClosedOpportunities", "TransferAllOwnedCases", "SendEmail"),
        *("KeepSalesTeam", "KeepSalesTeamGrantCurrentOwnerReadWriteAccess"),
    }
)


def soap_update(request: Request, envelope: Node, operation: Node, user_id: str) -> str:
    """The results of `update`, one a record, in order. Raises Refusal."""
    options = envelope.below("Header", "OwnerChangeOptions")
    for option in options.all("options") if options is not None else ():
        if option.value("type") not in OPTIONS:
            raise Refusal(400, "INVALID_OPERATION", f"unknown option {option.value('type')}")
    records = operation.all("sObjects")
    if len(records) > MAX_ROWS:
        raise Refusal(400, "EXCEEDED_ID_LIMIT", f"maximum number of records is {MAX_ROWS}")
    asked = replace(request, caller=request.org.permissions.of(user_id))
    results: list[str] = []
    with transaction(request.org):
        context = context_of(asked)
        for place, record in enumerate(records):
            definition = find_object(asked, record.value("type") or "")
            fields: dict[str, Any] = {
                child.tag: child.text for child in record.children if child.tag != "type"
            }
            [row] = parse_rows(context, definition, "update", [fields], first=place)
            update_rows(context, definition, [row])
            results.append(_result(row.id, row.problem))
    return "".join(results)


def _result(id_: str | None, problem: Any) -> str:
    if problem is None:
        return f"<result><id>{id_}</id><success>true</success></result>"
    fields = "".join(f"<fields>{escape(name)}</fields>" for name in problem.fields)
    return (
        f"<result><errors>{fields}<message>{escape(problem.message)}</message>"
        f"<statusCode>{problem.code}</statusCode></errors><success>false</success></result>"
    )
