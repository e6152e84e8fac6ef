"""What rows of one request see of each other: partner users, their roles, and members of queues."""

from __future__ import annotations

from typing import Any


def typed(type_: str, values: dict[str, Any]) -> dict[str, Any]:
    """One record of a collection."""
    return {"attributes": {"type": type_}, **values}


def create(call: Any, type_: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The results of one request that may succeed in part."""
    body = {"allOrNone": False, "records": [typed(type_, one) for one in rows]}
    results: list[dict[str, Any]] = call("POST", "composite/sobjects", body).json()
    return results


def outcomes(results: list[dict[str, Any]]) -> list[str]:
    """`ok`, or the error's code, a row."""
    return ["ok" if one["success"] else one["errors"][0]["statusCode"] for one in results]


def test_first_users_of_many_accounts_in_one_request(prm: Any) -> None:
    """Accounts of one name get roles of their own, whose names for code are numbered in order; the
    groups come role by role, in the order of the rows."""
    pairs = [prm.partner() for _ in range(3)]
    users = [prm.new_user(f"user{place}", contact) for place, (_, contact) in enumerate(pairs)]
    assert outcomes(create(prm, "User", users)) == ["ok"] * 3
    roles = prm.rows(
        "SELECT Id, PortalAccountId, DeveloperName FROM UserRole WHERE PortalAccountId != null "
        "ORDER BY Id"
    )
    assert [one["PortalAccountId"] for one in roles] == [account for account, _ in pairs]
    assert [one["DeveloperName"] for one in roles] == [
        "SulcomPartnerUser",
        "SulcomPartnerUser1",
        "SulcomPartnerUser2",
    ]
    of_partners = ", ".join(f"'{one['Id']}'" for one in roles)
    groups = prm.rows(
        f"SELECT RelatedId, Type FROM Group WHERE RelatedId IN ({of_partners}) ORDER BY Id"
    )
    assert [(one["RelatedId"], one["Type"]) for one in groups] == [
        (one["Id"], type_) for one in roles for type_ in ("Role", "RoleAndSubordinates")
    ]


def test_the_internal_roles_groups_come_behind_the_first_account_s(prm: Any) -> None:
    """Once; those of the other accounts follow."""
    contacts = [prm.partner(f"Company {place}")[1] for place in range(2)]
    create(prm, "User", [prm.new_user(f"user{n}", one) for n, one in enumerate(contacts)])
    groups = prm.rows(
        "SELECT Name FROM Group WHERE Type IN ('Role', 'RoleAndSubordinates') ORDER BY Id DESC"
    )
    names = [str(one["Name"]) for one in reversed(groups)]
    first = names.index("Company 0 Partner User")
    assert names[first : first + 2] == ["Company 0 Partner User"] * 2
    assert names[-2:] == ["Company 1 Partner User"] * 2
    assert len(set(names[first + 2 : -2])) == len(names[first + 2 : -2]) > 0


def test_a_row_sees_the_users_before_it(prm: Any) -> None:
    """One user a contact, and roles for the account whose first user was accepted; a row that is
    refused disturbs no other."""
    account, first = prm.partner()
    second = prm.make("Contact", LastName="Bras", AccountId=account)
    alone = prm.make("Contact", LastName="Cruz")
    results = create(
        prm,
        "User",
        [
            prm.new_user("a", alone),
            prm.new_user("b", first),
            prm.new_user("c", first),
            prm.new_user("d", second, PortalRole="Executive"),
        ],
    )
    assert outcomes(results) == [
        "FIELD_INTEGRITY_EXCEPTION",
        "ok",
        "PORTAL_USER_ALREADY_EXISTS_FOR_CONTACT",
        "FIELD_INTEGRITY_EXCEPTION",
    ]


def test_nicknames_are_numbered_over_requests_and_within(prm: Any) -> None:
    """The first part of the username, whatever its case in the org."""
    account, _ = prm.partner()
    made: list[str] = []
    for domains in (("a",), ("b", "c")):
        rows = []
        for domain in domains:
            contact = prm.make("Contact", LastName="Alves", AccountId=account)
            rows.append(prm.new_user("alves", contact, Username=f"alves@{domain}.example.com"))
        if not made:
            rows[0]["CommunityNickname"] = "ALVES"
        made += [one["id"] for one in create(prm, "User", rows)]
    named = ", ".join(f"'{one}'" for one in made)
    users = prm.rows(f"SELECT CommunityNickname FROM User WHERE Id IN ({named}) ORDER BY Id")
    assert [one["CommunityNickname"] for one in users] == ["ALVES", "alves1", "alves2"]


def test_a_member_once_a_queue(prm: Any) -> None:
    """Whether the other row was there before or is in the same request; another queue is free."""
    queues = [prm.make("Group", Name=f"Queue {n}", Type="Queue") for n in range(2)]
    users = [prm.user(name) for name in ("marta.lopes", "sam.carter")]
    prm.make("GroupMember", GroupId=queues[0], UserOrGroupId=users[0])
    pairs = [(0, 0), (1, 0), (0, 1), (0, 1), (1, 1)]
    rows = [{"GroupId": queues[q], "UserOrGroupId": users[u]} for q, u in pairs]
    assert outcomes(create(prm, "GroupMember", rows)) == [
        "DUPLICATE_VALUE",
        "ok",
        "ok",
        "DUPLICATE_VALUE",
        "ok",
    ]


def test_whom_an_earlier_version_welcomed_is_not_welcomed_again(prm: Any) -> None:
    """It kept them as one list a site."""
    prm.org.control("POST", "delays", {"membership_seconds": 0})
    site = prm.id_of("Network", "Alder Partner Central")
    greeted = prm.partner_user("alves")
    prm.partner_user("bras")
    prm.org.control("POST", "settings", {f"welcomed:{site}": [greeted]})
    profile = prm.id_of("Profile", "Alder Partner User")
    prm.make("NetworkMemberGroup", NetworkId=site, ParentId=profile)
    prm.change("Network", site, Status="Live")
    mails = [one["to"][0] for one in prm.org.outbox() if one["kind"] == "welcome"]
    assert mails == ["bras@sulcom.example.com"]
