"""Salesforce's partner rules, by code and message."""

from __future__ import annotations

from typing import Any

import pytest


def test_is_partner_is_not_for_create(prm: Any, error: Any) -> None:
    """Update only."""
    answer = prm("POST", "sobjects/Account", {"Name": "Sulcom", "IsPartner": True})
    assert error(answer) == (
        400,
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "Unable to create/update fields: IsPartner. Please check the security settings of this "
        "field and verify that it is read/write for your profile or permission set.",
        ["IsPartner"],
    )


def test_is_partner_needs_prm(call: Any, error: Any) -> None:
    """With PRM off the flag cannot be set."""
    account = call.make("Account", Name="Sulcom")
    answer = call("PATCH", f"sobjects/Account/{account}", {"IsPartner": True})
    assert error(answer)[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_is_partner_by_update(prm: Any) -> None:
    """Set and read back."""
    account, _ = prm.partner()
    assert prm.one(f"SELECT IsPartner FROM Account WHERE Id = '{account}'")["IsPartner"] is True


def test_no_partner_user_without_prm(call: Any, error: Any) -> None:
    """PRM off: refused."""
    account = call.make("Account", Name="Sulcom", OwnerId=call.user("marta.lopes"))
    contact = call.make("Contact", LastName="Alves", AccountId=account)
    answer = call("POST", "sobjects/User", call.new_user("alves", contact))
    assert error(answer)[:2] == (400, "FIELD_INTEGRITY_EXCEPTION")


def test_what_a_partner_user_gets(prm: Any) -> None:
    """Account, type, portal flag, nickname, role; the role hangs below the owner's."""
    account, contact = prm.partner()
    user = prm.make("User", **prm.new_user("alves", contact))
    row = prm.one(
        "SELECT AccountId, UserType, IsPortalEnabled, IsActive, CommunityNickname, LastLoginDate, "
        "PortalRole, UserRole.Name, UserRole.DeveloperName, UserRole.PortalType, "
        f"UserRole.PortalRole, UserRole.ParentRoleId FROM User WHERE Id = '{user}'"
    )
    role = row.pop("UserRole")
    del row["attributes"], role["attributes"]
    assert row == {
        "AccountId": account,
        "UserType": "PowerPartner",
        "IsPortalEnabled": True,
        "IsActive": True,
        "CommunityNickname": "alves",
        "LastLoginDate": None,
        "PortalRole": "Worker",
    }
    assert role == {
        "Name": "Sulcom Partner User",
        "DeveloperName": "SulcomPartnerUser",
        "PortalType": "Partner",
        "PortalRole": "Worker",
        "ParentRoleId": prm.id_of("UserRole", "Channel Manager Iberia"),
    }


def test_roles_come_with_the_first_user(prm: Any) -> None:
    """None when IsPartner is set, one with the first user, no more with the second; with groups."""
    account, contact = prm.partner()
    roles = f"SELECT Id FROM UserRole WHERE PortalAccountId = '{account}'"
    assert prm.rows(roles) == []
    prm.make("User", **prm.new_user("alves", contact))
    [role] = prm.rows(roles)
    second = prm.make("Contact", LastName="Bras", AccountId=account)
    prm.make("User", **prm.new_user("bras", second))
    assert len(prm.rows(roles)) == 1
    groups = prm.rows(f"SELECT Type FROM Group WHERE RelatedId = '{role['Id']}' ORDER BY Type")
    assert [one["Type"] for one in groups] == ["Role", "RoleAndSubordinates"]


def test_three_roles_when_the_org_says_so(prm: Any) -> None:
    """User below Manager below Executive."""
    prm.org.control("POST", "settings", {"partner_roles": 3})
    account, contact = prm.partner()
    prm.make("User", **prm.new_user("alves", contact, PortalRole="Manager"))
    rows = prm.rows(
        "SELECT Name, ParentRole.Name FROM UserRole WHERE PortalAccountId = "
        f"'{account}' ORDER BY Name"
    )
    assert {one["Name"]: one["ParentRole"]["Name"] for one in rows} == {
        "Sulcom Partner Executive": "Channel Manager Iberia",
        "Sulcom Partner Manager": "Sulcom Partner Executive",
        "Sulcom Partner User": "Sulcom Partner Manager",
    }
    assert prm.one("SELECT UserRole.Name FROM User WHERE LastName = 'Alves'")["UserRole"][
        "Name"
    ] == ("Sulcom Partner Manager")


def test_the_owner_must_have_a_role(prm: Any, error: Any) -> None:
    """Checked when the user is inserted, not before."""
    _, contact = prm.partner("Cruz", "pedro.reis")
    answer = prm("POST", "sobjects/User", prm.new_user("cruz", contact))
    assert error(answer) == (400, "UNKNOWN_EXCEPTION", "portal account owner must have a role", [])
    prm.org.event("role-given", username="pedro.reis@alder.example.com", role="VP Channels")
    prm.make("User", **prm.new_user("cruz", contact))


def test_an_account_need_not_be_enabled(prm: Any) -> None:
    """A user can be made under an account whose IsPartner is false."""
    account = prm.make("Account", Name="Quiet", OwnerId=prm.user("marta.lopes"))
    contact = prm.make("Contact", LastName="Alves", AccountId=account)
    prm.make("User", **prm.new_user("alves", contact))


BAD_USERS: list[tuple[dict[str, Any], str, str, list[str]]] = [
    (
        {"ContactId": None},
        "INVALID_CROSS_REFERENCE_KEY",
        "Cannot create a portal user without contact",
        ["ContactId"],
    ),
    (
        {"Username": "nobody"},
        "FIELD_INTEGRITY_EXCEPTION",
        "Username must be in the form of an email address (for example, john@acme.com): Username",
        ["Username"],
    ),
    (
        {"Username": "sam.carter@alder.example.com"},
        "DUPLICATE_USERNAME",
        "Duplicate Username.<br>The username already exists in this or another Salesforce "
        "organization. Usernames must be unique across all Salesforce organizations. To resolve, "
        "use a different username (it doesn't need to match the user's email address). ",
        ["Username"],
    ),
    (
        {"CommunityNickname": "Sam.Carter"},
        "DUPLICATE_COMM_NICKNAME",
        "Duplicate Nickname.<br>Another user has already selected this nickname.<br>Please select "
        "another.",
        ["CommunityNickname"],
    ),
    (
        {"Email": "x", "Alias": None},
        "INVALID_EMAIL_ADDRESS",
        "Email: invalid email address: x",
        ["Email"],
    ),
    (
        {"Alias": None, "Email": None},
        "REQUIRED_FIELD_MISSING",
        "Required fields are missing: [Email, Alias]",
        ["Email", "Alias"],
    ),
    (
        {"PortalRole": "User"},
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "Portal Role Level: bad value for restricted picklist field: User",
        ["PortalRole"],
    ),
    (
        {"ProfileId": "BadValue"},
        "MALFORMED_ID",
        "Profile ID: id value of incorrect type: BadValue",
        ["ProfileId"],
    ),
    (
        {"ProfileId": "00edV00000009ZZ"},
        "INVALID_CROSS_REFERENCE_KEY",
        "invalid cross reference id",
        [],
    ),
]


@pytest.mark.parametrize(("change", "code", "message", "fields"), BAD_USERS)
def test_a_bad_partner_user(
    prm: Any, error: Any, change: dict[str, Any], code: str, message: str, fields: list[str]
) -> None:
    """Each with its words; no role is left behind."""
    account, contact = prm.partner()
    answer = prm("POST", "sobjects/User", prm.new_user("alves", contact) | change)
    assert error(answer) == (400, code, message, fields)
    assert prm.rows(f"SELECT Id FROM UserRole WHERE PortalAccountId = '{account}'") == []


def test_a_standard_external_profile_needs_its_switch(prm: Any, error: Any) -> None:
    """Off: refused with the way to Setup; on: made."""
    _, contact = prm.partner()
    user = prm.new_user("alves", contact, ProfileId=prm.id_of("Profile", "Partner Community User"))
    assert error(prm("POST", "sobjects/User", user)) == (
        400,
        "FIELD_INTEGRITY_EXCEPTION",
        "To create or update users for this profile, go to Setup > Digital Experiences > Settings "
        "and select Allow using standard external profiles for self-registration, user creation, "
        "and login.",
        ["ProfileId"],
    )
    settings = {
        "enableNetworksEnabled": True,
        "enableEnablePRM": True,
        "enableOotbProfExtUserOpsEnable": True,
    }
    prm.org.control("POST", "settings", {"Communities": settings})
    prm.make("User", **user)


def test_one_user_a_contact_for_ever(prm: Any, error: Any) -> None:
    """Inactive ones count too."""
    _, contact = prm.partner()
    user = prm.make("User", **prm.new_user("alves", contact))
    prm.change("User", user, IsActive=False)
    answer = prm("POST", "sobjects/User", prm.new_user("alves2", contact))
    assert error(answer) == (
        400,
        "PORTAL_USER_ALREADY_EXISTS_FOR_CONTACT",
        "portal user already exists for contact",
        [],
    )


def test_an_internal_user_has_no_contact(prm: Any, error: Any) -> None:
    """The other way round."""
    _, contact = prm.partner()
    user = prm.new_user("alves", contact, ProfileId=prm.id_of("Profile", "Standard User"))
    assert error(prm("POST", "sobjects/User", user)) == (
        400,
        "FIELD_INTEGRITY_EXCEPTION",
        "only portal users can be associated to a contact",
        ["ContactId"],
    )


def test_a_contact_without_account(prm: Any, error: Any) -> None:
    """A private contact cannot have a user."""
    contact = prm.make("Contact", LastName="Alone")
    answer = prm("POST", "sobjects/User", prm.new_user("alone", contact))
    assert error(answer)[:2] == (400, "FIELD_INTEGRITY_EXCEPTION")


def test_seats_run_out_and_come_back(prm: Any, error: Any) -> None:
    """40 partner seats; a deactivated user frees one, a frozen one does not."""
    account, _ = prm.partner()
    names = [f"p{number}" for number in range(41)]
    records = [
        {"attributes": {"type": "Contact"}, "LastName": name, "AccountId": account}
        for name in names
    ]
    made = prm("POST", "composite/sobjects", {"records": records}).json()
    base = prm.new_user("x", None)
    users = [
        base
        | {
            "attributes": {"type": "User"},
            "Username": f"{name}@sulcom.example.com",
            "ContactId": contact["id"],
        }
        for name, contact in zip(names, made, strict=True)
    ]
    results = prm("POST", "composite/sobjects", {"records": users}).json()
    assert [one["success"] for one in results] == [True] * 40 + [False]
    assert results[40]["errors"] == [
        {
            "statusCode": "LICENSE_LIMIT_EXCEEDED",
            "message": "License Limit Exceeded - Partner Community",
            "fields": [],
        }
    ]
    used = "SELECT UsedLicenses FROM UserLicense WHERE Name = 'Partner Community'"
    assert prm.one(used)["UsedLicenses"] == 40
    login = prm.one(f"SELECT Id FROM UserLogin WHERE UserId = '{results[0]['id']}'")
    prm.change("UserLogin", login["Id"], IsFrozen=True)
    assert error(prm("POST", "sobjects/User", users[40]))[1] == ("LICENSE_LIMIT_EXCEEDED")
    prm.change("User", results[1]["id"], IsActive=False)
    assert prm.one(used)["UsedLicenses"] == 39
    prm.make("User", **users[40])
    again = prm("PATCH", f"sobjects/User/{results[1]['id']}", {"IsActive": True})
    assert error(again)[1] == "LICENSE_LIMIT_EXCEEDED"


def test_users_are_not_deleted(prm: Any, error: Any) -> None:
    """Only deactivated."""
    user = prm.partner_user()
    assert error(prm("DELETE", f"sobjects/User/{user}"))[:3] == (
        400,
        "INVALID_TYPE_FOR_OPERATION",
        "entity type User does not support delete",
    )


def test_disabling_the_portal_detaches_the_contact(prm: Any) -> None:
    """The user is inactive, the contact may have a new one."""
    _, contact = prm.partner()
    user = prm.make("User", **prm.new_user("alves", contact))
    prm.change("User", user, IsPortalEnabled=False)
    row = prm.one(f"SELECT IsActive, ContactId, AccountId FROM User WHERE Id = '{user}'")
    assert (row["IsActive"], row["ContactId"], row["AccountId"]) == (False, None, None)
    prm.make("User", **prm.new_user("alves2", contact))


def test_taking_the_partner_flag_away(prm: Any) -> None:
    """Users are disabled; roles and groups are gone for good."""
    account, contact = prm.partner()
    user = prm.make("User", **prm.new_user("alves", contact))
    prm.change("Account", account, IsPartner=False)
    assert prm.one(f"SELECT IsActive FROM User WHERE Id = '{user}'")["IsActive"] is False
    assert prm.rows(f"SELECT Id FROM UserRole WHERE PortalAccountId = '{account}'") == []


def test_partner_users_own_no_partner_accounts(prm: Any, error: Any) -> None:
    """Neither by change of owner nor by enabling."""
    account, contact = prm.partner()
    user = prm.make("User", **prm.new_user("alves", contact))
    answer = prm("PATCH", f"sobjects/Account/{account}", {"OwnerId": user})
    assert error(answer)[1:3] == ("UNKNOWN_EXCEPTION", "portal users cannot own partner accounts")


def test_a_new_owner_takes_the_roles_along(prm: Any) -> None:
    """The account's roles hang below the new owner's role."""
    account, contact = prm.partner()
    prm.make("User", **prm.new_user("alves", contact))
    prm.change("Account", account, OwnerId=prm.user("jonas.weber"))
    role = prm.one(f"SELECT ParentRole.Name FROM UserRole WHERE PortalAccountId = '{account}'")
    assert role["ParentRole"]["Name"] == "Channel Manager Central"


def test_a_contact_with_a_user_stays(prm: Any, error: Any) -> None:
    """Not deleted, not without account."""
    account, contact = prm.partner()
    prm.make("User", **prm.new_user("alves", contact))
    assert error(prm("DELETE", f"sobjects/Contact/{contact}"))[1] == "DELETE_FAILED"
    assert error(prm("PATCH", f"sobjects/Contact/{contact}", {"AccountId": None})) == (
        400,
        "FIELD_INTEGRITY_EXCEPTION",
        "A portal user's contact record must include an account. Furthermore, the owner of the "
        "account must be associated with a role.",
        ["AccountId"],
    )
    assert error(prm("DELETE", f"sobjects/Account/{account}"))[1] == "DELETE_FAILED"


def test_a_new_address_waits_for_its_confirmation(prm: Any) -> None:
    """Success, but not in force until the person follows the link."""
    user = prm.partner_user()
    soql = f"SELECT Email FROM User WHERE Id = '{user}'"
    prm.change("User", user, Email="new@sulcom.example.com")
    assert prm.one(soql)["Email"] == "alves@sulcom.example.com"
    mail = prm.org.outbox()[-1]
    assert (mail["kind"], mail["to"]) == ("confirmation", ["new@sulcom.example.com"])
    prm.org.control("POST", "confirm-email", {"username": "alves@sulcom.example.com"})
    assert prm.one(soql)["Email"] == "new@sulcom.example.com"


def test_an_owner_keeps_a_role(prm: Any, error: Any) -> None:
    """Not taken away while partner roles hang below it; another one takes them along."""
    account, contact = prm.partner()
    prm.make("User", **prm.new_user("alves", contact))
    owner = prm.user("marta.lopes")
    answer = prm("PATCH", f"sobjects/User/{owner}", {"UserRoleId": None})
    assert error(answer)[1] == "USER_OWNS_PORTAL_ACCOUNT_EXCEPTION"
    prm.change("User", owner, UserRoleId=prm.id_of("UserRole", "VP Channels"))
    role = prm.one(f"SELECT ParentRole.Name FROM UserRole WHERE PortalAccountId = '{account}'")
    assert role["ParentRole"]["Name"] == "VP Channels"
