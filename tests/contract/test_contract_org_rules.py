"""What an org's own rules and limits refuse: validation rules, triggers, flows, approvals,
duplicate rules, the day's mails and calls."""

from __future__ import annotations

from typing import Any

import pytest

from sfprm.errors import OrgRefused, TryLater
from sfprm.recording.plugin import Scenario
from sfprm.salesforce.actions import send_email
from sfprm.salesforce.collections import RowOutcome, create, delete, update
from sfprm.salesforce.session import Session

NAME = "Sfprm Contract"
WORDS = (
    NAME,
    "Sfprm Contract Account",
    "Sfprm Contract Company",
    "Sfprm contract: enter a phone",
    "Sfprm contract: no",
    "SfprmContract",
    "Sfprm_Contract",
    "sfprm-contract@example.com",
)
ACCOUNT, LEAD = {"Name": WORDS[1]}, {"LastName": NAME, "Company": WORDS[2]}


@pytest.fixture
def happens(scenario: Scenario) -> Any:
    """Sets what an administrator of the org would; in a replay it has been."""
    if scenario.mode == "live":
        pytest.skip("nobody sets a real org's rules and limits for a test")

    def say(what: str, body: Any) -> None:
        if scenario.org is not None:
            scenario.org.control("POST", what, body)

    return say


def refusal(outcomes: list[RowOutcome]) -> tuple[str, str, tuple[str, ...]]:
    """Code, words and fields of the only row."""
    [outcome] = outcomes
    [error] = outcome.errors
    return error.code, error.message, tuple(error.fields)


@pytest.mark.salesforce_recording("org-rules", fictional=WORDS)
def test_rules_of_the_org_refuse_rows_in_their_own_words(happens: Any, session: Session) -> None:
    """A validation rule with its field, a trigger, a flow; without them the rows are taken."""
    happens(
        "behaviours",
        {
            "validation_rules": [
                {"object": "Account", "name": WORDS[6], "message": WORDS[3], "field": "Phone"}
            ],
            "triggers": [{"object": "Contact", "name": WORDS[5], "message": WORDS[4]}],
            "flows": [{"object": "Lead", "name": NAME, "message": WORDS[4]}],
        },
    )
    code, words, fields = refusal(create(session, "Account", [ACCOUNT]))
    assert (code, words, fields) == ("FIELD_CUSTOM_VALIDATION_EXCEPTION", WORDS[3], ("Phone",))
    # their words hold more than the administrator's, which a recording leaves out
    code, _, _ = refusal(create(session, "Contact", [{"LastName": NAME}]))
    assert code == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    code, _, _ = refusal(create(session, "Lead", [LEAD]))
    assert code == "CANNOT_EXECUTE_FLOW_TRIGGER"
    happens("behaviours", {"validation_rules": [], "triggers": [], "flows": []})
    made = [
        *create(session, "Account", [ACCOUNT]),
        *create(session, "Contact", [{"LastName": NAME}]),
        *create(session, "Lead", [LEAD]),
    ]
    assert all(one.success for one in made)
    assert all(one.success for one in delete(session, [str(one.id) for one in made]))


@pytest.mark.salesforce_recording("approval-lock", fictional=WORDS)
def test_a_record_in_an_approval_is_locked(happens: Any, session: Session) -> None:
    """For administrators too, where the process says so."""
    [made] = create(session, "Lead", [LEAD])
    happens("behaviours", {"approval_locks": {"ids": [made.id], "even_administrators": True}})
    code, _, _ = refusal(update(session, "Lead", [{"Id": made.id, "Rating": "Hot"}]))
    assert code == "ENTITY_IS_LOCKED"
    happens("behaviours", {"approval_locks": {"ids": []}})
    assert all(one.success for one in update(session, "Lead", [{"Id": made.id, "Rating": "Hot"}]))
    assert all(one.success for one in delete(session, [str(made.id)]))


@pytest.mark.salesforce_recording("duplicate-rules", fictional=WORDS)
def test_a_double_is_told_and_saved_past_an_alert_only(happens: Any, session: Session) -> None:
    """Refused by a rule that alerts, saved with the header; refused by one that blocks."""
    rule = {"object": "Account", "name": WORDS[6], "fields": ["Name"], "message": WORDS[4]}
    past = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    [first] = create(session, "Account", [ACCOUNT])
    happens("duplicate-rules", [{**rule, "action": "alert"}])
    assert refusal(create(session, "Account", [ACCOUNT]))[:2] == ("DUPLICATES_DETECTED", WORDS[4])
    [second] = create(session, "Account", [ACCOUNT], headers=past)
    assert second.success, second.error
    happens("duplicate-rules", [{**rule, "action": "block"}])
    blocked = create(session, "Account", [ACCOUNT], headers=past)
    assert refusal(blocked)[:2] == ("DUPLICATES_DETECTED", WORDS[4])
    happens("duplicate-rules", [])
    assert all(o.success for o in delete(session, [str(first.id), str(second.id)]))


@pytest.mark.salesforce_recording("mails-used-up", fictional=WORDS)
def test_the_mails_of_a_day_are_used_up(happens: Any, session: Session) -> None:
    """Said of the one mail that is too many."""
    happens("limits", {"single_email": 1})
    send_email(session, [WORDS[7]], NAME, NAME)
    with pytest.raises(OrgRefused) as raised:
        send_email(session, [WORDS[7]], NAME, NAME)
    assert raised.value.code == "SINGLE_EMAIL_LIMIT_EXCEEDED"


@pytest.mark.salesforce_recording("calls-used-up", fictional=WORDS)
def test_the_calls_of_a_day_are_used_up(call: Any, happens: Any, session: Session) -> None:
    """403 REQUEST_LIMIT_EXCEEDED, which is for later, not for now."""
    question = {"q": "SELECT Id FROM Organization"}
    session.request("GET", "query", kind="query", params=question)
    happens("limits", {"daily_api": 1})
    answer = call("GET", "query", params=question)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
    with pytest.raises(TryLater, match="REQUEST_LIMIT_EXCEEDED"):
        session.request("GET", "query", kind="query", params=question)
