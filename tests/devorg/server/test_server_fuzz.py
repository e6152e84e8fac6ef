"""Whatever a client sends, the org answers in its own words, never 500, and goes on."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

QUICK = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
NAMES = st.sampled_from(
    ["LastName", "Company", "OwnerId", "Email", "IsConverted", "AnnualRevenue", "ConvertedDate",
     "NumberOfEmployees", "Address", "Id", "attributes", "Owner", "Status", "type", "Latitude"]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        ["2026-01-01", "2026-13-01T00:00:00Z", "00QdV0000000001UAA", "005dV0000000001", "1e999",
         "a@b.example", "' OR 1=1 --", "\x00"]
    ),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.dictionaries(NAMES | st.text(max_size=8), VALUES, max_size=6)
OBJECTS = st.sampled_from(
    ["Lead", "User", "Account", "Group", "GroupMember", "Network", "NetworkMemberGroup",
     "UserRole", "PermissionSetAssignment", "LeadHistory", "Nope__c", ""]
)  # fmt: skip
SEGMENTS = st.one_of(
    st.sampled_from(
        ["sobjects", "Lead", "User", "Id", "describe", "query", "queryAll", "composite", "batch",
         "limits", "recordCount", "password", "metadata", "deployRequest", "00QdV0000000001UAA",
         "..", "%2F", "%00", "%FF", "01gdV0000000001QAA-0", "Email", "actions", "standard"]
    ),
    st.text(max_size=6).map(lambda text: quote(text, safe="")),
)  # fmt: skip


@pytest.fixture(scope="module")
def raw(devorg_process: Any) -> Any:
    """One org and one session for all examples; nothing needs to be as it was."""
    devorg_process.reset("demo")
    token = devorg_process.control("POST", "sessions", {})["access_token"]
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {token}"

        def send(method: str, path: str, **more: Any) -> requests.Response:
            url = f"{devorg_process.http}/services/data/v66.0/{path}"
            return session.request(method, url, timeout=30, **more)

        yield send


def own_words(answer: requests.Response) -> None:
    """A status below 500 (or 501), and an error code with a message where it is an error."""
    assert answer.status_code < 500 or answer.status_code == 501, answer.text
    assert answer.status_code != 401, "the test's session is dead"
    if answer.status_code >= 400:
        for item in answer.json():
            assert item["errorCode"]
            assert item["message"]


@QUICK
@given(object_=OBJECTS, record=RECORDS)
def test_any_record(raw: Any, object_: str, record: dict[str, Any]) -> None:
    """Created or refused."""
    own_words(raw("POST", f"sobjects/{object_}", json=record))


@QUICK
@given(object_=OBJECTS, records=st.lists(RECORDS, max_size=4), method=st.sampled_from("CUP"))
def test_any_collection(raw: Any, object_: str, records: list[dict[str, Any]], method: str) -> None:
    """Create, update, upsert: a list of results, or refused."""
    typed = [one | {"attributes": {"type": object_}} for one in records]
    verb, path = {
        "C": ("POST", "composite/sobjects"),
        "U": ("PATCH", "composite/sobjects"),
        "P": ("PATCH", f"composite/sobjects/{object_}/Id"),
    }[method]
    own_words(raw(verb, path, json={"records": typed}))


BODIES = st.sampled_from(
    [
        "composite",
        "composite/batch",
        "composite/sobjects",
        "actions/standard/emailSimple",
        "sobjects/Lead",
    ]
)


@QUICK
@given(body=VALUES, path=BODIES)
def test_any_body(raw: Any, body: Any, path: str) -> None:
    """Any JSON where an object is expected."""
    own_words(raw("POST", path, json=body))


@QUICK
@given(
    method=st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"]),
    segments=st.lists(SEGMENTS, min_size=1, max_size=5),
    content=st.binary(max_size=30),
)
def test_any_address(raw: Any, method: str, segments: list[str], content: bytes) -> None:
    """Any path, any verb, any bytes."""
    headers = {"Content-Type": "application/json"}
    answer = raw(method, "/".join(segments), data=content, headers=headers)
    if answer.status_code != 300:
        own_words(answer)


@QUICK
@given(q=st.text(max_size=60))
def test_any_query(raw: Any, q: str) -> None:
    """Any text as a query."""
    own_words(raw("GET", "query", params={"q": f"SELECT {q} FROM Lead"}))


@pytest.mark.parametrize("depth", [100, 900, 5000])
def test_deep_nesting(raw: Any, depth: int) -> None:
    """Deeper than any reader likes."""
    part = '{"a":' * depth + "1" + "}" * depth
    text = (
        '{"compositeRequest":[{"method":"POST","referenceId":"a","url":"/services/data/v66.0/'
        'sobjects/Lead","body":' + part + "}]}"
    )
    headers = {"Content-Type": "application/json"}
    answer = raw("POST", "composite", data=text, headers=headers)
    assert answer.status_code in {200, 400}
