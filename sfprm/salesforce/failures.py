"""From an answer that refuses to the failure that the retry table knows."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

from sfprm.errors import LoginRefused, OrgRefused
from sfprm.salesforce.answer import Answer
from sfprm.salesforce.login_refusals import LOCKED_SESSION_HINT
from sfprm.salesforce.refusals import classify, read_fault, translate
from sfprm.salesforce.retry import Failed, cause_of

__all__ = ["failure", "locked_out", "retry_after", "worn_out"]

_LONGEST = 60.0


def failure(answer: Answer, now: datetime) -> Failed:
    """The failure that an answer of status 300 and above stands for."""
    fault = read_fault(answer.status, answer.body)
    refusal = classify(fault.code, fault.message) if fault.code else None
    return Failed(
        cause_of(answer.status, refusal),
        translate(answer.status, answer.body),
        retry_after(answer.headers.get("Retry-After"), now),
    )


def retry_after(header: str | None, now: datetime) -> float:
    """Seconds that the header asks for, as a number or a date, 0 to 60; nonsense counts as 0.

    Salesforce sends none; proxies before it may.
    """
    text = (header or "").strip()
    if text.isdigit():
        return min(_LONGEST, float(text))
    try:
        wait = (parsedate_to_datetime(text) - now).total_seconds()
    except (ValueError, TypeError):
        return 0.0
    return min(_LONGEST, max(0.0, wait))


def worn_out(failed: Failed) -> LoginRefused:
    """A ready token that is not taken: there is no other to be had."""
    return LoginRefused(
        f"The access token is not accepted, or no more. {failed.error.message}",
        code="INVALID_SESSION_ID",
        status=401,
        hint="Set a new SFPRM_ACCESS_TOKEN, or log in with SFPRM_CLIENT_ID and "
        "SFPRM_CLIENT_SECRET, which sfprm can renew by itself.",
    )


def locked_out(failed: Failed) -> LoginRefused:
    """A token that was just given and is not taken either: the org keeps sessions on a lead."""
    code = failed.error.code if isinstance(failed.error, OrgRefused) else ""
    return LoginRefused(failed.error.message, code=code, status=401, hint=LOCKED_SESSION_HINT)
