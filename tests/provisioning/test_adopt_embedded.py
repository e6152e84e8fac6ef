"""Adoption from the embedded org: the plan after it is empty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sfprm.programme.load import load_programme
from sfprm.programme.model import ToQueue, ToUser
from sfprm.salesforce import collections
from sfprm.salesforce.metadata import deploy
from sfprm.salesforce.package import METADATA, manifest
from sfprm.salesforce.query import select_all
from sfprm.salesforce.session import Session
from tests.quick import QUICK, quick_clock


def record(session: Session, object_: str, record_id: str, **fields: Any) -> None:
    """What a person does to one record."""
    session.request("PATCH", f"sobjects/{object_}/{record_id}", kind="write", json=fields)


def create(session: Session, object_: str, **fields: Any) -> str:
    """A new record; its id."""
    answer = session.request("POST", f"sobjects/{object_}", kind="write", json=fields).json
    return str(answer["id"])


def live_in(session: Session) -> None:
    """Years pass: no keys, other names, an internal user and groups in queues, a leaver, a frozen
    one, a permission set, and two people who have married in one place only."""
    users = select_all(
        session,
        "SELECT Id, ContactId FROM User WHERE UserType = 'PowerPartner' ORDER BY Id",
    )
    for object_ in ("Account", "Contact"):
        query = f"SELECT Id FROM {object_} WHERE Partner_Key__c != null ORDER BY Id"
        for row in select_all(session, query):
            record(session, object_, row["Id"], Partner_Key__c=None)
    accounts = select_all(session, "SELECT Id FROM Account WHERE IsPartner = true ORDER BY Id")
    record(session, "Account", accounts[0]["Id"], Name='=cmd|x "Açores", 日本 🙂')
    record(session, "Account", accounts[1]["Id"], Name="x" * 255, BillingStreet="a\nb")
    record(session, "Contact", users[0]["ContactId"], LastName="O'Neil\\Ünal")
    record(session, "User", users[1]["Id"], LastName="Married", CommunityNickname="nick")
    record(session, "User", users[2]["Id"], IsActive=False)
    login = select_all(session, f"SELECT Id FROM UserLogin WHERE UserId = '{users[3]['Id']}'")
    record(session, "UserLogin", login[0]["Id"], IsFrozen=True)
    queue = select_all(session, "SELECT Id FROM Group WHERE Name = 'Partner leads South'")[0]["Id"]
    group = create(session, "Group", Name="All of it", DeveloperName="Everyone_7", Type="Regular")
    roles = select_all(session, "SELECT Id FROM Group WHERE Type = 'Role' ORDER BY Id LIMIT 3")
    internal = select_all(
        session, "SELECT Id FROM User WHERE ContactId = null AND IsActive = true ORDER BY Id"
    )
    for holder, member in (
        (queue, group),
        (queue, internal[0]["Id"]),
        (group, users[5]["Id"]),
        *((group, role["Id"]) for role in roles),
    ):
        create(session, "GroupMember", GroupId=holder, UserOrGroupId=member)


def test_plan_after_adoption_is_empty(
    ready: Any, sfprm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the real command line, in an org that has been lived in and holds no keys of ours."""
    assert not ready.apply().errors
    live_in(ready.session)
    env = ready.org.env(tmp_path / "state", **QUICK)
    folder = tmp_path / "adopted"
    done = sfprm("adopt", str(folder), "--json", "--with-inactive", env=env)
    assert done.code == 0, done.err
    result = done.json["result"]
    counts = result["counts"]
    assert (counts["partners"], counts["people"], counts["groups"]) == (12, 30, 1)
    kinds = {line["what"] for line in result["review"]}
    assert any("the user's 'Married'" in what for what in kinds), kinds
    env["SFPRM_PROGRAMME"] = str(folder)
    plan = sfprm("plan", "--json", "--detailed-exitcode", env=env)
    assert (plan.code, plan.json["result"]["changes"]) == (0, 0), plan.out
    states = [p.state.value for p in load_programme(folder).people.values()]
    assert (states.count("absent"), states.count("frozen")) == (1, 1)
    again = sfprm("adopt", str(folder), env=env)
    assert (again.code, "not an empty folder" in again.err) == (2, True)


def test_keys_are_written_when_asked(ready: Any, sfprm: Any, tmp_path: Path) -> None:
    """--keys write: the plan is the keys and nothing else, and empty after it is applied."""
    assert not ready.apply().errors
    for object_ in ("Account", "Contact"):
        for row in ready.rows(f"SELECT Id FROM {object_} WHERE Partner_Key__c != null"):
            record(ready.session, object_, row["Id"], Partner_Key__c=None)
    env = ready.org.env(tmp_path / "state", **QUICK)
    folder = tmp_path / "adopted"
    assert sfprm("adopt", str(folder), "--keys", "write", env=env).code == 0
    env["SFPRM_PROGRAMME"] = str(folder)
    plan = sfprm("plan", "--json", env=env).json["result"]
    assert plan["changes"] == 42
    assert sfprm("apply", "--json", env=env).code == 0
    assert sfprm("plan", "--detailed-exitcode", env=env).code == 0
    assert not ready.rows("SELECT Id FROM Account WHERE IsPartner = true AND Partner_Key__c = null")


RULES = f"""<AssignmentRules xmlns="{METADATA}"><assignmentRule><fullName>Standard</fullName>
<active>true</active>
<ruleEntry><assignedTo>Partner_leads_South</assignedTo><assignedToType>Queue</assignedToType>
<criteriaItems><field>Lead.Country</field><operation>equals</operation><value>PT,ES</value>
</criteriaItems></ruleEntry>
<ruleEntry><assignedTo>jonas.weber@alder.example.com</assignedTo>
<assignedToType>User</assignedToType><criteriaItems><field>Lead.Rating</field>
<operation>equals</operation><value>Hot</value></criteriaItems></ruleEntry>
<ruleEntry><assignedTo>Partner_leads_South</assignedTo><assignedToType>Queue</assignedToType>
<criteriaItems><field>Lead.City</field><operation>contains</operation></criteriaItems></ruleEntry>
</assignmentRule></AssignmentRules>"""
SHARING = f"""<SharingRules xmlns="{METADATA}"><sharingCriteriaRules><fullName>Hot_ones</fullName>
<accessLevel>Read</accessLevel><label>Hot ones</label><sharedTo><allPartnerUsers/></sharedTo>
<criteriaItems><field>Rating</field><operation>equals</operation><value>Hot</value></criteriaItems>
</sharingCriteriaRules></SharingRules>"""


def test_the_orgs_lead_rule_becomes_the_first_routing_file(
    ready: Any, sfprm: Any, tmp_path: Path
) -> None:
    """What can be said is in routing.yaml, the rest and sharing rules are named; the plan after it
    is empty, and `rules diff` finds the same but for what cannot be said."""
    assert not ready.apply().errors
    members = {"AssignmentRules": ["Lead"], "SharingCriteriaRule": ["Lead.Hot_ones"]}
    files = {
        "package.xml": manifest(members, ready.session.api_version),
        "assignmentRules/Lead.assignmentRules": RULES.encode(),
        "sharingRules/Lead.sharingRules": SHARING.encode(),
    }
    outcome = deploy(ready.session, files, clock=quick_clock())
    assert outcome.success, outcome.failures
    env = ready.org.env(tmp_path / "state", **QUICK)
    folder = tmp_path / "adopted"
    done = sfprm("adopt", str(folder), "--json", env=env)
    assert done.code == 0, done.err
    result = done.json["result"]
    assert (result["counts"]["lead rules"], "routing.yaml" in result["files"]) == (2, True)
    said = {(line["kind"], line["name"]): line["what"] for line in result["review"]}
    assert "shares with all partner users" in said["sharing rule", "Lead.Hot_ones"]
    assert "the org applies them still" in said["routing", "Standard"]
    assert any(w["what"].startswith("not adopted: ") for w in result["review"]), said
    assert "account teams" in said["sharing", ""]

    south, hot = load_programme(folder).routing.rules
    assert south.target == ToQueue("Partner leads South")
    assert hot.target == ToUser("jonas.weber@alder.example.com")
    env["SFPRM_PROGRAMME"] = str(folder)
    plan = sfprm("plan", "--json", "--detailed-exitcode", env=env)
    assert (plan.code, plan.json["result"]["changes"]) == (0, 0), plan.out
    diff = sfprm("rules", "diff", "--json", env=env).json["result"]
    assert {line["in"] for line in diff["lines"]} == {"both"}
    assert len(diff["unsaid"]) == 1
    where_leads_wait(ready, folder, {k[1]: what for k, what in said.items() if k[0] == "intake"})


def where_leads_wait(ready: Any, folder: Path, said: dict[str, str]) -> None:
    """Each queue that holds open leads is proposed with what it holds; those that no partner is in
    are written as comments, and become the intake once uncommented. Nothing is before."""
    rows = ready.rows(
        "SELECT Owner.Name queue, COUNT(Id) many FROM Lead WHERE Owner.Type = 'Queue' "
        "AND IsConverted = false GROUP BY Owner.Name"
    )
    held = {row["queue"]: f"holds {row['many']:,}" for row in rows}
    assert {name: what.partition(" open")[0] for name, what in said.items()} == held
    assert all("no partner is in it" in what for what in said.values())
    assert load_programme(folder).routing.intake == ()
    path = folder / "routing.yaml"
    head, _, rest = path.read_text("utf-8").partition("# intake:\n")
    lines = rest.splitlines(keepends=True)
    listed = [line for line in lines if line.startswith("#   - queue: ")]
    text = "".join([head, "intake:\n", *(line[1:] for line in listed), *lines[len(listed) :]])
    path.write_text(text, "utf-8")
    assert set(load_programme(folder).routing.intake) == set(held)


def test_rules_that_may_not_be_read_are_named(ready: Any, sfprm: Any, tmp_path: Path) -> None:
    """An agent without the right to retrieve metadata adopts the rest."""
    assert not ready.apply().errors
    who = ready.session.identity
    [plain] = ready.rows("SELECT Id FROM Profile WHERE Name = 'Standard User'")
    held = ready.rows(
        "SELECT Id FROM PermissionSetAssignment WHERE PermissionSet.Name = 'sfprm_setup'"
    )
    collections.delete(ready.session, [row["Id"] for row in held])
    ready.org.event(
        "person-edits",
        object="User",
        id=who.user_id,
        fields={"ProfileId": plain["Id"]},
        by=who.username,
    )
    done = sfprm("adopt", str(tmp_path / "adopted"), "--json", env=ready.org.env(tmp_path / "s"))
    assert done.code == 0, done.err
    result = done.json["result"]
    assert (result["counts"]["partners"], "routing.yaml" in result["files"]) == (12, False)
    said = " ".join(line["what"] for line in result["review"])
    assert "lead assignment rules could not be read" in said
    assert "sharing rules could not be read" in said
