"""A part of a plan: the steps about one partner, and what those need. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sfprm.errors import BadRequest
from sfprm.ids import PartnerKey
from sfprm.programme.complaints import did_you_mean
from sfprm.provisioning.difference import Kind
from sfprm.provisioning.steps import CreateUser, DeactivateUser

if TYPE_CHECKING:
    from collections.abc import Set

    from sfprm.programme.model import Programme
    from sfprm.provisioning.plan import Plan
    from sfprm.provisioning.steps import PlannedStep

__all__ = ["limited", "targeted"]


def targeted(plan: Plan, programme: Programme, partner: str) -> Plan:
    """The plan for that partner alone: its account, its people, their permission sets and
    memberships, and steps that these depend on. Raises BadRequest for an unknown partner."""
    if PartnerKey(partner) not in programme.partners:
        raise BadRequest(
            f"no partner of the programme has the key {partner!r}.",
            hint=did_you_mean(partner, programme.partners) or "`sfprm programme show` lists them.",
        )
    return limited(plan, {partner}, {p.key for p in programme.people_of(PartnerKey(partner))})


def limited(plan: Plan, partners: Set[str], people: Set[str]) -> Plan:
    """The plan for these partners with all that is theirs and for these people, and steps that
    those depend on."""
    differences = plan.comparison.differences
    users: set[str] = {
        d.record_id
        for d in differences
        if d.kind is Kind.USER and d.key in people and d.record_id is not None
    }
    owned = {*partners, *people}
    kept = {id(s) for s in plan.steps if _about(s, owned, people, users)}
    made = {s.ref: s for s in plan.steps}
    grown = True
    while grown:
        grown = False
        for step in plan.steps:
            if id(step) not in kept:
                continue
            for needed in (made[n] for n in step.needs if n in made):
                if id(needed) not in kept:
                    kept.add(id(needed))
                    grown = True
    steps = tuple(s for s in plan.steps if id(s) in kept)
    refs = {s.ref for s in steps}
    keep = {d.ref: d for d in differences if d.ref in refs or d.owner in owned or d.key in owned}
    comparison = replace(
        plan.comparison, differences=tuple(d for d in differences if d.ref in keep), baseline=()
    )
    made_users = sum(1 for s in steps if isinstance(s, CreateUser))
    freed = sum(1 for s in steps if isinstance(s, DeactivateUser))
    if len(plan.seats) == 1:  # with several licences it is not told which user takes which
        [seat] = plan.seats
        comparison = replace(comparison, seats=(replace(seat, taken=made_users, freed=freed),))
    mails = made_users if plan.mails else plan.mails
    return replace(plan, steps=steps, comparison=comparison, mails=mails)


def _about(step: PlannedStep, owned: Set[str], people: Set[str], users: Set[str]) -> bool:
    if step.owner in owned or step.key in people:
        return True
    to = step.links.get("UserOrGroupId", "")
    member = step.after.get("UserOrGroupId") or step.before.get("UserOrGroupId")
    return to.removeprefix("user:") in people or str(member) in users
