"""Twelve calls of partner work in raw HTTP, against bodies written from the facts sheets.

Whole bodies are compared, ids and instants apart: those are read where the org gives them, and
their shape is checked. Marks name where each body is known from: [D] documentation, [R] recorded.
"""

from __future__ import annotations

import re
from typing import Any

DATA = "/services/data/v66.0"
ID = re.compile(r"[A-Za-z0-9]{15}[A-Z0-5]{3}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000")
JSON = "application/json;charset=UTF-8"


def link(object_: str, id_: str) -> dict[str, str]:
    """A record's `attributes` [R]."""
    return {"type": object_, "url": f"{DATA}/sobjects/{object_}/{id_}"}


def test_query_with_a_parent_path(call: Any) -> None:
    """The parent is nested with its own attributes; only selected fields; explicit nulls [R]."""
    account = call.make("Account", Name="Fonte Seca")
    contact = call.make("Contact", LastName="Alves", AccountId=account)
    soql = f"SELECT LastName, Title, Account.Name FROM Contact WHERE Id = '{contact}'"
    answer = call("GET", "query", params={"q": soql})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, JSON)
    assert re.fullmatch(r"api-usage=\d+/15000", answer.headers["Sforce-Limit-Info"])
    assert answer.json() == {
        "totalSize": 1,
        "done": True,
        "records": [
            {
                "attributes": link("Contact", contact),
                "LastName": "Alves",
                "Title": None,
                "Account": {"attributes": link("Account", account), "Name": "Fonte Seca"},
            }
        ],
    }


def test_query_with_a_child_sub_query(call: Any) -> None:
    """Children come as a query answer of their own; none at all as null [M]."""
    full, empty = call.make("Account", Name="Z Full"), call.make("Account", Name="Z Void")
    contact = call.make("Contact", LastName="Alves", AccountId=full)
    soql = (
        "SELECT Name, (SELECT LastName FROM Contacts) FROM Account WHERE Name LIKE 'Z %' "
        "ORDER BY Name"
    )
    children = {
        "totalSize": 1,
        "done": True,
        "records": [{"attributes": link("Contact", contact), "LastName": "Alves"}],
    }
    assert call("GET", "query/", params={"q": soql}).json() == {
        "totalSize": 2,
        "done": True,
        "records": [
            {"attributes": link("Account", full), "Name": "Z Full", "Contacts": children},
            {"attributes": link("Account", empty), "Name": "Z Void", "Contacts": None},
        ],
    }


def test_query_with_aggregates(call: Any) -> None:
    """AggregateResult without an address; aliases, else expr0 and so on [R]."""
    for revenue in (10, 30):
        call.make("Lead", LastName="L", Company="Zinco", Rating="Hot", AnnualRevenue=revenue)
    soql = (
        "SELECT Rating, COUNT(Id), MAX(AnnualRevenue) most FROM Lead WHERE Company = 'Zinco' "
        "GROUP BY Rating"
    )
    assert call("GET", "query", params={"q": soql}).json() == {
        "totalSize": 1,
        "done": True,
        "records": [
            {"attributes": {"type": "AggregateResult"}, "Rating": "Hot", "expr0": 2, "most": 30.0}
        ],
    }
    count = "SELECT COUNT() FROM Lead WHERE Company = 'Zinco'"
    assert call("GET", "query", params={"q": count}).json() == {
        "totalSize": 2,
        "done": True,
        "records": [],
    }


def test_collections_of_200(call: Any) -> None:
    """Results in the order of the request; one bad row among 200 does not hold up the rest [D]."""
    records = [
        {"attributes": {"type": "Lead"}, "LastName": f"L{place}", "Company": "Zinco"}
        for place in range(200)
    ]
    del records[7]["Company"]
    answer = call("POST", "composite/sobjects", {"allOrNone": False, "records": records})
    results = answer.json()
    assert (answer.status_code, len(results)) == (200, 200)
    assert results[7] == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [Company]",
                "fields": ["Company"],
            }
        ],
    }
    good = [one for place, one in enumerate(results) if place != 7]
    assert all(one == {"id": one["id"], "success": True, "errors": []} for one in good)
    assert all(ID.fullmatch(one["id"]) and one["id"].startswith("00Q") for one in good)


def test_composite_with_references(call: Any) -> None:
    """The second call uses the id of the first; one answer with a part each [R]."""
    body = {
        "allOrNone": True,
        "compositeRequest": [
            {
                "method": "POST",
                "url": f"{DATA}/sobjects/Account",
                "referenceId": "a",
                "body": {"Name": "Zinco"},
            },
            {
                "method": "POST",
                "url": f"{DATA}/sobjects/Contact",
                "referenceId": "c",
                "body": {"LastName": "Alves", "AccountId": "@{a.id}"},
            },
        ],
    }
    answer = call("POST", "composite", body)
    parts = answer.json()["compositeResponse"]
    ids = [part["body"]["id"] for part in parts]
    assert answer.status_code == 200
    assert answer.json() == {
        "compositeResponse": [
            {
                "body": {"id": id_, "success": True, "errors": []},
                "httpHeaders": {"Location": f"{DATA}/sobjects/{object_}/{id_}"},
                "httpStatusCode": 201,
                "referenceId": reference,
            }
            for object_, id_, reference in zip(("Account", "Contact"), ids, "ac", strict=True)
        ]
    }
    assert call.one(f"SELECT AccountId FROM Contact WHERE Id = '{ids[1]}'")["AccountId"] == ids[0]


def test_bulk_ingest(call: Any) -> None:
    """Job, upload, close, end, results; a failed row is told with its error [R]."""
    made = call(
        "POST", "jobs/ingest", {"operation": "insert", "object": "Lead", "contentType": "CSV"}
    )
    job = made.json()
    assert made.status_code == 200
    assert INSTANT.fullmatch(job["createdDate"])
    assert job == {
        "id": job["id"],
        "operation": "insert",
        "object": "Lead",
        "createdById": job["createdById"],
        "createdDate": job["createdDate"],
        "systemModstamp": job["createdDate"],
        "state": "Open",
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": 66.0,
        "contentUrl": f"services/data/v66.0/jobs/ingest/{job['id']}/batches",
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }
    path = f"jobs/ingest/{job['id']}"
    content = "LastName,Company\nAlves,Zinco\nBraga,\n"
    put = call("PUT", f"{path}/batches", data=content, headers={"Content-Type": "text/csv"})
    assert (put.status_code, put.content) == (201, b"")
    assert call("PATCH", path, {"state": "UploadComplete"}).json()["state"] == "UploadComplete"
    for _ in range(10):
        call.org.control("POST", "clock", {"advance": 5})
        told = call("GET", path).json()
        if told["state"] == "JobComplete":
            break
    assert (told["state"], told["numberRecordsProcessed"], told["numberRecordsFailed"]) == (
        "JobComplete",
        2,
        1,
    )
    good = call("GET", f"{path}/successfulResults").text.splitlines()
    bad = call("GET", f"{path}/failedResults").text.splitlines()
    assert good[0] == '"sf__Id","sf__Created","LastName","Company"'
    assert re.fullmatch(r'"00Q\w{15}","true","Alves","Zinco"', good[1])
    missing = "REQUIRED_FIELD_MISSING:Required fields are missing: [Company]:Company --"
    assert bad == ['"sf__Id","sf__Error","LastName","Company"', f'"","{missing}","Braga",""']


def test_describe(call: Any) -> None:
    """The keys of an object and of a field, and what Lead.OwnerId is [R]."""
    answer = call("GET", "sobjects/Lead/describe")
    body = answer.json()
    owner = next(one for one in body["fields"] if one["name"] == "OwnerId")
    assert answer.status_code == 200
    assert {"actionOverrides", "childRelationships", "fields", "recordTypeInfos", "urls"} <= set(
        body
    )
    assert (body["name"], body["keyPrefix"], body["queryable"]) == ("Lead", "00Q", True)
    assert body["urls"]["rowTemplate"] == f"{DATA}/sobjects/Lead/{{ID}}"
    assert {
        key: owner[key]
        for key in ("type", "soapType", "length", "byteLength", "referenceTo", "nillable")
    } == {
        "type": "reference",
        "soapType": "tns:ID",
        "length": 18,
        "byteLength": 18,
        "referenceTo": ["Group", "User"],
        "nillable": False,
    }
    assert (owner["relationshipName"], owner["polymorphicForeignKey"]) == ("Owner", True)
    assert body["recordTypeInfos"][-1]["recordTypeId"] == "012000000000000AAA"


def test_limits(call: Any) -> None:
    """Each a maximum and what is left of it; a call costs one [D]."""
    first, second = (call("GET", "limits").json() for _ in range(2))
    assert first["DailyApiRequests"]["Max"] == 15_000
    assert first["DailyApiRequests"]["Remaining"] - second["DailyApiRequests"]["Remaining"] == 1
    assert {"SingleEmail", "DataStorageMB", "DailyBulkV2QueryJobs"} <= set(first)
    assert all({"Max", "Remaining"} <= set(one) for one in first.values())


def test_partner_user_create(prm: Any) -> None:
    """201 with the id; account, type and role are derived [D]; a second one is refused [R]."""
    account, contact = prm.partner()
    answer = prm("POST", "sobjects/User", prm.new_user("alves", contact))
    user = answer.json()["id"]
    assert (answer.status_code, answer.json()) == (
        201,
        {"id": user, "success": True, "errors": []},
    )
    soql = (
        "SELECT AccountId, UserType, IsPortalEnabled, PortalRole, UserRole.PortalAccountId "
        f"FROM User WHERE Id = '{user}'"
    )
    row = prm.one(soql)
    assert row["UserRole"]["PortalAccountId"] == account
    assert {
        key: row[key] for key in ("AccountId", "UserType", "IsPortalEnabled", "PortalRole")
    } == {
        "AccountId": account,
        "UserType": "PowerPartner",
        "IsPortalEnabled": True,
        "PortalRole": "Worker",
    }
    again = prm("POST", "sobjects/User", prm.new_user("other", contact))
    assert (again.status_code, again.json()) == (
        400,
        [
            {
                "message": "portal user already exists for contact",
                "errorCode": "PORTAL_USER_ALREADY_EXISTS_FOR_CONTACT",
                "fields": [],
            }
        ],
    )


def test_group_member_with_a_dangling_id(call: Any) -> None:
    """A well-formed id of nobody [R]."""
    group = call.id_of("Group", "Web Leads")
    body = {"GroupId": group, "UserOrGroupId": "005000000000001AAA"}
    answer = call("POST", "sobjects/GroupMember", body)
    assert (answer.status_code, answer.json()) == (
        400,
        [
            {
                "message": "invalid cross reference id",
                "errorCode": "INVALID_CROSS_REFERENCE_KEY",
                "fields": [],
            }
        ],
    )


def test_upsert_creates_then_updates(call: Any, devorg: Any) -> None:
    """201 with created, then 200 with the same id; three letters changed in the key are the same
    key, as the field is not case-sensitive [D]."""
    devorg.reset("partners-ready")
    caller = _again(devorg, call)
    bodies = []
    for key, name in (("zinco", "Zinco"), ("ZINco", "Zinco Lda")):
        answer = caller("PATCH", f"sobjects/Account/Partner_Key__c/{key}", {"Name": name})
        bodies.append((answer.status_code, answer.json()))
    id_ = bodies[0][1]["id"]
    assert bodies == [
        (201, {"id": id_, "success": True, "errors": [], "created": True}),
        (200, {"id": id_, "success": True, "errors": [], "created": False}),
    ]


def _again(devorg: Any, call: Any) -> Any:
    """A reset closes all sessions: log in anew on the same connection."""
    answer = call.session.post(
        f"{devorg.https}/services/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(devorg.client_id, devorg.client_secret),
        timeout=30,
    )
    call.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return call


def test_is_partner_by_update_only(prm: Any) -> None:
    """Refused on create, 204 on update, then read back [D; the refusal's text R]."""
    refused = prm("POST", "sobjects/Account", {"Name": "Zinco", "IsPartner": True})
    assert (refused.status_code, refused.json()) == (
        400,
        [
            {
                "message": "Unable to create/update fields: IsPartner. Please check the security "
                "settings of this field and verify that it is read/write for your profile or "
                "permission set.",
                "errorCode": "INVALID_FIELD_FOR_INSERT_UPDATE",
                "fields": ["IsPartner"],
            }
        ],
    )
    account = prm.make("Account", Name="Zinco")
    answer = prm("PATCH", f"sobjects/Account/{account}", {"IsPartner": True})
    assert (answer.status_code, answer.content) == (204, b"")
    row = prm("GET", f"sobjects/Account/{account}", params={"fields": "Name,IsPartner"}).json()
    assert row == {
        "attributes": link("Account", account),
        "Name": "Zinco",
        "IsPartner": True,
    }
