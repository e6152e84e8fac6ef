"""A programme that decides beside the one in force, with credits of its own.

Its pools carry the shadow's name, so that its ledgers, chains and wins are nobody else's.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.ids import PoolKey
from sfprm.programme.model import InTurn, ToPool

if TYPE_CHECKING:
    from sfprm.programme.model import Programme, Rule, Target

__all__ = ["MARK", "plain_pool", "shadowed", "stream_of"]

MARK = "~"
"""Between a shadow's name and a pool's key; no key may hold it."""


def stream_of(name: str) -> str:
    """The journal's stream of a shadow."""
    return f"shadow:{name}"


def plain_pool(pool: str) -> str:
    """The key of a shadow's pool as the programme writes it."""
    return pool.rpartition(MARK)[2]


def shadowed(programme: Programme, name: str) -> Programme:
    """The programme with its pools renamed, and the rules that name them."""
    routing = programme.routing
    pools = {
        _renamed(key, name): replace(pool, key=_renamed(key, name))
        for key, pool in routing.pools.items()
    }
    return replace(
        programme,
        routing=replace(
            routing,
            pools=MappingProxyType(pools),
            rules=tuple(_rule(rule, name) for rule in routing.rules),
            rule_sets=tuple(
                replace(each, rules=tuple(_rule(rule, name) for rule in each.rules))
                for each in routing.rule_sets
            ),
        ),
        digest="",
    )


def _renamed(key: PoolKey, name: str) -> PoolKey:
    return PoolKey(f"{name}{MARK}{key}")


def _rule(rule: Rule, name: str) -> Rule:
    return replace(rule, target=_target(rule.target, name))


def _target(target: Target, name: str) -> Target:
    if isinstance(target, ToPool):
        return ToPool(_renamed(target.pool, name))
    if isinstance(target, InTurn):
        return InTurn(
            tuple(
                ToPool(_renamed(t.pool, name)) if isinstance(t, ToPool) else t
                for t in target.targets
            )
        )
    return target
