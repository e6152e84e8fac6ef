"""What if: a programme and a lead with something changed, and who would be eligible then.

A supposition is `SUBJECT.ATTRIBUTE=VALUE`. The subject is `lead` (its fields) or a member of a pool
by its key: a partner's attributes and tier, and of every member `weight`, `hours` (always or
never), `cap` (none), `logged_in` (yes) and `eligible` (yes or no). Pure.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.errors import BadRequest
from sfprm.ids import PartnerKey
from sfprm.routing.values import Candidate, Code, EligibilityClass, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sfprm.programme.model import FieldValue, Programme

__all__ = ["Supposition", "merged", "parse", "supposed_facts", "supposed_programme"]

_FORM = re.compile(r"(?P<subject>.+?)\.(?P<attribute>[A-Za-z_][\w.]*)\s*=\s*(?P<value>.*)")
_OWN = ("weight", "hours", "cap", "logged_in", "eligible")
_HOURS = frozenset({Code.OUT_OF_HOURS, Code.HOLIDAY, Code.ABSENT})
_CAPS = frozenset({Code.CAP_HOUR, Code.CAP_DAY, Code.CAP_WEEK, Code.CAP_MONTH, Code.CAP_OPEN})
_LOGIN = frozenset({Code.NEVER_LOGGED_IN, Code.NO_ELIGIBLE_PERSON})
_CHOICES = {
    "hours": ("always", "never"),
    "cap": ("none",),
    "logged_in": ("yes",),
    "eligible": ("yes", "no"),
}


@dataclass(frozen=True, slots=True)
class Supposition:
    """One change. `member` is a pool member's key (`partner:acme`), empty for the lead."""

    text: str
    member: str
    attribute: str
    value: str


def parse(texts: Iterable[str], programme: Programme) -> tuple[Supposition, ...]:
    """Read suppositions. Raises BadRequest naming what is wrong, with what there is."""
    return tuple(_parsed(text, programme) for text in texts)


def _parsed(text: str, programme: Programme) -> Supposition:
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise BadRequest(
            f"{text!r} supposes nothing.",
            hint="Write SUBJECT.ATTRIBUTE=VALUE: lead.Country=ES, sulcom.hours=always.",
        )
    subject, attribute, value = (found[n].strip() for n in ("subject", "attribute", "value"))
    if subject == "lead":
        return Supposition(text, "", attribute, value)
    members = {m.name: m.key for pool in programme.routing.pools.values() for m in pool.members}
    by_name = {p.name: f"partner:{p.key}" for p in programme.partners.values()}
    member = members.get(subject) or by_name.get(subject)
    if member is None or member not in members.values():
        near = difflib.get_close_matches(subject, members, 1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Members are: {', '.join(members)}."
        raise BadRequest(f"{text!r}: no pool had a member '{subject}' then.", hint=hint)
    if attribute in _CHOICES and value.lower() not in _CHOICES[attribute]:
        raise BadRequest(
            f"{text!r}: '{value}' cannot be supposed of {attribute}.",
            hint=f"Choose {' or '.join(_CHOICES[attribute])}.",
        )
    if attribute == "weight" and not value.isdigit():
        raise BadRequest(f"{text!r}: a weight is a whole number.", hint="Write weight=2, say.")
    if attribute not in _OWN and not member.startswith("partner:"):
        raise BadRequest(
            f"{text!r}: only a partner has a '{attribute}'.",
            hint=f"Of {subject} can be supposed: {', '.join(_OWN)}.",
        )
    if attribute == "tier" and value not in programme.tiers:
        raise BadRequest(
            f"{text!r}: there is no tier '{value}'.",
            hint=f"Tiers are: {', '.join(programme.tiers) or 'none'}.",
        )
    return Supposition(text, member, attribute, value)


def supposed_facts(
    facts: Mapping[str, FieldValue], suppositions: Sequence[Supposition]
) -> Mapping[str, FieldValue]:
    """The lead's fields with what is supposed of it; an empty value is a blank field."""
    found = dict(facts)
    names = {name.lower(): name for name in facts}
    for s in suppositions:
        if not s.member:
            found[names.get(s.attribute.lower(), s.attribute)] = s.value or None
    return MappingProxyType(found)


def supposed_programme(programme: Programme, suppositions: Sequence[Supposition]) -> Programme:
    """The programme with what is supposed of its members."""
    partners = dict(programme.partners)
    weights: dict[str, int] = {}
    for s in suppositions:
        if s.attribute == "weight" and s.member:
            weights[s.member] = int(s.value)
        elif s.member and s.attribute not in _OWN:
            key = PartnerKey(s.member.removeprefix("partner:"))
            partner = partners[key]
            if s.attribute == "tier":
                partners[key] = replace(partner, tier=s.value)
                continue
            listed = tuple(part.strip() for part in re.split("[,;]", s.value) if part.strip())
            was = partner.attributes.get(s.attribute)
            value = listed if isinstance(was, tuple) or len(listed) > 1 else s.value
            partners[key] = replace(
                partner, attributes=MappingProxyType({**partner.attributes, s.attribute: value})
            )
    pools = {
        key: replace(
            pool,
            members=tuple(
                replace(m, weight=weights[m.key]) if m.key in weights else m for m in pool.members
            ),
        )
        for key, pool in programme.routing.pools.items()
    }
    return replace(
        programme,
        partners=MappingProxyType(partners),
        routing=replace(programme.routing, pools=MappingProxyType(pools)),
    )


def merged(
    journalled: EligibilityClass | None,
    before: EligibilityClass | None,
    after: EligibilityClass,
    suppositions: Sequence[Supposition],
) -> EligibilityClass:
    """Who would have been eligible: the reasons of then, less those that the files alone gave
    (`before`), with those that they give when changed (`after`), and what is supposed of members.
    """
    were = {} if journalled is None else {c.member: c for c in journalled.candidates}
    declared = {} if before is None else {c.member: c.reasons for c in before.candidates}
    found = []
    for candidate in after.candidates:
        member = candidate.member
        old = declared.get(member, ())
        then = were[member].reasons if member in were else ()
        of_then = [r for r in then if r.code not in {o.code for o in old}]
        reasons = _relieved(member, [*candidate.reasons, *of_then], suppositions)
        found.append(Candidate(member, candidate.weight, tuple(dict.fromkeys(reasons))))
    return EligibilityClass(after.ledger, tuple(found))


def _relieved(
    member: str, reasons: list[Reason], suppositions: Sequence[Supposition]
) -> list[Reason]:
    for s in suppositions:
        if s.member != member:
            continue
        value = s.value.lower()
        if (s.attribute, value) == ("eligible", "yes"):
            reasons = []
        elif (s.attribute, value) == ("eligible", "no"):
            reasons = [Reason(Code.CONDITION, "supposed not to be eligible")]
        elif s.attribute == "hours":
            reasons = [r for r in reasons if r.code not in _HOURS]
            if value == "never":
                reasons.append(Reason(Code.OUT_OF_HOURS, "supposed to be out of its hours"))
        elif s.attribute == "cap":
            reasons = [r for r in reasons if r.code not in _CAPS]
        elif s.attribute == "logged_in":
            reasons = [r for r in reasons if r.code not in _LOGIN]
    return reasons
