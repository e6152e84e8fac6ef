"""/composite/tree and /composite/graph, and the limits of /composite."""

from __future__ import annotations

from typing import Any

import pytest

ROOT = "/services/data/v66.0"


def account(ref: str, **more: Any) -> dict[str, Any]:
    """One account of a tree."""
    return {"attributes": {"type": "Account", "referenceId": ref}, "Name": f"Tree {ref}", **more}


def contact(ref: str, **more: Any) -> dict[str, Any]:
    """One contact of a tree."""
    return {"attributes": {"type": "Contact", "referenceId": ref}, "LastName": ref, **more}


def node(ref: str, method: str, url: str, body: Any = None) -> dict[str, Any]:
    """One node of a graph."""
    return {"referenceId": ref, "method": method, "url": f"{ROOT}/sobjects/{url}", "body": body}


def test_a_tree_of_accounts_with_contacts(call: Any) -> None:
    """201 with the ids, roots first; children know their parents."""
    body = {
        "records": [
            account("ref1", Contacts={"records": [contact("ref2"), contact("ref3")]}),
            account("ref4"),
        ]
    }
    answer = call("POST", "composite/tree/Account/", body)
    assert answer.status_code == 201
    made = answer.json()
    assert made["hasErrors"] is False
    assert [one["referenceId"] for one in made["results"]] == ["ref1", "ref4", "ref2", "ref3"]
    ids = {one["referenceId"]: one["id"] for one in made["results"]}
    rows = call.rows(f"SELECT AccountId FROM Contact WHERE Id IN ('{ids['ref2']}','{ids['ref3']}')")
    assert [row["AccountId"] for row in rows] == [ids["ref1"]] * 2


def test_a_tree_with_a_bad_record(call: Any) -> None:
    """Only the offender is listed, nothing is made."""
    bad = contact("ref2", Email="123")
    answer = call(
        "POST", "composite/tree/Account", {"records": [account("r1", Contacts={"records": [bad]})]}
    )
    assert answer.status_code == 400
    assert answer.json() == {
        "hasErrors": True,
        "results": [
            {
                "referenceId": "ref2",
                "errors": [
                    {
                        "statusCode": "INVALID_EMAIL_ADDRESS",
                        "message": "Email: invalid email address: 123",
                        "fields": ["Email"],
                    }
                ],
            }
        ],
    }
    assert call.rows("SELECT Id FROM Account WHERE Name = 'Tree r1'") == []


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([account("a"), account("a")], "Duplicate ReferenceId provided in the request."),
        ([account("")], "Include a reference ID for each record in the request."),
    ],
)
def test_reference_ids_of_a_tree(call: Any, records: list[Any], words: str) -> None:
    """Each has one, of its own."""
    answer = call("POST", "composite/tree/Account", {"records": records})
    assert answer.status_code == 400
    assert [one["errors"][0]["message"] for one in answer.json()["results"]] == [words] * len(
        records
    )


def test_limits_of_a_tree(call: Any) -> None:
    """201 records; a wrong type; no records."""
    many = {"records": [account(f"r{n}") for n in range(201)]}
    assert call("POST", "composite/tree/Account", many).status_code == 400
    assert call("POST", "composite/tree/Lead", {"records": [account("r")]}).status_code == 400
    assert call("POST", "composite/tree/Account", {"records": []}).status_code == 400


def test_graphs_stand_and_fall_alone(call: Any) -> None:
    """One is made, with a reference to a later node; the other is taken back."""
    good = [
        node("person", "POST", "Contact", {"LastName": "Alves", "AccountId": "@{firm.id}"}),
        node("firm", "POST", "Account", {"Name": "Graph A"}),
    ]
    bad = [node("x", "POST", "Account", {"Name": "Graph B"}), node("y", "POST", "Account", {})]
    body = {
        "graphs": [
            {"graphId": "1", "compositeRequest": good},
            {"graphId": "2", "compositeRequest": bad},
        ]
    }
    answer = call("POST", "composite/graph", body)
    assert answer.status_code == 200
    first, second = answer.json()["graphs"]
    assert (first["graphId"], first["isSuccessful"]) == ("1", True)
    parts = first["graphResponse"]["compositeResponse"]
    assert [(one["referenceId"], one["httpStatusCode"]) for one in parts] == [
        ("person", 201),
        ("firm", 201),
    ]
    assert second["isSuccessful"] is False
    halted, missing = second["graphResponse"]["compositeResponse"]
    assert (halted["httpStatusCode"], halted["body"]) == (
        400,
        [
            {
                "errorCode": "PROCESSING_HALTED",
                "message": "The transaction was rolled back since another operation in the same "
                "transaction failed.",
            }
        ],
    )
    assert missing["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    found = call.rows("SELECT Name FROM Account WHERE Name LIKE 'Graph %'")
    assert [row["Name"] for row in found] == ["Graph A"]


def test_after_fourteen_failed_graphs_the_rest_is_halted(call: Any) -> None:
    """The sixteenth is not tried."""
    graphs = [
        {"graphId": str(n), "compositeRequest": [node("a", "POST", "Account", {})]}
        for n in range(15)
    ]
    last = [node("a", "POST", "Account", {"Name": "Late graph"})]
    body = {"graphs": [*graphs, {"graphId": "last", "compositeRequest": last}]}
    answered = call("POST", "composite/graph", body).json()["graphs"]
    assert answered[-1]["isSuccessful"] is False
    assert call.rows("SELECT Id FROM Account WHERE Name = 'Late graph'") == []


@pytest.mark.parametrize(
    "graphs",
    [
        [],
        [{"graphId": "1", "compositeRequest": []}],
        [{"compositeRequest": [node("a", "GET", "Account/x")]}],
        [{"graphId": str(n), "compositeRequest": [node("a", "GET", "Lead/x")]} for n in range(76)],
        [{"graphId": "1", "compositeRequest": [node(f"a{n}", "GET", "Lead/x")
                                               for n in range(501)]}],
        [{"graphId": "1", "compositeRequest": [
            {"referenceId": "q", "method": "GET", "url": f"{ROOT}/query?q=SELECT+Id+FROM+Lead"}]}],
        [{"graphId": "1", "compositeRequest": [node("a", "PATCH", "Lead/@{b.id}", {}),
                                               node("b", "PATCH", "Lead/@{a.id}", {})]}],
        [{"graphId": "1", "compositeRequest": [
            node(f"a{n}", "PATCH", f"Lead/@{{a{n - 1}.id}}" if n else "Lead/x", {})
            for n in range(16)]}],
    ],
)  # fmt: skip
def test_graphs_that_cannot_be(call: Any, graphs: Any) -> None:
    """400 as a whole."""
    assert call("POST", "composite/graph", {"graphs": graphs}).status_code == 400


def test_five_of_a_composite_may_be_queries(call: Any, error: Any) -> None:
    """Queries and collections together; the sixth refuses the whole. No job in a composite."""
    urls = [f"{ROOT}/query?q=SELECT+Id+FROM+Account+LIMIT+1"] * 4
    urls.append(f"{ROOT}/composite/sobjects/Account?ids=001dV0000000001&fields=Id")
    parts = [{"referenceId": f"r{n}", "method": "GET", "url": url} for n, url in enumerate(urls)]
    answers = call("POST", "composite", {"compositeRequest": parts}).json()["compositeResponse"]
    assert [one["httpStatusCode"] for one in answers] == [200] * 5
    parts.append({"referenceId": "r5", "method": "GET", "url": urls[0]})
    answer = call("POST", "composite", {"compositeRequest": parts})
    assert error(answer)[:2] == (400, "LIMIT_EXCEEDED")
    job = {"referenceId": "j", "method": "GET", "url": f"{ROOT}/jobs/ingest"}
    [refused] = call("POST", "composite", {"compositeRequest": [job]}).json()["compositeResponse"]
    assert refused["httpStatusCode"] == 400
