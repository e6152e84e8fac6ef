"""Rules of the programme as the org's own, and back: the same meaning, and nothing dropped."""

from __future__ import annotations

import os
from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.distribution.native_file import (
    NativeCriterion,
    NativeEntry,
    NativeRule,
    parse_file,
    render_file,
)
from sfprm.distribution.native_rules import (
    OrgNames,
    criterion_text,
    from_native,
    logic_text,
    meaning,
    to_native,
)
from sfprm.distribution.native_text import compared, rules_yaml
from sfprm.ids import PoolKey
from sfprm.programme.conditions import Comparison, Condition, Constant, PartnerAttribute
from sfprm.programme.criterion_text import parse_criterion
from sfprm.programme.logic import And, Logic, Not, Or, Ref
from sfprm.programme.logic_text import parse_logic
from sfprm.programme.model import (
    Criterion,
    InTurn,
    LeaveAlone,
    Operator,
    Origin,
    Pool,
    Routing,
    Rule,
    StickyBy,
    Target,
    ToCompany,
    ToPool,
    ToQueue,
    ToUser,
)

HERE = Origin("routing.yaml", 1)
EXAMPLES = 5_000 if os.environ.get("SFPRM_TEST_LONG") else 120
POOLS = {
    PoolKey("south"): Pool(PoolKey("south"), (), HERE, intake="South intake"),
    PoolKey("bare"): Pool(PoolKey("bare"), (), HERE),
}
ROUTING = Routing(pools=MappingProxyType(POOLS))
LABELS = ("Web Leads", "Desk & Co", "South intake")
NAMES = OrgNames(
    queues={label.casefold(): label.replace(" ", "_").replace("&", "and") for label in LABELS},
    labels={label.replace(" ", "_").replace("&", "and").casefold(): label for label in LABELS},
    users={
        name.casefold(): name
        for name in ("lena@x.example.com", "jo@x.example.com.box", "two@x.a", "two@x.b")
    },
    types={"birthday__c": "date", "campaign__c": "reference", "country": "picklist"},
)

values = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")),
    min_size=1,
    max_size=8,
).filter(lambda text: bool(text.strip()) and text == text.strip())


@st.composite
def criteria(draw: st.DrawFn) -> Criterion:
    operator = draw(st.sampled_from([op for op in Operator if op is not Operator.WITHIN]))
    blank = operator in (Operator.EQUALS, Operator.NOT_EQUAL)
    field = draw(st.sampled_from(["Country", "Size__c", "RecordType.Name"]))
    listed = draw(st.lists(values, min_size=0 if blank else 1, max_size=3))
    return Criterion(field, operator, tuple(listed), "", HERE)


@st.composite
def logics(draw: st.DrawFn, count: int) -> Logic:
    """Logic that names each criterion once."""
    parts: list[Logic] = [
        Not(Ref(n)) if draw(st.booleans()) else Ref(n) for n in range(1, count + 1)
    ]
    while len(parts) > 1:
        size = draw(st.integers(2, len(parts)))
        first = tuple(parts[:size])
        joined: Logic = And(first) if draw(st.booleans()) else Or(first)
        parts = [Not(joined) if draw(st.booleans()) else joined, *parts[size:]]
    return parts[0]


targets: st.SearchStrategy[Target] = st.sampled_from(
    [
        ToUser("lena@x.example.com"),
        ToQueue("Web Leads"),
        ToQueue("Desk & Co"),
        ToPool(PoolKey("south")),
        LeaveAlone(),
    ]
)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    found = draw(st.lists(criteria(), max_size=4))
    joined = draw(st.booleans())
    logic = draw(logics(len(found))) if found and joined else None
    native = {"template": "Folder/Mail <1>"} if draw(st.booleans()) else {}
    return Rule(
        draw(values), tuple(found), logic, draw(targets), HERE, native=MappingProxyType(native)
    )


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(rules(), max_size=5, unique_by=lambda r: r.name))
def test_pulled_is_what_was_pushed(pushed: list[Rule]) -> None:
    """Through the file's bytes too; names of rules are found again."""
    said = to_native(pushed, ROUTING, NAMES)
    assert said.problems == ()
    content = render_file([NativeRule("Main", True, said.entries)])
    [native] = parse_file(content)
    assert render_file([native]) == content
    read = from_native(native, ROUTING, NAMES, pushed)
    assert read.problems == ()
    assert [meaning(rule) for rule in read.rules] == [meaning(rule) for rule in pushed]
    assert {sign for sign, _ in compared(read.rules, pushed)} <= {"="}
    assert sorted(rule.name for rule in read.rules) == sorted(rule.name for rule in pushed)
    assert to_native(read.rules, ROUTING, NAMES).entries == said.entries


@settings(max_examples=EXAMPLES, deadline=None)
@given(criteria())
def test_a_criterion_is_read_as_it_is_written(criterion: Criterion) -> None:
    """Its text, as pull writes it, parses to the same."""
    made = parse_criterion(criterion_text(criterion))
    assert (made.field, made.operator, made.values) == (
        criterion.field,
        criterion.operator,
        criterion.values,
    )


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(1, 5).flatmap(logics))
def test_logic_is_read_as_it_is_written(logic: Logic) -> None:
    """Brackets where Salesforce wants them."""
    assert parse_logic(logic_text(logic)) == logic


def rule(target: Target, *when: str, **more: object) -> Rule:
    made = [parse_criterion(text) for text in when]
    listed = tuple(Criterion(m.field, m.operator, m.values, "", HERE) for m in made)
    return replace(Rule("r", listed, None, target, HERE), **more)  # type: ignore[arg-type]


GOLD = Condition((Comparison(PartnerAttribute("tier"), ">=", Constant("Gold"), ""),), "")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (rule(ToUser("nobody@x.example.com")), "no active user nobody@x.example.com"),
        (rule(ToUser("two@x")), "no active user two@x"),  # two of that name: neither is taken
        (rule(ToQueue("Nowhere")), "no queue 'Nowhere'"),
        (rule(ToPool(PoolKey("bare"))), "pool 'bare' has no intake queue"),
        (rule(ToCompany(tuple(StickyBy))), "cannot be said"),
        (rule(InTurn((ToQueue("Web Leads"), ToQueue("Web Leads")))), "cannot be said"),
        (rule(ToPool(PoolKey("south")), eligible_when=GOLD), "eligible_when cannot be said"),
        (rule(LeaveAlone(), "Owner.Name equals x"), "Owner.Name is not a field of the lead"),
        (rule(LeaveAlone(), "lookup.territory equals x"), "not a field of the lead"),
        (rule(LeaveAlone(), "Birthday__c greaterThan 2020-01-01"), "is a date"),
        (rule(LeaveAlone(), "Campaign__c equals x"), "refers to another record"),
    ],
)
def test_what_salesforce_cannot_say_is_named(said: Rule, words: str) -> None:
    """With the rule and its place; no entry is made of it."""
    spoken = to_native([said], ROUTING, NAMES)
    assert spoken.entries == ()
    [problem] = spoken.problems
    assert words in problem
    assert "'r' (routing.yaml:1)" in problem


def entry(**parts: object) -> NativeEntry:
    return replace(NativeEntry("Web_Leads", "Queue", "", ()), **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("native", "words"),
    [
        (entry(formula="ISNEW()"), "a formula decides"),
        (entry(extras=(("team", "Sales"),)), "it holds team"),
        (entry(assigned_to="Nowhere"), "no queue 'Nowhere'"),
        (entry(boolean_filter="1 OR 2"), "leaves out a criterion"),
        (entry(criteria=(NativeCriterion("User.Title", "equals", "x"),)), "not of the lead"),
        (
            entry(criteria=(NativeCriterion("Lead.Country", "equals", "", "Lead.State"),)),
            "with the field Lead.State",
        ),
        (entry(criteria=(NativeCriterion("Lead.Geo__c", "within", "5"),)), "within"),
        (entry(criteria=(NativeCriterion("Lead.Country", "resembles", "5"),)), "resembles"),
        (entry(criteria=(NativeCriterion("Lead.Birthday__c", "equals", "TODAY"),)), "is a date"),
        (entry(criteria=(NativeCriterion("Lead.Country", "contains", ""),)), "has no value"),
    ],
)
def test_what_the_programme_cannot_say_is_named(native: NativeEntry, words: str) -> None:
    """With its place among the entries; the others are understood."""
    found = from_native(NativeRule("Main", True, (native, entry())), ROUTING, NAMES)
    [problem] = found.problems
    assert words in problem
    assert "entry 1 of 'Main'" in problem
    assert [r.name for r in found.rules] == ["Main 2"]


def test_a_sandbox_has_usernames_with_a_suffix() -> None:
    """There and back: the programme's own username is what is read."""
    mine = rule(ToUser("jo@x.example.com"))
    said = to_native([mine], ROUTING, NAMES)
    assert said.entries[0].assigned_to == "jo@x.example.com.box"
    read = from_native(NativeRule("Main", True, said.entries), ROUTING, NAMES, [mine])
    assert read.rules[0].target == ToUser("jo@x.example.com")


def test_differences_line_by_line() -> None:
    """What is only there, only here, and in both."""
    one, two = rule(LeaveAlone(), "Country equals PT"), rule(ToQueue("Web Leads"))
    assert compared([one, two], [two]) == (
        ("-", "Country equals PT → stays"),
        ("=", "every lead → queue Web Leads"),
    )


def test_pulled_rules_as_yaml() -> None:
    """As routing.yaml wants them; what could not be said stands above."""
    made = rule(ToQueue("Web Leads"), 'Country equals PT, "A, B"', "Rating equals Hot")
    made = replace(made, logic=Or((Ref(1), Ref(2))), native={"template": "F/T"})
    assert rules_yaml([made], ["entry 2: a formula"]) == (
        "# not said here: entry 2: a formula\n"
        "rules:\n"
        '  - name: "r"\n'
        "    when:\n"
        '      - "Country equals PT, \\"A, B\\""\n'
        '      - "Rating equals Hot"\n'
        "    logic: 1 OR 2\n"
        '    assign: {queue: "Web Leads"}\n'
        '    native: {template: "F/T"}\n'
    )
