"""The programme in a few lines for people: what `sfprm programme show` prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.programme.model import (
    GroupMember,
    InTurn,
    LeaveAlone,
    PartnerMember,
    PartnerRoleMember,
    PersonMember,
    Presence,
    RoleMember,
    Target,
    ToCompany,
    ToPool,
    ToQueue,
    ToUser,
    UserMember,
)

if TYPE_CHECKING:
    from sfprm.programme.model import (
        Cap,
        Member,
        Partner,
        PartnerSite,
        Person,
        Pool,
        Programme,
        PublicGroup,
        Queue,
        Rule,
    )

__all__ = ["Summary", "describe"]


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts by name, and a tree as plain lines (two blanks a level)."""

    name: str
    digest: str
    counts: dict[str, int]
    lines: tuple[str, ...]


def describe(programme: Programme) -> Summary:
    """What is declared, in file order."""
    routing = programme.routing
    managed = [queue for queue in programme.queues.values() if queue.managed]
    groups = [group for group in programme.groups.values() if group.managed]
    people: dict[str, list[Person]] = {}
    for person in programme.people.values():
        people.setdefault(person.partner, []).append(person)
    counts = {
        "channel managers": len(programme.channel_managers),
        "partners": len(programme.partners),
        "people": len(programme.people),
        "queues": len(managed),
        "queues of the org": len(programme.queues) - len(managed),
        "groups": len(groups),
        "pools": len(routing.pools),
        "rules": len(routing.rules),
        "notices": len(routing.notices),
    }
    lines = [f"{programme.name}: site {programme.site}, profile {programme.profile}"]
    for manager in programme.channel_managers.values():
        lines.append(f"  {manager.key} ({manager.username})")
        for partner in programme.partners.values():
            if partner.manager == manager.key:
                lines += _partner(partner, people.get(partner.key, []))
    lines.append("queues")
    lines += [f"  {_queue(queue)}" for queue in managed]
    if groups:
        lines.append("groups")
        lines += [f"  {_queue(group)}" for group in groups]
    if any(s.permission_sets or s.name != programme.site for s in programme.sites.values()):
        lines.append("sites")
        lines += [f"  {_site(site)}" for site in programme.sites.values()]
    first = (*routing.intake, *(claim.name for claim in routing.claims))
    lines.append(f"intake: {', '.join(first) or 'none'}")
    for pool in routing.pools.values():
        lines += _pool(pool)
    lines.append("rules")
    for number, rule in enumerate(routing.rules, start=1):
        lines += _rule(number, rule)
    for rule_set in routing.rule_sets:
        lines.append(f"rule set {rule_set.name}: {', '.join(rule_set.intake_names)}")
        for number, rule in enumerate(rule_set.rules, start=1):
            lines += _rule(number, rule)
    return Summary(programme.name, programme.digest, counts, tuple(lines))


def _state(state: Presence) -> str:
    return "" if state is Presence.ACTIVE else f", {state.value}"


def _partner(partner: Partner, people: list[Person]) -> list[str]:
    tier = f", {partner.tier}" if partner.tier else ""
    matched = f", is {partner.match.field} {partner.match.value}" if partner.match else ""
    lines = [f"    {partner.key}: {partner.name}{tier}{matched}{_state(partner.state)}"]
    for person in people:
        name = f"{person.first_name} {person.last_name}".strip()
        lines.append(f"      {name} ({person.username}){_state(person.state)}")
    return lines


def _site(site: PartnerSite) -> str:
    members = [*site.profiles, *(f"{name} (permission set)" for name in site.permission_sets)]
    return f"{site.name}: {', '.join(members) or 'nobody'}"


def _queue(queue: Queue | PublicGroup) -> str:
    members = ", ".join(_member(member) for member in queue.members) or "nobody"
    return f"{queue.name}: {members}"


def _member(member: Member) -> str:
    match member:
        case PartnerMember(partner):
            return f"all of {partner}"
        case PersonMember(person):
            return person
        case UserMember(username):
            return username
        case PartnerRoleMember(partner, role, subordinates):
            return f"role {role} of {partner}{' and below' if subordinates else ''}"
        case RoleMember(role, subordinates):
            return f"role {role}{' and below' if subordinates else ''}"
        case GroupMember(group):
            return f"group {group}"


def _pool(pool: Pool) -> list[str]:
    lines = [f"pool {pool.key} ({pool.fairness.value})"]
    total = sum(member.weight for member in pool.members)
    for member in pool.members:
        share = f"{100 * member.weight / total:.3g} %" if total else "nothing"
        caps = _caps(member.cap)
        most = f", at most {caps}" if caps else ""
        lines.append(f"  {member.kind} {member.name}: {share}{most}")
    if pool.eligible_when is not None:
        lines.append(f"  eligible when {pool.eligible_when.text}")
    return lines


def _caps(cap: Cap) -> str:
    windows = {"an hour": cap.hour, "a day": cap.day, "a week": cap.week, "a month": cap.month}
    parts = [f"{most} {window}" for window, most in windows.items() if most is not None]
    return ", ".join([*parts, f"{cap.open} open"] if cap.open is not None else parts)


def _rule(number: int, rule: Rule) -> list[str]:
    texts = [criterion.text for criterion in rule.criteria]
    texts += [criterion.text for criterion in rule.partner_criteria]
    criteria = "; ".join(texts) or "every lead"
    return [f"  {number}. {rule.name}: {criteria} → {_target(rule.target)}"]


def _target(target: Target) -> str:
    match target:
        case ToUser(username):
            return f"user {username}"
        case ToQueue(queue):
            return f"queue {queue}"
        case ToPool(pool):
            return f"pool {pool}"
        case LeaveAlone():
            return "stays"
        case ToCompany(by):
            ways = ", ".join(way.value for way in by)
            return f"the partner that works the same company (by {ways})"
        case InTurn(targets):
            return ", else ".join(_target(each) for each in targets)
