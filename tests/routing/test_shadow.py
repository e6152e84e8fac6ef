"""A shadow's pools are its own; everything else is the programme's."""

from __future__ import annotations

from types import MappingProxyType

from sfprm.ids import PoolKey
from sfprm.insight.agreement import Compared, agreement
from sfprm.programme.model import (
    InTurn,
    Origin,
    Pool,
    PoolMember,
    Programme,
    Routing,
    Rule,
    RuleSet,
    ToPool,
    ToQueue,
)
from sfprm.routing.decide import ledger_keys
from sfprm.routing.shadow import plain_pool, shadowed

HERE = Origin("routing.yaml", 1)


def programme() -> Programme:
    """Two rule sets, a pool, a fallback."""
    pool = Pool(PoolKey("south"), (PoolMember("queue", "Sul", 1, HERE),), HERE)
    turn = InTurn((ToPool(pool.key), ToQueue("Desk")))
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
            (Rule("First", (), None, ToPool(pool.key), HERE),),
            rule_sets=(
                RuleSet("Service", ("Service",), (Rule("Turn", (), None, turn, HERE),), HERE),
            ),
        ),
    )


def test_no_ledger_is_shared() -> None:
    """Two shadows and the programme move three different ledgers."""
    keys = [ledger_keys(p) for p in (programme(), *(shadowed(programme(), n) for n in "ab"))]
    assert keys == [("pool:south",), ("pool:a~south",), ("pool:b~south",)]


def test_every_rule_names_the_shadows_pool() -> None:
    """In all rule sets, and among targets taken in turn."""
    found = shadowed(programme(), "a").routing
    assert [r.target for r in found.all_rules] == [
        ToPool(PoolKey("a~south")),
        InTurn((ToPool(PoolKey("a~south")), ToQueue("Desk"))),
    ]
    assert found.pools[PoolKey("a~south")].key == "a~south"
    assert plain_pool("a~south") == plain_pool("south") == "south"


def test_agreement_counts_owners_then_partners() -> None:
    """Leads that wait are not compared, and parked ones are told apart."""
    leads = [
        Compared("Hot", "Inês", "Acme", "Inês", "Acme"),
        Compared("Hot", "Inês", "Acme", "Rui", "Acme"),
        Compared("Hot", "Inês", "Acme", "Ole", "Nordica"),
        Compared("Hot", "Inês", "Acme", "Ole", "Nordica"),
        Compared("Hot", "Inês", "Acme", "", ""),
        Compared("no rule", "", "", "Desk", ""),
    ]
    found = agreement("candidate", leads)
    assert (found.decided, found.parked, found.waiting, found.compared) == (6, 1, 1, 4)
    assert (found.same, found.partner) == (1, 1)
    assert found.differences == (("Hot", "Acme", "Nordica", 2),)
