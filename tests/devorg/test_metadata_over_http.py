"""Deploy and retrieve through the wire, by plain HTTP and by simple-salesforce unchanged."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from simple_salesforce.api import Salesforce

from sfprm.devorg.metadata.package import pack

NS = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
PACKAGE = {
    "package.xml": (
        f"<Package {NS}><types><members>Account.Region__c</members><name>CustomField</name></types>"
        "<types><members>Region</members><name>PermissionSet</name></types>"
        "<version>66.0</version></Package>"
    ).encode(),
    "objects/Account.object": (
        f"<CustomObject {NS}><fields><fullName>Region__c</fullName><label>Region</label>"
        "<length>20</length><type>Text</type></fields></CustomObject>"
    ).encode(),
    "permissionsets/Region.permissionset": (
        f"<PermissionSet {NS}><label>Region</label><fieldPermissions><editable>true</editable>"
        "<field>Account.Region__c</field><readable>true</readable></fieldPermissions>"
        "</PermissionSet>"
    ).encode(),
}


@pytest.fixture
def session(devorg: Any) -> Iterator[requests.Session]:
    """Logged in as the integration user."""
    with requests.Session() as session:
        session.verify = str(devorg.ca)
        answer = session.post(
            f"{devorg.http}/services/oauth2/token",
            data={
                "grant_type": "client_credentials",
                "client_id": devorg.client_id,
                "client_secret": devorg.client_secret,
            },
            timeout=10,
        )
        session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield session


@pytest.fixture
def salesforce(
    devorg: Any, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Salesforce]:
    """simple-salesforce with a ready session id. It does not keep a session's `verify`."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(devorg.ca))
    with requests.Session() as http:
        yield Salesforce(
            instance_url=devorg.https,
            session_id=str(session.headers["Authorization"]).split()[1],
            session=http,
            version="66.0",
        )


def deploy(devorg: Any, session: requests.Session, files: dict[str, bytes]) -> dict[str, Any]:
    """REST deploy and poll; the last deployResult."""
    base = f"{devorg.http}/services/data/v66.0/metadata/deployRequest"
    parts: dict[str, Any] = {
        "json": (None, json.dumps({"deployOptions": {"rollbackOnError": True}})),
        "file": ("deploy.zip", pack(files), "application/zip"),
    }
    started = session.post(base, files=parts, timeout=10)
    assert started.status_code == 201, started.text
    assert started.json()["deployResult"]["status"] == "Pending"
    for _ in range(5):
        polled = session.get(
            f"{base}/{started.json()['id']}", params={"includeDetails": "true"}, timeout=10
        )
        result: dict[str, Any] = polled.json()["deployResult"]
        if result["done"]:
            return result
    raise AssertionError(result)


def query(devorg: Any, session: requests.Session, soql: str) -> requests.Response:
    """One query."""
    return session.get(f"{devorg.http}/services/data/v66.0/query", params={"q": soql}, timeout=10)


def test_deployed_field_answers_invalid_field_until_granted(
    devorg: Any, session: requests.Session
) -> None:
    """By SOQL, to an administrator; then it is there."""
    result = deploy(devorg, session, PACKAGE)
    assert result["status"] == "Succeeded", result
    before = query(devorg, session, "SELECT Region__c FROM Account LIMIT 1")
    assert before.status_code == 400
    assert before.json()[0]["errorCode"] == "INVALID_FIELD"
    found = query(devorg, session, "SELECT Id FROM PermissionSet WHERE Name = 'Region'").json()[
        "records"
    ]
    agent = session.get(f"{devorg.http}/services/oauth2/userinfo", timeout=10).json()["user_id"]
    created = session.post(
        f"{devorg.http}/services/data/v66.0/sobjects/PermissionSetAssignment",
        json={"AssigneeId": agent, "PermissionSetId": found[0]["Id"]},
        timeout=10,
    )
    assert created.status_code == 201, created.text
    assert query(devorg, session, "SELECT Region__c FROM Account LIMIT 1").status_code == 200


def test_failed_deployment_changes_nothing(devorg: Any, session: requests.Session) -> None:
    """And names file, line and column."""
    broken = PACKAGE["permissionsets/Region.permissionset"].replace(b"Region__c", b"Gone__c")
    files = {**PACKAGE, "permissionsets/Region.permissionset": broken}
    result = deploy(devorg, session, files)
    [failure] = result["details"]["componentFailures"]
    assert result["status"] == "Failed"
    assert failure["problem"] == "In field: field - no CustomField named Account.Gone__c found"
    assert (failure["lineNumber"], failure["fileName"]) == (
        1,
        "permissionsets/Region.permissionset",
    )
    found = query(devorg, session, "SELECT Id FROM PermissionSet WHERE Name = 'Region'").json()
    assert found["totalSize"] == 0


def test_folders_can_be_queried(devorg: Any, session: requests.Session) -> None:
    """SELECT ... FROM Folder."""
    found = query(
        devorg,
        session,
        "SELECT DeveloperName, AccessType, Type FROM Folder WHERE Type = 'Report' ORDER BY Name",
    ).json()["records"]
    assert [(row["DeveloperName"], row["AccessType"]) for row in found] == [
        ("Board_Reports", "PublicInternal"),
        ("Pipeline_Reports", "Public"),
    ]


def test_simple_salesforce_deploys(salesforce: Salesforce) -> None:
    """Its own SOAP messages and parsing."""
    zip_ = io.BytesIO(pack(PACKAGE))
    started = salesforce.deploy(zip_, sandbox=False)
    polls = [salesforce.checkDeployStatus(str(started["asyncId"])) for _ in range(2)]
    assert [poll["state"] for poll in polls] == ["InProgress", "Succeeded"]


def test_simple_salesforce_retrieves(salesforce: Salesforce) -> None:
    """Sharing rules and a folder; as a single package, so without a folder around it."""
    mdapi = salesforce.mdapi
    retrieve_id, _ = mdapi.retrieve(
        "x", unpackaged={"SharingRules": ["Lead"], "Report": ["Pipeline_Reports"]}
    )
    for _ in range(3):
        state, _, _ = mdapi.check_retrieve_status(str(retrieve_id))
        if state == "Succeeded":
            break
    _, _, _, zip_ = mdapi.retrieve_zip(str(retrieve_id))
    with zipfile.ZipFile(io.BytesIO(zip_)) as archive:
        assert {
            "package.xml",
            "sharingRules/Lead.sharingRules",
            "reports/Pipeline_Reports-meta.xml",
        } == set(archive.namelist())


def test_simple_salesforce_lists_and_reads(salesforce: Salesforce) -> None:
    """By the WSDL that it bundles, read strictly enough to complain."""
    mdapi: Any = salesforce.mdapi
    query = mdapi._client.get_type("ns0:ListMetadataQuery")
    listed = mdapi.list_metadata([query(type="ReportFolder")])
    assert [one.fullName for one in listed] == ["Board_Reports", "Pipeline_Reports"]
    folder = mdapi.ReportFolder.read(["Pipeline_Reports"])
    assert (folder.fullName, folder.accessType) == ("Pipeline_Reports", "Public")
    rules = mdapi.SharingRules.read(["Lead"])
    assert rules.sharingOwnerRules[0].sharedTo.roleAndSubordinates == ["VP_Channels"]
    assert "Network" in {one.xmlName for one in mdapi.describe_metadata().metadataObjects}


def test_an_unpolled_deployment_ends_by_the_clock(devorg: Any, session: requests.Session) -> None:
    """The next request of anybody finds it done."""
    base = f"{devorg.http}/services/data/v66.0/metadata/deployRequest"
    parts: dict[str, Any] = {"json": (None, "{}"), "file": ("deploy.zip", pack(PACKAGE))}
    assert session.post(base, files=parts, timeout=10).status_code == 201
    found = "SELECT Id FROM PermissionSet WHERE Name = 'Region'"
    sizes = []
    for seconds in (0, 10):
        devorg.control("POST", "clock", {"advance": seconds})
        sizes.append(query(devorg, session, found).json()["totalSize"])
    assert sizes == [0, 1]


@pytest.mark.parametrize(
    "path",
    ["executeAnonymous?anonymousBody=1", "sobjects", "sobjects/ApexClass/describe",
     "query?q=SELECT+Id+FROM+Profile", "runTestsAsynchronous"],
)  # fmt: skip
def test_other_tooling_says_that_it_is_not_imitated(
    devorg: Any, session: requests.Session, path: str
) -> None:
    """Apex, describes, objects that both APIs have: 501, never an empty success."""
    answer = session.get(f"{devorg.http}/services/data/v66.0/tooling/{path}", timeout=10)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (501, "NOT_IMITATED")


def test_tooling_tells_deployed_fields(devorg: Any, session: requests.Session) -> None:
    """FieldDefinition follows the schema."""
    deploy(devorg, session, PACKAGE)
    soql = (
        "SELECT QualifiedApiName, DataType FROM FieldDefinition WHERE EntityDefinitionId = "
        "'Account' AND QualifiedApiName = 'Region__c'"
    )
    answer = session.get(
        f"{devorg.http}/services/data/v66.0/tooling/query/", params={"q": soql}, timeout=10
    )
    body = answer.json()
    assert (body["size"], body["entityTypeName"]) == (1, "FieldDefinition")
    assert body["records"][0]["DataType"] == "Text(20)"


def test_simple_salesforce_deploys_and_lists_queues(salesforce: Salesforce) -> None:
    """A failed deployment with its line; then one that makes a queue that mdapi lists and reads."""
    queue = f"<Queue {NS}><name>South</name>{{}}</Queue>"
    manifest = f"<Package {NS}><types><members>South</members><name>Queue</name></types></Package>"
    states = []
    for inside in (
        "<queueSobject><sobjectType>Leed</sobjectType></queueSobject>",
        "<queueSobject><sobjectType>Lead</sobjectType></queueSobject>",
    ):
        files = {"package.xml": manifest, "queues/South.queue": queue.format(inside)}
        zip_ = io.BytesIO(pack({path: text.encode() for path, text in files.items()}))
        started: Any = salesforce.deploy(
            zip_, sandbox=True, rollbackOnError=True, testLevel="NoTestRun"
        )
        polls: list[Any] = [salesforce.checkDeployStatus(str(started["asyncId"])) for _ in range(2)]
        states.append((polls[-1]["state"], len(polls[-1]["deployment_detail"]["errors"])))
    assert states == [("Failed", 1), ("Succeeded", 0)]
    mdapi: Any = salesforce.mdapi
    query = mdapi._client.get_type("ns0:ListMetadataQuery")
    assert "South" in {one.fullName for one in mdapi.list_metadata([query(type="Queue")])}
    assert mdapi.Queue.read(["South"]).queueSobject[0].sobjectType == "Lead"
    assert mdapi.Role.read(["VP_Channels"]).parentRole == "CEO"
    assert mdapi.Profile.read(["Admin"]).userLicense == "Salesforce"


def test_expired_session_is_a_soap_fault(devorg: Any) -> None:
    """HTTP 500 with sf:INVALID_SESSION_ID."""
    envelope = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header>'
        f"<SessionHeader {NS}><sessionId>gone</sessionId></SessionHeader></e:Header><e:Body>"
        f"<describeMetadata {NS}/></e:Body></e:Envelope>"
    )
    answer = requests.post(f"{devorg.http}/services/Soap/m/66.0", data=envelope, timeout=10)
    assert answer.status_code == 500
    assert "sf:INVALID_SESSION_ID" in answer.text


def test_stories_are_seeded_over_http(devorg: Any) -> None:
    """By the control API, after a reset."""
    devorg.reset("partners-ready")
    assert devorg.control("GET", "status")["story"] == "partners-ready"
