"""Queues, public groups and their members, declared × applied × found. Pure.

A membership row has no fields: it is there or not. What sfprm added stands in the store as
(`GroupMember`, group key) → user or group id → True, so that with the policy `at_least` only our
own additions are ever taken away again (design, decision 8).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.estate.groups import group_key
from sfprm.ids import PersonKey, RecordId
from sfprm.programme.model import (
    GroupMember,
    MembersPolicy,
    PartnerMember,
    PartnerRoleMember,
    PeoplePolicy,
    PersonMember,
    Presence,
    RoleMember,
    UserMember,
)
from sfprm.provisioning.difference import Difference, Kind, Verdict, ref
from sfprm.provisioning.fields import Cause, Declared, FieldChange, compare_fields, with_choices

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sfprm.estate.model import Estate, PartnerUser, QueueState
    from sfprm.programme.model import FieldValue, Member, Programme, PublicGroup, Queue

__all__ = ["compare_groups", "member_key"]

_NOTHING: Mapping[str, FieldValue] = MappingProxyType({})


def member_key(group: str, member: str) -> str:
    """The key of a membership: the group's key and the member, `Norte/user:ines`."""
    return f"{group}/{member}"


def compare_groups(
    programme: Programme,
    applied: Mapping[tuple[str, str], Mapping[str, FieldValue]],
    estate: Estate,
    people: Sequence[Difference],
    unsettled: frozenset[str] = frozenset(),
) -> list[Difference]:
    """Differences of all public groups, then of all queues, in file order; `people` are the
    differences found so far."""
    walk = _Walk(programme, applied, estate, people, unsettled)
    out: list[Difference] = []
    for group in programme.groups.values():
        key = group_key("Regular", group.developer_name)
        out += walk.one(Kind.GROUP, key, group, estate.groups.get(group.developer_name))
    for queue in programme.queues.values():
        key = group_key("Queue", queue.developer_name)
        out += walk.one(Kind.QUEUE, key, queue, estate.queues.get(queue.developer_name))
    return out


class _Walk:
    """One pass over groups and queues."""

    def __init__(
        self,
        programme: Programme,
        applied: Mapping[tuple[str, str], Mapping[str, FieldValue]],
        estate: Estate,
        people: Sequence[Difference],
        unsettled: frozenset[str],
    ) -> None:
        self.programme = programme
        self.applied = applied
        self.estate = estate
        self.unsettled = unsettled
        self.users = {d.key: d for d in people if d.kind is Kind.USER}
        self.accounts = {d.key: d for d in people if d.kind is Kind.ACCOUNT}
        self.folk: dict[str, list[str]] = {}
        for person in programme.people.values():
            self.folk.setdefault(person.partner, []).append(person.key)
        self.there = {
            c.key.lower(): user.id
            for c in estate.contacts.values()
            if c.key and (user := estate.partner_users.get(c.id))
        }
        self.guests = self._delegated()

    def one(
        self, kind: Kind, key: str, declared: Queue | PublicGroup, found: QueueState | None
    ) -> Iterator[Difference]:
        if declared.managed:
            yield self._group(kind, key, declared, found)
            yield from self._members(kind, key, declared, found)
        elif found is None:
            yield Difference(
                kind,
                key,
                declared.name,
                Verdict.BLOCKED,
                owner=key,
                why=f"no {_NOUNS[kind]} {declared.developer_name} in this org",
                fix=f"create it in Setup, or declare its members in {declared.origin}",
            )

    def _group(
        self, kind: Kind, key: str, declared: Queue | PublicGroup, found: QueueState | None
    ) -> Difference:
        wanted = {"Name": Declared(declared.name, "string")}
        notify = getattr(declared, "notify", None)
        notify_members = getattr(declared, "notify_members", None)
        if notify is not None:
            wanted["Email"] = Declared(notify, "email")
        if notify_members is not None:
            wanted["DoesSendEmailToMembers"] = Declared(notify_members, "boolean")
        wanted = with_choices("Group", wanted, self.programme.who_wins)
        fields: dict[str, FieldValue] | None = None
        if found is not None:
            fields = {
                "Name": found.label,
                "Email": found.email,
                "DoesSendEmailToMembers": found.notifies_members,
            }
        changes = list(compare_fields(wanted, fields, self.applied.get(("Group", key), _NOTHING)))
        if kind is Kind.QUEUE and (found is None or not found.for_lead):
            cause = Cause.NEW if found is None else Cause.NEVER_WRITTEN
            changes.append(FieldChange("Lead", False, True, cause))
        written = any(c.written for c in changes)
        return Difference(
            kind=kind,
            key=key,
            label=declared.name,
            owner=key,
            verdict=Verdict.CREATE
            if found is None
            else Verdict.UPDATE
            if written
            else Verdict.SAME,
            changes=tuple(changes),
            record_id=found.id if found else None,
            declared=wanted,
        )

    # members

    def _members(
        self, kind: Kind, key: str, declared: Queue | PublicGroup, found: QueueState | None
    ) -> Iterator[Difference]:
        present = found.members if found else {}
        wanted_ids: set[str] = set()
        seen: set[str] = set()
        for name, label, member_id, why in self._wanted(declared.members, present):
            if name in seen:
                continue
            seen.add(name)
            if member_id is not None:
                wanted_ids.add(member_id)
            yield self._member(kind, key, name, label, member_id, why, present)
        known = self.applied.get(("GroupMember", key), _NOTHING)
        ours = {member for member, added in known.items() if added}
        exact = declared.members_policy is MembersPolicy.EXACT
        for member, row in present.items():
            if member in wanted_ids or not (exact or member in ours):
                continue
            yield Difference(
                kind=Kind.MEMBER,
                key=member_key(key, member),
                label=self._label_of(member),
                owner=key,
                verdict=Verdict.REMOVE,
                changes=(FieldChange("UserOrGroupId", member, None, Cause.FILE),),
                record_id=RecordId(row) if row else None,
                links={"GroupId": ref(kind.value, key)},
            )

    def _member(
        self,
        kind: Kind,
        key: str,
        name: str,
        label: str,
        member_id: RecordId | None,
        why: str,
        present: Mapping[RecordId, str],
    ) -> Difference:
        verdict = Verdict.CREATE
        if why:
            verdict = Verdict.BLOCKED
        elif member_id is not None and member_id in present:
            verdict = Verdict.SAME
        at = member_key(key, name)
        if verdict is Verdict.SAME:
            # sent by a run that was stopped before it learnt the outcome: found, so it is ours
            ours = at in self.unsettled
            declared = {str(member_id): Declared(True, "boolean")} if ours else {}
            return Difference(Kind.MEMBER, at, label, verdict, owner=key, declared=declared)
        links = {"GroupId": ref(kind.value, key)}
        if member_id is None:
            links["UserOrGroupId"] = name
        change = FieldChange("UserOrGroupId", None, member_id, Cause.NEW)
        return Difference(
            kind=Kind.MEMBER,
            key=at,
            label=label,
            owner=key,
            verdict=verdict,
            changes=(change,) if verdict is Verdict.CREATE else (),
            links=links,
            why=why,
            fix="mend that first; the membership follows" if why else "",
        )

    def _wanted(
        self, members: Sequence[Member], present: Mapping[RecordId, str]
    ) -> Iterator[tuple[str, str, RecordId | None, str]]:
        """(reference, label, id if there is one, why not) of each declared member."""
        for member in members:
            match member:
                case UserMember(username):
                    user = self.estate.user(username)
                    why = "" if user else f"no user {username} in this org"
                    label = user.name if user else username
                    yield ref("username", username.lower()), label, user.id if user else None, why
                case PersonMember(person):
                    yield from self._people((person,), present)
                case PartnerMember(partner):
                    yield from self._people(self.folk.get(partner, ()), present)
                    for guest in self.guests.get(partner, ()):
                        yield ref("username", guest.username), guest.username, guest.id, ""
                case PartnerRoleMember(partner, role, subordinates):
                    yield self._partner_role(partner, role.value, subordinates)
                case RoleMember(role, subordinates):
                    name = f"role:{role}{'+' if subordinates else ''}"
                    at = self.estate.role_groups.get(name)
                    yield name, role, at, "" if at else f"no role {role} in this org"
                case GroupMember(group):
                    named = self.programme.groups[group]
                    key = group_key("Regular", named.developer_name)
                    there = self.estate.groups.get(named.developer_name)
                    yield ref(Kind.GROUP.value, key), group, there.id if there else None, ""

    def _partner_role(
        self, partner: str, role: str, subordinates: bool
    ) -> tuple[str, str, RecordId | None, str]:
        """The role's group; a role that is not there yet is looked up once the partner has users
        (it comes with the first of them)."""
        account = self.accounts.get(partner)
        plus = "+" if subordinates else ""
        name = f"partner-role:{partner}/{role}{plus}"
        label = f"{partner} ({role}{' and below' if subordinates else ''})"
        if account is None or account.verdict is Verdict.BLOCKED:
            return name, label, None, f"partner {partner} has no account yet"
        at = self.estate.role_groups.get(f"partner:{account.record_id}/{role}{plus}")
        people = [self.users.get(key) for key in self.folk.get(partner, ())]
        coming = any(d is not None and d.verdict is Verdict.CREATE for d in people)
        why = "" if at or coming else f"partner {partner} has no role {role} yet"
        return name, label, at, why

    def _people(
        self, keys: Sequence[str], present: Mapping[RecordId, str]
    ) -> Iterator[tuple[str, str, RecordId | None, str]]:
        for key in keys:
            person = self.programme.people[PersonKey(key)]
            partner = self.programme.partners[person.partner]
            if person.state is not Presence.ACTIVE or partner.state is not Presence.ACTIVE:
                continue
            label = f"{person.first_name} {person.last_name}".strip()
            difference = self.users.get(key)
            there = difference.record_id if difference is not None else None
            if difference is not None and _is_off(difference) and there not in present:
                continue  # switched off by hand, and left so: no new member
            if there is None and (difference is None or difference.verdict is Verdict.BLOCKED):
                # one who is blocked now may have a user from before, who stays a member
                there = self.there.get(person.key_value.lower())
                why = "" if there is not None else f"{label} has no user yet"
                yield ref("user", key), label, there, why
            else:
                yield ref("user", key), label, there, ""

    def _delegated(self) -> dict[str, list[PartnerUser]]:
        """Active users that no file names, of partners whose people are delegated (rule 27)."""
        homes = {
            self.accounts[p.key].record_id: p.key
            for p in self.programme.partners.values()
            if p.people is PeoplePolicy.DELEGATED
            and p.state is Presence.ACTIVE
            and p.key in self.accounts
        }
        named = {d.record_id for d in self.users.values()}
        out: dict[str, list[PartnerUser]] = {}
        for user in self.estate.partner_users.values() if homes else ():
            home = homes.get(_account_of(user))
            if home is not None and user.active and not user.frozen and user.id not in named:
                out.setdefault(home, []).append(user)
        return out

    def _label_of(self, member: str) -> str:
        for user in self.estate.users.values():
            if user.id == member:
                return user.name
        for partner_user in self.estate.partner_users.values():
            if partner_user.id == member:
                return partner_user.username
        return member


_NOUNS = {Kind.GROUP: "public group", Kind.QUEUE: "queue"}


def _is_off(difference: Difference) -> bool:
    """Whether a person has deactivated or frozen the user in the org, and that stays."""
    off = {"IsActive": False, "IsFrozen": True}
    return any(not c.written and off.get(c.field) is c.before for c in difference.changes)


def _account_of(user: PartnerUser) -> RecordId | None:
    account = user.fields.get("AccountId")
    return RecordId(str(account)) if account else None
