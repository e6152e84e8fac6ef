"""How evenly a pool has shared: entitled, got and difference of each member, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from sfprm.ids import PartnerKey
from sfprm.routing.credits import has_bound
from sfprm.routing.eligibility import pool_ledger
from sfprm.routing.values import UNIT, Ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.ids import PoolKey
    from sfprm.programme.model import Pool, PoolMember, Programme

__all__ = ["MemberShare", "PoolShare", "member_name", "pool_share"]


@dataclass(frozen=True, slots=True)
class MemberShare:
    """One member since the ledger began. `difference` is got less entitled, in leads."""

    member: str
    name: str
    weight: int
    entitled: Fraction
    got: int

    @property
    def difference(self) -> Fraction:
        return self.got - self.entitled


@dataclass(frozen=True, slots=True)
class PoolShare:
    """One pool since its ledger began. `bound` is the proved one, (n - 1)/2 leads, for all who ever
    were members; None where none is proved (equal counts, leads of known companies)."""

    pool: PoolKey
    members: tuple[MemberShare, ...]
    bound: Fraction | None

    @property
    def worst(self) -> Fraction:
        """The largest difference, either way, in leads."""
        return max((abs(m.difference) for m in self.members), default=Fraction(0))


def member_name(programme: Programme, member: PoolMember) -> str:
    """A member as people call it: the partner's name, the queue's label, the username."""
    if member.kind == "partner" and member.name in programme.partners:
        return programme.partners[PartnerKey(member.name)].name
    return member.name


def pool_share(
    programme: Programme, pool: Pool, ledgers: Mapping[str, Ledger], got: Mapping[str, int]
) -> PoolShare:
    """`got` counts wins by member key since the ledger began, net of refunds. What a member is
    entitled to is what it got and what it is still owed."""
    key = pool_ledger(pool)
    ledger = ledgers.get(key, Ledger(key))
    return PoolShare(
        pool.key,
        tuple(
            MemberShare(
                m.key,
                member_name(programme, m),
                m.weight,
                got.get(m.key, 0) + Fraction(ledger.credits.get(m.key, 0), UNIT),
                got.get(m.key, 0),
            )
            for m in pool.members
        ),
        Fraction(max(ledger.ever - 1, 0), 2) if has_bound(key) else None,
    )
