"""The law of plan and apply: what a plan leaves, the next plan finds done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sfprm.ids import PartnerKey
from sfprm.programme.model import PartnerMember, Presence, Programme

STATES = st.sampled_from(list(Presence))
KEYS = ("acme", "nordica", "sulcom", "valmont")


@st.composite
def shapes(draw: st.DrawFn) -> tuple[Any, ...]:
    """(partner key, manager, state, [(person number, state)]) for some partners."""
    partners = []
    for key in draw(st.lists(st.sampled_from(KEYS), unique=True)):
        people = draw(st.lists(st.tuples(st.integers(0, 3), STATES), unique_by=lambda p: p[0]))
        manager = draw(st.sampled_from(["marta", "jonas", "pedro"]))
        phone = draw(st.sampled_from(["", "+351 1", " +351 1 ", "+49 2"]))
        partners.append((key, manager, draw(STATES), phone, people))
    return tuple(partners)


def programme_of(make: Any, shape: tuple[Any, ...]) -> Programme:
    partners = [
        make.partner(key, manager=manager, state=state, fields={"Phone": phone})
        for key, manager, state, phone, _ in shape
    ]
    people = [
        make.person(f"{key}-{number}", key, state=state)
        for key, _, _, _, folk in shape
        for number, state in folk
    ]
    members = [PartnerMember(PartnerKey(key)) for key, *_ in shape]
    result: Programme = make.programme(partners, people, [make.queue("Norte", *members)])
    return result


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(sequence=st.lists(shapes(), min_size=1, max_size=4))
def test_after_any_history_a_second_plan_is_empty(make: Any, sequence: list[Any]) -> None:
    """However the files change, one apply reaches them; the model forbids a second user for a
    contact and a doubled membership."""
    applied: dict[Any, Any] = {}
    estate = make.estate()
    for shape in sequence:
        programme = programme_of(make, shape)
        plan = make.plan(programme, estate, applied)
        estate, applied = make.carry_out(plan, estate, applied)
        assert make.plan(programme, estate, applied).steps == ()


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(shape=shapes(), cut=st.integers(0, 40))
def test_an_interrupted_apply_is_finished_by_the_next(make: Any, shape: Any, cut: int) -> None:
    """Stopped after any number of steps, with nothing remembered, the next plan does the rest."""
    programme, start = programme_of(make, shape), make.estate()
    whole = make.plan(programme, start)
    half, _ = make.carry_out(replace(whole, steps=whole.steps[:cut]), start)
    rest = make.plan(programme, half)
    assert len(rest.steps) == max(0, len(whole.steps) - cut)
    finished, _ = make.carry_out(rest, half)
    assert make.plan(programme, finished).steps == ()
