"""Live runs: what they may do to an org. The embedded org plays the live one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sfprm.recording.caps import Caps, Weight, weigh
from sfprm.recording.failures import ForEver, TooMuch

if TYPE_CHECKING:
    from tests.conftest import DevOrg

pytest_plugins = ["pytester"]

DATA = "/services/data/v66.0"
USER = "a user, who can never be deleted"


def records(object_: str, count: int) -> dict[str, Any]:
    return {"records": [{"attributes": {"type": object_}}] * count}


@pytest.mark.parametrize(
    ("method", "path", "body", "weight"),
    [
        ("GET", "query", None, Weight()),
        ("POST", "sobjects/Lead", {}, Weight(1)),
        ("POST", "tooling/sobjects/CustomField", {}, Weight(1)),
        ("PATCH", "sobjects/Lead/00Q000000000001", {}, Weight(1)),
        ("PATCH", "sobjects/Account/Partner_Key__c/acme", {}, Weight(1)),
        ("DELETE", "sobjects/Lead/00Q000000000001", None, Weight()),
        ("DELETE", "sobjects/User/005000000000001/password", None, Weight(mails=1)),
        ("PATCH", "sobjects/User/005000000000001/password", {}, Weight(1, 1, USER)),
        ("POST", "sobjects/User", {}, Weight(1, 1, USER)),
        ("POST", "composite/sobjects", records("Lead", 7), Weight(7)),
        ("POST", "composite/sobjects", records("User", 2), Weight(2, 2, USER)),
        ("PATCH", "composite/sobjects", records("User", 2), Weight(2)),
        ("PATCH", "composite/sobjects/User/Key__c", records("User", 1), Weight(1, 1, USER)),
        ("POST", "composite/sobjects/Lead", {"ids": ["00Q"], "fields": ["Id"]}, Weight()),
        ("POST", "composite/tree/Account", {"records": [{"Contacts": records("Contact", 3)}]},
         Weight(4)),
        (
            "POST",
            "composite",
            {
                "compositeRequest": [
                    {"method": "POST", "url": f"{DATA}/composite/sobjects",
                     "body": records("Lead", 5)},
                    {"method": "GET", "url": f"{DATA}/query?q=x"},
                    {"method": "POST", "url": f"{DATA}/sobjects/User", "body": {}},
                ]
            },
            Weight(6, 1, USER),
        ),
        ("POST", "composite/batch",
         {"batchRequests": [{"method": "PATCH", "url": "v66.0/sobjects/Lead/00Q000000000001"}]},
         Weight(1)),
        ("POST", "composite/graph",
         {"graphs": [{"compositeRequest": [{"method": "POST", "url": f"{DATA}/sobjects/Lead"}]}]},
         Weight(1)),
        ("POST", "jobs/ingest", {"object": "User", "operation": "insert"}, Weight(0, 0, USER)),
        ("PATCH", "jobs/ingest/750000000000001", {"state": "UploadComplete"}, Weight()),
        ("PUT", "jobs/ingest/750000000000001/batches", 'Name\n"a\nb"\nc\n', Weight(2)),
        ("POST", "jobs/query", {"operation": "query"}, Weight()),
        ("POST", "actions/standard/emailSimple",
         {"inputs": [{"emailAddresses": "a@example.com, b@example.com"}, {}]}, Weight(0, 3)),
        ("POST", "metadata/deployRequest", '{"deployOptions": {"checkOnly": true}}', Weight()),
        ("POST", "metadata/deployRequest", '{"checkOnly": false}', Weight(1, 0, "a deployment")),
        ("POST", "/services/Soap/m/66.0", "<m:retrieve>", Weight()),
        ("POST", "/services/Soap/m/66.0", "<m:deploy>", Weight(1, 0, "a deployment")),
        ("POST", "/services/Soap/u/64.0", "<login>", Weight()),
        ("POST", "/services/Soap/u/64.0", "<update><sObjects>1</sObjects><sObjects>2</sObjects>",
         Weight(2)),
        ("POST", "/services/oauth2/token", "grant_type=x", Weight()),
        ("POST", "something/new", "not JSON", Weight(1)),
    ],
)  # fmt: skip
def test_what_a_request_comes_to(method: str, path: str, body: Any, weight: Weight) -> None:
    """Each way to write, by records, mails, and what stays for ever."""
    sent = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    where = path if path.startswith("/") else f"{DATA}/{path}"
    assert weigh(method, where, sent.encode()) == weight


def test_what_goes_over_is_not_counted_and_tidying_has_its_part() -> None:
    """The records kept back are for the end alone."""
    caps = Caps(10, 2, kept_back=3)
    caps.spend(Weight(7, 2))
    for more in (Weight(1), Weight(0, 1)):
        with pytest.raises(TooMuch, match="7 of 10 records written, 2 of 2 mails sent"):
            caps.spend(more)
    caps.spend(Weight())
    with caps.tidying():
        caps.spend(Weight(3))
    assert caps.spent == Weight(10, 2)
    with pytest.raises(ForEver, match="can never be deleted"):
        Caps().spend(Weight(1, 0, USER))
    Caps(for_ever=True).spend(Weight(1, 0, USER))


def test_a_request_over_the_caps_never_leaves(serve: Callable[..., str]) -> None:
    """Packed or not, in any session of this process."""
    heard: list[str] = []

    def answer(method: str, path: str, _: bytes) -> tuple[int, dict[str, str], bytes]:
        heard.append(f"{method} {path}")
        return 400 if "Case" in path else 200, {"Content-Type": "application/json"}, b"[]"

    base = serve(answer)
    caps = Caps(2)
    with caps.watching(), requests.Session() as http:
        http.post(f"{base}{DATA}/sobjects/Lead", json={}, timeout=5)
        http.post(f"{base}{DATA}/sobjects/Case", json={}, timeout=5)  # refused: given back
        with pytest.raises(TooMuch):
            http.post(f"{base}{DATA}/composite/sobjects", json=records("Lead", 2), timeout=5)
        http.delete(f"{base}{DATA}/sobjects/Lead/00Q000000000001", timeout=5)
    assert caps.spent == Weight(1)
    assert [line.split()[0] for line in heard] == ["POST", "POST", "DELETE"]


SCENARIOS = """
import pytest, requests

@pytest.fixture
def call(salesforce_recording):
    told = salesforce_recording
    verify = str(told.ca)
    form = {"grant_type": "client_credentials", "client_id": told.client_id,
            "client_secret": told.client_secret}
    with requests.Session() as http:
        url = told.login_url + "/services/oauth2/token"
        token = http.post(url, data=form, verify=verify, timeout=30).json()
        http.headers["Authorization"] = "Bearer " + token["access_token"]
        base = token["instance_url"] + "/services/data/v66.0/"
        yield lambda method, path, body=None, **more: http.request(
            method, base + path, json=body, verify=verify, timeout=30, **more)

@pytest.mark.salesforce_recording("mails")
def test_mails(call):
    one = {"emailAddresses": "ops@example.com", "emailSubject": "s", "emailBody": "b"}
    for _ in range(11):
        assert call("POST", "actions/standard/emailSimple", {"inputs": [one]}).status_code == 200

@pytest.mark.salesforce_recording("a-user")
def test_a_user(call):
    call("POST", "sobjects/User", {"LastName": "For Ever"})

@pytest.mark.salesforce_recording("cast")
def test_cast(call, salesforce_recording):
    users = [salesforce_recording.user(number) for number in (1, 2, 3)]
    assert len(set(users)) == 3
    for user in users:
        row = call("GET", f"sobjects/User/{user}").json()
        assert row["IsActive"] and row["Username"].startswith("sfprm-contract-")
    assert salesforce_recording.partner(1) != salesforce_recording.partner(2)

@pytest.mark.salesforce_recording("records")
def test_records(call):
    lead = {"attributes": {"type": "Lead"}, "LastName": "L", "Company": "C"}
    made = call("POST", "composite/sobjects", {"records": [lead] * 190}).json()
    ids = [one["id"] for one in made]
    try:
        call("POST", "composite/sobjects", {"records": [lead] * 10})
    finally:
        call("DELETE", "composite/sobjects", params={"ids": ",".join(ids)})
"""


@pytest.fixture(scope="module")
def live_org(devorg_process: DevOrg) -> DevOrg:
    """An org that has partners, and no cast yet."""
    devorg_process.control("DELETE", "faults")
    devorg_process.reset("partners-ready")
    return devorg_process


@pytest.fixture
def run(
    live_org: DevOrg, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    """Runs scenarios live, in a pytest of their own."""
    pytester.makepyfile(test_theirs=SCENARIOS)

    def go(*names: str, url: str = live_org.http, **env: str) -> pytest.RunResult:
        told = {
            "LOGIN_URL": url,
            "CLIENT_ID": live_org.client_id,
            "CLIENT_SECRET": live_org.client_secret,
            "CA_BUNDLE": str(live_org.ca),
        }
        with monkeypatch.context() as patch:
            for key, value in (told | env).items():
                patch.setenv(f"SFPRM_TEST_LIVE_{key}", value)
            options = [part for name in names for part in ("--sfprm-scenario", name)]
            return pytester.runpytest_inprocess(
                "-rs", "-p", "no:cacheprovider", "--sfprm-mode", "live", *options
            )

    return go


def rows(org: DevOrg, soql: str) -> list[dict[str, Any]]:
    """Asked as the agent, outside of any run."""
    token = org.control("POST", "sessions", {"username": org.username})["access_token"]
    answer = requests.get(
        f"{org.http}{DATA}/query",
        params={"q": soql},
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    found: list[dict[str, Any]] = answer.json()["records"]
    return found


def test_caps_in_an_org(run: Callable[..., pytest.RunResult], live_org: DevOrg) -> None:
    """The 11th mail, the 198th record and a user are not sent; the report says what was done."""
    mails = len(live_org.outbox())
    result = run("mails", "a-user", "records")
    result.assert_outcomes(failed=3)
    said = result.stdout.str()
    assert "not sent: 0 of 200 records written, 10 of 10 mails sent in this run" in said
    assert "This would make a user, who can never be deleted; it was not sent." in said
    assert "not sent: 190 of 200 records written" in said
    assert "live run: 190 of 200 records written, 10 of 10 mails sent" in said
    assert len(live_org.outbox()) - mails == 10
    assert rows(live_org, "SELECT Id FROM User WHERE LastName = 'For Ever'") == []
    assert rows(live_org, "SELECT Id FROM Lead WHERE Company = 'C'") == []


def test_the_cast_is_made_once_and_comes_and_goes(
    run: Callable[..., pytest.RunResult], live_org: DevOrg
) -> None:
    """Not made unless said so; active during a run, inactive after it; the same people again."""
    ask = "SELECT Id, IsActive FROM User WHERE Username LIKE 'sfprm-contract-%' ORDER BY Username"
    refused = run("cast")
    refused.assert_outcomes(skipped=1)
    assert "set SFPRM_TEST_LIVE_IRREVERSIBLE=yes" in refused.stdout.str()
    assert rows(live_org, ask) == []
    run("cast", IRREVERSIBLE="yes").assert_outcomes(passed=1)
    made = rows(live_org, ask)
    assert [row["IsActive"] for row in made] == [False] * 3
    again = run("cast")
    again.assert_outcomes(passed=1)
    assert rows(live_org, ask) == made
    assert "live run: 6 of 200 records written" in again.stdout.str()  # 3 came, 3 went


def test_production_is_refused_before_anything_is_written(
    run: Callable[..., pytest.RunResult], serve: Callable[..., str]
) -> None:
    """Looked at, named, and left alone."""
    heard: list[str] = []

    def answer(method: str, path: str, _: bytes) -> tuple[int, dict[str, str], bytes]:
        path = path.partition("?")[0]
        heard.append(f"{method} {path}")
        organization = {
            "OrganizationType": "Enterprise Edition",
            "IsSandbox": False,
            "InstanceName": "EU42",
            "TrialExpirationDate": None,
        }
        told: Any = {
            "/services/oauth2/token": {"access_token": "t", "instance_url": base, "id": "/id/o/u"},
            "/services/data": [{"version": "66.0"}],
        }.get(path, {"records": [organization]})
        return 200, {"Content-Type": "application/json"}, json.dumps(told).encode()

    base = serve(answer)
    result = run("mails", "records", url=base)
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*This is a production org (Enterprise Edition, EU42)*"])
    assert set(heard) == {
        "POST /services/oauth2/token",
        "GET /services/data",
        f"GET {DATA}/query",
    }


PLAIN = """
import sys
sys.modules["responses"] = None  # as where it is not installed
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""


def test_the_plugin_needs_responses_only_for_scenarios(pytester: pytest.Pytester) -> None:
    """Every pytest of an environment with sfprm loads it; a scenario says what to install."""
    pytester.makepyfile(
        test_plain="def test_it(): pass",
        test_told="""
        import pytest
        @pytest.mark.salesforce_recording("x")
        def test_it(salesforce_recording): pass
        """,
    )
    pytester.makepyfile(run=PLAIN)
    pytester.run(sys.executable, "run.py", "test_plain.py").assert_outcomes(passed=1)
    told = pytester.run(sys.executable, "run.py", "test_told.py")
    told.assert_outcomes(errors=1)
    assert "pip install 'sfprm[recording]'" in told.stdout.str()
