"""Assignment rules: checked to the line, kept by id, read as values."""

from __future__ import annotations

from typing import Any

import pytest

from sfprm.devorg import metadata
from sfprm.devorg.metadata.assignment import Criterion
from sfprm.devorg.metadata.filter_logic import BadLogic, holds, read_logic
from sfprm.devorg.metadata.package import pack
from sfprm.devorg.metadata.types import BY_NAME
from sfprm.devorg.org import Org

NS = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
PATH = "assignmentRules/Lead.assignmentRules"


def package(body: str, destructive: str = "") -> dict[str, bytes]:
    """A package of one file of rules."""
    files = {
        "package.xml": f"<Package {NS}><types><members>Lead</members><name>AssignmentRules</name>"
        "</types><version>66.0</version></Package>",
        PATH: f"<AssignmentRules {NS}>\n{body}\n</AssignmentRules>",
    }
    if destructive:
        files["destructiveChangesPost.xml"] = (
            f"<Package {NS}><types><members>{destructive}</members><name>AssignmentRule</name>"
            "</types></Package>"
        )
    return {path: text.encode() for path, text in files.items()}


def rule(entry: str, name: str = "Main", active: bool = True) -> str:
    """One rule of one entry, which begins on line 3."""
    return (
        f"<assignmentRule><fullName>{name}</fullName><active>{str(active).lower()}</active>\n"
        f"<ruleEntry>{entry}</ruleEntry></assignmentRule>"
    )


def item(field: str, operation: str, value: str = "PT") -> str:
    """One criterion, on a line of its own."""
    return (
        f"\n<criteriaItems><field>{field}</field><operation>{operation}</operation>"
        f"<value>{value}</value></criteriaItems>"
    )


TO_QUEUE = "<assignedTo>Web_Leads</assignedTo><assignedToType>Queue</assignedToType>"


def deploy(org: Org, body: str, destructive: str = "") -> dict[str, Any]:
    """Deploy and poll to the end."""
    zip_ = pack(package(body, destructive))
    started = metadata.deploy(org, zip_, {}, org.agent_id)
    metadata.status(org, started["id"], True)
    result: dict[str, Any] = metadata.status(org, started["id"], True)["deployResult"]
    return result


@pytest.mark.parametrize(
    ("entry", "problem", "line"),
    [
        ("\n<assignedTo>Nowhere</assignedTo><assignedToType>Queue</assignedToType>",
         "In field: assignedTo - no Queue named Nowhere found", 4),
        ("<assignedTo>no@one.example.com</assignedTo>\n<assignedToType>User</assignedToType>",
         "In field: assignedTo - no User named no@one.example.com found", 3),
        (item("Lead.Nothing__c", "equals"),
         "In field: field - no CustomField named Lead.Nothing__c found", 4),
        (item("Account.Name", "equals"), "Criteria on the object Account are not imitated", 4),
        (item("Lead.Country", "resembles"),
         "'resembles' is not a valid value for the enum 'FilterOperation'", 4),
        (item("Lead.IsConverted", "contains"), "The operator contains does not fit the field", 4),
        (item("Lead.Country", "equals") + "\n<booleanFilter>1 AND 2</booleanFilter>",
         "The filter logic references an undefined filter: 2", 5),
        ("\n<formula>ISNEW()</formula>", "formula of a rule entry is not imitated by this org", 4),
        ("\n<template>A/B</template>", "In field: template - no EmailTemplate named A/B found", 4),
        ("\n<colour/>", "Error parsing file: Element", 4),
    ],
)  # fmt: skip
def test_bad_entries_are_named_with_their_line(
    empty_org: Org, entry: str, problem: str, line: int
) -> None:
    """Unknown queue, user, field, operator, template; logic that does not add up."""
    [failure] = deploy(empty_org, rule(entry))["details"]["componentFailures"]
    assert failure["problem"].startswith(problem)
    assert (failure["fileName"], failure["lineNumber"]) == (PATH, line)
    assert failure["columnNumber"] > 0
    assert not empty_org.storage.find("AssignmentRule")


def test_two_active_rules_in_a_file_are_refused(empty_org: Org) -> None:
    """At the second one."""
    result = deploy(empty_org, rule(TO_QUEUE, "A") + "\n" + rule(TO_QUEUE, "B"))
    [failure] = result["details"]["componentFailures"]
    assert failure["problem"] == "Only one assignment rule on Lead can be active"
    assert failure["lineNumber"] == 4


def test_rules_are_read_as_values(empty_org: Org) -> None:
    """Criteria by exact names, logic as a tree, the assignee by id."""
    entry = (
        TO_QUEUE
        + item("lead.country", "equals", "PT,ES")
        + item("Lead.Rating", "notEqual", "")
        + "<booleanFilter>1 or not 2</booleanFilter>"
    )
    assert deploy(empty_org, rule(entry))["success"]
    [found] = metadata.rules_of(empty_org, "Lead")
    [queue] = empty_org.storage.find("Group", DeveloperName="Web_Leads")
    [line] = found.entries
    assert (found.name, found.active, line.owner_id) == ("Main", True, queue["Id"])
    assert line.criteria == (
        Criterion("Lead", "Country", "equals", "PT,ES"),
        Criterion("Lead", "Rating", "notEqual"),
    )
    answers = [metadata.holds(line.logic, {one}.__contains__) for one in (1, 2)]
    assert answers == [True, False]


def test_assignees_keep_their_identity(empty_org: Org) -> None:
    """A queue renamed after the deployment is given out by its new name."""
    deploy(empty_org, rule(TO_QUEUE))
    [queue] = empty_org.storage.find("Group", DeveloperName="Web_Leads")
    empty_org.storage.update("Group", str(queue["Id"]), {"DeveloperName": "Renamed"})
    assert metadata.rules_of(empty_org, "Lead")[0].entries[0].owner_id == queue["Id"]
    content = BY_NAME["AssignmentRules"].retrieve(empty_org, "AssignmentRules", ["Lead"])[PATH]
    assert b"<assignedTo>Renamed</assignedTo>" in content


def test_a_rule_is_removed(empty_org: Org) -> None:
    """By destructiveChanges, with its row."""
    deploy(empty_org, rule(TO_QUEUE, "Old"))
    assert deploy(empty_org, rule(TO_QUEUE, "New"), "Lead.Old")["success"]
    assert [row["Name"] for row in empty_org.storage.find("AssignmentRule")] == ["New"]
    assert [one.name for one in metadata.rules_of(empty_org, "Lead")] == ["New"]


@pytest.mark.parametrize(
    ("text", "true", "answer"),
    [
        ("1", {1}, True),
        ("1 AND 2", {1}, False),
        ("1 OR 2", {2}, True),
        ("1 and (2 or not 3)", {1}, True),
        ("1 and (2 or not 3)", {1, 3}, False),
        ("NOT(1 AND 2) OR 3", {1, 2}, False),
        ("((1))", set(), False),
    ],
)
def test_filter_logic(text: str, true: set[int], answer: bool) -> None:
    """As written in the filter editor."""
    count = max(int(char) for char in text if char.isdigit())
    assert holds(read_logic(text, count), lambda number: number in true) is answer


@pytest.mark.parametrize(
    "text", ["", "1 AND", "1 2", "3", "1 AND 2 OR 1", "(1 OR 2", "1 XOR 2", "1", "0", "1 & 2", "²"]
)
def test_bad_filter_logic(text: str) -> None:
    """Over two conditions."""
    with pytest.raises(BadLogic):
        read_logic(text, 2)
