"""No address leaves an org that is not production."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sfprm.errors import BadSettings
from sfprm.outbound.mail_guard import MailPolicy, guarded, policy_for, policy_from
from sfprm.settings import Settings

ORG = "00D000000000001EAA"
USUAL: dict[str, Any] = {
    "guard": "sink",
    "sink": "sink@example.com",
    "allow": (),
    "production_orgs": (),
    "org_id": ORG,
    "is_sandbox": False,
    "is_embedded": False,
}

CASES = [
    ({}, "sink@example.com"),
    ({"is_sandbox": True}, "sink@example.com"),
    ({"production_orgs": (ORG,)}, "ines@example.org"),
    ({"production_orgs": (ORG[:15],)}, "ines@example.org"),
    ({"production_orgs": ("00D000000000002EAA",)}, "sink@example.com"),
    ({"production_orgs": (ORG,), "is_sandbox": True}, "sink@example.com"),
    ({"is_embedded": True}, "ines@example.org"),
    ({"guard": "off"}, "ines@example.org"),
    ({"guard": "off", "is_sandbox": True}, "ines@example.org"),
    ({"guard": "allow-listed", "allow": ("example.org",)}, "ines@example.org"),
    ({"guard": "allow-listed", "allow": ("@example.org",)}, "ines@example.org"),
    ({"guard": "allow-listed", "allow": ("INES@example.org",)}, "ines@example.org"),
    ({"guard": "allow-listed", "allow": ("example.com",)}, "sink@example.com"),
    ({"guard": "allow-listed", "allow": ("ample.org",)}, "sink@example.com"),
    ({"guard": "allow-listed", "allow": ("",)}, "sink@example.com"),
    ({"guard": "sink", "allow": ("example.org",)}, "sink@example.com"),
]


@pytest.mark.parametrize(("facts", "answer"), CASES)
def test_where_an_address_goes(facts: dict[str, Any], answer: str) -> None:
    """Settings and facts of the org to the address in force."""
    assert guarded("ines@example.org", policy_for(**{**USUAL, **facts})) == answer


@pytest.mark.parametrize(("facts", "_answer"), CASES)
def test_guarding_twice_is_guarding_once(facts: dict[str, Any], _answer: str) -> None:
    """The sink stays the sink, so a plan compared after the guard is steady."""
    policy = policy_for(**{**USUAL, **facts})
    once = guarded("ines@example.org", policy)
    assert guarded(once, policy) == once


def test_address_without_a_domain_goes_to_the_sink() -> None:
    """Nothing odd slips through an allow-list."""
    policy = MailPolicy(False, "sink@example.com", "", frozenset({"example.org"}))
    assert guarded("example.org.evil", policy) == "sink@example.com"


def test_sink_must_be_an_address() -> None:
    """Said before anything is sent."""
    with pytest.raises(BadSettings, match="SFPRM_MAIL_SINK"):
        policy_for(**{**USUAL, "sink": "nowhere"})


def test_reason_is_said() -> None:
    """People are told why addresses were changed."""
    assert "sandbox" in policy_for(**{**USUAL, "is_sandbox": True}).why


def test_from_settings() -> None:
    """The settings in force, with the org's facts."""
    settings = Settings(mail_guard="allow-listed", mail_allow=("example.org",))
    policy = policy_from(settings, org_id=ORG, is_sandbox=True, is_embedded=False)
    assert replace(policy, why="") == MailPolicy(
        False, "sink@example.com", "", frozenset({"example.org"})
    )
