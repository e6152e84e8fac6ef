"""Partner users: made from a contact of an enabled account, and how the org refuses them."""

from __future__ import annotations

from typing import Any

import pytest

from sfprm.recording.plugin import Scenario

NAME = "Sfprm Contract"
TEXTS = (NAME, "sfprmct", "Sfprm Contract Partner", "Alder Partner User")


@pytest.mark.usefixtures("irreversible")
@pytest.mark.salesforce_recording("partner-user", story="partners-ready", fictional=TEXTS)
def test_a_partner_user_and_its_refusals(call: Any, scenario: Scenario) -> None:
    """Enable the account, make contact and user; then a second user of the contact, a taken
    username, a user without contact, and an account whose owner has no role."""

    people = "SELECT Id FROM User WHERE UserType = 'Standard' AND IsActive = true AND UserRoleId"

    def without_role() -> str:
        if scenario.org is not None and scenario.org.is_embedded:
            person = call.first(f"{people} != null ORDER BY Id DESC LIMIT 1")
            call("PATCH", f"sobjects/User/{person}", {"UserRoleId": None})
        return str(call.first(f"{people} = null ORDER BY Id LIMIT 1"))

    owner = scenario.fact("owner", lambda: call.first(f"{people} != null ORDER BY Id LIMIT 1"))
    roleless = scenario.fact("roleless", without_role)
    profile = scenario.fact(
        "profile",
        lambda: call.first(
            "SELECT Id FROM Profile WHERE UserType = 'PowerPartner' ORDER BY Name LIMIT 1"
        ),
    )

    def partner(owner: str) -> str:
        account = call.make("Account", Name=TEXTS[2], OwnerId=owner)
        assert call("PATCH", f"sobjects/Account/{account}", {"IsPartner": True}).status_code == 204
        return str(call.make("Contact", LastName=NAME, AccountId=account))

    def person(contact: str | None, username: str) -> Any:
        return call(
            "POST",
            "sobjects/User",
            {
                "Username": f"{username}@sfprm-contract.example.com",
                "Email": f"{username}@sfprm-contract.example.com",
                "LastName": NAME,
                "Alias": TEXTS[1],
                "TimeZoneSidKey": "Europe/Lisbon",
                "LocaleSidKey": "en_US",
                "EmailEncodingKey": "UTF-8",
                "LanguageLocaleKey": "en_US",
                "ProfileId": profile,
                "ContactId": contact,
            },
        )

    contact = partner(owner)
    made = person(contact, "first")
    assert made.status_code == 201, made.text
    refused = [
        person(contact, "second"),
        person(call.make("Contact", LastName=NAME), "third"),
        person(None, "fourth"),
        person(partner(roleless), "fifth"),
    ]
    assert [(one.status_code, one.json()[0]["errorCode"]) for one in refused] == [
        (400, "PORTAL_USER_ALREADY_EXISTS_FOR_CONTACT"),
        (400, "FIELD_INTEGRITY_EXCEPTION"),
        (400, "INVALID_CROSS_REFERENCE_KEY"),
        (400, "UNKNOWN_EXCEPTION"),
    ]
    [row] = call.rows(
        "SELECT UserType, IsActive, PortalRole, LastLoginDate, ContactId FROM User "
        f"WHERE Id = '{made.json()['id']}'"
    )
    assert (row["UserType"], row["IsActive"], row["ContactId"]) == ("PowerPartner", True, contact)
