"""Deploy and retrieve at the HTTP line."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from email.message import Message
from email.parser import BytesParser
from typing import Any

import pytest

from sfprm.clock import FakeClock
from sfprm.errors import BadRequest, OrgRefused, OrgUnreachable, StillWorking
from sfprm.ids import RecordId
from sfprm.salesforce.metadata import deploy, retrieve
from sfprm.salesforce.package import manifest, unzipped, zipped
from sfprm.salesforce.session import Session

FILES = {
    "settings/Communities.settings": b"<CommunitiesSettings/>",
    "package.xml": manifest({"Settings": ["Communities"]}, "66.0"),
}
ID = RecordId("0Af000000000001")
STATUS = f"metadata/deployRequest/{ID}"


def deployed(**result: Any) -> dict[str, Any]:
    return {"id": ID, "deployResult": {"done": True, "status": "Succeeded", **result}}


def soap(operation: str, result: str) -> str:
    return (
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns="http://soap.sforce.com/2006/04/metadata"><soapenv:Body>'
        f"<{operation}Response><result>{result}</result></{operation}Response>"
        "</soapenv:Body></soapenv:Envelope>"
    )


def parts_of(request: Any) -> dict[str, Message]:
    """The parts of a multipart request by name, read by the standard library's own parser."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + request.body)
    return {
        str(part.get_param("name", header="content-disposition")): part
        for part in message.walk()
        if not part.is_multipart()
    }


def test_the_same_files_give_the_same_zip() -> None:
    """Order and time of day do not change a byte."""
    assert zipped(FILES) == zipped(dict(reversed(FILES.items())))


def test_what_is_zipped_is_unzipped() -> None:
    """Path and content come back."""
    assert unzipped(zipped(FILES)) == FILES


def test_the_package_folder_is_taken_off() -> None:
    """A retrieve may put everything under `unpackaged/`."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("unpackaged/package.xml", b"<Package/>")
    assert unzipped(out.getvalue()) == {"package.xml": b"<Package/>"}


@pytest.mark.parametrize("path", ["../etc/x", "/x", "a/../../x", "a\\b"])
def test_paths_stay_inside_the_package(path: str) -> None:
    """No file outside it."""
    with pytest.raises(BadRequest):
        zipped({**FILES, path: b""})


def test_a_package_needs_its_manifest() -> None:
    """Without package.xml nothing is deployed."""
    with pytest.raises(BadRequest, match=r"package\.xml"):
        zipped({"a": b""})


def test_the_manifest_is_sorted() -> None:
    """Types and members in order, the version last."""
    text = manifest({"Settings": ["B", "A"], "CustomField": ["Lead.X__c"]}, "66.0").decode()
    places = [text.index(word) for word in ("Lead.X__c", "CustomField", ">A<", ">B<", "66.0")]
    assert places == sorted(places)


def test_a_deployment_is_sent_and_watched(org: Any, session: Session, clock: FakeClock) -> None:
    """Parts `json` and `file`; asked at a slowing pace until it is done."""
    org.on("POST", "metadata/deployRequest", status=201, json={"id": ID})
    org.on("GET", STATUS, json={"deployResult": {"done": False, "status": "Pending"}})
    org.on("GET", STATUS, json={"deployResult": {"done": False, "status": "InProgress"}})
    org.on("GET", STATUS, json=deployed(success=True, numberComponentsDeployed=1))
    outcome = deploy(session, FILES, clock=clock)
    assert (outcome.success, outcome.status, outcome.successes) == (True, "Succeeded", 1)
    assert clock.slept == [0.5, 0.75]
    parts = parts_of(org.asked("deployRequest")[0])
    options = json.loads(str(parts["json"].get_payload()))["deployOptions"]
    assert (options["checkOnly"], options["rollbackOnError"]) == (False, True)
    sent = parts["file"].get_payload(decode=True)
    assert isinstance(sent, bytes)
    assert unzipped(sent) == FILES


def test_a_refused_component_is_an_outcome(org: Any, session: Session, clock: FakeClock) -> None:
    """File, line and the org's words; numbers may come as text."""
    failure = {
        "fileName": "objects/Lead.object",
        "fullName": "Lead.X__c",
        "problem": "Cannot be both unique and long",
        "lineNumber": "12",
        "columnNumber": 3,
    }
    org.on("POST", "metadata/deployRequest", status=201, json={"id": ID})
    org.on(
        "GET",
        STATUS,
        json=deployed(success=False, status="Failed", details={"componentFailures": [failure]}),
    )
    outcome = deploy(session, FILES, check_only=True, clock=clock)
    assert not outcome.success
    assert str(outcome.failures[0]) == (
        "objects/Lead.object:12:3: Lead.X__c: Cannot be both unique and long"
    )


def test_a_deployment_that_takes_too_long(org: Any, session: Session, clock: FakeClock) -> None:
    """The org goes on; the error says so, exit code 69."""
    org.on("POST", "metadata/deployRequest", status=201, json={"id": ID})
    org.on("GET", STATUS, json={"deployResult": {"done": False}})
    with pytest.raises(StillWorking, match=ID):
        deploy(session, FILES, clock=clock, timeout=60)
    assert clock.monotonic() <= 60


def test_a_retrieve_gives_files_by_path(org: Any, session: Session, clock: FakeClock) -> None:
    """Asked in SOAP, types and members sorted, the zip unpacked."""
    place = "/services/Soap/m/66.0"
    zip_ = base64.b64encode(zipped(FILES)).decode()
    org.on("POST", place, body=soap("retrieve", "<done>false</done><id>09S000000000001</id>"))
    org.on("POST", place, body=soap("checkRetrieveStatus", "<done>false</done>"))
    org.on(
        "POST",
        place,
        body=soap(
            "checkRetrieveStatus",
            f"<done>true</done><success>true</success><zipFile>{zip_}</zipFile>",
        ),
    )
    assert retrieve(session, {"Settings": ["Communities"]}, clock=clock) == FILES
    asked = org.asked("Soap")[0]
    body = asked.body if isinstance(asked.body, str) else asked.body.decode()
    assert "Communities</" in body
    assert session.token in body
    assert asked.headers["Content-Type"].startswith("text/xml")
    assert asked.headers["SOAPAction"] == "retrieve"


def test_an_expired_session_in_soap_sends_the_new_token(
    org: Any, session: Session, clock: FakeClock
) -> None:
    """The token stands in the body there: it is written anew."""
    fault = (
        "<e><faultcode>sf:INVALID_SESSION_ID</faultcode>"
        "<faultstring>INVALID_SESSION_ID: Invalid Session ID</faultstring></e>"
    )
    place = "/services/Soap/m/66.0"
    org.on("POST", place, status=500, body=fault, content_type="text/xml")
    org.on("POST", place, body=soap("retrieve", "<id>09S000000000001</id>"))
    failed = "<done>true</done><success>false</success><errorMessage>no</errorMessage>"
    org.on("POST", place, body=soap("checkRetrieveStatus", failed))
    with pytest.raises(OrgRefused, match="could not retrieve"):
        retrieve(session, {"Settings": ["Communities"]}, clock=clock)
    first, second, _ = (str(request.body) for request in org.asked("Soap"))
    assert "AQ.first" in first
    assert "AQ.second" in second


@pytest.mark.parametrize(
    "body",
    [
        "not xml",
        "<empty/>",
        '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
    ],
)
def test_bad_xml_is_refused(org: Any, session: Session, clock: FakeClock, body: str) -> None:
    """No result, no XML, or XML with entities of its own."""
    org.on("POST", "/services/Soap/m/66.0", body=body)
    with pytest.raises(OrgUnreachable):
        retrieve(session, {"Settings": ["Communities"]}, clock=clock)
