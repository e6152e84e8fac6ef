"""Where each step of a saved plan stands in the org as it is now. Pure.

    found as "after"   done already
    found as "before"  to be run
    neither            refused, and what depends on it; the words name what moved

Values are compared as the org compares them (`normalise`); an update whose fields are some as
before and some as after is to be run: it leaves exactly what the plan said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.ids import RecordId
from sfprm.provisioning.normalise import normalise
from sfprm.provisioning.steps import (
    AddMember,
    CreateAccount,
    CreateGroup,
    CreateQueue,
    CreateUser,
    EnablePartner,
    FreezeUser,
    GrantPermissionSet,
    MoveContact,
    PlannedStep,
    QueueForLead,
    RemoveMember,
    RevokePermissionSet,
    UpsertContact,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.estate.model import AccountState, ContactState, Estate, PartnerUser, QueueState
    from sfprm.programme.model import FieldValue, Programme

__all__ = ["FOUND_DONE", "Stand", "Standing", "stand"]

FOUND_DONE = "found done already"
"""Journalled with a step that this run did not need to carry out."""

_USER_TYPES = {"username": "username", "email": "email", "isactive": "boolean"}


class Standing(StrEnum):
    """Where a step stands."""

    BEFORE = "before"
    AFTER = "after"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Stand:
    """Where one step stands. `record_id` is what was found; `why` names what moved: the record, or
    those of its fields that are in `moved`, each with the value found."""

    standing: Standing
    record_id: RecordId | None = None
    why: str = ""
    moved: Mapping[str, FieldValue] = field(default_factory=lambda: MappingProxyType({}))


def _row(text: str | None) -> RecordId | None:
    """A row's id; None also when the row was not read ('')."""
    return RecordId(text) if text else None


_BEFORE = Stand(Standing.BEFORE)


def stand(
    steps: tuple[PlannedStep, ...], estate: Estate, programme: Programme
) -> tuple[Stand, ...]:
    """Where each step stands, in their order."""
    view = _View(estate, programme)
    return tuple(view.of(step) for step in steps)


class _View:
    """The estate by the names that steps use."""

    def __init__(self, estate: Estate, programme: Programme) -> None:
        self.estate = estate
        self.keys: dict[str, str] = {p.key: p.key_value for p in programme.people.values()}
        self.partners: dict[str, str] = {p.key: p.key_value for p in programme.partners.values()}
        self.accounts = {a.key.lower(): a for a in estate.accounts.values() if a.key}
        self.contacts = {c.key.lower(): c for c in estate.contacts.values() if c.key}
        self.users = {u.id: u for u in estate.partner_users.values()}
        self.account_key = estate.key_fields.account
        self.contact_key = estate.key_fields.contact

    def of(self, step: PlannedStep) -> Stand:
        match step:
            case EnablePartner():
                found = self.account(step)
                return self._flag(step, found.id, found.is_partner) if found else self._unmade(step)
            case UpsertContact():
                return self._contact(step)
            case MoveContact():
                return self._move(step)
            case CreateUser():
                contact = self.contacts.get(self.keys.get(step.key, step.key).lower())
                user = self.estate.partner_users.get(contact.id) if contact else None
                return self._user(step, user) if user else _BEFORE
            case FreezeUser():
                held = self.users.get(step.record_id) if step.record_id else None
                return self._flag(step, held.id, held.frozen) if held else self._gone(step)
            case AddMember() | RemoveMember():
                return self._member(step)
            case QueueForLead():
                queue = self.estate.queues.get(step.key)
                done = queue is not None and queue.for_lead
                return Stand(Standing.AFTER) if done else _BEFORE
            case GrantPermissionSet() | RevokePermissionSet():
                return self._grant(step)
            case _ if step.object == "Account":
                return self._account(step)
            case _ if step.object == "User":
                held = self.users.get(step.record_id) if step.record_id else None
                return self._user(step, held) if held else self._gone(step)
            case _:
                return self._group(step)

    # records

    def account(self, step: PlannedStep) -> AccountState | None:
        if step.record_id is not None:
            return self.estate.accounts.get(step.record_id)
        key = str(step.after.get(self.account_key, step.key)).lower()
        return self.accounts.get(key)

    def _account(self, step: PlannedStep) -> Stand:
        found = self.account(step)
        if found is None:
            return _BEFORE if isinstance(step, CreateAccount) else self._gone(step)
        fields = {**found.fields, self.account_key: found.key}
        types = {**self.estate.account_types, self.account_key.lower(): "email"}
        return _compared(step, found.id, fields, types)

    def _contact(self, step: PlannedStep) -> Stand:
        found: ContactState | None
        if step.record_id is not None:
            found = self.estate.contacts.get(step.record_id)
            if found is None:
                return self._gone(step)
        else:
            found = self.contacts.get(str(step.after.get(self.contact_key, step.key)).lower())
            if found is None:
                return _BEFORE
        fields = {**found.fields, self.contact_key: found.key, "AccountId": found.account_id}
        types = {**self.estate.contact_types, self.contact_key.lower(): "email"}
        return _compared(step, found.id, fields, types)

    def _move(self, step: PlannedStep) -> Stand:
        """The partner that it goes to may have been without an account when the plan was made."""
        found = self.estate.contacts.get(step.record_id) if step.record_id else None
        if found is None:
            return self._gone(step)
        key = step.links.get("AccountId", "").partition(":")[2]
        made = self.accounts.get(self.partners.get(key, key).lower())
        if found.account_id == step.after.get("AccountId", made.id if made else None):
            return Stand(Standing.AFTER, found.id)
        if found.account_id == step.before.get("AccountId"):
            return Stand(Standing.BEFORE, found.id)
        moved = {"AccountId": found.account_id}
        why = f"{step.label} was moved meanwhile: AccountId is {found.account_id!r}"
        return Stand(Standing.MOVED, found.id, why, moved)

    def _user(self, step: PlannedStep, user: PartnerUser) -> Stand:
        fields: dict[str, FieldValue] = {**user.fields, "IsActive": user.active}
        fields["PortalRole"] = user.portal_role or "Worker"
        if isinstance(step, CreateUser):
            fields["ContactId"] = user.contact_id
        return _compared(step, user.id, fields, _USER_TYPES)

    def _flag(self, step: PlannedStep, at: RecordId, found: bool) -> Stand:
        wanted = next(iter(step.after.values()))
        return Stand(Standing.AFTER if found == wanted else Standing.BEFORE, at)

    # groups and who is in them

    def _queue(self, owner: str) -> QueueState | None:
        if owner.startswith("group:"):
            return self.estate.groups.get(owner.removeprefix("group:"))
        return self.estate.queues.get(owner)

    def _group(self, step: PlannedStep) -> Stand:
        found = self._queue(step.owner)
        if found is None:
            made = isinstance(step, CreateQueue | CreateGroup)
            return _BEFORE if made else self._gone(step)
        fields: dict[str, FieldValue] = {
            "Name": found.label,
            "Email": found.email,
            "DoesSendEmailToMembers": found.notifies_members,
        }
        return _compared(step, found.id, fields, {"email": "email"})

    def _member(self, step: PlannedStep) -> Stand:
        queue = self._queue(step.owner)
        if isinstance(step, RemoveMember):
            if queue is None:  # not read, since no file names it: the org tells
                return Stand(Standing.BEFORE, step.record_id)
            user = str(step.before["UserOrGroupId"])
            row = next((r for u, r in queue.members.items() if u == user), None)
            if row is None:
                return Stand(Standing.AFTER, step.record_id)
            if row and step.record_id and row != step.record_id:
                why = f"{step.label} was taken out and put in again"
                return Stand(Standing.MOVED, _row(row), why)
            return Stand(Standing.BEFORE, _row(row))
        if queue is None:
            return _BEFORE
        member = step.after.get("UserOrGroupId") or self._made(step.links.get("UserOrGroupId", ""))
        row = next((r for u, r in queue.members.items() if u == member), None)
        return Stand(Standing.AFTER, _row(row)) if row is not None else _BEFORE

    def _grant(self, step: PlannedStep) -> Stand:
        held = self.estate.grants
        if isinstance(step, RevokePermissionSet):
            there = any(row == step.record_id for row in held.values())
            return Stand(Standing.BEFORE if there else Standing.AFTER, step.record_id)
        user = step.after.get("AssigneeId") or self._made(step.links.get("AssigneeId", ""))
        pair = (user, step.after.get("PermissionSetId"))
        row = next((r for p, r in held.items() if p == pair), None)
        return Stand(Standing.AFTER, _row(row)) if row is not None else _BEFORE

    def _made(self, ref: str) -> RecordId | None:
        """The user that a link names, when it is there already."""
        kind, _, key = ref.partition(":")
        at = self.keys.get(key, key).lower()
        contact = self.contacts.get(at) if kind == "user" else None
        user = self.estate.partner_users.get(contact.id) if contact else None
        return user.id if user else None

    # words

    def _gone(self, step: PlannedStep) -> Stand:
        return Stand(Standing.MOVED, None, f"{step.label} ({step.record_id}) is no more in the org")

    def _unmade(self, step: PlannedStep) -> Stand:
        return self._gone(step) if step.record_id is not None else _BEFORE


def _compared(
    step: PlannedStep,
    at: RecordId,
    found: Mapping[str, FieldValue],
    types: Mapping[str, str],
) -> Stand:
    there = {name.lower(): value for name, value in found.items()}
    moved: dict[str, FieldValue] = {}
    same = True
    for name, after in step.after.items():
        now = there.get(name.lower())
        kind = types.get(name.lower(), "boolean" if isinstance(after, bool) else "")
        if normalise(kind, now) == normalise(kind, after):
            continue
        same = False
        if name not in step.before or normalise(kind, now) != normalise(kind, step.before[name]):
            moved[name] = now
    if same:
        return Stand(Standing.AFTER, at)
    if moved:
        was = "was made meanwhile" if not step.before else "was changed meanwhile"
        words = ", ".join(f"{name} is {now!r}" for name, now in moved.items())
        return Stand(Standing.MOVED, at, f"{step.label} {was}: {words}", moved)
    return Stand(Standing.BEFORE, at)
