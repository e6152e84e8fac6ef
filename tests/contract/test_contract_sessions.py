"""Logging in, who we are, limits, and what an expired session does."""

from __future__ import annotations

import pytest

from sfprm.recording.plugin import Scenario
from sfprm.salesforce.limits import limits
from sfprm.salesforce.query import select_all
from sfprm.salesforce.session import Session
from sfprm.salesforce.soql import Query


@pytest.mark.salesforce_recording("login-and-identity")
def test_login_and_identity(session: Session) -> None:
    """Two calls say who and where; ids have their objects' prefixes."""
    me = session.identity
    assert me.org_id.prefix == "00D"
    assert me.user_id.prefix == "005"
    assert "@" in me.username
    assert me.created < session.clock.now()
    assert session.calls.by_kind == {"login": 1, "identity": 2}


@pytest.mark.salesforce_recording("limits")
def test_limits(session: Session) -> None:
    """The resource and the header of each answer tell of the same allowance."""
    told = limits(session)
    assert {"DailyApiRequests", "SingleEmail"} <= set(told)
    assert all(0 <= one.remaining <= one.max for one in told.values())
    assert session.calls.allowance is not None
    assert session.calls.allowance[1] == told["DailyApiRequests"].max


@pytest.mark.salesforce_recording("expired-session")
def test_an_expired_session_is_renewed_once(session: Session, scenario: Scenario) -> None:
    """401 INVALID_SESSION_ID, one new login, the same request again."""
    if scenario.mode == "live":
        pytest.skip("a real org's session cannot be made to expire here")
    query = Query(("Id",), "Organization", limit=1)
    select_all(session, query)
    fault = {"path": "query", "method": "GET", "kind": "expired-session", "times": 1}
    if scenario.org is not None:
        scenario.org.control("POST", "faults", fault)
    assert len(select_all(session, query)) == 1
    assert session.calls.by_kind["login"] == 2
