"""What the files alone say against a pool's members, kept from batch to batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.ids import PartnerKey
from sfprm.programme.meaning import SEVERAL
from sfprm.programme.model import Presence
from sfprm.routing.conditions import why_not
from sfprm.routing.values import Candidate, Code, EligibilityClass, Reason

if TYPE_CHECKING:
    from sfprm.programme.conditions import Condition
    from sfprm.programme.model import FieldValue, Partner, Pool, PoolMember, Programme
    from sfprm.routing.values import LeadFacts

__all__ = ["MOST_KEPT", "Declared", "Parts", "Reasons"]

MOST_KEPT = 20_000
"""Answers that are remembered; then all are forgotten."""

MOST_WORDS = 100
"""Sets of reasons that are remembered of one member."""

Reasons = tuple[Reason, ...]


class Parts:
    """What the files say against one member; `free` when nothing else is against it."""

    __slots__ = ("_candidates", "_declared", "free")

    def __init__(self, member: str, weight: int, declared: Reasons) -> None:
        self._declared = declared
        self.free = Candidate(member, weight, declared)
        self._candidates: dict[tuple[Reasons, Reasons], Candidate] = {}

    def candidate(self, caps: Reasons, owner: Reasons) -> Candidate:
        """The member with caps reached and reasons against its owners."""
        key = (caps, owner)
        found = self._candidates.get(key)
        if found is None:
            if len(self._candidates) > MOST_WORDS:
                self._candidates.clear()
            found = self._candidates[key] = Candidate(
                self.free.member, self.free.weight, self._declared + caps + owner
            )
        return found


class Declared:
    """What the files alone say against members, for any batch: states, weights, conditions,
    competitors. Remembers by the values that a pool's conditions read.

    Also keeps the classes that were made of it, together with what else they hang on.
    """

    def __init__(self, programme: Programme) -> None:
        self._programme = programme
        self._kept: dict[tuple[object, ...], tuple[Parts, ...]] = {}
        self.classes: dict[tuple[object, ...], EligibilityClass] = {}
        """Classes by all that they hang on, so that equal ones are one object in all batches."""

    def parts(
        self,
        pool: Pool,
        also: Condition | None,
        values: tuple[FieldValue, ...],
        lead: LeadFacts,
    ) -> tuple[Parts, ...]:
        """One for each member of the pool, in file order. `also` is a rule's own condition."""
        key = (pool.key, id(also), values)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = tuple(
                Parts(m.key, m.weight, self._reasons(pool, m, lead, also)) for m in pool.members
            )
        return found

    def forget(self) -> bool:
        """Forget everything when it has become much, and say so; between batches only."""
        much = len(self._kept) > MOST_KEPT or len(self.classes) > MOST_KEPT
        if much:
            self._kept.clear()
            self.classes.clear()
        return much

    def partner(self, member: PoolMember) -> Partner | None:
        """The partner that the member is."""
        if member.kind != "partner":
            return None
        return self._programme.partners.get(PartnerKey(member.name))

    def _reasons(
        self, pool: Pool, member: PoolMember, lead: LeadFacts, also: Condition | None
    ) -> tuple[Reason, ...]:
        partner = self.partner(member)
        tiers = self._programme.tiers
        found: list[Reason] = []
        if member.weight <= 0:
            found.append(Reason(Code.WEIGHT_ZERO, "weight 0"))
        if partner is not None and partner.state is not Presence.ACTIVE:
            found.append(Reason(Code.INACTIVE, f"the programme says {partner.state.value}"))
        found.extend(why_not(pool.eligible_when, partner, lead.fields, tiers))
        found.extend(why_not(also, partner, lead.fields, tiers))
        if pool.competitors is not None and partner is not None:
            named = _names_in(lead.fields.get(pool.competitors))
            if partner.key.casefold() in named or partner.name.casefold() in named:
                found.append(Reason(Code.COMPETITOR, f"the lead's {pool.competitors} names it"))
        return tuple(found)


def _names_in(value: FieldValue) -> frozenset[str]:
    """Names as people list them in a field: one a line, or with commas or semicolons between."""
    text = "" if value is None else str(value)
    for sign in (";", ","):
        text = text.replace(sign, SEVERAL)
    return frozenset(part.strip().casefold() for part in text.split(SEVERAL)) - {""}
