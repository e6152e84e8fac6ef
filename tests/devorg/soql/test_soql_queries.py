"""Queries and what they answer, on the small org of conftest.py."""

from __future__ import annotations

from typing import Any

import pytest

from sfprm.devorg.schema import Schema
from sfprm.devorg.soql import NotImitated
from sfprm.devorg.storage import Storage

LEADS = [
    ("", "L1 L2 L3 L4 L5"),
    ("Rating = 'hot'", "L1 L5"),
    ("Rating != 'hot'", "L2 L3 L4"),
    ("Rating <> 'HOT' AND Rating != null", "L2 L3"),
    ("NOT Rating = 'Hot'", "L2 L3 L4"),
    ("NOT (Rating = 'Hot' OR Rating = null)", "L2 L3"),
    ("Rating IN ('Hot', 'Warm')", "L1 L2 L5"),
    ("Rating IN ('Hot', null)", "L1 L4 L5"),
    ("Rating NOT IN ('Hot', 'Warm')", "L3 L4"),
    ("Rating NOT IN ('Hot', null)", "L2 L3"),
    ("Rating = null", "L4"),
    ("Rating = ''", "L4"),
    ("Rating != ''", "L1 L2 L3 L5"),
    ("Rating = 'Unknown'", ""),
    ("Company LIKE 'k%'", "L1 L2"),
    ("NOT Company LIKE 'k%'", "L3 L4 L5"),
    ("Company LIKE '_im_'", "L3 L5"),
    ("Rating LIKE '%'", "L1 L2 L3 L5"),
    ("Company > 'lima'", "L4"),
    ("Company >= 'LIMA' AND Company < 'mike'", "L3 L5"),
    ("AnnualRevenue > 10", "L2 L3 L5"),
    ("AnnualRevenue <= 20.0", "L1 L2"),
    ("AnnualRevenue != 20", "L1 L3 L4 L5"),
    ("AnnualRevenue IN (10, 30.0)", "L1 L3"),
    ("IsConverted = true", "L5"),
    ("IsConverted = null", "L1 L2 L3 L4"),
    ("IsConverted != null", "L5"),
    ("Owner.Name = 'web leads'", "L1 L2"),
    ("Owner.Type = 'Queue'", "L1 L2"),
    ("Owner.Type IN ('User') AND Owner.IsActive = true", "L3 L4 L5"),
    ("Owner.IsActive = false", "L1 L2"),
    ("Owner.IsActive IN (false)", "L1 L2"),
    ("Owner.IsActive NOT IN (false, null)", "L3 L4 L5"),
    ("Owner.Profile.Name = 'Alder Partner User'", "L3"),
    ("ConvertedAccount.Name = null", "L1 L2 L3 L4"),
    ("ConvertedAccount.Name != 'Acme'", "L1 L2 L3 L4 L5"),
    ("Rating = 'Cold' OR ConvertedAccount.Owner.Name = 'Old'", "L3 L5"),
    ("ConvertedAccount.IsDeleted = false", "L1 L2 L3 L4 L5"),
    ("Products__c INCLUDES ('Pumps')", "L1 L3 L5"),
    ("Products__c INCLUDES ('pumps;valves', 'Sensors')", "L1 L2 L5"),
    ("Products__c EXCLUDES ('Pumps')", "L2 L4"),
    ("Products__c = 'Valves;Pumps'", "L1"),
    ("Products__c != 'Pumps'", "L1 L2 L4 L5"),
    ("Products__c IN ('Pumps', 'Sensors')", "L2 L3"),
    # In Berlin it is 16 January: from 15 January 23:00 UTC to 16 January 23:00 UTC.
    ("CreatedDate = TODAY", "L2 L3"),
    ("CreatedDate != TODAY", "L1 L4 L5"),
    ("CreatedDate > TODAY", "L4"),
    ("CreatedDate < TODAY", "L1 L5"),
    ("CreatedDate <= today", "L1 L2 L3 L5"),
    ("CreatedDate >= YESTERDAY", "L1 L2 L3 L4"),
    ("CreatedDate = LAST_N_DAYS:1", "L1 L2 L3"),
    ("CreatedDate IN (YESTERDAY, TOMORROW)", "L1 L4"),
    ("CreatedDate = 2026-01-15T22:59:59Z", "L1"),
    ("CreatedDate = 2026-01-15T23:59:59+01:00", "L1"),
    ("CreatedDate >= 2026-01-15T23:00:00.000+0000", "L2 L3 L4"),
    ("DAY_IN_MONTH(CreatedDate) = 15", "L1 L2"),
    ("DAY_ONLY(convertTimezone(CreatedDate)) = 2026-01-16", "L2 L3"),
    ("HOUR_IN_DAY(CreatedDate) = 23", "L2 L4"),
    ("toLabel(Rating) = 'Warm'", "L2"),
    ("Lead.Company = 'Mike'", "L4"),
]


@pytest.mark.parametrize(("condition", "expected"), LEADS)
def test_conditions_on_leads(rows: Any, condition: str, expected: str) -> None:
    """Each condition finds exactly these leads; deleted ones never."""
    where = f"WHERE {condition}" if condition else ""
    found = rows(f"SELECT LastName FROM Lead {where} ORDER BY LastName")
    assert " ".join(found) == expected


QUERIES: list[tuple[str, list[Any]]] = [
    ("SELECT Name FROM Account ORDER BY Name", ["Acme", "berg", "Änder"]),
    ("SELECT Name FROM Account ORDER BY name DESC", ["Änder", "berg", "Acme"]),
    ("SELECT Name FROM Account WHERE Name = 'äNDER'", ["Änder"]),
    ("SELECT Name FROM Account WHERE Name LIKE 'ä%'", ["Änder"]),
    ("SELECT Name FROM Account WHERE Name IN ('ÄNDER', 'BERG') ORDER BY Name", ["berg", "Änder"]),
    (r"SELECT Name FROM Account WHERE AccountNumber LIKE '%\%b\_c\\d'", ["Änder"]),
    (r"SELECT Name FROM Account WHERE AccountNumber LIKE 'a\_%'", []),
    (r"SELECT LastName FROM Contact WHERE LastName = 'O\'Brien'", ["O'Brien"]),
    ("SELECT Name, Parent.Name FROM Account WHERE Name = 'berg'", [("berg", "Acme")]),
    ("SELECT Name, Parent.Name FROM Account WHERE Name = 'acme'", [("Acme", None)]),
    ("SELECT a.Name FROM Account a WHERE a.ParentId != null", ["berg"]),
    ("SELECT c.LastName FROM Contact c, c.Account a WHERE a.Name = 'berg'", ["Four"]),
    ("SELECT LastName FROM Contact WHERE Birthdate = 2000-01-15", ["Four"]),
    ("SELECT LastName FROM Contact WHERE Birthdate < THIS_YEAR", ["Four"]),
    (
        "SELECT LastName FROM Contact ORDER BY Account.Name DESC NULLS LAST, LastName LIMIT 3",
        ["Four", "One", "Three"],
    ),
    ("SELECT LastName FROM Contact ORDER BY Email, LastName LIMIT 3", ["O'Brien", "Three", "Four"]),
    ("SELECT LastName FROM Contact ORDER BY LastName LIMIT 2 OFFSET 1", ["O'Brien", "One"]),
    ("SELECT LastName FROM Contact LIMIT 0", []),
    # A picklist sorts as in Setup: Hot, Warm, Cold.
    ("SELECT LastName FROM Lead ORDER BY Rating, LastName", ["L4", "L1", "L5", "L2", "L3"]),
    ("SELECT LastName FROM Lead ORDER BY Rating DESC NULLS LAST, LastName",
     ["L3", "L2", "L1", "L5", "L4"]),
    ("SELECT Name FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE Email = null)",
     ["Acme"]),
    ("SELECT Name FROM Account WHERE Id NOT IN (SELECT AccountId FROM Contact)", ["Änder"]),
    # A contact without account is not among them, so the complement has it.
    ("SELECT LastName FROM Contact WHERE AccountId NOT IN (SELECT Id FROM Account)", ["O'Brien"]),
    ("SELECT LastName FROM Lead WHERE OwnerId IN (SELECT Id FROM Group WHERE Type = 'Queue') "
     "AND Rating = 'Hot'", ["L1"]),
    ("SELECT COUNT(Id) FROM Lead", [5]),
    ("SELECT COUNT(Rating), COUNT_DISTINCT(Company) FROM Lead", [(4, 3)]),
    ("SELECT SUM(AnnualRevenue), AVG(AnnualRevenue), MIN(AnnualRevenue) FROM Lead",
     [(110.0, 27.5, 10.0)]),
    ("SELECT COUNT(Id), MAX(Name) FROM Account WHERE Name = 'nobody'", [(0, None)]),
    ("SELECT MIN(Rating), MAX(Rating), MAX(CreatedDate) FROM Lead",
     [("Hot", "Cold", "2026-01-16T23:00:00.000+0000")]),
    ("SELECT Rating, COUNT(Id) FROM Lead GROUP BY Rating ORDER BY Rating",
     [(None, 1), ("Hot", 2), ("Warm", 1), ("Cold", 1)]),
    ("SELECT Company, COUNT(Id) n FROM Lead GROUP BY Company HAVING COUNT(Id) > 1 "
     "ORDER BY Company", [("Kilo", 2), ("Lima", 2)]),
    ("SELECT Owner.Name, SUM(AnnualRevenue) FROM Lead GROUP BY Owner.Name ORDER BY "
     "SUM(AnnualRevenue) DESC", [("Sam Carter", 50.0), ("Ana Costa", 30.0), ("Web Leads", 30.0)]),
    ("SELECT DAY_ONLY(CreatedDate), COUNT(Id) FROM Lead GROUP BY DAY_ONLY(CreatedDate) "
     "ORDER BY DAY_ONLY(CreatedDate)", [("2026-01-01", 1), ("2026-01-15", 2), ("2026-01-16", 2)]),
    ("SELECT IsConverted, COUNT(Id) FROM Lead GROUP BY IsConverted ORDER BY IsConverted",
     [(False, 4), (True, 1)]),
    ("SELECT IsConverted, Rating, COUNT(Id), GROUPING(Rating) FROM Lead WHERE Rating = 'Hot' "
     "GROUP BY ROLLUP(IsConverted, Rating) ORDER BY GROUPING(IsConverted), GROUPING(Rating), "
     "IsConverted", [(False, "Hot", 1, 0), (True, "Hot", 1, 0), (False, None, 1, 1),
                     (True, None, 1, 1), (None, None, 2, 1)]),
    ("SELECT Company FROM Lead GROUP BY Company HAVING MAX(Rating) = 'cold'", ["Lima"]),
    ("SELECT Name FROM Profile", ["Alder Partner User"]),
    ("SELECT FISCAL_QUARTER(CreatedDate) q, COUNT(Id) FROM Lead GROUP BY "
     "FISCAL_QUARTER(CreatedDate)", [(1, 5)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), QUERIES)
def test_queries(rows: Any, text: str, expected: list[Any]) -> None:
    """Each query answers exactly these values, in this order."""
    assert rows(text) == expected


def test_keys_are_spelt_as_in_the_schema(ask: Any) -> None:
    """Field names come back in the schema's spelling, parents where first mentioned."""
    record = ask("select id, owner.NAME, name, OWNER.isactive from account limit 1").records[0]
    assert list(record) == ["attributes", "Id", "Owner", "Name"]
    assert list(record["Owner"]) == ["attributes", "Name", "IsActive"]
    assert record["attributes"]["type"] == "Account"
    assert record["attributes"]["url"] == f"/services/data/v66.0/sobjects/Account/{record['Id']}"
    assert record["Owner"]["attributes"]["type"] == "User"


def test_polymorphic_parent_is_a_name(ask: Any) -> None:
    """A lead's owner is of type Name; its address names the real object."""
    found = ask("SELECT Owner.Id, Owner.Type, Owner.Email FROM Lead WHERE LastName = 'L1'").records
    owner = found[0]["Owner"]
    assert owner["attributes"]["type"] == "Name"
    assert owner["attributes"]["url"].endswith(f"/Group/{owner['Id']}")
    assert (owner["Type"], owner["Email"]) == ("Queue", None)


def test_typeof_gives_the_branch_of_the_real_object(rows: Any) -> None:
    """TYPEOF answers the fields of the object that the owner is."""
    text = (
        "SELECT LastName, TYPEOF Owner WHEN User THEN Username, IsActive "
        "WHEN Group THEN DeveloperName END FROM Lead WHERE LastName IN ('L1', 'L3') ORDER BY Id"
    )
    assert rows(text) == [("L1", "Web_Leads"), ("L3", ("ana@alder.example.com", True))]


def test_child_queries(ask: Any) -> None:
    """Children come with their own order and limit; without any the key is null."""
    text = (
        "SELECT Name, (SELECT LastName, Account.Owner.Name FROM Contacts WHERE Email != null "
        "ORDER BY LastName DESC LIMIT 1), (SELECT Name FROM ChildAccounts) "
        "FROM Account ORDER BY Name"
    )
    acme, berg, ander = ask(text).records
    assert acme["Contacts"]["totalSize"] == 1
    assert acme["Contacts"]["done"] is True
    assert acme["Contacts"]["records"][0]["LastName"] == "Two"
    assert acme["Contacts"]["records"][0]["Account"]["Owner"]["Name"] == "Ana Costa"
    assert [one["Name"] for one in acme["ChildAccounts"]["records"]] == ["berg"]
    assert berg["ChildAccounts"] is None
    assert ander["Contacts"] is None


def test_children_of_children(ask: Any) -> None:
    """From version 58 on, sub-queries nest."""
    text = "SELECT Name, (SELECT Name, (SELECT LastName FROM Contacts) FROM ChildAccounts) " \
           "FROM Account WHERE Name = 'Acme'"  # fmt: skip
    (acme,) = ask(text).records
    (berg,) = acme["ChildAccounts"]["records"]
    assert [one["LastName"] for one in berg["Contacts"]["records"]] == ["Four"]


def test_addresses_are_made_of_their_parts(ask: Any) -> None:
    """An address has its parts as keys; without any part it is null."""
    acme, berg = ask("SELECT BillingAddress FROM Account ORDER BY Name LIMIT 2").records
    assert acme["BillingAddress"]["city"] == "Porto"
    assert list(acme["BillingAddress"]) == sorted(acme["BillingAddress"])
    assert berg["BillingAddress"] is None


def test_count_without_field(ask: Any) -> None:
    """COUNT() answers the number, up to LIMIT, and no record."""
    assert (ask("SELECT COUNT() FROM Lead").total_size, []) == (5, [])
    assert ask("SELECT COUNT() FROM Lead LIMIT 3").total_size == 3
    assert ask("SELECT COUNT() FROM Lead").records == []


def test_unaliased_aggregates_are_numbered(ask: Any) -> None:
    """expr0, expr1… count only those without an alias; a parent's field has its last name."""
    text = "SELECT COUNT(Id), MAX(Company) m, SUM(AnnualRevenue), Owner.Name FROM Lead " \
           "GROUP BY Owner.Name LIMIT 1"  # fmt: skip
    (record,) = ask(text).records
    assert list(record) == ["attributes", "expr0", "m", "expr1", "Name"]
    assert record["attributes"] == {"type": "AggregateResult"}


def test_deleted_records_are_there_when_asked(rows: Any) -> None:
    """queryAll sees the recycle bin."""
    assert rows("SELECT LastName FROM Lead WHERE IsDeleted = true", include_deleted=True) == ["L6"]


def test_row_filter_holds_everywhere(rows: Any, ask: Any, world: tuple[Schema, Storage]) -> None:
    """Records that the user may not see are in no answer, child set, count or semi-join."""
    ana = world[1].find("User", LastName="Costa")[0]["Id"]

    def only_one(object_: str) -> tuple[str, list[object]] | None:
        if object_ == "Lead":
            return '{t}."OwnerId" = ?', [ana]
        return ('{t}."LastName" = ?', ["One"]) if object_ == "Contact" else None

    assert rows("SELECT LastName FROM Lead", row_filter=only_one) == ["L3"]
    assert ask("SELECT COUNT() FROM Lead", row_filter=only_one).total_size == 1
    children = ask(
        "SELECT (SELECT Id FROM Contacts) FROM Account WHERE Name = 'Acme'", row_filter=only_one
    )
    assert children.records[0]["Contacts"]["totalSize"] == 1
    joined = "SELECT Name FROM Account WHERE Id IN (SELECT AccountId FROM Contact)"
    assert rows(joined, row_filter=only_one) == ["Acme"]


def test_scope_mine(rows: Any, world: tuple[Schema, Storage]) -> None:
    """USING SCOPE mine gives the user's own records."""
    ana = world[1].find("User", LastName="Costa")[0]["Id"]
    assert rows("SELECT LastName FROM Lead USING SCOPE mine", user_id=ana) == ["L3"]


def test_fields_functions(ask: Any) -> None:
    """FIELDS(ALL) gives every field that the user may see, FIELDS(CUSTOM) the deployed ones."""
    (record,) = ask("SELECT FIELDS(CUSTOM), Name FROM Lead LIMIT 1").records
    assert list(record) == ["attributes", "Products__c", "Name"]
    (account,) = ask("SELECT FIELDS(ALL) FROM Account LIMIT 1").records
    assert "AccountSource" not in account
    assert "IsPartner" not in account
    assert {"Id", "Name", "BillingAddress", "OwnerId"} <= set(account)


def test_ids_of_fifteen_characters_match(rows: Any, world: tuple[Schema, Storage]) -> None:
    """15 and 18 characters are the same id, in lists too; a foreign id matches nothing."""
    acme = world[1].find("Account", Name="Acme")[0]["Id"]
    assert rows(f"SELECT Name FROM Account WHERE Id = '{acme[:15]}'") == ["Acme"]
    assert rows(f"SELECT Name FROM Account WHERE Id IN ('{acme}', null)") == ["Acme"]
    assert rows(f"SELECT LastName FROM Lead WHERE OwnerId = '{acme}'") == []


def test_for_view_notes_when_a_record_was_seen(rows: Any, world: tuple[Schema, Storage]) -> None:
    """FOR VIEW sets LastViewedDate of the records it gave."""
    assert rows("SELECT LastName FROM Contact WHERE LastName = 'Four' FOR VIEW") == ["Four"]
    (four,) = world[1].find("Contact", LastName="Four")
    assert four["LastViewedDate"] == "2026-01-15T23:30:00.000+0000"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT Id FROM Lead USING SCOPE team",
        "SELECT Id FROM Lead UPDATE VIEWSTAT",
        "SELECT (SELECT Id FROM Fields) FROM EntityDefinition",
    ],
)
def test_what_is_not_imitated_says_so(ask: Any, text: str) -> None:
    """Good SOQL that the org cannot answer is an error of its own, never an empty success."""
    with pytest.raises(NotImitated):
        ask(text)


@pytest.mark.parametrize(
    ("function", "month", "options", "value"),
    [
        ("FISCAL_YEAR", 1, {}, 2026),
        ("FISCAL_YEAR", 4, {}, 2026),  # April 2025 to March 2026
        ("FISCAL_YEAR", 4, {"fiscal_named_by_start": True}, 2025),
        ("FISCAL_QUARTER", 4, {}, 4),
        ("FISCAL_MONTH", 4, {}, 10),
        ("FISCAL_MONTH", 1, {}, 1),
    ],
)
def test_fiscal_functions(
    ask: Any, function: str, month: int, options: dict[str, Any], value: int
) -> None:
    """January 2026 in fiscal years that begin in several months."""
    text = f"SELECT {function}(CreatedDate) FROM Lead GROUP BY {function}(CreatedDate)"
    found = ask(text, fiscal_month=month, **options).records
    assert [one["expr0"] for one in found] == [value]


@pytest.mark.parametrize("poison", ['\'; DROP TABLE "Lead"; --', '" OR 1=1', "%' OR '1'='1", "\0"])
def test_values_never_become_sql(rows: Any, poison: str) -> None:
    """Whatever a string holds, it is compared as text."""
    escaped = poison.replace("\\", "\\\\").replace("'", "\\'")
    assert rows(f"SELECT Id FROM Lead WHERE LastName = '{escaped}'") == []
    assert len(rows("SELECT Id FROM Lead")) == 5
