"""Standard actions: emailSimple, invocableApplyLeadAssignmentRules. And the publishing of a site,
the one Connect resource here.

The answer is an array, as on the pages of other standard actions [D]; the action's own page shows
an object."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.api.writing import context_of, find_object, transaction
from sfprm.devorg.dml import Row, update_rows
from sfprm.devorg.ids import canonical, is_id
from sfprm.devorg.problems import Refusal
from sfprm.devorg.usage import external, mails_today

__all__ = ["apply_lead_rules", "email_simple", "listing", "publish"]

MAX_RECIPIENTS = 5
MAX_LEADS = 20
_APPLY = "invocableApplyLeadAssignmentRules"
_ACTIONS = (("Send Email", "emailSimple"), ("Apply Lead Assignment Rules", _APPLY))
_SENDERS = ("CurrentUser", "DefaultWorkflowUser", "OrgWideEmailAddress")


def listing(request: Request) -> Answer:
    """GET /actions/standard: what is imitated."""
    return Answer(
        body={
            "actions": [
                {
                    "label": label,
                    "name": name,
                    "type": name.upper(),
                    "url": f"{request.data}/actions/standard/{name}",
                }
                for label, name in _ACTIONS
            ]
        }
    )


def email_simple(request: Request) -> Answer:
    """POST /actions/standard/emailSimple: one mail an input."""
    inputs = request.json_object().get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise Refusal(400, "INVALID_ARGUMENT", "inputs must be a list with at least one object")
    results = [_send(request, one) for one in inputs]
    failed = any(not one["isSuccess"] for one in results)
    return Answer(400 if failed else 200, results)


def apply_lead_rules(request: Request) -> Answer:
    """POST /actions/standard/invocableApplyLeadAssignmentRules: the active rule once more, for up
    to 20 leads, from v54 on [D]; how it refuses a lead is unverified."""
    if request.number < 54:
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
    inputs = request.json_object().get("inputs")
    if not isinstance(inputs, list) or not inputs or not all(isinstance(x, dict) for x in inputs):
        raise Refusal(400, "INVALID_ARGUMENT", "inputs must be a list with at least one object")
    if len(inputs) > MAX_LEADS:
        raise Refusal(400, "INVALID_ARGUMENT", f"At most {MAX_LEADS} leads can be given at once")
    lead = find_object(request, "Lead")
    context = replace(context_of(request), auto_assign=True)
    rows = [Row(place, id=one.get("leadId")) for place, one in enumerate(inputs)]
    with transaction(request.org):
        update_rows(context, lead, rows)
    results = [
        _failure(row.problem.code, row.problem.message, _APPLY)
        if row.problem is not None
        else {"actionName": _APPLY, "errors": None, "isSuccess": True, "outputValues": None}
        for row in rows
    ]
    failed = any(row.problem is not None for row in rows)
    return Answer(400 if failed else 200, results)


def publish(request: Request, id: str) -> Answer:
    """POST /connect/communities/{id}/publish: publishes the site's pages; its Status is a field of
    Network and does not change by this (unverified)."""
    site = None
    if is_id(id) and id[:3] == "0DB":
        site = request.org.storage.get("Network", canonical(id))
    if site is None:
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
    return Answer(
        body={
            "id": site["Id"],
            "message": "We are publishing your changes now. You will receive an email confirmation "
            "when your changes are live.",
            "name": site["Name"],
            "url": request.base,
        }
    )


def _send(request: Request, wanted: Any) -> dict[str, Any]:
    if not isinstance(wanted, dict):
        return _failure("INVALID_ARGUMENT", "every input must be an object")
    many = wanted.get("emailAddressesArray") or []
    text = str(wanted.get("emailAddresses") or "")
    recipients = [one.strip() for one in [*text.split(","), *map(str, many)] if one.strip()]
    missing = [key for key in ("emailBody", "emailSubject") if not wanted.get(key)]
    if missing:
        return _failure(
            "REQUIRED_FIELD_MISSING", f"Missing required input parameter: {', '.join(missing)}"
        )
    if not recipients or len(recipients) > MAX_RECIPIENTS:
        return _failure(
            "INVALID_ARGUMENT", f"Give 1 to {MAX_RECIPIENTS} recipients, not {len(recipients)}"
        )
    bad = [one for one in recipients if one.count("@") != 1 or " " in one]
    if bad:
        return _failure("INVALID_EMAIL_ADDRESS", f"Invalid email address: {', '.join(bad)}")
    sender = wanted.get("senderType", "CurrentUser")
    if sender not in _SENDERS or (wanted.get("senderAddress") and sender != "OrgWideEmailAddress"):
        return _failure("INVALID_ARGUMENT", "senderAddress goes with OrgWideEmailAddress only")
    org = request.org
    if mails_today(org) + external(org, recipients) > org.limits.single_email:
        return _failure("SINGLE_EMAIL_LIMIT_EXCEEDED", "Email limit exceeded")
    org.outbox.send(
        org.clock.now(),
        recipients,
        str(wanted["emailSubject"]),
        str(wanted["emailBody"]),
        "action",
        str(wanted["relatedRecordId"]) if wanted.get("relatedRecordId") else None,
    )
    return {"actionName": "emailSimple", "errors": None, "isSuccess": True, "outputValues": None}


def _failure(code: str, message: str, action: str = "emailSimple") -> dict[str, Any]:
    return {
        "actionName": action,
        "errors": [{"statusCode": code, "message": message, "fields": []}],
        "isSuccess": False,
        "outputValues": None,
    }
