"""/composite/sobjects, /composite and /composite/batch."""

from __future__ import annotations

from typing import Any

import pytest

KEY = "Partner_Key__c"


def typed(type_: str, **values: Any) -> dict[str, Any]:
    """One record of a collection."""
    return {"attributes": {"type": type_}, **values}


@pytest.fixture
def keyed(devorg: Any, call: Any) -> Any:
    """The integration user in an org with the external-id fields, granted to it."""
    devorg.reset("partners-ready")
    token = devorg.control("POST", "sessions", {})["access_token"]
    call.session.headers["Authorization"] = f"Bearer {token}"
    return call


def test_results_stand_in_the_order_of_the_request(call: Any) -> None:
    """Good and bad rows, status 200."""
    body = {
        "records": [
            typed("Account", Name="A"),
            typed("Account"),
            typed("Account", Name="B", Nope=1),
            typed("Nope__c", Name="C"),
        ]
    }
    answer = call("POST", "composite/sobjects", body)
    assert answer.status_code == 200
    good, missing, unknown, no_type = answer.json()
    assert good == {"id": good["id"], "success": True, "errors": []}
    assert missing == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [Name]",
                "fields": ["Name"],
            }
        ],
    }
    assert unknown["errors"][0]["statusCode"] == "INVALID_FIELD"
    assert no_type["errors"][0]["statusCode"] == "INVALID_TYPE"


def test_all_or_none(call: Any) -> None:
    """One bad row takes all back; the innocent are told so."""
    count = "SELECT COUNT() FROM Account"
    before = call("GET", "query", params={"q": count}).json()["totalSize"]
    body = {"allOrNone": True, "records": [typed("Account", Name="A"), typed("Account")]}
    innocent, guilty = call("POST", "composite/sobjects", body).json()
    assert innocent["errors"] == [
        {
            "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "message": "Record rolled back because not all records were valid and the request was "
            "using AllOrNone header",
            "fields": [],
        }
    ]
    assert guilty["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert call("GET", "query", params={"q": count}).json()["totalSize"] == before


def test_two_hundred_and_no_more(call: Any, error: Any) -> None:
    """201 records are refused as a whole."""
    body = {"records": [typed("Account", Name=f"A{n}") for n in range(201)]}
    assert error(call("POST", "composite/sobjects", body)) == (
        400,
        "EXCEEDED_ID_LIMIT",
        "record limit reached. cannot submit more than 200 records into this call",
        None,
    )


def test_ten_chunks_and_no_more(call: Any, error: Any) -> None:
    """Runs of one type count."""
    records = [typed("Account" if n % 2 else "Lead", Name="A", Company="B") for n in range(11)]
    assert error(call("POST", "composite/sobjects", {"records": records}))[0] == 400


def test_setup_objects_are_not_mixed(call: Any) -> None:
    """The second kind is refused."""
    records = [
        typed("Account", Name="A"),
        typed("Group", Name="G", Type="Queue"),
    ]
    good, bad = call("POST", "composite/sobjects", {"records": records}).json()
    assert good["success"] is True
    assert bad["errors"][0] == {
        "statusCode": "MIXED_DML_OPERATION",
        "message": "DML operation on setup object is not permitted after you have updated a "
        "non-setup object (or vice versa): Group, original object: Account",
        "fields": [],
    }


def test_update_rows(call: Any) -> None:
    """By id; unknown, doubled and malformed ids are refused."""
    id_ = call.make("Account", Name="A")
    records = [
        typed("Account", id=id_, Phone="1"),
        typed("Account", id=id_, Phone="2"),
        typed("Account", id="001dV000000zzzz", Phone="3"),
        typed("Account", id="nonsense", Phone="4"),
    ]
    results = call("PATCH", "composite/sobjects", {"records": records}).json()
    assert [one["success"] for one in results] == [True, False, False, False]
    codes = [one["errors"][0]["statusCode"] for one in results[1:]]
    assert codes == ["DUPLICATE_VALUE", "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID"]
    assert call.one(f"SELECT Phone FROM Account WHERE Id = '{id_}'")["Phone"] == "1"


def test_two_hundred_leads_are_quick(call: Any) -> None:
    """A change of owner for 200 leads; the bound is generous, for busy machines."""
    ids = [one["Id"] for one in call.rows("SELECT Id FROM Lead LIMIT 200")]
    owner = call.user("sam.carter")
    call.org.control("POST", "calls/reset")
    records = [typed("Lead", id=id_, OwnerId=owner) for id_ in ids]
    results = call("PATCH", "composite/sobjects", {"records": records}).json()
    assert all(one["success"] for one in results)
    [entry] = call.org.control("GET", "calls")["entries"]
    assert entry["milliseconds"] < 500


def test_delete_rows(call: Any) -> None:
    """By ids in the address; one that is gone is told apart."""
    ids = [call.make("Account", Name=name) for name in "AB"]
    results = call("DELETE", f"composite/sobjects?ids={','.join(ids)}").json()
    assert [one["success"] for one in results] == [True, True]
    [again] = call("DELETE", f"composite/sobjects?ids={ids[0]}").json()
    assert again["errors"][0]["statusCode"] == "ENTITY_IS_DELETED"


def test_retrieve_rows(call: Any) -> None:
    """In the order asked for, null for what is not there; by GET and POST."""
    id_ = call.make("Account", Name="A")
    wanted = [id_, "001dV000000zzzz"]
    by_get = call("GET", f"composite/sobjects/Account?ids={','.join(wanted)}&fields=Name").json()
    by_post = call("POST", "composite/sobjects/Account", {"ids": wanted, "fields": ["Name"]})
    assert by_get == by_post.json()
    assert by_get[0]["Name"] == "A"
    assert by_get[1] is None


def test_an_upsert_makes_then_changes(keyed: Any) -> None:
    """201 first, then 200 with created false; 204 before version 46."""
    path = f"sobjects/Account/{KEY}/sul%2Fcom"
    first = keyed("PATCH", path, {"Name": "Sulcom"})
    assert (first.status_code, first.json()["created"]) == (201, True)
    second = keyed("PATCH", path, {"Phone": "1"})
    assert (second.status_code, second.json()) == (
        200,
        {"id": first.json()["id"], "success": True, "errors": [], "created": False},
    )
    old = keyed("PATCH", f"/services/data/v45.0/{path}", {"Phone": "2"})
    assert (old.status_code, old.text) == (204, "")
    assert keyed("GET", path).json()[KEY] == "sul/com"


def test_update_only_never_makes(keyed: Any) -> None:
    """updateOnly=true: 404."""
    answer = keyed("PATCH", f"sobjects/Account/{KEY}/new?updateOnly=true", {"Name": "New"})
    assert answer.status_code == 404


def test_an_ungranted_field_is_no_key(call: Any, error: Any) -> None:
    """A field that is not there, or not visible, or no external id: 404."""
    for field in (KEY, "Phone"):
        assert error(call("PATCH", f"sobjects/Account/{field}/x", {"Name": "y"})) == (
            404,
            "NOT_FOUND",
            f"Provided external ID field does not exist or is not accessible: {field}",
            None,
        )


def test_several_records_with_one_key(call: Any) -> None:
    """300 with the addresses."""
    for _ in range(2):
        call.make("Contact", LastName="A", Email="twice@example.org")
    answer = call("GET", "sobjects/Contact/Email/twice@example.org")
    assert answer.status_code == 300
    assert len(answer.json()) == 2


def test_upsert_rows(keyed: Any) -> None:
    """New, known, doubled in one call, without a key; case does not matter."""
    old = keyed("PATCH", f"sobjects/Account/{KEY}/old", {"Name": "Old"}).json()["id"]
    records = [
        typed("Account", **{KEY: "new", "Name": "New"}),
        typed("Account", **{KEY: "OLD", "Phone": "1"}),
        typed("Account", **{KEY: "new", "Name": "Again"}),
        typed("Account", Name="No key"),
    ]
    body = {"allOrNone": False, "records": records}
    new, known, doubled, keyless = keyed("PATCH", f"composite/sobjects/Account/{KEY}", body).json()
    assert (new["success"], new["created"]) == (True, True)
    assert (known["id"], known["created"]) == (old, False)
    assert doubled["errors"][0]["statusCode"] == "DUPLICATE_VALUE"
    assert keyless["errors"][0]["statusCode"] == "MISSING_ARGUMENT"


def test_a_unique_value_is_had_once(keyed: Any, error: Any) -> None:
    """DUPLICATE_VALUE names the other record, in 15 characters."""
    first = keyed.make("Account", Name="A", **{KEY: "one"})
    answer = keyed("POST", "sobjects/Account", {"Name": "B", KEY: "ONE"})
    assert error(answer) == (
        400,
        "DUPLICATE_VALUE",
        f"duplicate value found: {KEY} duplicates value on record with id: {first[:15]}",
        [],
    )


def test_a_parent_by_its_key(keyed: Any) -> None:
    """A contact's account by external id."""
    account = keyed.make("Account", Name="A", **{KEY: "one"})
    contact = keyed.make("Contact", LastName="B", Account={KEY: "one"})
    assert keyed.one(f"SELECT AccountId FROM Contact WHERE Id = '{contact}'")["AccountId"] == (
        account
    )


def test_composite_with_references(call: Any) -> None:
    """One call; a contact under an account of the same request."""
    data = "/services/data/v66.0"
    body = {
        "allOrNone": True,
        "compositeRequest": [
            {
                "method": "POST",
                "url": f"{data}/sobjects/Account",
                "referenceId": "a",
                "body": {"Name": "A"},
            },
            {
                "method": "POST",
                "url": f"{data}/sobjects/Contact",
                "referenceId": "c",
                "body": {"LastName": "C", "AccountId": "@{a.id}"},
            },
            {
                "method": "GET",
                "url": f"{data}/query?q=SELECT+Name+FROM+Contact+WHERE+Id='@{{c.id}}'",
                "referenceId": "q",
            },
        ],
    }
    call.org.control("POST", "calls/reset")
    parts = call("POST", "composite", body).json()["compositeResponse"]
    assert [one["httpStatusCode"] for one in parts] == [201, 201, 200]
    assert parts[2]["body"]["records"][0]["Name"] == "C"
    assert call.org.control("GET", "calls")["total"] == 1


def test_composite_all_or_none(call: Any) -> None:
    """The failing part keeps its error, the others are halted."""
    data = "/services/data/v66.0"
    parts = [
        {
            "method": "POST",
            "url": f"{data}/sobjects/Account",
            "referenceId": f"r{n}",
            "body": body,
        }
        for n, body in enumerate(({"Name": "A"}, {}, {"Name": "B"}))
    ]
    body = {"allOrNone": True, "compositeRequest": parts}
    answers = call("POST", "composite", body).json()["compositeResponse"]
    assert [one["httpStatusCode"] for one in answers] == [400, 400, 400]
    assert [one["body"][0]["errorCode"] for one in answers] == [
        "PROCESSING_HALTED",
        "REQUIRED_FIELD_MISSING",
        "PROCESSING_HALTED",
    ]
    assert call.rows("SELECT Id FROM Account WHERE Name IN ('A', 'B')") == []


def test_composite_with_a_bad_reference(call: Any) -> None:
    """The words of the recorded answer."""
    part = {
        "method": "GET",
        "url": "/services/data/v66.0/sobjects/Account/@{q.records[0].Id}",
        "referenceId": "x",
    }
    [answer] = call("POST", "composite", {"compositeRequest": [part]}).json()["compositeResponse"]
    assert answer["body"][0] == {
        "errorCode": "PROCESSING_HALTED",
        "message": "Invalid reference specified. No value for q.records[0].Id found in q",
    }


def test_batch_halts_when_told(call: Any) -> None:
    """412 for what comes after an error."""
    body = {
        "haltOnError": True,
        "batchRequests": [
            {"method": "GET", "url": "v66.0/limits"},
            {"method": "GET", "url": "v66.0/nope"},
            {"method": "GET", "url": "v66.0/limits"},
        ],
    }
    answer = call("POST", "composite/batch", body).json()
    assert answer["hasErrors"] is True
    assert [one["statusCode"] for one in answer["results"]] == [200, 404, 412]
