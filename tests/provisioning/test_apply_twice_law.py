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


def edited(estate: Any, draw: Any, make: Any) -> Any:
    """The org after people have changed this and that by hand."""
    accounts = {
        key: replace(a, fields={**a.fields, "Phone": draw(st.sampled_from([None, "0"]))})
        if draw(st.booleans())
        else a
        for key, a in estate.accounts.items()
    }
    users = {
        key: replace(
            user,
            frozen=draw(st.booleans()),
            active=draw(st.booleans()),
            fields={
                **user.fields,
                "Email": draw(st.sampled_from(["x@example.com", "y@example.com"])),
            },
        )
        if draw(st.booleans())
        else user
        for key, user in estate.partner_users.items()
    }
    queues = {}
    for key, queue in estate.queues.items():
        kept = {user: row for user, row in queue.members.items() if draw(st.booleans())}
        if draw(st.booleans()):
            kept[make.jonas] = make.id("011", 999)
        queues[key] = replace(queue, members=kept, label=draw(st.sampled_from([key, "Other"])))
    used = sum(1 for user in users.values() if user.active)
    licences = {n: replace(one, used=used) for n, one in estate.licences.items()}
    return replace(estate, accounts=accounts, partner_users=users, queues=queues, licences=licences)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(sequence=st.lists(shapes(), min_size=1, max_size=3), data=st.data())
def test_after_hand_edits_one_apply_settles_it(make: Any, sequence: list[Any], data: Any) -> None:
    """Files win where they are managed, people where they are not; either way the next plan is
    empty, and no member that sfprm did not add is taken away."""
    applied: dict[Any, Any] = {}
    estate = make.estate()
    for shape in sequence:
        programme = programme_of(make, shape)
        plan = make.plan(programme, estate, applied)
        estate, applied = make.carry_out(plan, estate, applied)
        estate = edited(estate, data.draw, make)
        strangers = {q.id for q in estate.queues.values() if make.jonas in q.members}
        plan = make.plan(programme, estate, applied)
        estate, applied = make.carry_out(plan, estate, applied)
        assert make.plan(programme, estate, applied).steps == ()
        assert strangers == {q.id for q in estate.queues.values() if make.jonas in q.members}
