"""Retrieve and listMetadata over SOAP."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import Any

import pytest

from sfprm.devorg import metadata
from sfprm.devorg.metadata.markup import Node, parse
from sfprm.devorg.org import Org

NS = "http://soap.sforce.com/2006/04/metadata"


def call(org: Org, operation: str, body: str) -> tuple[int, Node]:
    """One SOAP request as the integration user: status, and the content of the Body."""
    text = (
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        f'xmlns:met="{NS}"><soapenv:Header><met:SessionHeader><met:sessionId>x</met:sessionId>'
        f"</met:SessionHeader></soapenv:Header><soapenv:Body><met:{operation}>{body}"
        f"</met:{operation}></soapenv:Body></soapenv:Envelope>"
    )
    status, answer = metadata.soap(org, text.encode(), org.agent_id)
    content = parse(answer).find("Body")
    assert content is not None
    return status, content.children[0]


def retrieve(org: Org, **types: list[str]) -> tuple[dict[str, Node], list[str]]:
    """Files by path without `unpackaged/`, parsed, and the messages' problems."""
    listed = "".join(
        f"<met:types>{''.join(f'<met:members>{m}</met:members>' for m in members)}"
        f"<met:name>{name}</met:name></met:types>"
        for name, members in types.items()
    )
    request = f"<met:unpackaged>{listed}<met:version>66.0</met:version></met:unpackaged>"
    _, started = call(org, "retrieve", f"<met:retrieveRequest>{request}</met:retrieveRequest>")
    result = started.below("result")
    assert result is not None
    ask = f"<met:asyncProcessId>{result.value('id')}</met:asyncProcessId>"
    polls = []
    for _ in range(2):
        _, answer = call(org, "checkRetrieveStatus", ask)
        polled = answer.find("result")
        assert polled is not None
        polls.append(polled)
    assert [poll.value("done") for poll in polls] == ["false", "true"]
    content = base64.b64decode(polls[1].value("zipFile") or "")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {
            name.removeprefix("unpackaged/"): parse(archive.read(name))
            for name in archive.namelist()
        }
    return files, [one.value("problem") or "" for one in polls[1].all("messages")]


def test_sharing_rules_come_as_files(empty_org: Org) -> None:
    """One file an object, with owner and criteria rules and whom they share to."""
    files, messages = retrieve(empty_org, SharingRules=["Lead", "Account"])
    assert not messages
    lead = files["sharingRules/Lead.sharingRules"].all("sharingOwnerRules")
    shared: dict[str | None, Any] = {}
    for rule in lead:
        target = rule.find("sharedTo")
        assert target is not None
        shared[rule.value("fullName")] = (target.children[0].tag, target.children[0].text)
    assert shared == {
        "Inside_Sales_to_Channels": ("roleAndSubordinates", "VP_Channels"),
        "Internal_only": ("roleAndSubordinatesInternal", "CEO"),
    }
    account = files["sharingRules/Account.sharingRules"]
    assert [one.value("fullName") for one in account.all("sharingCriteriaRules")] == [
        "Customers_to_Iberia"
    ]


def test_an_object_without_rules_gives_an_empty_file(empty_org: Org) -> None:
    """So that a deployment can be compared with it."""
    files, messages = retrieve(empty_org, SharingRules=["Contact"])
    assert files["sharingRules/Contact.sharingRules"].children == []
    assert not messages


def test_star_gives_all_that_there_is(empty_org: Org) -> None:
    """For types that take it."""
    files, _ = retrieve(empty_org, SharingRules=["*"])
    assert {path for path in files if path.startswith("sharingRules/")} == {
        "sharingRules/Account.sharingRules",
        "sharingRules/Lead.sharingRules",
        "sharingRules/Opportunity.sharingRules",
    }


@pytest.mark.parametrize(
    ("type_", "member", "path", "access"),
    [
        ("Report", "Pipeline_Reports", "reports/Pipeline_Reports-meta.xml", "Public"),
        ("Report", "Board_Reports", "reports/Board_Reports-meta.xml", "PublicInternal"),
        ("Dashboard", "Sales_Dashboards", "dashboards/Sales_Dashboards-meta.xml", "Public"),
        ("Document", "Price_Lists", "documents/Price_Lists-meta.xml", "Shared"),
        ("EmailTemplate", "Sales_Templates", "email/Sales_Templates-meta.xml", "Public"),
    ],
)
def test_folders_come_under_their_content(
    empty_org: Org, type_: str, member: str, path: str, access: str
) -> None:
    """With the folder's name as member, as a real org has it."""
    files, messages = retrieve(empty_org, **{type_: [member]})
    assert files[path].value("accessType") == access
    assert not messages


@pytest.mark.parametrize(
    ("type_", "names"),
    [
        ("ReportFolder", ["Board_Reports", "Pipeline_Reports"]),
        ("DashboardFolder", ["Sales_Dashboards"]),
        ("DocumentFolder", ["Price_Lists"]),
        ("EmailFolder", ["Sales_Templates"]),
        ("SharingRules", ["Account", "Lead", "Opportunity"]),
        ("Network", ["Alder Partner Central", "Customer Help"]),
        ("Report", []),
    ],
)
def test_metadata_is_listed(empty_org: Org, type_: str, names: list[str]) -> None:
    """By full name."""
    query = f"<met:queries><met:type>{type_}</met:type></met:queries>"
    status, answer = call(empty_org, "listMetadata", query)
    assert status == 200
    assert [one.value("fullName") for one in answer.all("result")] == names


def test_settings_are_retrieved_by_name_only(empty_org: Org) -> None:
    """`*` does not select settings."""
    files, _ = retrieve(empty_org, Settings=["Communities", "Sharing"])
    communities = files["settings/Communities.settings"]
    assert communities.flag("enableNetworksEnabled")
    assert not communities.flag("enableEnablePRM")
    assert files["settings/Sharing.settings"].flag("enableExternalSharingModel")
    assert list(retrieve(empty_org, Settings=["*"])[0]) == ["package.xml"]


@pytest.mark.parametrize(
    ("type_", "name", "tag"),
    [
        ("SharingRules", "Lead", "sharingOwnerRules"),
        ("SharingOwnerRule", "Lead.Internal_only", "sharedTo"),
        ("SharingCriteriaRule", "Account.Customers_to_Iberia", "criteriaItems"),
        ("ReportFolder", "Pipeline_Reports", "accessType"),
        ("CommunitiesSettings", "Communities", "enableEnablePRM"),
        ("CustomField", "Lead.Product__c", "valueSet"),
        ("Network", "Customer Help", "status"),
        ("Profile", "Admin", "userLicense"),
    ],
)
def test_components_are_read_as_records(empty_org: Org, type_: str, name: str, tag: str) -> None:
    """One record a name; a name that is not there gives an empty one."""
    body = (
        f"<met:type>{type_}</met:type><met:fullNames>{name}</met:fullNames>"
        "<met:fullNames>Nobody</met:fullNames>"
    )
    _, answer = call(empty_org, "readMetadata", body)
    found, missing = answer.children[0].all("records")
    assert (found.attributes["xsi:type"], found.value("fullName")) == (type_, name)
    assert found.find(tag) is not None
    assert missing.attributes["xsi:nil"] == "true"


def test_networks_profiles_and_fields_are_retrieved(empty_org: Org) -> None:
    """Made from the org's rows."""
    files, messages = retrieve(
        empty_org, Network=["*"], Profile=["Admin"], CustomField=["Lead.Product__c"]
    )
    assert files["networks/Alder Partner Central.network"].value("status") == "UnderConstruction"
    assert files["profiles/Admin.profile"].value("userLicense") == "Salesforce"
    assert files["objects/Lead.object"].below("fields", "valueSet") is not None
    assert not messages


def test_what_is_not_there_is_a_message(empty_org: Org) -> None:
    """The retrieval succeeds all the same."""
    _, messages = retrieve(empty_org, Report=["Nowhere"], Nonsense=["X"])
    assert messages == [
        "Entity of type 'Report' named 'Nowhere' cannot be found",
        "Entity type: 'Nonsense' is unknown",
    ]


@pytest.mark.parametrize(
    "body", [b"", b"<x/>", b"<!DOCTYPE x><x/>", b"\xff\xfe", b"<Envelope><Body/></Envelope>"]
)
def test_bad_envelopes_are_faults(empty_org: Org, body: bytes) -> None:
    """HTTP 500 with a SOAP fault, never an exception."""
    status, answer = metadata.soap(empty_org, body, empty_org.agent_id)
    fault = parse(answer).below("Body", "Fault")
    assert status == 500
    assert fault is not None
    assert fault.value("faultcode") == "soapenv:Client"


def test_unknown_operation_is_named(empty_org: Org) -> None:
    """An operation that is not imitated never looks like success."""
    status, fault = call(empty_org, "renameMetadata", "")
    assert status == 500
    assert fault.value("faultcode") == "sf:NOT_IMITATED"
    assert "renameMetadata" in (fault.value("faultstring") or "")


def test_invalid_session_is_a_fault() -> None:
    """As clients look for it."""
    status, answer = metadata.invalid_session()
    fault = parse(answer).below("Body", "Fault")
    assert status == 500
    assert fault is not None
    assert fault.value("faultcode") == "sf:INVALID_SESSION_ID"


def test_session_id_is_read_from_the_header() -> None:
    """None when there is no header, or no XML."""
    body = b"<E><Header><SessionHeader><sessionId>00D!x</sessionId></SessionHeader></Header></E>"
    assert metadata.session_id(body) == "00D!x"
    assert metadata.session_id(b"<E/>") is None
    assert metadata.session_id(b"no") is None


def test_retrieved_files_deploy_again_unchanged(empty_org: Org) -> None:
    """Backup and restore: what was retrieved is what is there."""
    from sfprm.devorg.metadata.markup import render
    from sfprm.devorg.metadata.package import pack

    files, _ = retrieve(empty_org, SharingRules=["Lead", "Account"], Report=["Board_Reports"])
    zip_ = pack({path: render(root) for path, root in files.items()})
    started = metadata.deploy(empty_org, zip_, {}, empty_org.agent_id)
    metadata.status(empty_org, started["id"], True)
    result = metadata.status(empty_org, started["id"], True)["deployResult"]
    assert result["success"], result["details"]["componentFailures"]
    assert {one["changed"] for one in result["details"]["componentSuccesses"]} == {False}


@pytest.mark.parametrize("name", ["retrieveRequest", "request"])
def test_a_retrieval_as_clients_name_it(demo_org: Org, name: str) -> None:
    """The WSDL says `retrieveRequest`; jsforce and the sf CLI send `request`."""
    status, started = call(demo_org, "retrieve", f"<met:{name}><met:unpackaged/></met:{name}>")
    assert (status, started.tag) == (200, "retrieveResponse")
