"""The session at the HTTP line: re-login, repeats, counting, budget, and what it never tells."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from sfprm.clock import FakeClock
from sfprm.errors import (
    BudgetSpent,
    LoginRefused,
    OrgRefused,
    OrgUnreachable,
    OutcomeUnknown,
    TryLater,
)
from sfprm.salesforce.collections import AUTO_ASSIGN_OFF
from sfprm.salesforce.credentials import AccessToken, ClientCredentials
from sfprm.salesforce.limits import limits
from sfprm.salesforce.session import Session

EXPIRED = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
LOCKED = [{"message": "unable to obtain exclusive access", "errorCode": "UNABLE_TO_LOCK_ROW"}]
LEAD = {"LastName": "Reis"}


def patch_lead(session: Session) -> Any:
    """A repeatable write with a header that must not be lost."""
    return session.request(
        "PATCH",
        "sobjects/Lead/00Q000000000001",
        kind="update",
        json=LEAD,
        headers=AUTO_ASSIGN_OFF,
        repeatable=True,
    )


def create_lead(session: Session) -> Any:
    """A write that must not be repeated blindly."""
    return session.request("POST", "sobjects/Lead", kind="create", json=LEAD)


def test_an_expired_session_logs_in_once_and_repeats_the_identical_request(
    org: Any, session: Session
) -> None:
    """Method, address, body and every header but the token are sent again."""
    org.on("PATCH", "sobjects/Lead/00Q000000000001", status=401, json=EXPIRED)
    org.on("PATCH", "sobjects/Lead/00Q000000000001", status=204)
    assert patch_lead(session).status == 204
    first, second = org.asked("sobjects/Lead")
    assert org.logins == 2
    assert first.body == second.body
    differing = {
        name for name in first.headers if first.headers[name] != second.headers.get(name)
    } | (set(second.headers) - set(first.headers))
    assert differing == {"Authorization"}
    assert second.headers["Sforce-Auto-Assign"] == "FALSE"


def test_a_session_that_stays_refused_ends_after_one_re_login(org: Any, session: Session) -> None:
    """Never a loop of logins: they could lock the user."""
    org.on("GET", "limits", status=401, json=EXPIRED)
    with pytest.raises(LoginRefused):
        limits(session)
    assert org.logins == 2
    assert len(org.asked("limits")) == 2


def test_a_token_that_others_worked_with_may_expire_in_its_turn(org: Any, session: Session) -> None:
    """A new token refused at first is no lock-out when the one after it is taken."""
    org.on("GET", "limits", json={})
    limits(session)
    for status, body in ((401, EXPIRED), (401, EXPIRED), (200, {"DailyApiRequests": {}})):
        org.on("GET", "recent", status=status, json=body)
    assert session.request("GET", "recent", kind="other").status == 200
    assert org.logins == 3


def test_a_create_is_repeated_after_re_login(org: Any, session: Session) -> None:
    """A 401 says that nothing was done."""
    org.on("POST", "sobjects/Lead", status=401, json=EXPIRED)
    org.on("POST", "sobjects/Lead", status=201, json={"id": "00Q", "success": True})
    assert create_lead(session).status == 201


def test_a_ready_token_cannot_be_renewed(org: Any, clock: FakeClock) -> None:
    """The message says what to set."""
    org.on("GET", "limits", status=401, json=EXPIRED)
    with (
        Session(AccessToken(org.host, SecretStr("00Dxx!ready")), clock=clock) as session,
        pytest.raises(LoginRefused) as raised,
    ):
        limits(session)
    assert "SFPRM_ACCESS_TOKEN" in raised.value.hint
    assert "00Dxx!ready" not in raised.value.message


def test_another_org_at_the_second_login_is_refused(org: Any, session: Session) -> None:
    """A run goes on in the org that it began in."""
    org.on("GET", "limits", json={})
    limits(session)
    org.wire.replace(
        "POST",
        f"{org.host}/services/oauth2/token",
        json={
            "access_token": "t",
            "instance_url": org.host,
            "id": "https://login.salesforce.com/id/00Dyy0000000002EAA/005",
        },
    )
    org.wire.replace("GET", f"{org.host}/services/data/v66.0/limits", status=401, json=EXPIRED)
    with pytest.raises(LoginRefused, match="another org"):
        limits(session)


def test_threads_share_one_re_login(org: Any, session: Session) -> None:
    """Eight threads find the session expired at once; one of them logs in."""

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        stale = request.headers["Authorization"].endswith("first")
        return (401, {}, json.dumps(EXPIRED)) if stale else (200, {}, "{}")

    place = f"{org.host}/services/data/v66.0/limits"
    org.wire.add_callback("GET", place, answer, content_type="application/json")
    assert session.api_version
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(limits, [session] * 8)) == [{}] * 8
    assert org.logins == 2


def test_the_newest_version_is_chosen_by_number(org: Any, session: Session) -> None:
    """66.0 is newer than 9.0, whatever the order of letters says."""
    assert session.api_version == "66.0"


def test_reads_are_repeated_after_a_503(org: Any, session: Session, clock: FakeClock) -> None:
    """Twice unavailable, then an answer: two waits through the clock."""
    org.on("GET", "limits", status=503, body="<html>", content_type="text/html")
    org.on("GET", "limits", status=503, body="<html>", content_type="text/html")
    org.on("GET", "limits", json={"DailyApiRequests": {"Max": 5, "Remaining": 4}})
    assert limits(session)["DailyApiRequests"].remaining == 4
    assert len(clock.slept) == 2


def test_a_create_without_a_clear_answer_is_unknown(org: Any, session: Session) -> None:
    """A gateway's error page: the record may be there. Sent once, never again."""
    org.on("POST", "sobjects/Lead", status=502, body="<html>", content_type="text/html")
    with pytest.raises(OutcomeUnknown):
        create_lead(session)
    assert len(org.asked("sobjects/Lead")) == 1


def test_a_create_whose_connection_breaks_is_unknown(org: Any, session: Session) -> None:
    """Sent, then silence."""
    org.on("POST", "sobjects/Lead", body=requests.exceptions.ReadTimeout("slow"))
    with pytest.raises(OutcomeUnknown, match="did not answer in time"):
        create_lead(session)


def test_a_create_refused_for_a_lock_is_repeated(org: Any, session: Session) -> None:
    """The refusal says that nothing was done."""
    org.on("POST", "sobjects/Lead", status=400, json=LOCKED)
    org.on("POST", "sobjects/Lead", status=201, json={"id": "00Q", "success": True})
    assert create_lead(session).status == 201


def test_a_daily_limit_is_not_waited_for(org: Any, session: Session, clock: FakeClock) -> None:
    """The allowance of 24 hours does not come back in seconds."""
    body = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    org.on("GET", "limits", status=403, json=body)
    with pytest.raises(TryLater, match="TotalRequests"):
        limits(session)
    assert clock.slept == []


@pytest.mark.parametrize(
    ("body", "type_"),
    [("<html>maintenance</html>", "text/html"), ('{"records": [', "application/json")],
)
def test_an_answer_that_is_not_salesforces_is_repeated_then_refused(
    org: Any, session: Session, body: str, type_: str
) -> None:
    """A proxy's page with status 200, or half an answer."""
    org.on("GET", "limits", body=body, content_type=type_)
    with pytest.raises(OrgUnreachable):
        limits(session)
    assert len(org.asked("limits")) == 6


def test_redirects_are_not_followed(org: Any, session: Session) -> None:
    """The token would go to a host that nobody named."""
    org.on("GET", "limits", status=302, headers={"Location": "https://evil.example.org/"})
    with pytest.raises(OrgRefused, match="302"):
        limits(session)
    assert not org.asked("evil")


def test_only_paths_of_the_instance_are_sent(org: Any, session: Session) -> None:
    """A cursor that names another host is a path of nobody."""
    with pytest.raises(Exception, match="not one of Salesforce's"):
        session.request("GET", "//evil.example.org/services", kind="query")


def test_calls_are_counted_by_kind(org: Any, session: Session) -> None:
    """Repeats count; logging in is counted apart, as the org does not charge it."""
    org.on("GET", "limits", status=503, json=[])
    org.on("GET", "limits", json={}, headers={"Sforce-Limit-Info": "api-usage=18/5000"})
    mark = session.calls.snapshot()
    limits(session)
    assert session.calls.by_kind == {"limits": 2, "login": 1, "versions": 1}
    assert session.calls.since(mark).total == session.calls.total == 2
    assert session.calls.allowance == (18, 5000)


@pytest.mark.parametrize(
    "header",
    [
        "api-usage=18/5000; api-bursts=1/750",
        "api-usage=18/5000; per-app-api-usage=1/2(appName=x)",
        "per-app-api-usage=1/2(appName=x); api-usage=18/5000",
    ],
)
def test_the_limit_header_is_read_in_every_form(org: Any, session: Session, header: str) -> None:
    """The org's figure, not the app's."""
    org.on("GET", "limits", json={}, headers={"Sforce-Limit-Info": header})
    limits(session)
    assert session.calls.allowance == (18, 5000)


def test_the_budget_stops_before_sending(org: Any, clock: FakeClock) -> None:
    """The third call of two allowed is not sent."""
    org.on("GET", "limits", json={})
    credentials = ClientCredentials(org.host, "id", SecretStr("secret"))
    with Session(credentials, clock=clock, call_budget=2) as session:
        limits(session)
        limits(session)
        with pytest.raises(BudgetSpent, match="2 API calls"):
            limits(session)
    assert len(org.asked("limits")) == 2


def test_each_call_names_us_and_itself(org: Any, session: Session) -> None:
    """A user agent, and an id that stays the same over repeats."""
    org.on("GET", "limits", status=503, json=[])
    org.on("GET", "limits", json={})
    limits(session)
    first, second = org.asked("limits")
    assert first.headers["User-Agent"].startswith("sfprm/")
    assert first.headers["X-Request-Id"] == second.headers["X-Request-Id"]
    assert [done.attempt for done in org.done] == [1, 2]
    assert org.done[0].request_id == first.headers["X-Request-Id"]


def test_hooks_see_no_query(org: Any, session: Session) -> None:
    """A question may hold names; the hook gets the path alone."""
    org.on("GET", "query", json={"records": [], "totalSize": 0, "done": True})
    session.request("GET", "query?q=SELECT+secret", kind="query")
    assert [(done.kind, done.path, done.status) for done in org.done] == [("query", "query", 200)]


def test_the_netrc_file_does_not_replace_the_token(
    org: Any, session: Session, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person's ~/.netrc is not ours to use."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine acme.my.salesforce.com login someone password hush\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    org.on("GET", "limits", json={})
    limits(session)
    assert org.asked("limits")[0].headers["Authorization"] == "Bearer 00Dxx0000000001!AQ.first"


def test_no_secret_in_repr_or_errors(org: Any, session: Session) -> None:
    """Neither the session, its credentials, nor what it raises shows token or secret."""
    quoted = "you sent 00Dxx0000000001!AQ.first with the-consumer-secret"
    org.on("GET", "limits", status=400, json=[{"message": quoted[:33], "errorCode": "X"}])
    with pytest.raises(OrgRefused) as raised:
        limits(session)
    shown = repr(session) + repr(vars(session)) + str(raised.value) + repr(raised.value)
    assert "AQ.first" not in shown
    assert "the-consumer-secret" not in shown


def test_the_identity_costs_two_calls_once(org: Any, session: Session) -> None:
    """userinfo and one query; asked twice, read once."""
    who = {"user_id": "005000000000001AAA", "preferred_username": "agent@example.com"}
    row = {
        "Id": "00D000000000001EAA",
        "Name": "Alder Systems",
        "OrganizationType": "Developer Edition",
        "IsSandbox": False,
        "InstanceName": "DEVORG",
        "CreatedDate": "2019-03-04T08:00:00.000+0000",
    }
    org.on("GET", "/services/oauth2/userinfo", json=who)
    org.on("GET", "query", json={"totalSize": 1, "done": True, "records": [row]})
    assert session.identity is session.identity
    assert session.identity.is_embedded
    assert session.identity.created.isoformat() == "2019-03-04T08:00:00+00:00"
    assert session.calls.total == 2


def test_an_identity_that_is_none_is_refused(org: Any, session: Session) -> None:
    """Half a userinfo: said so, no traceback of ours."""
    org.on("GET", "/services/oauth2/userinfo", json={})
    org.on("GET", "query", json={"totalSize": 1, "done": True, "records": [{"Id": "x"}]})
    with pytest.raises(OrgUnreachable):
        _ = session.identity


def test_simple_salesforce_carries_the_calls(org: Any, session: Session) -> None:
    """The request has the library's own headers, without its indentation."""
    org.on("POST", "sobjects/Lead", status=201, json={"id": "00Q", "success": True})
    create_lead(session)
    sent = org.asked("sobjects/Lead")[0]
    assert sent.headers["Content-Type"] == "application/json"
    assert "X-PrettyPrint" not in sent.headers
    assert json.loads(sent.body) == LEAD
