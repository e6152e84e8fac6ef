"""The org's own assignment rules, by every way in which a lead can be written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sfprm.devorg.metadata.package import pack

NS = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
OFF = {"Sforce-Auto-Assign": "FALSE"}


def entry(target: str | None, *criteria: str, queue: bool = False, more: str = "") -> str:
    """A rule entry; a criterion is `Field operation value`."""
    items = "".join(
        "<criteriaItems><field>Lead.{}</field><operation>{}</operation><value>{}</value>"
        "</criteriaItems>".format(*one.split(" ", 2))
        for one in criteria
    )
    kind = "Queue" if queue else "User"
    to = f"<assignedTo>{target}</assignedTo><assignedToType>{kind}</assignedToType>"
    return f"<ruleEntry>{to if target else ''}{more}{items}</ruleEntry>"


def package(**types: str) -> dict[str, str]:
    """A manifest with one member a type."""
    listed = "".join(
        f"<types><members>{member}</members><name>{name}</name></types>"
        for name, member in types.items()
    )
    return {"package.xml": f"<Package {NS}>{listed}<version>66.0</version></Package>"}


def rules(*named: tuple[str, bool, str]) -> str:
    """A file of rules (name, active, entries)."""
    body = "".join(
        f"<assignmentRule><fullName>{name}</fullName><active>{str(active).lower()}</active>"
        f"{entries}</assignmentRule>"
        for name, active, entries in named
    )
    return f"<AssignmentRules {NS}>{body}</AssignmentRules>"


def send(call: Any, files: dict[str, str]) -> dict[str, Any]:
    """Deploy files and poll to the end; the result."""
    options = json.dumps({"deployOptions": {"singlePackage": True}})
    zip_ = pack({path: text.encode() for path, text in files.items()})
    parts = {
        "json": (None, options, "application/json"),
        "file": ("deploy.zip", zip_, "application/zip"),
    }
    started = call("POST", "metadata/deployRequest", files=parts).json()
    for _ in range(2):
        url = f"metadata/deployRequest/{started['id']}?includeDetails=true"
        ended: dict[str, Any] = call("GET", url).json()["deployResult"]
    return ended


def deploy(call: Any, *named: tuple[str, bool, str]) -> dict[str, Any]:
    """Deploy assignment rules for leads."""
    file = {"assignmentRules/Lead.assignmentRules": rules(*named)}
    return send(call, {**package(AssignmentRules="Lead"), **file})


@pytest.fixture
def ruled(call: Any) -> Any:
    """An active rule: PT to sam, ES to a queue, DE stays; and an inactive one: all to ana."""
    result = deploy(
        call,
        (
            "Regions",
            True,
            entry("sam.carter@alder.example.com", "Country equals PT,FR")
            + entry("Web_Leads", "Country equals ES", queue=True)
            + entry(None, "Country equals DE"),
        ),
        ("Rest", False, entry("ana.costa@alder.example.com")),
    )
    assert result["success"], result
    return call


def owner(call: Any, lead: str) -> str:
    """The owner's name."""
    return str(call.one(f"SELECT Owner.Name FROM Lead WHERE Id = '{lead}'")["Owner"]["Name"])


def lead(call: Any, headers: dict[str, str] | None = None, **values: Any) -> str:
    """A new lead; its id."""
    body = {"LastName": "A", "Company": "B", **values}
    answer = call("POST", "sobjects/Lead", body, headers=headers or {})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def rule_id(call: Any, name: str) -> str:
    """The id of a rule."""
    return str(call.one(f"SELECT Id FROM AssignmentRule WHERE Name = '{name}'")["Id"])


def test_rules_can_be_queried(ruled: Any) -> None:
    """Name, object and which one is active."""
    rows = ruled.rows("SELECT Name, Active, SobjectType FROM AssignmentRule ORDER BY Name")
    assert [(row["Name"], row["Active"], row["SobjectType"]) for row in rows] == [
        ("Regions", True, "Lead"),
        ("Rest", False, "Lead"),
    ]


@pytest.mark.parametrize(
    ("country", "name"), [("PT", "Sam Carter"), ("fr", "Sam Carter"), ("ES", "Web Leads")]
)
def test_without_a_header_the_active_rule_runs(ruled: Any, country: str, name: str) -> None:
    """Absent means TRUE: an owner given by the caller is overwritten."""
    given = lead(ruled, Country=country, OwnerId=ruled.user("ana.costa"))
    assert owner(ruled, given) == name


def test_an_entry_without_a_target_leaves_the_owner(ruled: Any) -> None:
    """`Do not reassign`."""
    assert owner(ruled, lead(ruled, Country="DE", OwnerId=ruled.user("ana.costa"))) == "Ana Costa"


def test_no_entry_gives_the_default_owner(ruled: Any) -> None:
    """The administrator until one is set."""
    given = lead(ruled, Country="BR", OwnerId=ruled.user("ana.costa"))
    agent = ruled.one("SELECT OwnerId FROM Lead WHERE Id = '" + given + "'")["OwnerId"]
    assert agent == ruled.user("sfprm.agent")
    ruled.org.control("POST", "behaviours", {"default_owners": {"Lead": {"queue": "Web_Leads"}}})
    assert owner(ruled, lead(ruled, Country="BR")) == "Web Leads"


def test_an_update_runs_the_rule_again(ruled: Any) -> None:
    """Even one of other fields; FALSE is what keeps the owner."""
    given = lead(ruled, OFF, Country="PT", OwnerId=ruled.user("ana.costa"))
    assert owner(ruled, given) == "Ana Costa"
    answer = ruled("PATCH", f"sobjects/Lead/{given}", {"Rating": "Hot"}, headers=OFF)
    assert (answer.status_code, owner(ruled, given)) == (204, "Ana Costa")
    assert ruled("PATCH", f"sobjects/Lead/{given}", {"Rating": "Warm"}).status_code == 204
    assert owner(ruled, given) == "Sam Carter"


def test_an_id_names_a_rule_that_need_not_be_active(ruled: Any, error: Any) -> None:
    """One that is not there is refused."""
    headers = {"Sforce-Auto-Assign": rule_id(ruled, "Rest")}
    assert owner(ruled, lead(ruled, headers, Country="PT")) == "Ana Costa"
    wrong = {"Sforce-Auto-Assign": "01Q000000000zzz"}
    answer = ruled("POST", "sobjects/Lead", {"LastName": "A", "Company": "B"}, headers=wrong)
    assert error(answer)[:2] == (400, "INVALID_CROSS_REFERENCE_KEY")


def test_a_sub_request_has_a_header_of_its_own(ruled: Any) -> None:
    """The composite's is not inherited."""
    body = {"LastName": "A", "Company": "B", "Country": "PT", "OwnerId": ruled.user("ana.costa")}
    part = {"method": "POST", "url": "/services/data/v66.0/sobjects/Lead", "body": body}
    parts = [{**part, "referenceId": "kept", "httpHeaders": OFF}, {**part, "referenceId": "moved"}]
    answer = ruled("POST", "composite", {"compositeRequest": parts}, headers=OFF).json()
    ids = [one["body"]["id"] for one in answer["compositeResponse"]]
    assert [owner(ruled, one) for one in ids] == ["Ana Costa", "Sam Carter"]


def test_collections_take_the_header_too(ruled: Any) -> None:
    """For all records of the call."""
    record = {"attributes": {"type": "Lead"}, "LastName": "A", "Company": "B", "Country": "ES"}
    for headers, name in (({}, "Web Leads"), (OFF, "Agent")):
        answer = ruled("POST", "composite/sobjects", {"records": [record] * 2}, headers=headers)
        assert all(name in owner(ruled, one["id"]) for one in answer.json())


def test_a_rule_may_not_give_a_lead_to_who_may_not_own_it(ruled: Any, error: Any) -> None:
    """Sam has left: the lead is refused, not given to somebody else."""
    ruled.change("User", ruled.user("sam.carter"), IsActive=False)
    answer = ruled("POST", "sobjects/Lead", {"LastName": "A", "Company": "B", "Country": "PT"})
    assert error(answer)[1] == "INACTIVE_OWNER_OR_USER"


def test_history_says_who_assigned(ruled: Any) -> None:
    """Owner (Assignment)."""
    given = lead(ruled, OFF, Country="PT", OwnerId=ruled.user("ana.costa"))
    ruled.change("Lead", given, Rating="Hot")
    rows = ruled.rows(f"SELECT Field, NewValue FROM LeadHistory WHERE LeadId = '{given}'")
    assert ("ownerAssignment", "Sam Carter") in {(row["Field"], row["NewValue"]) for row in rows}


def test_the_action_runs_the_rule_once_more(ruled: Any, error: Any) -> None:
    """For up to 20 leads, by id."""
    given = lead(ruled, OFF, Country="PT")
    url = "actions/standard/invocableApplyLeadAssignmentRules"
    answer = ruled("POST", url, {"inputs": [{"leadId": given}]})
    [result] = answer.json()
    assert (answer.status_code, result["isSuccess"]) == (200, True)
    assert owner(ruled, given) == "Sam Carter"
    [result] = ruled("POST", url, {"inputs": [{"leadId": "00Q000000000zzz"}]}).json()
    assert result["errors"][0]["statusCode"] == "INVALID_CROSS_REFERENCE_KEY"
    many = ruled("POST", url, {"inputs": [{"leadId": given}] * 21})
    assert error(many)[:2] == (400, "INVALID_ARGUMENT")


def test_a_template_tells_the_new_owner(call: Any) -> None:
    """By mail, with the record's values in it; a refused write takes its mail with it."""
    template = (
        f"<EmailTemplate {NS}><available>true</available><encodingKey>UTF-8</encodingKey>"
        "<name>Yours</name><style>none</style><subject>{!Lead.Company} is yours</subject>"
        "<type>text</type></EmailTemplate>"
    )
    told = entry("sam.carter@alder.example.com", more="<template>Sales_Templates/Yours</template>")
    result = send(
        call,
        {
            **package(EmailTemplate="Sales_Templates/Yours", AssignmentRules="Lead"),
            "email/Sales_Templates/Yours.email": "Call {!Lead.LastName}",
            "email/Sales_Templates/Yours.email-meta.xml": template,
            "assignmentRules/Lead.assignmentRules": rules(("R", True, told)),
        },
    )
    assert result["success"], result
    record = {"attributes": {"type": "Lead"}, "LastName": "Alves", "Company": "Sulcom"}
    refused = {"allOrNone": True, "records": [record, {"attributes": {"type": "Lead"}}]}
    assert call("POST", "composite/sobjects", refused).json()[0]["success"] is False
    given = lead(call, LastName="Alves", Company="Sulcom")
    [mail] = [one for one in call.org.outbox() if one["kind"] == "notification"]
    assert (mail["subject"], mail["body"]) == ("Sulcom is yours", "Call Alves")
    assert (mail["to"], mail["related"]) == (["sam.carter@alder.example.com"], given)


@pytest.mark.parametrize(
    "entries",
    [
        entry("sam.carter@alder.example.com", more="<formula>true</formula>"),
        entry("sam.carter@alder.example.com", "AnnualRevenue equals much"),
        entry("sam.carter@alder.example.com", "Country within PT"),
        entry("sam.carter@alder.example.com", "Country equals PT", more="<team>T</team>"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_on_deploy(call: Any, entries: str) -> None:
    """With the line; nothing is passed over later."""
    result = deploy(call, ("R", True, entries))
    assert result["success"] is False
    [failure] = result["details"]["componentFailures"]
    assert failure["lineNumber"] >= 1, failure


def test_a_new_case_has_the_default_owner(call: Any) -> None:
    """TRUE stamps it even without a rule; FALSE does not."""
    call.org.control(
        "POST",
        "behaviours",
        {"default_owners": {"Case": {"user": "ana.costa@alder.example.com"}}},
    )
    case = call.make("Case", Subject="Pump")
    assert call.one(f"SELECT Owner.Name FROM Case WHERE Id = '{case}'")["Owner"]["Name"] == (
        "Ana Costa"
    )
    answer = call("POST", "sobjects/Case", {"Subject": "Pump"}, headers=OFF)
    kept = call.one(f"SELECT OwnerId FROM Case WHERE Id = '{answer.json()['id']}'")
    assert kept["OwnerId"] == call.user("sfprm.agent")


@pytest.mark.parametrize(("rule", "name"), [("Rest", "Ana Costa"), (None, "Agent")])
def test_a_bulk_job_runs_the_rule_that_it_names(ruled: Any, rule: str | None, name: str) -> None:
    """By its id alone; without one no rule runs, active or not."""
    wanted = {"operation": "insert", "object": "Lead", "lineEnding": "LF"}
    if rule is not None:
        wanted["assignmentRuleId"] = rule_id(ruled, rule)
    job = ruled("POST", "jobs/ingest", wanted).json()["id"]
    csv = "LastName,Company,Country\nBulk,B,PT\n"
    ruled("PUT", f"jobs/ingest/{job}/batches", data=csv, headers={"Content-Type": "text/csv"})
    ruled("PATCH", f"jobs/ingest/{job}", {"state": "UploadComplete"})
    ruled("GET", f"jobs/ingest/{job}")
    found = ruled.one("SELECT Id FROM Lead WHERE LastName = 'Bulk'")["Id"]
    assert name in owner(ruled, found)
