"""Forecasts: nothing is lost, everything adds up, parked leads are tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.ids import PoolKey, RecordId
from sfprm.programme.model import (
    Cap,
    Criterion,
    Operator,
    Origin,
    Pool,
    PoolMember,
    Programme,
    Routing,
    Rule,
    ToPool,
    ToQueue,
)
from sfprm.routing.simulate import Simulation, simulate, standing_of
from sfprm.routing.values import UNIT, LeadFacts

HERE = Origin("routing.yaml", 1)
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def programme(*weights: int, cap: Cap = Cap()) -> Programme:
    """Portugal to a pool of queues, Spain to a queue, the rest to nobody."""
    pool = Pool(
        PoolKey("p"),
        tuple(PoolMember("queue", f"Q{n}", w, HERE, cap) for n, w in enumerate(weights)),
        HERE,
    )

    def when(country: str) -> tuple[Criterion, ...]:
        text = f"Country equals {country}"
        return (Criterion("Country", Operator.EQUALS, (country,), text, HERE),)

    return Programme(
        name="Test",
        site="",
        profile="",
        channel_managers={},
        partners={},
        people={},
        queues={},
        routing=Routing(
            ("Web",),
            MappingProxyType({pool.key: pool}),
            (
                Rule("Portugal", when("PT"), None, ToPool(pool.key), HERE),
                Rule("Spain", when("ES"), None, ToQueue("Sul"), HERE),
            ),
        ),
    )


def lead(number: int, country: str = "PT", after: timedelta = timedelta()) -> LeadFacts:
    """A lead that came `after` the start."""
    return LeadFacts(
        RecordId(f"00QKp{number:010d}"),
        RecordId("00GKp0000000099"),
        START + after,
        "Web",
        {"Country": country},
    )


def forecast(
    declared: Programme, leads: list[LeadFacts], open_for: timedelta = timedelta(days=14)
) -> Simulation:
    """On a standing without an org."""
    return simulate(declared, standing_of(declared), {}, leads, open_for=open_for)


@given(
    st.lists(st.tuples(st.sampled_from(["PT", "ES", "FR"]), st.integers(0, 500)), max_size=60),
    st.lists(st.integers(0, 5), min_size=1, max_size=4),
)
@settings(max_examples=40, deadline=None)
def test_every_lead_is_counted_once(found: list[tuple[str, int]], weights: list[int]) -> None:
    """Assigned, parked and left alone add up; so do what members got and were entitled to."""
    leads = [lead(n, c, timedelta(minutes=m)) for n, (c, m) in enumerate(found)]
    told = forecast(programme(*weights), leads)
    assert told.leads == len(leads) == told.assigned + told.parked_leads + told.left_alone
    assert sum(n for _, n, _ in told.rules) == told.leads
    assert sum(parked for _, _, parked in told.rules) == told.parked_leads
    assert sum(o.leads for o in told.owners) == told.assigned == len(told.owner_of)
    got = sum(m.got for m in told.members)
    # what is shared out is UNIT less a remainder smaller than the number of members
    assert got * UNIT - got * len(weights) <= sum(m.entitled for m in told.members) <= got * UNIT


def test_the_share_follows_the_weights() -> None:
    """Two to one, whatever the pace."""
    told = forecast(programme(2, 1), [lead(n, after=timedelta(minutes=7 * n)) for n in range(30)])
    assert [m.got for m in told.members] == [20, 10]


def test_a_capped_pool_parks_and_tries_again() -> None:
    """Ten at once, two members who may win three a day: four wait for the next day."""
    first = [lead(n) for n in range(10)]
    told = forecast(programme(1, 1, cap=Cap(day=3)), first)
    assert (told.assigned, told.parked_leads) == (6, 4)
    later = [lead(99, "ES", timedelta(hours=26))]
    told = forecast(programme(1, 1, cap=Cap(day=3)), [*first, *later])
    assert (told.assigned, told.parked_leads, told.tries) == (11, 0, 4)


@pytest.mark.parametrize(("open_for", "assigned"), [(1, 4), (30, 2)])
def test_leads_held_open_count_until_they_are_taken_as_closed(open_for: int, assigned: int) -> None:
    """A cap of one open lead each; the second pair comes five days later."""
    leads = [lead(n, after=timedelta(days=5 * (n // 2))) for n in range(4)]
    told = forecast(programme(1, 1, cap=Cap(open=1)), leads, open_for=timedelta(days=open_for))
    assert told.assigned == assigned


def test_leads_that_no_rule_takes_are_told_apart() -> None:
    """With the reason, and under no rule."""
    told = forecast(programme(1), [lead(1, "FR"), lead(2, "ES")])
    assert told.parked == (("no rule matches", 1),)
    assert ("no rule", 1, 1) in told.rules
    assert ("Spain", 1, 0) in told.rules
    assert [(o.name, o.member, o.leads) for o in told.owners] == [("Sul", "", 1)]
