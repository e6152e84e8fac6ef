"""Sites: asynchronous membership and the welcome mail."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def site(prm: Any) -> str:
    """The partner site, under construction; membership takes no time."""
    prm.org.control("POST", "delays", {"membership_seconds": 0})
    return str(prm.id_of("Network", "Alder Partner Central"))


def add_profile(call: Any, site: str) -> str:
    """Make the partner profile a member of the site; the row's id."""
    profile = call.id_of("Profile", "Alder Partner User")
    return str(call.make("NetworkMemberGroup", NetworkId=site, ParentId=profile))


def welcomed(call: Any) -> list[str]:
    """Who got a welcome mail, in order."""
    return [one["to"][0] for one in call.org.outbox() if one["kind"] == "welcome"]


def test_membership_takes_its_time(prm: Any) -> None:
    """WaitingForAdd first, Added when the time has come."""
    prm.org.control("POST", "delays", {"membership_seconds": 3600})
    site = prm.id_of("Network", "Alder Partner Central")
    row = add_profile(prm, site)
    soql = f"SELECT AssignmentStatus FROM NetworkMemberGroup WHERE Id = '{row}'"
    assert prm.one(soql)["AssignmentStatus"] == "WaitingForAdd"


def test_members_are_the_profile_s_users(prm: Any, site: str) -> None:
    """NetworkMember rows for the active users of the profile."""
    user = prm.partner_user()
    row = add_profile(prm, site)
    soql = f"SELECT AssignmentStatus FROM NetworkMemberGroup WHERE Id = '{row}'"
    assert prm.one(soql)["AssignmentStatus"] == "Added"
    members = prm.rows(f"SELECT MemberId FROM NetworkMember WHERE NetworkId = '{site}'")
    assert [one["MemberId"] for one in members] == [user]


def test_welcome_waits_for_the_site_to_go_live(prm: Any, site: str) -> None:
    """No mail under construction; one each when the site is published, and never again."""
    prm.partner_user("alves")
    add_profile(prm, site)
    prm.partner_user("bras")
    assert welcomed(prm) == []
    prm.org.event("site-published", site="Alder Partner Central")
    assert welcomed(prm) == ["alves@sulcom.example.com", "bras@sulcom.example.com"]
    prm.change("Network", site, Status="DownForMaintenance")
    prm.change("Network", site, Status="Live")
    assert len(welcomed(prm)) == 2


def test_a_profile_added_to_a_live_site_mails_everybody(prm: Any, site: str) -> None:
    """All its active users, at once."""
    prm.partner_user("alves")
    gone = prm.partner_user("bras")
    prm.change("User", gone, IsActive=False)
    prm.change("Network", site, Status="Live")
    add_profile(prm, site)
    assert prm("GET", "limits").status_code == 200
    assert welcomed(prm) == ["alves@sulcom.example.com"]


def test_a_new_user_of_a_live_site_is_mailed(prm: Any, site: str) -> None:
    """And one who comes back is mailed when they were never a member."""
    prm.change("Network", site, Status="Live")
    add_profile(prm, site)
    prm.partner_user("alves")
    assert welcomed(prm) == ["alves@sulcom.example.com"]


def test_the_option_switches_the_mail_off_for_good(prm: Any, site: str) -> None:
    """Those who came while it was off are not mailed later."""
    prm.partner_user("alves")
    add_profile(prm, site)
    prm.change("Network", site, OptionsSendWelcomeEmail=False)
    prm.change("Network", site, Status="Live")
    prm.change("Network", site, OptionsSendWelcomeEmail=True)
    prm.partner_user("bras")
    assert welcomed(prm) == ["bras@sulcom.example.com"]


def test_a_failed_user_sends_no_mail(prm: Any, site: str) -> None:
    """A roll-back takes the mail with it."""
    prm.change("Network", site, Status="Live")
    add_profile(prm, site)
    account, contact = prm.partner()
    user = prm.new_user("alves", contact)
    records = [{"attributes": {"type": "User"}, **one} for one in (user, user)]
    body = {"allOrNone": True, "records": records}
    results = prm("POST", "composite/sobjects", body).json()
    assert [one["success"] for one in results] == [False, False]
    assert welcomed(prm) == []
    assert prm.rows(f"SELECT Id FROM UserRole WHERE PortalAccountId = '{account}'") == []


def test_a_site_is_never_under_construction_again(prm: Any, site: str, error: Any) -> None:
    """Once active, always active or down."""
    prm.change("Network", site, Status="Live")
    answer = prm("PATCH", f"sobjects/Network/{site}", {"Status": "UnderConstruction"})
    assert error(answer)[1] == "FIELD_INTEGRITY_EXCEPTION"


def test_leaving_a_site(prm: Any, site: str, error: Any) -> None:
    """No DELETE: an update to WaitingForRemove, then the row and the members go."""
    prm.partner_user("alves")
    row = add_profile(prm, site)
    assert error(prm("DELETE", f"sobjects/NetworkMemberGroup/{row}"))[1] == (
        "INVALID_TYPE_FOR_OPERATION"
    )
    prm.change("NetworkMemberGroup", row, AssignmentStatus="WaitingForRemove")
    assert prm.rows(f"SELECT Id FROM NetworkMemberGroup WHERE Id = '{row}'") == []
    assert prm.rows(f"SELECT Id FROM NetworkMember WHERE NetworkId = '{site}'") == []


def test_a_profile_is_in_a_site_once(prm: Any, site: str, error: Any) -> None:
    """A second row for the pair is refused."""
    add_profile(prm, site)
    body = {"NetworkId": site, "ParentId": prm.id_of("Profile", "Alder Partner User")}
    assert error(prm("POST", "sobjects/NetworkMemberGroup", body))[1] == "DUPLICATE_VALUE"


def test_no_network_without_digital_experiences(call: Any, error: Any) -> None:
    """Switched off, the objects are not there."""
    call.org.control("POST", "settings", {"Communities": {}})
    assert error(call("GET", "sobjects/Network/describe"))[:2] == (404, "NOT_FOUND")
    answer = call("GET", "query", params={"q": "SELECT Id FROM Network"})
    assert error(answer)[1] == "INVALID_TYPE"
    fields = {one["name"] for one in call("GET", "sobjects/Account/describe").json()["fields"]}
    assert "IsPartner" not in fields


def test_resetting_a_password_mails_a_link(prm: Any) -> None:
    """DELETE answers a temporary password and mails the user."""
    user = prm.partner_user()
    answer = prm("DELETE", f"sobjects/User/{user}/password")
    assert answer.status_code == 200
    assert list(answer.json()) == ["NewPassword"]
    mail = prm.org.outbox()[-1]
    assert (mail["kind"], mail["to"], mail["related"]) == (
        "reset",
        ["alves@sulcom.example.com"],
        user,
    )
    assert prm("GET", f"sobjects/User/{user}/password").json() == {"isExpired": False}
