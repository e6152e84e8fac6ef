"""A lived-in org: its rules refuse, its flows take records away, its people merge and lock."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import requests

OFF = {"Sforce-Auto-Assign": "FALSE"}
POLAND = [{"field": "Lead.Country", "operation": "equals", "value": "PL"}]


def set_(call: Any, **values: Any) -> Any:
    """Set behaviours."""
    return call.org.control("POST", "behaviours", values)


def leads(call: Any, *countries: str) -> list[Any]:
    """Leads created in one call; the results."""
    records = [
        {"attributes": {"type": "Lead"}, "LastName": "A", "Company": "B", "Country": one}
        for one in countries
    ]
    results: list[Any] = call("POST", "composite/sobjects", {"records": records}).json()
    return results


REFUSALS = [
    (
        "validation_rules",
        {"name": "No_Poland", "message": "We do not sell there.", "field": "Country"},
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "We do not sell there.", ["Country"]),
    ),
    (
        "triggers",
        {"name": "LeadTrigger", "message": "System.DmlException: no"},
        (
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "LeadTrigger: execution of BeforeInsert\n\ncaused by: System.DmlException: no\n\n"
            "Trigger.LeadTrigger: line 1, column 1",
            [],
        ),
    ),
    (
        "flows",
        {"name": "Route", "message": "Error ID: 1"},
        (
            "CANNOT_EXECUTE_FLOW_TRIGGER",
            "We can't save this record because the “Route” process failed. Give your Salesforce "
            "admin these details. Error ID: 1",
            [],
        ),
    ),
]


@pytest.mark.parametrize(("kind", "rule", "words"), REFUSALS, ids=lambda one: str(one)[:12])
def test_a_rule_refuses_its_records_only(
    call: Any, kind: str, rule: dict[str, Any], words: tuple[str, str, list[str]]
) -> None:
    """In its own words; the others of the call are written; off again when it is cleared."""
    set_(call, **{kind: [{"object": "Lead", "when": POLAND, **rule}]})
    results = leads(call, "PL", "PT", "PL")
    assert [one["success"] for one in results] == [False, True, False]
    [problem] = results[0]["errors"]
    assert (problem["statusCode"], problem["message"], problem["fields"]) == words
    set_(call, **{kind: []})
    assert all(one["success"] for one in leads(call, "PL"))


def test_an_exception_that_nobody_catches(call: Any) -> None:
    """Refuses the whole chunk."""
    rule = {"object": "Lead", "name": "T", "message": "null", "when": POLAND, "stops": "chunk"}
    set_(call, triggers=[rule])
    assert [one["success"] for one in leads(call, "PT", "PL")] == [False, False]
    assert all(one["success"] for one in leads(call, "PT"))


def test_a_rule_about_a_change(call: Any, error: Any) -> None:
    """Only when that field changes, and not for everyone."""
    not_agent = {"field": "User.Username", "operation": "notContain", "value": "ana.costa"}
    rule = {"object": "Lead", "name": "R", "message": "no", "on": ["update"],
            "changes": ["OwnerId"], "when": [not_agent]}  # fmt: skip
    set_(call, validation_rules=[rule])
    lead = leads(call, "PT")[0]["id"]
    call.change("Lead", lead, Rating="Hot")
    answer = call("PATCH", f"sobjects/Lead/{lead}", {"OwnerId": call.user("sam.carter")})
    assert error(answer)[1] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    call.org.event(
        "person-edits", object="Lead", id=lead, by="ana.costa@alder.example.com",
        fields={"OwnerId": call.user("sam.carter")},
    )  # fmt: skip


@pytest.mark.parametrize("save", ["before", "after"])
def test_a_flow_takes_the_lead(call: Any, save: str) -> None:
    """The write succeeds, the owner is another, and LastModifiedBy is the caller."""
    owner = {"queue": "Inside_Sales_Desk"}
    set_(call, flows=[{"object": "Lead", "name": "F", "owner": owner, "save": save,
                       "on": ["update"], "changes": ["OwnerId"]}])  # fmt: skip
    lead = leads(call, "PT")[0]["id"]
    call.change("Lead", lead, OwnerId=call.user("sam.carter"))
    row = call.one(f"SELECT Owner.Name, LastModifiedById FROM Lead WHERE Id = '{lead}'")
    assert row["Owner"]["Name"] == "Inside Sales Desk"
    assert row["LastModifiedById"] == call.user("sfprm.agent")
    rows = call.rows(f"SELECT NewValue FROM LeadHistory WHERE LeadId = '{lead}'")
    seen = "Sam Carter" in {one["NewValue"] for one in rows}
    assert seen is (save == "after")


def test_a_flow_that_gives_to_somebody_who_left(call: Any) -> None:
    """Refuses the record instead."""
    set_(call, flows=[{"object": "Lead", "name": "F", "save": "after",
                       "owner": {"user": "sam.carter@alder.example.com"}}])  # fmt: skip
    call.change("User", call.user("sam.carter"), IsActive=False)
    [result] = leads(call, "PT")
    assert result["errors"][0]["statusCode"] == "CANNOT_EXECUTE_FLOW_TRIGGER"


def test_an_approval_lock(call: Any, error: Any) -> None:
    """Administrators may edit, unless they too are locked out."""
    lead = leads(call, "PT")[0]["id"]
    set_(call, approval_locks={"ids": [lead]})
    call.change("Lead", lead, Rating="Hot")
    set_(call, approval_locks={"ids": [lead], "even_administrators": True})
    answer = call("PATCH", f"sobjects/Lead/{lead}", {"Rating": "Cold"})
    assert error(answer)[:2] == (400, "ENTITY_IS_LOCKED")
    assert error(call("DELETE", f"sobjects/Lead/{lead}"))[1] == "ENTITY_IS_LOCKED"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"default_owners": {"Lead": {"user": "sam.carter@alder.example.com"}}}, "default lead"),
        (
            {
                "held_users": [
                    {"username": "Sam.Carter@alder.example.com", "because": "an approver"}
                ]
            },
            "an approver",
        ),
    ],
)
def test_a_user_on_whom_setup_hangs_cannot_be_deactivated(
    call: Any, error: Any, setting: Any, words: str
) -> None:
    """But frozen; and deactivated once nothing hangs on them."""
    set_(call, **setting)
    sam = call.user("sam.carter")
    code, name, *said = error(call("PATCH", f"sobjects/User/{sam}", {"IsActive": False}))
    assert (code, name) == (400, "FIELD_INTEGRITY_EXCEPTION")
    assert words in said[0]
    login = call.one(f"SELECT Id FROM UserLogin WHERE UserId = '{sam}'")["Id"]
    call.change("UserLogin", login, IsFrozen=True)
    set_(call, **dict.fromkeys(setting))
    call.change("User", sam, IsActive=False)


@pytest.mark.parametrize(
    "wanted",
    [
        {"plague": []},
        {"triggers": {}, "flows": {"name": "x"}},
        {"validation_rules": [{"object": "Lead", "name": "x"}]},
        {"validation_rules": [{"object": "Profile", "name": "x", "message": "y"}]},
        {"validation_rules": [{"object": "Lead", "name": "x", "message": "y", "on": ["merge"]}]},
        {"validation_rules": [{"object": "Lead", "name": "x", "message": "y", "logic": "1"}]},
        {"validation_rules": [{"object": "Lead", "name": "x", "message": "y", "field": "z"}]},
        {"triggers": [{"object": "Lead", "name": "x", "message": "y", "changes": ["z"]}]},
        {"triggers": [{"object": "Lead", "name": "x", "message": "y", "when": [{"field": 1}]}]},
        {"flows": [{"object": "Lead", "name": "x", "owner": {"queue": "Nowhere"}}]},
        {"flows": [{"object": "Account", "name": "x", "owner": {"queue": "Web_Leads"}}]},
        {"approval_locks": {"ids": ["x"]}},
        {"contention": {"row_hold_seconds": -1}},
        {"held_users": [{"username": "nobody@example.com", "because": "a portal administrator"}]},
        {"held_users": {"username": "sam.carter@alder.example.com"}},
        {"default_owners": {"Account": {"queue": "Web_Leads"}}},
    ],
)
def test_what_cannot_be_set(call: Any, wanted: Any) -> None:
    """400 with a sentence, and nothing is set."""
    answer = requests.post(f"{call.org.http}/_devorg/behaviours", json=wanted, timeout=30)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_INPUT")
    assert call.org.control("GET", "behaviours")["set"] == {}


def test_merged_accounts(call: Any) -> None:
    """MasterRecordId leads to the one that stays; what hung on the other hangs on it."""
    keep, lose = call.make("Account", Name="A"), call.make("Account", Name="B")
    contact = call.make("Contact", LastName="C", AccountId=lose)
    call.org.event("records-merged", object="Account", keep=keep, lose=[lose])
    query = f"SELECT IsDeleted, MasterRecordId FROM Account WHERE Id = '{lose}'"
    assert call.rows(query) == []
    [row] = call("GET", "queryAll", params={"q": query}).json()["records"]
    assert (row["IsDeleted"], row["MasterRecordId"]) == (True, keep)
    assert call.one(f"SELECT AccountId FROM Contact WHERE Id = '{contact}'")["AccountId"] == keep


def test_merged_contacts_keep_one_user(prm: Any) -> None:
    """The other is disabled."""
    account, keep = prm.partner("Sulcom")
    lose = prm.make("Contact", LastName="B", AccountId=account)
    stays = prm.make("User", **prm.new_user("stays", keep))
    goes = prm.make("User", **prm.new_user("goes", lose))
    done = prm.org.event("records-merged", object="Contact", keep=keep, lose=[lose])
    assert done["disabled"] == ["goes@sulcom.example.com"]
    rows = prm.rows(f"SELECT Id, IsActive, ContactId FROM User WHERE Id IN ('{stays}', '{goes}')")
    assert {row["Id"]: (row["IsActive"], row["ContactId"]) for row in rows} == {
        stays: (True, keep),
        goes: (False, None),
    }


def test_merged_contacts_when_only_the_other_has_a_user(prm: Any) -> None:
    """That user belongs to the contact that stays."""
    account, lose = prm.partner("Sulcom")
    keep = prm.make("Contact", LastName="B", AccountId=account)
    user = prm.make("User", **prm.new_user("stays", lose))
    prm.org.event("records-merged", object="Contact", keep=keep, lose=[lose])
    row = prm.one(f"SELECT IsActive, ContactId FROM User WHERE Id = '{user}'")
    assert (row["IsActive"], row["ContactId"]) == (True, keep)


def test_merged_leads(call: Any) -> None:
    """The survivor's history says so; a write to the loser is refused."""
    keep, lose = (one["id"] for one in leads(call, "PT", "PT"))
    call.org.event("records-merged", object="Lead", keep=keep, lose=[lose])
    rows = call.rows(f"SELECT Field FROM LeadHistory WHERE LeadId = '{keep}'")
    assert "leadMerged" in {row["Field"] for row in rows}
    answer = call("PATCH", f"sobjects/Lead/{lose}", {"Rating": "Hot"}, headers=OFF)
    assert answer.json()[0]["errorCode"] == "ENTITY_IS_DELETED"


def test_unread_until_the_owner_opens_it(call: Any) -> None:
    """A queue's lead stays unread; a transfer makes it unread again."""
    sam, lead = "sam.carter@alder.example.com", leads(call, "PT")[0]["id"]

    def unread() -> bool:
        query = f"SELECT IsUnreadByOwner FROM Lead WHERE Id = '{lead}'"
        return bool(call.one(query)["IsUnreadByOwner"])

    queue = call.one("SELECT Id FROM Group WHERE DeveloperName = 'Inside_Sales_Desk'")["Id"]
    call.change("Lead", lead, OwnerId=queue)
    call.org.event("lead-viewed", id=lead, by=sam)
    assert unread()
    call.change("Lead", lead, OwnerId=call.user("sam.carter"))
    call.org.event("lead-viewed", id=lead, by=sam)
    assert not unread()
    call.change("Lead", lead, OwnerId=call.user("ana.costa"))
    assert unread()


def test_history_is_for_tracked_fields_only(call: Any) -> None:
    """Rating is not tracked, Status is."""
    lead = leads(call, "PT")[0]["id"]
    call.change("Lead", lead, Rating="Hot", Status="Working - Contacted")
    rows = call.rows(f"SELECT Field FROM LeadHistory WHERE LeadId = '{lead}'")
    assert {row["Field"] for row in rows} == {"created", "Status"}


def test_a_new_address_waits_for_its_owner(call: Any) -> None:
    """Success, but not in force until the link in the mail is followed."""
    user = call.user("sam.carter")

    def address() -> str:
        return str(call.one(f"SELECT Email FROM User WHERE Id = '{user}'")["Email"])

    before = address()
    call.change("User", user, Email="sam@example.org")
    assert address() == before
    [mail] = [one for one in call.org.outbox() if one["kind"] == "confirmation"]
    assert mail["to"] == ["sam@example.org"]
    sam = {"username": "sam.carter@alder.example.com"}
    call.org.control("POST", "clock", {"advance": 73 * 3600})
    late = requests.post(f"{call.org.http}/_devorg/confirm-email", json=sam, timeout=30)
    assert late.status_code == 400
    call.org.control("POST", "clock", {"advance": -73 * 3600})
    call.org.control("POST", "confirm-email", {"username": "sam.carter@alder.example.com"})
    assert address() == "sam@example.org"


# Locks


def later(call: Any, method: str, path: str, body: Any) -> tuple[threading.Thread, list[Any]]:
    """The same call from another client, at the same time."""
    answers: list[Any] = []

    def work() -> None:
        session = requests.Session()
        session.trust_env = False
        session.verify = call.session.verify
        session.headers.update(call.session.headers)
        with session:
            url = f"{call.base}/services/data/v66.0/{path}"
            answers.append(session.request(method, url, json=body, timeout=30))

    thread = threading.Thread(target=work)
    thread.start()
    return thread, answers


def held(call: Any) -> None:
    """Wait until something is held."""
    for _ in range(400):
        if call.org.control("GET", "locks"):
            return
        time.sleep(0.005)
    raise AssertionError("nothing is held")


def test_a_row_that_another_holds_is_waited_for(call: Any) -> None:
    """The second write comes after the first, and succeeds; readers do not wait."""
    lead = leads(call, "PT")[0]["id"]
    set_(call, contention={"row_hold_seconds": 0.4, "row_wait_seconds": 5})
    thread, answers = later(call, "PATCH", f"sobjects/Lead/{lead}", {"Rating": "Hot"})
    held(call)
    started = time.monotonic()
    call.one(f"SELECT Id FROM Lead WHERE Id = '{lead}'")
    assert time.monotonic() - started < 0.3
    call.change("Lead", lead, Rating="Cold")
    thread.join()
    assert answers[0].status_code == 204
    assert call.one(f"SELECT Rating FROM Lead WHERE Id = '{lead}'")["Rating"] == "Cold"
    assert time.monotonic() - started > 0.3


def test_a_row_that_is_held_too_long(call: Any) -> None:
    """UNABLE_TO_LOCK_ROW for that record alone, with its id; the rest is written."""
    one, other = (found["id"] for found in leads(call, "PT", "PT"))
    set_(call, contention={"row_wait_seconds": 0.05})
    call.org.control("POST", "locks", {"ids": [one], "seconds": 60})
    records = [{"attributes": {"type": "Lead"}, "Id": id_, "Rating": "Hot"} for id_ in (one, other)]
    results = call("PATCH", "composite/sobjects", {"records": records}).json()
    assert [found["success"] for found in results] == [False, True]
    [problem] = results[0]["errors"]
    assert problem["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert problem["message"].endswith(f"or 1 records: {one}")
    call.org.control("DELETE", "locks")
    call.change("Lead", one, Rating="Hot")


def test_a_contact_needs_its_account(call: Any, error: Any) -> None:
    """Its account's row is locked with it."""
    account = call.make("Account", Name="A")
    set_(call, contention={"row_wait_seconds": 0})
    call.org.control("POST", "locks", {"ids": [account], "seconds": 60})
    answer = call("POST", "sobjects/Contact", {"LastName": "C", "AccountId": account})
    assert error(answer)[:2] == (400, "UNABLE_TO_LOCK_ROW")


def test_first_users_of_two_accounts_collide(prm: Any, error: Any) -> None:
    """Both make roles; the later one is refused when its patience is over."""
    _, one = prm.partner("One")
    _, two = prm.partner("Two")
    set_(prm, contention={"group_hold_seconds": 0.5, "group_wait_seconds": 0.05})
    body = prm.new_user("one", one)
    thread, answers = later(prm, "POST", "sobjects/User", body)
    held(prm)
    refused = prm("POST", "sobjects/User", prm.new_user("two", two))
    assert error(refused)[1:3] == (
        "UNKNOWN_EXCEPTION",
        "group membership operation already in progress",
    )
    thread.join()
    assert answers[0].status_code == 201


@pytest.mark.parametrize(
    ("work", "first", "later"),
    [("roles", False, True), ("user", True, True), ("reparent", False, False)],
)
def test_which_work_on_groups_excludes_users(prm: Any, work: str, first: bool, later: bool) -> None:
    """First users make roles and collide with others that do; later ones with moves only."""
    account, contact = prm.partner("One")
    set_(prm, contention={"group_wait_seconds": 0})
    prm.org.control("POST", "locks", {"groups": work, "seconds": 60})
    made = prm("POST", "sobjects/User", prm.new_user("one", contact)).status_code == 201
    assert made is first
    prm.org.control("DELETE", "locks")
    if not made:
        prm.make("User", **prm.new_user("one", contact))
    prm.org.control("POST", "locks", {"groups": work, "seconds": 60})
    second = prm.make("Contact", LastName="B", AccountId=account)
    answer = prm("POST", "sobjects/User", prm.new_user("two", second))
    assert (answer.status_code == 201) is later


def test_users_take_their_time(prm: Any) -> None:
    """Each of a call so many seconds."""
    _, contact = prm.partner("One")
    set_(prm, contention={"user_insert_seconds": 0.3})
    started = time.monotonic()
    prm.make("User", **prm.new_user("one", contact))
    assert time.monotonic() - started >= 0.3
