"""Calls of the estate beside those on partner users: merged contacts, people who move, permission
sets, members of sites, owners with their team, addresses that wait, deployments under way, leads by
queue."""

from __future__ import annotations

from typing import Any

import pytest

from sfprm.recording.plugin import Scenario
from sfprm.salesforce.collections import create, delete, update
from sfprm.salesforce.owner_change import change_owners
from sfprm.salesforce.query import select_all
from sfprm.salesforce.session import Session
from sfprm.salesforce.soql import Query, eq, in_, ne

NAME = "Sfprm Contract"
WORDS = (NAME, "Sfprm_Contract", "Sfprm Contract Account")


@pytest.mark.salesforce_recording("merged-contacts", fictional=WORDS)
def test_a_contact_that_was_merged_twice_leads_to_the_last(
    call: Any, session: Session, scenario: Scenario
) -> None:
    """Each names the one that it went into; the last is there; a write to the first is refused."""
    if scenario.mode == "live":
        pytest.skip("only a person can merge, in a real org's pages")
    first, second, third = (
        call("POST", "sobjects/Contact", {"LastName": NAME}).json()["id"] for _ in range(3)
    )
    for lost, kept in ((first, second), (second, third)):
        if scenario.org is not None:
            event = {"event": "records-merged", "object": "Contact", "keep": kept, "lose": [lost]}
            scenario.org.control("POST", "events", event)
    three = in_("Id", (first, second, third))
    query = Query(("Id", "IsDeleted", "MasterRecordId"), "Contact", (three,))
    assert [row["Id"] for row in select_all(session, query)] == [third]
    told = {row["Id"]: row for row in select_all(session, query, include_deleted=True)}
    assert told[first]["MasterRecordId"] == second
    assert told[second]["MasterRecordId"] == third
    assert (told[third]["IsDeleted"], told[third]["MasterRecordId"]) == (False, None)
    refused = call("PATCH", f"sobjects/Contact/{first}", {"LastName": NAME})
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (404, "ENTITY_IS_DELETED")


@pytest.mark.salesforce_recording("contact-moves", story="partners-ready", fictional=WORDS)
def test_a_user_goes_with_the_contact_to_another_account(call: Any, scenario: Scenario) -> None:
    """To another partner, and back."""
    user = scenario.user(1)
    who = f"SELECT ContactId, AccountId FROM User WHERE Id = '{user}'"
    [row] = call.rows(who)
    contact, home = row["ContactId"], row["AccountId"]
    other = scenario.fact(
        "other partner",
        lambda: call.first(
            f"SELECT Id FROM Account WHERE IsPartner = true AND Id != '{home}' ORDER BY Id LIMIT 1"
        ),
    )
    for account in (other, home):
        answer = call("PATCH", f"sobjects/Contact/{contact}", {"AccountId": account})
        assert answer.status_code == 204, answer.text
        assert call.rows(who)[0]["AccountId"] == account


@pytest.mark.salesforce_recording("permission-sets", story="partners-ready", fictional=WORDS)
def test_a_permission_set_is_assigned_once(session: Session, scenario: Scenario) -> None:
    """A second assignment is refused; taken away and given anew; one of nobody is refused."""
    [made] = create(session, "PermissionSet", [{"Name": WORDS[1], "Label": NAME}])
    assert made.success, made.error
    row = {"AssigneeId": scenario.user(1), "PermissionSetId": made.id}
    [given] = create(session, "PermissionSetAssignment", [row])
    assert given.success, given.error
    twice, nobody = create(
        session, "PermissionSetAssignment", [row, {**row, "AssigneeId": "005000000000999AAA"}]
    )
    assert [e.code for e in twice.errors] == ["DUPLICATE_VALUE"]
    assert not nobody.success
    held = Query(("Id",), "PermissionSetAssignment", (eq("PermissionSetId", made.id),))
    assert [r["Id"] for r in select_all(session, held)] == [given.id]
    assert all(o.success for o in delete(session, [str(given.id)]))
    assert select_all(session, held) == []
    assert all(o.success for o in delete(session, [str(made.id)]))


@pytest.mark.salesforce_recording("site-members", story="partners-ready", fictional=WORDS)
def test_members_of_a_site_are_listed_and_its_mail_is_a_switch(session: Session) -> None:
    """Profiles and permission sets with how far their joining is; the welcome mail is set to what
    it is."""
    sites = select_all(
        session, Query(("Id", "Name", "Status", "OptionsSendWelcomeEmail"), "Network")
    )
    assert sites
    members = select_all(
        session, Query(("Id", "NetworkId", "ParentId", "AssignmentStatus"), "NetworkMemberGroup")
    )
    assert {m["NetworkId"] for m in members} <= {s["Id"] for s in sites}
    assert all(m["AssignmentStatus"] for m in members)
    site = sites[0]
    same = {"Id": site["Id"], "OptionsSendWelcomeEmail": site["OptionsSendWelcomeEmail"]}
    assert [o.success for o in update(session, "Network", [same])] == [True]


@pytest.mark.salesforce_recording("owner-keeps-team", fictional=WORDS)
def test_an_owner_is_changed_by_soap_with_the_team(
    call: Any, session: Session, scenario: Scenario
) -> None:
    """The one call that says KeepAccountTeam; a row that is none is refused beside it."""
    people = "SELECT Id FROM User WHERE UserType = 'Standard' AND IsActive = true AND UserRoleId"
    owner = scenario.fact("owner", lambda: call.first(f"{people} != null ORDER BY Id DESC LIMIT 1"))
    account = call.make("Account", Name=WORDS[2])
    rows = [{"Id": account, "OwnerId": owner}, {"Id": "001000000000999AAA", "OwnerId": owner}]
    good, bad = change_owners(session, "Account", rows)
    assert good.success, good.error
    assert not bad.success
    [row] = select_all(session, Query(("OwnerId",), "Account", (eq("Id", account),)))
    assert row["OwnerId"] == owner
    assert call("DELETE", f"sobjects/Account/{account}").status_code == 204


@pytest.mark.salesforce_recording("email-waits", story="partners-ready", fictional=WORDS)
def test_a_new_address_is_in_force_once_confirmed(session: Session, scenario: Scenario) -> None:
    """The answer is success; the address is the old one until the person follows the link."""
    user = scenario.user(2)
    query = Query(("Email",), "User", (eq("Id", user),))
    before = select_all(session, query)[0]["Email"]
    wanted = {"Id": user, "Email": "sfprm-contract-new@example.com"}
    assert [o.success for o in update(session, "User", [wanted])] == [True]
    assert select_all(session, query)[0]["Email"] == before


@pytest.mark.salesforce_recording(
    "deployments", fictional=(*WORDS, "Pending", "InProgress", "FinalizingDeploy", "Canceling")
)
def test_deployments_under_way_are_listed(session: Session) -> None:
    """By the Tooling API, with who began them; none runs now."""
    running = in_("Status", ("Pending", "InProgress", "FinalizingDeploy", "Canceling"))
    fields = ("Id", "Status", "CreatedDate", "CreatedBy.Name")
    query = Query(fields, "DeployRequest", (running,)).text()
    told: Any = session.request("GET", "tooling/query", kind="query", params={"q": query}).json
    assert (told["done"], told["records"]) == (True, [])


@pytest.mark.salesforce_recording("leads-by-queue", fictional=WORDS)
def test_open_leads_are_counted_by_their_owner(session: Session) -> None:
    """How many, and since when."""
    fields = ("OwnerId", "COUNT(Id) many", "MIN(CreatedDate) oldest")
    text = Query(fields, "Lead", (eq("IsConverted", False), ne("OwnerId", None))).text()
    for row in select_all(session, f"{text} GROUP BY OwnerId"):
        assert row["many"] > 0
        assert row["oldest"]


@pytest.mark.salesforce_recording(
    "estate-refusals", story="partners-ready", fictional=(*WORDS, "Nowhere/Land", "sfprmct")
)
def test_what_the_org_does_not_take(call: Any, session: Session, scenario: Scenario) -> None:
    """The word User for the lowest role, a time zone that is none, a nickname that somebody has,
    the deletion of a contact with a user, and a second queue of a name."""
    one, two = scenario.user(1), scenario.user(2)
    contact = call.rows(f"SELECT ContactId FROM User WHERE Id = '{two}'")[0]["ContactId"]
    [named] = update(session, "User", [{"Id": two, "CommunityNickname": "sfprmct"}])
    assert named.success, named.error
    rows = [
        {"Id": one, "PortalRole": "User"},
        {"Id": one, "TimeZoneSidKey": "Nowhere/Land"},
        {"Id": one, "CommunityNickname": "sfprmct"},
    ]
    refused = [o.errors[0].code for row in rows for o in update(session, "User", [row])]
    [held] = delete(session, [str(contact)])
    queue = {"Name": NAME, "DeveloperName": WORDS[1], "Type": "Queue"}
    [made] = create(session, "Group", [queue])
    [twice] = create(session, "Group", [queue])
    assert all(o.success for o in delete(session, [str(made.id)]))
    assert (refused, held.errors[0].code, twice.errors[0].code) == (
        [
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "DUPLICATE_COMM_NICKNAME",
        ],
        "DELETE_FAILED",
        "DUPLICATE_DEVELOPER_NAME",
    )


@pytest.mark.salesforce_recording(
    "no-seat-left", story="partners-ready", fictional=(*WORDS, "sfprmct")
)
def test_a_user_without_a_seat_and_rows_that_are_locked(
    call: Any, session: Session, scenario: Scenario
) -> None:
    """LICENSE_LIMIT_EXCEEDED for the one row; a lock of the row and one of its group have words of
    their own, and are gone at the next attempt."""
    if scenario.mode == "live":
        pytest.skip("nobody gives a real org's seats back, or locks its rows, for a test")
    user = scenario.user(1)
    [row] = call.rows(f"SELECT AccountId, ProfileId FROM User WHERE Id = '{user}'")
    contact = call.make("Contact", LastName=NAME, AccountId=row["AccountId"])

    def happens(what: str, **details: Any) -> None:
        if scenario.org is not None:
            scenario.org.control("POST", what, details)

    happens("events", event="seats-bought", licence="Partner Community", seats=0)
    person = {
        "Username": "seat@sfprm-contract.example.com",
        "Email": "seat@sfprm-contract.example.com",
        "LastName": NAME,
        "Alias": "sfprmct",
        "TimeZoneSidKey": "Europe/Lisbon",
        "LocaleSidKey": "en_US",
        "EmailEncodingKey": "UTF-8",
        "LanguageLocaleKey": "en_US",
        "ProfileId": row["ProfileId"],
        "ContactId": contact,
    }
    [full] = create(session, "User", [person])
    assert [e.code for e in full.errors] == ["LICENSE_LIMIT_EXCEEDED"]
    for kind, code in (("lock", "UNABLE_TO_LOCK_ROW"), ("group-lock", "UNKNOWN_EXCEPTION")):
        happens("faults", path="sobjects/User", kind=kind, times=1)
        answers = [
            call("PATCH", f"sobjects/User/{user}", {"TimeZoneSidKey": "Europe/Lisbon"})
            for _ in range(2)
        ]
        assert answers[0].json()[0]["errorCode"] == code
        assert answers[1].status_code == 204
