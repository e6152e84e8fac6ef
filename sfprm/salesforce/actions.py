"""Standard invocable actions. One so far: a plain mail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sfprm.errors import BadRequest, OrgRefused, OutcomeUnknown
from sfprm.salesforce.refusals import hint_for, scrub
from sfprm.salesforce.session import Session

__all__ = ["send_email"]


def send_email(session: Session, to: Sequence[str], subject: str, body: str) -> None:
    """Hand one mail to Salesforce, which counts it against the org's SingleEmail limit.

    Accepted is all that can be said: delivery is not reported. Not repeatable: a mail sent twice
    is a fault. Accepts an array and an object as answer (the form for this action is unverified).
    Raises OrgRefused when the action says no.
    """
    if not to:
        raise BadRequest("A mail needs at least one address.")
    inputs = {"emailAddresses": ",".join(to), "emailSubject": subject, "emailBody": body}
    answer = session.request(
        "POST",
        "actions/standard/emailSimple",
        kind="email",
        json={"inputs": [inputs]},
        repeatable=False,
    )
    told: Any = answer.json
    results = told if isinstance(told, list) else [told]
    if not results or not all(isinstance(item, dict) for item in results):
        raise OutcomeUnknown(
            "The mail was handed over, and the answer does not say if it was sent."
        )
    for item in results:
        if not item.get("isSuccess"):
            raise _refused(item.get("errors") or [{}])


def _refused(errors: Any) -> OrgRefused:
    first = errors[0] if isinstance(errors, list) and errors else {}
    code = str(first.get("statusCode") or first.get("errorCode") or "")
    message = str(first.get("message") or "no reason given")
    return OrgRefused(
        f"Salesforce did not take the mail: {code}: {scrub(message)}",
        code=code,
        hint=hint_for(code, message),
    )
