"""jsforce, unchanged, against the embedded org: what another vendor's client sees.

Needs Node and the package (`make clients` installs it); without them the tests are skipped.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.installed import MODULES, PASSWORD, installed

if not installed("jsforce"):
    pytest.skip("other vendors' clients are not installed: make clients", allow_module_level=True)


@pytest.fixture(scope="module")
def told(devorg_process: Any, node: Callable[..., str], security_token: str) -> dict[str, Any]:
    """What each part of the story answered."""
    asked = {
        "modules": str(MODULES),
        "url": devorg_process.https,
        "username": devorg_process.username,
        "password": PASSWORD + security_token,
        "clientId": devorg_process.client_id,
        "clientSecret": devorg_process.client_secret,
    }
    story = Path(__file__).with_name("jsforce_story.mjs")
    answer: dict[str, Any] = json.loads(node(story, json.dumps(asked)))
    return answer


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("created", 450),
        ("queried", 450),
        ("firstPage", 200),
        ("secondPage", 200),
        ("found", ["lead.44@example.com", "lead.440@example.com", "lead.441@example.com"]),
        ("nested", "Prata"),
        ("changed", 300),
        ("retrieved", ["Hot"] * 5),
        ("bulk", 1500),
        ("bulkQuery", 1500),
        ("deleted", 200),
        ("composite", [201, 201]),
        ("tooling", True),
        ("metadata", True),
        ("afterLogout", "INVALID_SESSION_ID"),
    ],
)
def test_each_part_answers_as_jsforce_expects(
    told: dict[str, Any], part: str, expected: object
) -> None:
    """Records one and many, pages, sub-queries, Bulk 2.0, composite, tooling, metadata, logout."""
    assert told[part] == expected


def test_both_logins_are_to_the_same_org(told: dict[str, Any]) -> None:
    """SOAP with password and security token, and OAuth client credentials."""
    assert told["soapLogin"] == told["oauthLogin"]
    assert told["soapLogin"].startswith("00D")


def test_describes_name_what_is_there(told: dict[str, Any], devorg_process: Any) -> None:
    """The global describe, an object's, the identity and the limits."""
    assert {"Lead", "Account", "Contact", "User", "Network"} <= set(told["global"])
    assert {"Id", "OwnerId", "Status", "IsConverted"} <= set(told["leadFields"])
    assert told["identity"] == devorg_process.username
    assert told["limits"] == 15_000


def test_refusals_carry_the_codes_that_clients_switch_on(told: dict[str, Any]) -> None:
    """jsforce hands Salesforce's error code on as `errorCode`."""
    assert told["refusals"] == {
        "noField": "INVALID_FIELD",
        "malformed": "MALFORMED_QUERY",
        "missing": "REQUIRED_FIELD_MISSING",
        "notFound": "NOT_FOUND",
    }
