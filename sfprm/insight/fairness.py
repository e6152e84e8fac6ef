"""`report fairness`: what each member was entitled to, what it got, and the worst ever between."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sfprm.blocks import Block, Table, Text
from sfprm.errors import BadRequest
from sfprm.insight.names import instant_text, leads_text, member_name
from sfprm.routing.credits import has_bound, is_counts, shares, shares_in, sync_members
from sfprm.routing.eligibility import pool_ledger
from sfprm.routing.values import UNIT, Ledger
from sfprm.store.records import MoveKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sfprm.ids import PoolKey
    from sfprm.programme.model import Pool, Programme
    from sfprm.store.api import StoreReader
    from sfprm.store.records import LedgerMove

__all__ = ["FairnessReport", "MemberFairness", "PoolFairness", "fairness"]


@dataclass(frozen=True, slots=True)
class MemberFairness:
    """`entitled` is the sum of a member's shares, in UNIT; `got` its leads; both net of refunds.
    `left`: no longer a member."""

    member: str
    name: str
    entitled: int
    got: int
    left: bool

    @property
    def difference(self) -> int:
        """Got less entitled, in UNIT: more than 0 is more than its due."""
        return self.got * UNIT - self.entitled


@dataclass(frozen=True, slots=True)
class PoolFairness:
    """One pool since its first choice. `worst` is the greatest distance from entitlement of any
    member at any moment, in UNIT; `ever` all who ever were members: the n of the bound.

    Refunded choices are left out of everything; `refunds` counts them. `unproved`: why no bound is
    proved; empty where one is.
    """

    pool: str
    since: datetime | None
    leads: int
    refunds: int
    members: tuple[MemberFairness, ...]
    worst: int
    ever: int
    unproved: str = ""

    @property
    def bound(self) -> float | None:
        """(n - 1)/2 leads, as proved; None in equal counts, where whoever is away falls behind, and
        where leads count that were not chosen."""
        return None if self.unproved else max(0, self.ever - 1) / 2

    @property
    def beyond(self) -> bool:
        """Whether the worst distance is beyond what is proved: only where the state is damaged."""
        return self.bound is not None and self.leads > 0 and self.worst > self.bound * UNIT

    def blocks(self) -> tuple[Block, ...]:
        """A sentence and a table."""
        if self.since is None:
            return (Text((f"Pool {self.pool}: no lead was shared out yet.",)),)
        noun = "refund" if self.refunds == 1 else "refunds"
        refunds = f"; {self.refunds:,} {noun} not counted" if self.refunds else ""
        count = "lead" if self.leads == 1 else "leads"
        most = max((member.got for member in self.members), default=0)
        bound = (
            f"no bound is proved: {self.unproved}"
            if self.bound is None
            else f"proved bound for {self.ever} members: {self.bound:.2f}"
        )
        return (
            Table(
                columns=("member", "entitled", "got", "difference", ""),
                rows=tuple(
                    (
                        f"{m.name} (left)" if m.left else m.name,
                        leads_text(m.entitled),
                        f"{m.got:,}",
                        leads_text(m.difference, sign=True),
                        "█" * round(26 * m.got / most) if most else "",
                    )
                    for m in self.members
                ),
                title=f"Pool {self.pool}",
                right=(1, 2, 3),
            ),
            Text(
                (
                    f"Since {instant_text(self.since)}, {self.leads:,} {count}, worst distance "
                    f"from entitlement at any moment {leads_text(self.worst)} leads "
                    f"({bound}{refunds}).",
                )
            ),
        )

    def exact(self) -> dict[str, Any]:
        """Amounts in UNIT, as whole numbers: what a certificate holds."""
        return {
            "pool": self.pool,
            "since": None if self.since is None else self.since.isoformat(),
            "leads": self.leads,
            "refunds": self.refunds,
            "ever": self.ever,
            "unit": UNIT,
            "worst": self.worst,
            "bound": self.bound,
            "members": [
                {"member": m.member, "name": m.name, "entitled": m.entitled, "got": m.got}
                for m in self.members
            ],
        }

    def to_json(self) -> dict[str, Any]:
        """Amounts in leads."""
        return {
            "pool": self.pool,
            "since": None if self.since is None else self.since.isoformat(),
            "leads": self.leads,
            "refunds": self.refunds,
            "worst": self.worst / UNIT,
            "bound": self.bound,
            "members": [
                {
                    "member": m.member,
                    "name": m.name,
                    "entitled": m.entitled / UNIT,
                    "got": m.got,
                    "difference": m.difference / UNIT,
                    "left": m.left,
                }
                for m in self.members
            ],
        }


@dataclass(frozen=True, slots=True)
class FairnessReport:
    """Every pool asked for, in the programme's order."""

    pools: tuple[PoolFairness, ...]

    @property
    def worst(self) -> float:
        """The worst distance in any pool, in leads."""
        return max((pool.worst for pool in self.pools), default=0) / UNIT

    def blocks(self) -> tuple[Block, ...]:
        """What a person reads."""
        return tuple(block for pool in self.pools for block in pool.blocks())

    def to_json(self) -> dict[str, Any]:
        """What a machine reads."""
        return {"worst": self.worst, "pools": [pool.to_json() for pool in self.pools]}


def fairness(
    reader: StoreReader,
    pools: Iterable[PoolKey] | None,
    programme: Programme,
    *,
    upto: int | None = None,
) -> FairnessReport:
    """Entitled and got, member by member, of those pools (None: all); `upto` a journal entry.

    Raises BadRequest for a pool that the programme does not declare.
    """
    declared = programme.routing.pools
    wanted = list(declared if pools is None else pools)
    for key in wanted:
        if key not in declared:
            raise BadRequest(
                f"The programme has no pool '{key}'.",
                hint=f"Its pools are: {', '.join(sorted(declared)) or 'none'}.",
            )
    last = _END if upto is None else upto
    return FairnessReport(tuple(_pool(reader, declared[key], programme, last) for key in wanted))


def _pool(reader: StoreReader, pool: Pool, programme: Programme, last: int) -> PoolFairness:
    key = pool_ledger(pool)
    moves = reader.moves_of(key, after=0, upto=last)
    refunded = {move.sequence for move in moves if move.kind is MoveKind.REFUND}
    kept = [m for m in moves if m.kind is MoveKind.CHOICE and m.sequence not in refunded]
    entitled = {member.key: 0 for member in pool.members}
    if is_counts(key):
        worst, ever = _count_out(reader, key, kept, entitled)
    else:
        worst, ever = _share_out(reader, kept, entitled)
    got = Counter(choice.winner for choice in kept)
    here = {member.key for member in pool.members}
    first = reader.entries(pool=pool.key, after=moves[0].journal - 1, limit=1) if moves else []
    return PoolFairness(
        pool=pool.key,
        since=first[0].decided_at if first else None,
        leads=len(kept),
        refunds=len(refunded),
        members=tuple(
            MemberFairness(
                member,
                member_name(member, programme),
                entitled[member],
                got[member],
                member not in here,
            )
            for member in entitled
        ),
        worst=worst,
        ever=max(ever, len(pool.members)),
        unproved="" if has_bound(key) else _UNPROVED[is_counts(key)],
    )


_END = (1 << 63) - 1
_UNPROVED = {
    True: "counts are shared out evenly, whoever is away",
    False: "leads of known companies count, which nobody chose",
}
"""Why, by whether the ledger is of equal counts."""


def _share_out(
    reader: StoreReader, choices: Sequence[LedgerMove], entitled: dict[str, int]
) -> tuple[int, int]:
    """Add every share to `entitled` (UNIT); returns the worst distance at any moment, and how many
    times somebody joined: the n of the bound.

    Distances follow the ledger's own rules: the winner pays exactly what was shared out, a member
    who leaves takes its distance along, one who comes back starts at 0.
    """
    known = reader.eligibilities({choice.class_digest for choice in choices})
    classes: dict[str, tuple[frozenset[str], dict[str, int]]] = {}
    joined = 0
    here: frozenset[str] = frozenset()
    distance: dict[str, int] = {}
    worst = 0
    for choice in choices:
        found = classes.get(choice.class_digest)
        if found is None:
            eligibility = known[choice.class_digest]
            members = frozenset(candidate.member for candidate in eligibility.candidates)
            found = classes[choice.class_digest] = (members, shares(eligibility))
        members, parts = found
        joined += len(members - here)
        here = members
        for member in distance.keys() - members:
            del distance[member]
        for member, part in parts.items():
            entitled[member] = entitled.get(member, 0) + part
            distance[member] = distance.get(member, 0) + part
        distance[choice.winner] -= sum(parts.values())
        worst = max(worst, *(abs(distance[member]) for member in parts))
    return worst, joined


def _count_out(
    reader: StoreReader, key: str, choices: Sequence[LedgerMove], entitled: dict[str, int]
) -> tuple[int, int]:
    """As `_share_out`, in equal counts: what a lead shares out hangs on who is owed how much, so
    the ledger is led along."""
    known = reader.eligibilities({choice.class_digest for choice in choices})
    ledger = Ledger(key)
    worst = 0
    for choice in choices:
        eligibility = known[choice.class_digest]
        ledger = sync_members(ledger, (c.member for c in eligibility.candidates))
        parts = shares_in(ledger, eligibility)
        credits = dict(ledger.credits)
        for member, part in parts.items():
            entitled[member] = entitled.get(member, 0) + part
            credits[member] += part
        credits[choice.winner] -= sum(parts.values())
        ledger = replace(ledger, credits=MappingProxyType(credits))
        worst = max(worst, *(abs(credit) for credit in credits.values()))
    return worst, ledger.ever
