"""A plan in shards: every step once, after what it needs, and never two on one thing at once."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfprm.estate.model import Licence
from sfprm.ids import PartnerKey
from sfprm.programme.model import PartnerMember
from sfprm.provisioning.lanes import takes_role_lock
from sfprm.provisioning.plan import calls_for
from sfprm.provisioning.shards import Shard, shards
from sfprm.provisioning.steps import (
    PHASES,
    AddMember,
    ChangeOwner,
    CreateAccount,
    CreateQueue,
    CreateUser,
    DeactivateUser,
    FreezeUser,
    MoveContact,
    PlannedStep,
    UpdateUser,
    UpsertContact,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

Make = Any
RANK = {kind: at for at, kinds in enumerate(PHASES) for kind in kinds}
LONE = (ChangeOwner, MoveContact, DeactivateUser, UpdateUser, FreezeUser)


def steps_of(make: Make, partners: int, people: int, queues: int) -> tuple[PlannedStep, ...]:
    """The plan of so many new partners, each in one of the queues."""
    keys = [f"p{n:04}" for n in range(partners)]
    programme = make.programme(
        [make.partner(key) for key in keys],
        [make.person(f"{key}x{n}", key) for key in keys for n in range(people)],
        [
            make.queue(f"Q{q}", *(PartnerMember(PartnerKey(k)) for k in keys[q::queues]))
            for q in range(queues)
        ],
    )
    seats = {"Partner Community": Licence("Partner Community", 100_000, 0)}
    return tuple(make.plan(programme, make.estate(licences=seats)).steps)


def with_lone(steps: Sequence[PlannedStep], kinds: Sequence[type[PlannedStep]]) -> Any:
    """The same with a step of each of those kinds, in the order of the phases."""
    whole = list(steps)
    for n, kind in enumerate(kinds):
        whole.append(kind(f"k{n}", "", "p0000", f"lone:{n}", {"X": n}))
    return tuple(sorted(whole, key=lambda step: RANK[type(step)]))


def all_before(made: Sequence[Shard]) -> list[set[int]]:
    """For each shard, every shard that is done when it begins."""
    found: list[set[int]] = []
    for shard in made:
        assert all(at < len(found) for at in shard.after)
        found.append(set(shard.after).union(*(found[at] for at in shard.after)))
    return found


@given(
    partners=st.integers(1, 60),
    people=st.integers(0, 4),
    queues=st.integers(1, 5),
    hands=st.integers(2, 8),
    lone=st.lists(st.sampled_from(LONE), unique=True),
    torn=st.booleans(),
)
def test_shards_keep_every_rule(
    make: Make, partners: int, people: int, queues: int, hands: int, lone: list[Any], torn: bool
) -> None:
    """Whatever the plan and whoever is quick: needs before, one account and one queue by one at a
    time, one making of roles at a time, and what stands alone alone."""
    steps = with_lone(steps_of(make, partners, people, queues), lone)
    made = shards(steps, hands, torn=torn)
    if not made:
        return
    places = [at for shard in made for at in shard.steps]
    assert sorted(places) == list(range(len(steps)))
    before = all_before(made)
    home = {at: n for n, shard in enumerate(made) for at in shard.steps}
    makers = {step.ref: at for at, step in enumerate(steps)}
    for at, step in enumerate(steps):
        for ref in (*step.needs, *step.links.values()):
            if ref in makers:
                mine, other = home[at], home[makers[ref]]
                assert other in before[mine] or (other == mine and makers[ref] < at)
    for n in range(len(made)):
        for m in range(n):
            if m in before[n]:
                continue
            ours, theirs = made_of(steps, made[n]), made_of(steps, made[m])
            assert not {s.owner for s in ours} & {s.owner for s in theirs if is_own(s)} or not any(
                map(is_own, ours)
            )
            assert not {s.owner for s in ours if is_member(s)} & {
                s.owner for s in theirs if is_member(s)
            }
            assert not (any(map(makes_roles, ours)) and any(map(makes_roles, theirs)))
            assert not any(type(s) in LONE for s in (*ours, *theirs))


def made_of(steps: Sequence[PlannedStep], shard: Shard) -> list[PlannedStep]:
    """A shard's steps; they stand in the order of the phases."""
    found = [steps[at] for at in shard.steps]
    assert all(RANK[type(a)] <= RANK[type(b)] for a, b in pairwise(found))
    return found


def is_own(step: PlannedStep) -> bool:
    """Whether it writes an account or its contacts."""
    return isinstance(step, CreateAccount | UpsertContact)


def is_member(step: PlannedStep) -> bool:
    """Whether it changes who is in a queue."""
    return isinstance(step, AddMember)


def is_later_user(step: PlannedStep) -> bool:
    """Whether it makes a user of an account that has its roles."""
    return isinstance(step, CreateUser) and not takes_role_lock(step)


def makes_roles(step: PlannedStep) -> bool:
    """Whether it takes the lock of roles, or of the groups that collide with it."""
    return takes_role_lock(step) or isinstance(step, CreateQueue)


@pytest.mark.parametrize(
    ("partners", "hands", "groups"), [(2000, 4, 11), (800, 4, 5), (400, 4, 7), (400, 2, 3)]
)
def test_groups_fill_their_requests(make: Make, partners: int, hands: int, groups: int) -> None:
    """66 partners of three people fill a request of contacts; 3 requests make a group where there
    is enough for all hands, fewer where there is less. Later users are a request a shard."""
    steps = steps_of(make, partners, 3, 20)
    made = shards(steps, hands)
    accounts = [s for s in made if isinstance(steps[s.steps[0]], CreateAccount)]
    assert len(accounts) == groups
    later = [len(s.steps) for s in made if is_later_user(steps[s.steps[0]])]
    assert later == [200] * (2 * partners // 200)


@pytest.mark.parametrize(
    ("hands", "torn", "more"), [(2, False, 2), (4, False, 4), (2, True, -1), (4, True, 1)]
)
def test_shards_cost_few_calls_more_than_one_worker(
    make: Make, hands: int, torn: bool, more: int
) -> None:
    """Requests are as full as when one worker does it all, but for the ends of groups and of
    parts of memberships. `torn`: 30 requests hold the contacts, not 31."""
    steps = steps_of(make, 2000, 3, 20)
    made = shards(steps, hands, torn=torn)
    calls = 0
    for shard in made:
        kinds: dict[type[PlannedStep], int] = {}
        for at in shard.steps:
            kinds[type(steps[at])] = kinds.get(type(steps[at]), 0) + 1
        rows = 200 if torn else 198
        calls += sum(
            -(-many // (rows if kind is UpsertContact else 200)) for kind, many in kinds.items()
        )
    calls += 1  # the first shard of first users is two requests
    reads = 3  # of 6,000 members
    assert calls == calls_for(steps) - reads + more


@pytest.mark.parametrize("partners", [400, 2000])
def test_the_line_begins_with_what_its_first_requests_take(make: Make, partners: int) -> None:
    """Users' requests grow, 20, 40, 80, 160, 200: so do the first shards of the line, and the first
    waits for no more contacts than a request takes. Under way it is handed over seldom."""
    steps = steps_of(make, partners, 3, 20)
    made = shards(steps, 2)
    line = [s for s in made if takes_role_lock(steps[s.steps[0]])]
    sizes = [len(s.steps) for s in line]
    assert sizes[:3] == [60, 80, 160]
    assert sizes[3:] == ([100] if partners == 400 else [400, 400, 400, 200, 200, 100])
    waited = [steps[at] for place in line[0].after for at in made[place].steps]
    assert sum(isinstance(step, UpsertContact) for step in waited) <= 200


@pytest.mark.parametrize(("hands", "parts"), [(2, 2), (4, 4), (8, 8), (40, 15)])
def test_members_are_dealt_out_evenly(make: Make, hands: int, parts: int) -> None:
    """6,000 memberships of 20 queues: as much for each, whole queues, 400 to 3,000 at once where
    queues allow it."""
    steps = steps_of(make, 2000, 3, 20)
    made = shards(steps, hands)
    members = [len(s.steps) for s in made if isinstance(steps[s.steps[0]], AddMember)]
    assert (len(members), sum(members)) == (parts, 6000)
    assert max(members) - min(members) <= 300


def test_a_small_plan_is_not_worth_it(make: Make) -> None:
    """Ten partners are done before anybody has come to help."""
    assert shards(steps_of(make, 10, 1, 1), 4) == []


def test_the_line_of_first_users_comes_before_later_groups(make: Make) -> None:
    """Who makes roles waits for nobody else, so that the line is begun as early as can be."""
    steps = steps_of(make, 400, 2, 2)
    made = shards(steps, 4)
    line = [n for n, s in enumerate(made) if takes_role_lock(steps[s.steps[0]])]
    assert line[0] < min(
        n for n, s in enumerate(made) if n > 1 and isinstance(steps[s.steps[0]], CreateAccount)
    )
    assert all(a in made[b].after for a, b in pairwise(line))
