"""Who may own a lead, and what a change of owner does; queues and their members."""

from __future__ import annotations

from typing import Any


def queue(call: Any, name: str = "Partner leads", *, for_lead: bool = True) -> str:
    """A new queue."""
    id_ = str(call.make("Group", Name=name, Type="Queue"))
    if for_lead:
        call.make("QueueSobject", QueueId=id_, SobjectType="Lead")
    return id_


def lead(call: Any, **values: Any) -> str:
    """A new lead of the integration user."""
    return str(call.make("Lead", LastName="Silva", Company="Fonte", **values))


def refused(call: Any, error: Any, lead_id: str, owner: str) -> tuple[str, str, list[str]]:
    """(code, message, fields) of a change of owner."""
    answer = call("PATCH", f"sobjects/Lead/{lead_id}", {"OwnerId": owner})
    status, code, message, fields = error(answer)
    assert status == 400
    return code, message, fields


def test_a_partner_owner_shows_in_partner_account(prm: Any) -> None:
    """PartnerAccountId follows the owner; the lead is unread again."""
    user = prm.partner_user()
    account = prm.one(f"SELECT AccountId FROM User WHERE Id = '{user}'")["AccountId"]
    id_ = lead(prm, IsUnreadByOwner=False)
    prm.change("Lead", id_, OwnerId=user)
    row = prm.one(f"SELECT PartnerAccountId, IsUnreadByOwner FROM Lead WHERE Id = '{id_}'")
    assert (row["PartnerAccountId"], row["IsUnreadByOwner"]) == (account, True)
    prm.change("Lead", id_, OwnerId=prm.user("sam.carter"))
    assert prm.one(f"SELECT PartnerAccountId FROM Lead WHERE Id = '{id_}'")["PartnerAccountId"] is (
        None
    )


def test_the_owner_s_edit_marks_it_read(call: Any) -> None:
    """Unread until the owner edits."""
    id_ = lead(call)
    soql = f"SELECT IsUnreadByOwner FROM Lead WHERE Id = '{id_}'"
    assert call.one(soql)["IsUnreadByOwner"] is True
    call.change("Lead", id_, Rating="Hot")
    assert call.one(soql)["IsUnreadByOwner"] is False


def test_history_of_the_owner(call: Any) -> None:
    """Tracked fields only: ids and names of the owner, the status; not the rating."""
    id_ = lead(call)
    call.change("Lead", id_, OwnerId=call.user("sam.carter"), Rating="Hot")
    rows = call.rows(
        f"SELECT Field, OldValue, NewValue FROM LeadHistory WHERE LeadId = '{id_}' ORDER BY Id"
    )
    assert [one["Field"] for one in rows] == ["created", "Owner", "Owner"]
    assert rows[1]["NewValue"] == "Sam Carter"
    assert rows[2]["NewValue"] == call.user("sam.carter")


def test_an_inactive_owner(prm: Any, error: Any) -> None:
    """Refused to, and refused from."""
    user = prm.partner_user()
    held = lead(prm)
    prm.change("Lead", held, OwnerId=user)
    prm.change("User", user, IsActive=False)
    expected: tuple[str, str, list[str]] = (
        "INACTIVE_OWNER_OR_USER",
        f"operation performed with inactive user [{user[:15]}] as owner of lead",
        [],
    )
    assert refused(prm, error, lead(prm), user) == expected
    assert refused(prm, error, held, prm.user("sam.carter")) == expected


def test_a_queue_must_take_leads(call: Any, error: Any) -> None:
    """Without QueueSobject no lead."""
    assert refused(call, error, lead(call), queue(call, for_lead=False)) == (
        "INVALID_OPERATION",
        "Queue not associated with this SObject type",
        [],
    )
    call.change("Lead", lead(call), OwnerId=queue(call, "Second"))


def test_a_public_group_owns_nothing(call: Any, error: Any) -> None:
    """A group is not a queue."""
    group = call.make("Group", Name="Everyone here", Type="Regular")
    assert refused(call, error, lead(call), group)[0] == "INVALID_CROSS_REFERENCE_KEY"


def test_an_owner_without_read(prm: Any, error: Any) -> None:
    """A partner profile without Read on Lead."""
    settings = {
        "enableNetworksEnabled": True,
        "enableEnablePRM": True,
        "enableOotbProfExtUserOpsEnable": True,
    }
    prm.org.control("POST", "settings", {"Communities": settings})
    _, contact = prm.partner()
    profile = prm.id_of("Profile", "Partner Community User")
    user = prm.make("User", **prm.new_user("alves", contact, ProfileId=profile))
    assert refused(prm, error, lead(prm), user)[:2] == (
        "TRANSFER_REQUIRES_READ",
        "The new owner must have read permission",
    )


def test_a_converted_lead_is_shut(call: Any, error: Any) -> None:
    """No update at all."""
    id_ = lead(call, IsConverted=True)
    assert error(call("PATCH", f"sobjects/Lead/{id_}", {"Rating": "Hot"})) == (
        400,
        "CANNOT_UPDATE_CONVERTED_LEAD",
        "cannot reference converted lead",
        [],
    )


def test_a_member_must_exist(call: Any, error: Any) -> None:
    """A dangling id is refused, a member is had once."""
    group = queue(call)
    dangling = {"GroupId": group, "UserOrGroupId": "005dV0000000zzz"}
    assert error(call("POST", "sobjects/GroupMember", dangling))[1:3] == (
        "INVALID_CROSS_REFERENCE_KEY",
        "invalid cross reference id",
    )
    member = {"GroupId": group, "UserOrGroupId": call.user("sam.carter")}
    id_ = call.make("GroupMember", **member)
    assert error(call("POST", "sobjects/GroupMember", member))[1] == "DUPLICATE_VALUE"
    assert call("DELETE", f"sobjects/GroupMember/{id_}").status_code == 204
    call.make("GroupMember", **member)


def test_a_queue_name_is_had_once(call: Any, error: Any) -> None:
    """Unique within a type; the developer name is made of the label."""
    queue(call, "Partner leads South")
    row = call.one("SELECT DeveloperName FROM Group WHERE Name = 'Partner leads South'")
    assert row["DeveloperName"] == "Partner_leads_South"
    again = {"Name": "Partner leads South", "Type": "Queue"}
    assert error(call("POST", "sobjects/Group", again))[1] == "DUPLICATE_DEVELOPER_NAME"
    call.make("Group", Name="Partner leads South", Type="Regular")


def test_a_queue_that_owns_leads_stays(call: Any, error: Any) -> None:
    """Empty it is deleted with its members."""
    group = queue(call)
    id_ = lead(call, OwnerId=group)
    assert error(call("DELETE", f"sobjects/Group/{group}"))[1] == "DELETE_FAILED"
    call.change("Lead", id_, OwnerId=call.user("sam.carter"))
    assert call("DELETE", f"sobjects/Group/{group}").status_code == 204
    assert call.rows(f"SELECT Id FROM QueueSobject WHERE QueueId = '{group}'") == []


def test_system_groups_are_read_only(call: Any, error: Any) -> None:
    """Role groups cannot be changed."""
    group = call.rows("SELECT Id FROM Group WHERE Type = 'Role' LIMIT 1")[0]["Id"]
    assert error(call("PATCH", f"sobjects/Group/{group}", {"Name": "x"}))[1] == (
        "INSUFFICIENT_ACCESS_OR_READONLY"
    )


BODY = {"LastName": "A", "Company": "B"}


def test_the_auto_assign_header(call: Any, error: Any) -> None:
    """TRUE, FALSE in any case, an id, or MALFORMED_ID; without an active rule nothing happens."""
    assert call.rows("SELECT Id FROM AssignmentRule WHERE Active = true") == []
    headers = {"Sforce-Auto-Assign": "no id"}
    assert error(call("POST", "sobjects/Lead", BODY, headers=headers))[1] == "MALFORMED_ID"
    for value in ("FALSE", "false", "TRUE"):
        answer = call("POST", "sobjects/Lead", BODY, headers={"Sforce-Auto-Assign": value})
        assert answer.status_code == 201
