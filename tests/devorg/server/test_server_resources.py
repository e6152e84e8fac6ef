"""Versions, describe, query pages, headers, and what a server must tolerate."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

WORDS = """
aggregatable aiPredictionField autoNumber byteLength calculated calculatedFormula cascadeDelete
caseSensitive compoundFieldName controllerName createable custom defaultValue defaultValueFormula
defaultedOnCreate dependentPicklist deprecatedAndHidden digits displayLocationInDecimal encrypted
externalId extraTypeInfo filterable filteredLookupInfo formulaTreatNullNumberAsZero groupable
highScaleNumber htmlFormatted idLookup inlineHelpText label length mask maskType name nameField
namePointing nillable permissionable picklistValues polymorphicForeignKey precision
queryByDistance referenceTargetField referenceTo relationshipName relationshipOrder
restrictedDelete restrictedPicklist scale searchPrefilterable soapType sortable type unique
updateable writeRequiresMasterRead
"""
FIELD_KEYS = frozenset(WORDS.split())


def test_versions_ascend(devorg: Any) -> None:
    """No login, no limit header; oldest first; the labels are the releases."""
    answer = requests.get(f"{devorg.http}/services/data/", timeout=30)
    versions = answer.json()
    assert "Sforce-Limit-Info" not in answer.headers
    assert versions[0]["version"] == "31.0"
    assert [one["label"] for one in versions[-3:]] == ["Spring '26", "Summer '26", "Winter '27"]
    assert versions[-1]["url"] == "/services/data/v68.0"


def test_the_map_of_a_version(call: Any) -> None:
    """Resource addresses, the identity among them."""
    answer = call("GET", "/services/data/v52.0")
    assert answer.json()["sobjects"] == "/services/data/v52.0/sobjects"
    assert "/id/00D" in answer.json()["identity"]


def test_every_other_answer_counts(call: Any) -> None:
    """Sforce-Limit-Info grows by one a call."""
    used = [
        int(call("GET", "limits").headers["Sforce-Limit-Info"].split("=")[1].split("/")[0])
        for _ in range(2)
    ]
    assert used[1] == used[0] + 1
    assert call("GET", "limits").json()["DailyApiRequests"]["Max"] == 15000


def test_counts_of_records(call: Any) -> None:
    """Objects without rows are left out."""
    answer = call("GET", "limits/recordCount?sObjects=Lead,Campaign").json()
    assert answer == {"sObjects": [{"count": 2025, "name": "Lead"}]}


def test_describe_has_every_key(call: Any) -> None:
    """As recorded from a real org."""
    body = call("GET", "sobjects/lead/describe").json()
    assert all(set(one) == FIELD_KEYS for one in body["fields"])
    owner = next(one for one in body["fields"] if one["name"] == "OwnerId")
    assert owner["referenceTo"] == ["Group", "User"]
    assert owner["polymorphicForeignKey"] is True
    assert owner["nillable"] is False
    company = next(one for one in body["fields"] if one["name"] == "Company")
    assert (company["length"], company["byteLength"]) == (255, 765)
    assert body["recordTypeInfos"][0]["recordTypeId"] == "012000000000000AAA"
    assert body["sobjectDescribeOption"] == "FULL"
    assert body["keyPrefix"] == "00Q"


def test_global_describe_and_the_object_in_short(call: Any) -> None:
    """The same entry in both."""
    listed = call("GET", "sobjects").json()
    assert listed["maxBatchSize"] == 200
    lead = next(one for one in listed["sobjects"] if one["name"] == "Lead")
    short = call("GET", "sobjects/Lead/").json()
    assert short["objectDescribe"] == lead
    assert short["recentItems"][0]["attributes"]["type"] == "Lead"


def test_pages(call: Any) -> None:
    """batchSize from 200 to 2000; every record once; a locator that is none is refused."""
    headers = {"Sforce-Query-Options": "batchSize=1"}
    answer = call(
        "GET", "query/", params={"q": "SELECT Id FROM Lead ORDER BY Id"}, headers=headers
    ).json()
    assert (answer["totalSize"], len(answer["records"])) == (2025, 200)
    ids = [one["Id"] for one in answer["records"]]
    while not answer["done"]:
        answer = call("GET", answer["nextRecordsUrl"]).json()
        ids += [one["Id"] for one in answer["records"]]
    assert len(set(ids)) == len(ids) == 2025
    assert "nextRecordsUrl" not in answer


def test_cursors_end(call: Any, error: Any) -> None:
    """After two days on the org's clock, or when there never was one."""
    answer = call("GET", "query", params={"q": "SELECT Id FROM Lead"}).json()
    assert answer["done"] is False
    assert error(call("GET", "query/01gdV00000000zzQAA-2000"))[:2] == (
        400,
        "INVALID_QUERY_LOCATOR",
    )
    call.org.control("POST", "clock", {"advance": 2 * 86400 + 1})
    token = call.org.control("POST", "sessions", {})["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = call("GET", answer["nextRecordsUrl"], headers=headers)
    assert error(answer)[:2] == (400, "INVALID_QUERY_LOCATOR")


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Nope FROM Lead", "INVALID_FIELD"),
        ("SELECT Id FROM Nope", "INVALID_TYPE"),
        ("SELECT Id FORM Lead", "MALFORMED_QUERY"),
        ("", "MALFORMED_QUERY"),
    ],
)
def test_a_bad_query(call: Any, error: Any, soql: str, code: str) -> None:
    """400 with the code."""
    assert error(call("GET", "query", params={"q": soql}))[:2] == (400, code)


def test_paths_in_any_case_with_any_ending(call: Any) -> None:
    """Trailing slashes, case of resources and names."""
    for path in ("SOBJECTS/LEAD/DESCRIBE/", "sobjects/lead/describe"):
        assert call("GET", path).status_code == 200
    assert call("GET", "/Services/Data/V66.0/Limits/").status_code == 200
    assert call("GET", "/services/data/v66/limits").status_code == 200


def test_patch_by_post(call: Any) -> None:
    """`_HttpMethod=PATCH` for proxies that know no PATCH."""
    id_ = call.make("Account", Name="A")
    answer = call("POST", f"sobjects/Account/{id_}?_HttpMethod=PATCH", {"Name": "B"})
    assert answer.status_code == 204


def test_chunked_bodies(devorg: Any) -> None:
    """A token request without Content-Length."""
    form = (
        f"grant_type=client_credentials&client_id={devorg.client_id}"
        f"&client_secret={devorg.client_secret}"
    )
    answer = requests.post(
        f"{devorg.http}/services/oauth2/token",
        data=iter([form[:30].encode(), form[30:].encode()]),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        timeout=30,
    )
    assert answer.status_code == 200


def test_pretty_print_and_content_type(call: Any) -> None:
    """Indented when asked."""
    answer = call("GET", "limits", headers={"X-PrettyPrint": "1"})
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert answer.text.startswith('{\n  "')


def test_head_has_no_body(call: Any) -> None:
    """Headers as for GET."""
    answer = call("HEAD", "limits")
    assert (answer.status_code, answer.content) == (200, b"")


def test_the_date_header_is_the_org_s(call: Any) -> None:
    """A client that takes its watermark from it gets the org's clock."""
    call.org.control("POST", "clock", {"set": "2026-05-04T10:00:00Z"})
    opened = call.org.control("POST", "sessions", {})
    headers = {"Authorization": f"Bearer {opened['access_token']}"}
    assert call("GET", "limits", headers=headers).headers["Date"] == (
        "Mon, 04 May 2026 10:00:00 GMT"
    )


def test_no_http_at_all(devorg: Any) -> None:
    """Nonsense on the wire does not stop the server."""
    where = urlsplit(devorg.http)
    with socket.create_connection((where.hostname, where.port), timeout=10) as raw:
        raw.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert b"400" in raw.recv(1000)
    assert devorg.control("GET", "status")["status"] == "ok"


def test_mail_by_action(call: Any) -> None:
    """emailSimple answers an array and the mail is in the outbox."""
    inputs = [
        {
            "emailAddresses": "a@example.com,b@example.com",
            "emailSubject": "New lead",
            "emailBody": "Here.",
        }
    ]
    answer = call("POST", "actions/standard/emailSimple", {"inputs": inputs})
    assert answer.json() == [
        {"actionName": "emailSimple", "errors": None, "isSuccess": True, "outputValues": None}
    ]
    [mail] = call.org.outbox()
    assert (mail["kind"], mail["to"]) == ("action", ["a@example.com", "b@example.com"])


@pytest.mark.parametrize(
    "change",
    [
        {"emailSubject": ""},
        {"emailAddresses": "nobody"},
        {"emailAddresses": ",".join(f"p{n}@example.com" for n in range(6))},
        {"senderType": "Nobody"},
        {"senderType": "CurrentUser", "senderAddress": "a@example.com"},
    ],
)
def test_a_bad_mail_is_not_sent(call: Any, change: dict[str, str]) -> None:
    """400, isSuccess false, nothing in the outbox."""
    good = {"emailAddresses": "a@example.com", "emailSubject": "s", "emailBody": "b"}
    answer = call("POST", "actions/standard/emailSimple", {"inputs": [good | change]})
    assert answer.status_code == 400
    assert answer.json()[0]["isSuccess"] is False
    assert call.org.outbox() == []


def test_a_record_s_relationships_by_address(call: Any) -> None:
    """A parent as a record, children as a query answers them, with the fields asked for."""
    account = call.make("Account", Name="Fonte")
    contact = call.make("Contact", LastName="Alves", AccountId=account)
    parent = call("GET", f"sobjects/Contact/{contact}/account", params={"fields": "Name"}).json()
    assert (parent["attributes"]["type"], parent["Name"]) == ("Account", "Fonte")
    children = call("GET", f"sobjects/Account/{account}/Contacts?fields=LastName").json()
    assert (children["totalSize"], children["records"][0]["LastName"]) == (1, "Alves")
    assert call("GET", f"sobjects/Account/{account}/Contacts").json()["records"][0]["Id"] == contact


@pytest.mark.parametrize("name", ["Parent", "Nothing", "Contacts'"])
def test_a_relationship_that_leads_nowhere(call: Any, error: Any, name: str) -> None:
    """No parent, no such relationship: 404."""
    account = call.make("Account", Name="Fonte")
    assert error(call("GET", f"sobjects/Account/{account}/{name}"))[:2] == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "query?q=SELECT Id FROM Product2", None),
        ("GET", "tooling/query?q=SELECT Id FROM ApexClass", None),
        ("GET", "sobjects/event/describe", None),
        ("POST", "sobjects/Product2", {"Name": "x"}),
        ("POST", "jobs/ingest", {"operation": "insert", "object": "Event"}),
        ("GET", "compactLayouts?q=Lead", None),
        ("GET", "/services/async/66.0/job", None),
        ("POST", "/services/Soap/s/66.0", None),
        ("GET", "/services/oauth2/introspect", None),
        ("GET", "/secur/frontdoor.jsp?sid=x", None),
    ],
)
def test_what_every_org_has_and_this_one_not(
    call: Any, error: Any, method: str, path: str, body: Any
) -> None:
    """501 with a code of our own and the name of what is missing, never as if it did not exist."""
    status, code, message, _ = error(call(method, path, body))
    assert (status, code) == (501, "NOT_IMITATED")
    assert message.startswith("The embedded org does not imitate the ")


def test_an_object_not_imitated_among_records(call: Any) -> None:
    """In Collections the row says so; the others are written."""
    rows = [{"attributes": {"type": "Product2"}, "Name": "x"}]
    rows.append({"attributes": {"type": "Account"}, "Name": "x"})
    first, second = call("POST", "composite/sobjects", {"records": rows}).json()
    assert first["errors"][0]["statusCode"] == "NOT_IMITATED"
    assert second["success"]


def test_answers_in_xml_are_not_imitated(call: Any, error: Any) -> None:
    """Who takes nothing but XML is told so; who takes anything gets JSON."""
    refused = error(call("GET", "limits", headers={"Accept": "application/xml"}))
    assert refused[:2] == (501, "NOT_IMITATED")
    assert call("GET", "limits", headers={"Accept": "text/xml, */*"}).status_code == 200


def test_addresses_beside_the_api_cost_nothing(call: Any) -> None:
    """A wrong address outside of /services/data is no API call."""

    def used() -> int:
        limit: str = call("GET", "limits").headers["Sforce-Limit-Info"]
        return int(limit.partition("=")[2].partition("/")[0])

    before = used()
    assert "Sforce-Limit-Info" not in call("GET", "/nothing").headers
    assert used() == before + 1


def test_two_slashes_are_one(call: Any) -> None:
    """As the sf CLI sends them when the instance's address ends with a slash."""
    # A URL of requests' own making would have one slash
    parts = urlsplit(call.org.http)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        connection.sendall(b"GET //services/data HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert connection.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"


def test_the_org_tracks_no_sources(call: Any, error: Any) -> None:
    """Asked so by the sf CLI: 404, as in an org that does not."""
    answer = call("GET", "tooling/sobjects/SourceMember/describe")
    assert error(answer)[:2] == (404, "NOT_FOUND")
