"""Filter items: their values, their operators, and agreement with the agent's own matcher."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.devorg.criteria import BadFilter, Item, Surroundings, read_filter
from sfprm.devorg.criteria.values import as_moment, as_number, as_word, split_values
from sfprm.devorg.org import Org
from sfprm.ids import RecordId
from sfprm.programme.logic import And, Logic, Not, Or, Ref
from sfprm.programme.model import Criterion, Operator, Origin, Rule, ToQueue
from sfprm.routing.match import Matcher, match
from sfprm.routing.values import LeadFacts


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("PT,ES", ("PT", "ES")),
        (" PT , ES ,", ("PT", "ES")),
        ('A,"B (x, y)",C', ("A", "B (x, y)", "C")),
        ('"he said ""no"""', ('he said "no"',)),
        ('5" pipe,x', ('5" pipe', "x")),
        ("", ()),
        ("NULL", ("NULL",)),
    ],
)
def test_a_list_of_values(text: str, values: tuple[str, ...]) -> None:
    """Commas part it, but not within quotes; NULL is a word like others."""
    assert split_values(text) == values


@pytest.mark.parametrize(
    ("text", "number"), [("USD 0", 0.0), ("1.5", 1.5), ("-3", -3.0), ("5e7", 5e7), ("x", None)]
)
def test_a_number(text: str, number: float | None) -> None:
    """With or without its currency."""
    assert as_number(text) == number


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("TODAY", ("TODAY", None)),
        ("last 3 months", ("LAST_N_MONTHS", 3)),
        ("LAST N DAYS 7", None),
        ("NEXT N 7 DAYS", ("NEXT_N_DAYS", 7)),
        ("30 DAYS AGO", ("N_DAYS_AGO", 30)),
        ("2 WEEKS AGO", ("N_WEEKS_AGO", 2)),
        ("THIS FISCAL QUARTER", ("THIS_FISCAL_QUARTER", None)),
        ("soon", None),
    ],
)
def test_a_relative_word(text: str, word: tuple[str, int | None] | None) -> None:
    """Spaces where SOQL has underscores."""
    assert as_word(text) == word


@pytest.mark.parametrize(
    ("text", "locale", "shown"),
    [
        ("11/22/2018 4:00 AM", "en_US", "2018-11-22 04:00:00"),
        ("22/11/2018 16:30", "en_GB", "2018-11-22 16:30:00"),
        ("22.11.2018", "de_DE", "2018-11-22 None"),
        ("2018-11-22", "en_US", "2018-11-22 None"),
        ("22/11/2018", "en_US", "None"),
        ("11/22/2018 25:00", "en_US", "None"),
    ],
)
def test_a_day_as_the_locale_prints_it(text: str, locale: str, shown: str) -> None:
    """The month first in en_US, the day first elsewhere."""
    found = as_moment(text, locale)
    assert ("None" if found is None else f"{found[0]} {found[1]}") == shown


def holds(org: Org, lead: dict[str, Any], *items: Item, logic: str = "") -> bool:
    """Whether a lead meets the items."""
    definition = org.schema.object("Lead")
    assert definition is not None
    user = org.user_by_username("sam.carter@alder.example.com") or {}
    return read_filter(org, definition, items, logic).holds(lead.get, Surroundings(org, user))


@pytest.mark.parametrize(
    ("field", "operation", "value", "mine", "met"),
    [
        ("Country", "equals", "pt,ES", "PT", True),
        ("Country", "equals", "", None, True),
        ("Country", "notEqual", "", None, False),
        ("Country", "notEqual", "PT,ES", None, True),
        ("Country", "equals", "NULL", None, False),
        ("Company", "equals", '"Gomez, Lda"', "Gomez, Lda", True),
        ("Company", "contains", "ome,xyz", "Gomez", True),
        ("Company", "notContain", "ome,xyz", "Gomez", False),
        ("PostalCode", "startsWith", "1,2,3", "2800-001", True),
        ("PostalCode", "startsWith", "1,2,3", None, False),
        ("AnnualRevenue", "greaterThan", "USD 100", 100.0, False),
        ("AnnualRevenue", "greaterOrEqual", "USD 100", 100.0, True),
        ("AnnualRevenue", "lessThan", "5", None, False),
        ("NumberOfEmployees", "equals", "20,30", 30, True),
        ("IsUnreadByOwner", "equals", "True", True, True),
        ("IsUnreadByOwner", "notEqual", "1", False, True),
        ("CreatedDate", "equals", "TODAY", "2026-03-02T08:00:00.000+0000", True),
        ("CreatedDate", "lessThan", "TODAY", "2026-03-02T08:00:00.000+0000", False),
        ("CreatedDate", "greaterThan", "YESTERDAY", "2026-03-02T08:00:00.000+0000", True),
        ("CreatedDate", "equals", "LAST 3 MONTHS", "2026-02-10T08:00:00.000+0000", True),
        ("CreatedDate", "lessOrEqual", "2026-03-02", "2026-03-02T08:00:00.000+0000", True),
        ("LastTransferDate", "equals", "2026-03-01", "2026-03-01", True),
        ("LastTransferDate", "greaterThan", "2026-03-01", "2026-03-01", False),
        ("LastTransferDate", "lessThan", "2026-03-01", None, False),
    ],
)
def test_what_meets_an_item(
    empty_org: Org, field: str, operation: str, value: str, mine: Any, met: bool
) -> None:
    """By the kind of the field; null is neither more nor less than anything."""
    assert holds(empty_org, {field: mine}, Item(f"Lead.{field}", operation, value)) is met


def test_an_owner_is_compared_by_name(empty_org: Org) -> None:
    """A reference by what the other record is called, in any case, or by its id."""
    sam = empty_org.user_by_username("sam.carter@alder.example.com") or {}
    lead = {"OwnerId": sam["Id"]}
    for value in ("sam carter", str(sam["Id"])[:15]):
        assert holds(empty_org, lead, Item("Lead.OwnerId", "equals", value))


def test_another_field_and_the_caller(empty_org: Org) -> None:
    """`valueField` compares two fields; `User.` is the calling user's."""
    lead = {"City": "Porto, PT", "State": "porto, pt", "Country": "PT"}
    assert holds(empty_org, lead, Item("Lead.City", "equals", None, "Lead.State"))
    assert not holds(empty_org, lead, Item("Lead.City", "equals", None, "Lead.Country"))
    sam = Item("User.Username", "startsWith", "sam.carter")
    country = Item("Lead.Country", "equals", "ES")
    assert holds(empty_org, lead, sam, country, logic="1 OR 2")
    assert holds(empty_org, lead, sam, country, logic="1 and not (2)")


@pytest.mark.parametrize(
    ("items", "logic"),
    [
        ([Item("Lead.Nothing", "equals", "1")], ""),
        ([Item("Account.Name", "equals", "1")], ""),
        ([Item("Lead.Country", "isLike", "1")], ""),
        ([Item("Lead.Country", "within", "1")], ""),
        ([Item("Lead.AnnualRevenue", "equals", "much")], ""),
        ([Item("Lead.IsConverted", "equals", "maybe")], ""),
        ([Item("Lead.CreatedDate", "equals", "soon")], ""),
        ([Item("Lead.City", "equals", "x", "Lead.State")], ""),
        ([Item("Lead.City", "equals", "x")], "1 AND 2"),
        ([Item("Lead.City", "equals", "x")] * 3, "1 AND 2 OR 3"),
        ([Item("Lead.City", "equals", "x")], "(1"),
    ],
)
def test_what_no_filter_is(empty_org: Org, items: list[Item], logic: str) -> None:
    """Refused when it is read, not when a record comes."""
    with pytest.raises(BadFilter):
        holds(empty_org, {}, *items, logic=logic)


# Agreement with the agent's matcher, which was written apart from this one

TEXT = ("Country", "Rating", "Company", "PostalCode")
NUMBERS = ("AnnualRevenue", "NumberOfEmployees")
WORDS = st.sampled_from(
    ["PT", "pt", "ES", "Hot", " Hot ", "A, B", "Acme", "ac", "28", "2800", "NULL", 'say "x"', "10"]
)
AMOUNTS = st.sampled_from([0, 1, 10, 99.5, 100, 2800])
TEXT_OPERATORS: list[Operator] = [one for one in Operator if one not in {Operator.WITHIN}]
NUMBER_OPERATORS: list[Operator] = [
    Operator.EQUALS, Operator.NOT_EQUAL, Operator.LESS_THAN, Operator.GREATER_THAN,
    Operator.LESS_OR_EQUAL, Operator.GREATER_OR_EQUAL,
]  # fmt: skip
HERE = Origin("rules", 1)


@st.composite
def criteria(draw: st.DrawFn) -> Criterion:
    """One criterion over a field of some kind."""
    kind = draw(st.sampled_from(["text", "number", "boolean"]))
    if kind == "text":
        field, operators = draw(st.sampled_from(TEXT)), TEXT_OPERATORS
        values = draw(st.lists(WORDS, max_size=3))
    elif kind == "number":
        field, operators = draw(st.sampled_from(NUMBERS)), NUMBER_OPERATORS
        values = [
            draw(st.sampled_from([f"{one}", f"USD {one}"]))
            for one in draw(st.lists(AMOUNTS, max_size=3))
        ]
    else:
        field, operators = "IsUnreadByOwner", [Operator.EQUALS, Operator.NOT_EQUAL]
        values = draw(st.lists(st.sampled_from(["True", "False", "1", "0", "true"]), max_size=2))
    return Criterion(field, draw(st.sampled_from(operators)), tuple(values), "", HERE)


def logics(count: int) -> st.SearchStrategy[Logic]:
    """Logic over so many criteria."""
    refs = st.integers(1, count).map(Ref)
    return st.recursive(
        refs,
        lambda inner: st.one_of(
            inner.map(Not),
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
        ),
        max_leaves=5,
    )


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """A rule as the agent has it."""
    items = draw(st.lists(criteria(), max_size=4))
    logic = draw(st.one_of(st.none(), logics(len(items)))) if items else None
    return Rule("r", tuple(items), logic, ToQueue("q"), HERE)


@st.composite
def leads(draw: st.DrawFn) -> dict[str, Any]:
    """A lead's fields as the org stores them: no blank text, whole numbers or with a point."""
    words = st.one_of(st.none(), WORDS.map(str.strip))
    return {
        **{name: draw(words) for name in TEXT},
        "AnnualRevenue": draw(st.one_of(st.none(), AMOUNTS.map(float))),
        "NumberOfEmployees": draw(st.one_of(st.none(), AMOUNTS.map(int))),
        "IsUnreadByOwner": draw(st.booleans()),
    }


def written(logic: Logic) -> str:
    """The agent's logic as metadata writes it."""
    match logic:
        case Ref(number):
            return str(number)
        case Not(part):
            return f"NOT ({written(part)})"
        case And(parts):
            return "(" + " AND ".join(written(part) for part in parts) + ")"
        case Or(parts):
            return "(" + " OR ".join(written(part) for part in parts) + ")"


def listed(values: tuple[str, ...]) -> str:
    """Values as metadata writes them."""
    return ",".join(
        '"' + one.replace('"', '""') + '"' if "," in one or '"' in one else one for one in values
    )


def used(logic: Logic | None, count: int) -> str:
    """The logic with every criterion in it, as an org demands: those left out change nothing."""
    if logic is None:
        return ""
    return written(logic) + "".join(f" AND ({n} OR NOT {n})" for n in range(1, count + 1))


@pytest.fixture(scope="module")
def lead_org(seeded: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An org of its own for all examples; nothing is written to it."""
    from sfprm.devorg.auth import ConnectedApp
    from sfprm.devorg.org import AGENT_USERNAME
    from sfprm.devorg.schema import load_schema
    from sfprm.devorg.storage import Storage

    storage = Storage(None)
    state = tmp_path_factory.mktemp("org")
    org = Org(storage, load_schema(), state, ConnectedApp("i", "s", AGENT_USERNAME))
    org.storage.restore(seeded("empty"), org.schema)
    yield org
    storage.close()


LONG = bool(os.environ.get("SFPRM_TEST_LONG"))


@settings(max_examples=10_000 if LONG else 200, deadline=None)
@given(rule=rules(), lead=leads())
def test_the_org_and_the_agent_agree(lead_org: Org, rule: Rule, lead: dict[str, Any]) -> None:
    """Two implementations of one rule language, written apart, give one answer."""
    items = [
        Item(f"Lead.{one.field}", one.operator.value, listed(one.values)) for one in rule.criteria
    ]
    mine = holds(lead_org, lead, *items, logic=used(rule.logic, len(items)))
    id_ = RecordId("00Q000000000001")
    created = lead_org.clock.now()
    theirs, _ = match([rule], LeadFacts(id_, id_, created, "q", lead))
    assert mine is (theirs is not None)


@settings(max_examples=2_000 if LONG else 40, deadline=None)
@given(
    listed_rules=st.lists(rules(), min_size=2, max_size=6),
    several=st.lists(leads(), min_size=2, max_size=6),
)
def test_the_first_rule_met_is_the_same_for_both(
    lead_org: Org, listed_rules: list[Rule], several: list[dict[str, Any]]
) -> None:
    """Rule lists over many leads: what the agent remembers between leads changes no answer."""
    matcher = Matcher([replace(rule, name=str(n)) for n, rule in enumerate(listed_rules)])
    for lead in several:
        mine = next(
            (
                str(n)
                for n, rule in enumerate(listed_rules)
                if holds(
                    lead_org,
                    lead,
                    *(
                        Item(f"Lead.{c.field}", c.operator.value, listed(c.values))
                        for c in rule.criteria
                    ),
                    logic=used(rule.logic, len(rule.criteria)),
                )
            ),
            None,
        )
        id_ = RecordId("00Q000000000001")
        rule, _ = matcher.match(LeadFacts(id_, id_, lead_org.clock.now(), "q", lead))
        assert (rule.name if rule is not None else None) == mine
