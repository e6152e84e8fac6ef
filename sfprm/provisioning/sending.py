"""How each kind of step is sent, and how a lost or refused answer is understood.

A create may not be repeated blindly: after a lost answer the records are read back by what makes
them one of a kind. A refusal that says that the record is there already makes it ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sfprm.errors import OrgRefused, OutcomeUnknown
from sfprm.programme.identity import numbered
from sfprm.provisioning.difference import Flag
from sfprm.provisioning.readback import READ_BACK
from sfprm.provisioning.steps import (
    AddMember,
    ChangeOwner,
    CreateAccount,
    CreateGroup,
    CreateQueue,
    CreateUser,
    DeactivateUser,
    FreezeUser,
    GrantPermissionSet,
    PlannedStep,
    QueueForLead,
    RemoveMember,
    RevokePermissionSet,
    UpsertContact,
)
from sfprm.salesforce import collections
from sfprm.salesforce.collections import RowError, RowOutcome
from sfprm.salesforce.query import select
from sfprm.salesforce.refusals import Refusal
from sfprm.salesforce.soql import Query, in_, split_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.programme.policies import KeyFields
    from sfprm.salesforce.session import Session

__all__ = ["ADOPTED_CODES", "Sender", "Sent", "codes_of"]

Row = dict[str, Any]

ADOPTED_CODES: Mapping[type[PlannedStep], frozenset[str]] = {
    CreateUser: frozenset({"PORTAL_USER_ALREADY_EXISTS_FOR_CONTACT"}),
    CreateQueue: frozenset({"DUPLICATE_DEVELOPER_NAME"}),
    CreateGroup: frozenset({"DUPLICATE_DEVELOPER_NAME"}),
    QueueForLead: frozenset({"DUPLICATE_VALUE"}),
    AddMember: frozenset({"DUPLICATE_VALUE"}),
    GrantPermissionSet: frozenset({"DUPLICATE_VALUE", "FIELD_INTEGRITY_EXCEPTION"}),
}
"""Refusals that say the record is there already: it is read back and taken as ours. (That of a
second assignment is known by its text alone, so whatever is refused so is looked for.)"""
_GONE = frozenset({"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND"})
"""Answers to a deletion of what somebody else has taken away."""
_DELETED = (RemoveMember, RevokePermissionSet)
_MOST_NUMBERS = 9


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a chunk: one outcome a step, in order. `adopted` are places of steps whose
    record was there already; `rows` are the rows as they were sent. `frozen`: places of users who
    could not be deactivated, and were frozen instead."""

    outcomes: tuple[RowOutcome, ...]
    rows: tuple[Row, ...]
    adopted: frozenset[int] = frozenset()
    frozen: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends chunks of one kind. Safe for threads: it holds nothing of its own."""

    session: Session
    keys: KeyFields
    territory_rules: bool | None = None
    duplicates_allowed: frozenset[str] = frozenset()
    """Objects where duplicate rules that only alert are saved past (`on_duplicate`)."""

    def send(
        self, kind: type[PlannedStep], part: Sequence[PlannedStep], rows: Sequence[Row]
    ) -> Sent:
        """Send one chunk. Raises TryLater and its kin when the org cannot be reached."""
        try:
            outcomes = self._call(kind, part, rows)
        except OutcomeUnknown:
            if kind not in READ_BACK:
                raise
            outcomes = self._after_lost(kind, part, rows)
        except OrgRefused as refused:
            outcomes = [_refused(n, refused.code, refused.message) for n in range(len(part))]
        if kind is CreateUser:
            outcomes, rows = self._numbered(part, rows, outcomes)
        if kind is DeactivateUser:
            return Sent(tuple(outcomes), tuple(rows), frozen=self._frozen_instead(part, outcomes))
        return self._adopted(kind, part, rows, outcomes)

    def _call(
        self, kind: type[PlannedStep], part: Sequence[PlannedStep], rows: Sequence[Row]
    ) -> list[RowOutcome]:
        session = self.session
        if kind in _DELETED:
            return self._delete(part, rows)
        if kind is FreezeUser:
            return self._freeze(part)
        headers = self._headers(kind.object)
        if kind is CreateAccount:
            return collections.upsert(session, "Account", self.keys.account, rows, headers=headers)
        if kind is UpsertContact:
            return self._contacts(part, rows, headers)
        if kind in READ_BACK:
            return collections.create(session, kind.object, rows, headers=headers)
        if kind is ChangeOwner and any(Flag.KEEP_TEAM in s.flags for s in part):
            return self._owners(part, rows, headers)
        return collections.update(session, kind.object, rows, headers=headers)

    def _headers(self, object_: str) -> dict[str, str] | None:
        """On Account, Sforce-Auto-Assign governs territory rules (rule 14)."""
        headers = {}
        if object_ == "Account" and self.territory_rules is not None:
            headers["Sforce-Auto-Assign"] = "TRUE" if self.territory_rules else "FALSE"
        if object_ in self.duplicates_allowed:
            headers["Sforce-Duplicate-Rule-Header"] = "allowSave=true"
        return headers or None

    def _owners(
        self, part: Sequence[PlannedStep], rows: Sequence[Row], headers: dict[str, str] | None
    ) -> list[RowOutcome]:
        from sfprm.salesforce.owner_change import change_owners

        out: dict[int, RowOutcome] = {}
        keeping = [n for n, s in enumerate(part) if Flag.KEEP_TEAM in s.flags]
        rest = [n for n in range(len(part)) if n not in set(keeping)]
        told = change_owners(self.session, "Account", [rows[n] for n in keeping])
        out |= dict(zip(keeping, told, strict=True))
        if rest:
            plain = collections.update(
                self.session, "Account", [rows[n] for n in rest], headers=headers
            )
            out |= dict(zip(rest, plain, strict=True))
        return [replace(out[n], index=n) for n in range(len(part))]

    def _contacts(
        self, part: Sequence[PlannedStep], rows: Sequence[Row], headers: dict[str, str] | None
    ) -> list[RowOutcome]:
        """Known contacts by Id (an adopted one has no key yet), the others by their key."""
        known = [n for n, s in enumerate(part) if s.record_id is not None]
        fresh = [n for n, s in enumerate(part) if s.record_id is None]
        out: dict[int, RowOutcome] = {}
        if fresh:
            made = collections.upsert(
                self.session,
                "Contact",
                self.keys.contact,
                [rows[n] for n in fresh],
                headers=headers,
            )
            if not known:
                return made
            out |= dict(zip(fresh, made, strict=True))
        if known:
            changed = collections.update(
                self.session, "Contact", [rows[n] for n in known], headers=headers
            )
            out |= dict(zip(known, changed, strict=True))
        return [replace(out[n], index=n) for n in range(len(part))]

    def _delete(self, part: Sequence[PlannedStep], rows: Sequence[Row]) -> list[RowOutcome]:
        ids: dict[int, str] = {n: s.record_id for n, s in enumerate(part) if s.record_id}
        sought = {
            (str(rows[n].get("GroupId")), str(s.before.get("UserOrGroupId"))): n
            for n, s in enumerate(part)
            if n not in ids
        }
        for condition in split_in("GroupId", sorted({group for group, _ in sought})):
            users = in_("UserOrGroupId", sorted({user for _, user in sought}))
            query = Query(("Id", "GroupId", "UserOrGroupId"), "GroupMember", (condition, users))
            for row in select(self.session, query):
                at = sought.get((row["GroupId"], row["UserOrGroupId"]))
                if at is not None:
                    ids[at] = row["Id"]
        order = sorted(ids)
        answers = collections.delete(self.session, [ids[n] for n in order]) if order else []
        out = {n: replace(a, index=n) for n, a in zip(order, answers, strict=True)}
        # one that is not there is done: somebody else was quicker
        return [
            RowOutcome(n, None, True) if n not in out or codes_of(out[n]) & _GONE else out[n]
            for n in range(len(part))
        ]

    def _frozen_instead(
        self, part: Sequence[PlannedStep], outcomes: Sequence[RowOutcome]
    ) -> frozenset[int]:
        """Leavers whom Salesforce refuses to deactivate, since something in setup hangs on them:
        frozen, they cannot log in (operations.md, rule 30)."""
        held = [
            n
            for n, o in enumerate(outcomes)
            if any(e.refusal is Refusal.PERMANENT for e in o.errors)
        ]
        if not held:
            return frozenset()
        steps = [replace(part[n], after={"IsFrozen": True}) for n in held]
        told = self._freeze(steps)
        return frozenset(n for n, o in zip(held, told, strict=True) if o.success)

    def _freeze(self, part: Sequence[PlannedStep]) -> list[RowOutcome]:
        """The login rows are read first: freezing is a field of UserLogin, not of User."""
        users = [str(s.record_id) for s in part]
        logins: dict[str, str] = {}
        for condition in split_in("UserId", users):
            query = Query(("Id", "UserId"), "UserLogin", (condition,))
            logins |= {row["UserId"]: row["Id"] for row in select(self.session, query)}
        there = [s for s in part if s.record_id in logins]
        rows = [{"Id": logins[str(s.record_id)], **s.after} for s in there]
        answers = iter(collections.update(self.session, FreezeUser.object, rows) if rows else ())
        return [
            replace(next(answers), index=n)
            if s.record_id in logins
            else _refused(n, "NOT_FOUND", "the user has no login row to freeze")
            for n, s in enumerate(part)
        ]

    def _after_lost(
        self, kind: type[PlannedStep], part: Sequence[PlannedStep], rows: Sequence[Row]
    ) -> list[RowOutcome]:
        """What of a create without an answer is in the org; the rest is sent again."""
        by_ref = {s.ref: row for s, row in zip(part, rows, strict=True)}
        found = READ_BACK[kind](self.session, by_ref)
        rest = [n for n, s in enumerate(part) if s.ref not in found]
        again = self._call(kind, [part[n] for n in rest], [rows[n] for n in rest]) if rest else []
        out = {n: replace(a, index=n) for n, a in zip(rest, again, strict=True)}
        return [
            out[n] if n in out else RowOutcome(n, found[s.ref], True, created=True)
            for n, s in enumerate(part)
        ]

    def _numbered(
        self,
        part: Sequence[PlannedStep],
        rows: Sequence[Row],
        outcomes: Sequence[RowOutcome],
    ) -> tuple[list[RowOutcome], list[Row]]:
        """Users whose username another org or person has, tried again with 2, 3 and so on."""
        out, sent = list(outcomes), list(rows)
        for number in range(2, _MOST_NUMBERS + 1):
            taken = [
                n
                for n, o in enumerate(out)
                if "DUPLICATE_USERNAME" in codes_of(o) and Flag.NUMBER in part[n].flags
            ]
            if not taken:
                break
            for n in taken:
                sent[n] = {**rows[n], "Username": numbered(str(rows[n]["Username"]), number)}
            told = self._call(CreateUser, [part[n] for n in taken], [sent[n] for n in taken])
            for n, outcome in zip(taken, told, strict=True):
                out[n] = replace(outcome, index=n)
        return out, sent

    def _adopted(
        self,
        kind: type[PlannedStep],
        part: Sequence[PlannedStep],
        rows: Sequence[Row],
        outcomes: Sequence[RowOutcome],
    ) -> Sent:
        out = list(outcomes)
        codes = ADOPTED_CODES.get(kind, frozenset())
        there = [n for n, o in enumerate(out) if not o.success and codes_of(o) & codes]
        adopted = set()
        if there:
            found = READ_BACK[kind](self.session, {part[n].ref: rows[n] for n in there})
            for n in there:
                record_id = found.get(part[n].ref)
                if record_id is not None:
                    out[n] = RowOutcome(n, record_id, True)
                    adopted.add(n)
        return Sent(tuple(out), tuple(rows), frozenset(adopted))


def codes_of(outcome: RowOutcome) -> frozenset[str]:
    """The error codes of a row."""
    return frozenset(e.code for e in outcome.errors)


def _refused(index: int, code: str, message: str) -> RowOutcome:
    return RowOutcome(index, None, False, errors=(RowError(code, message),))
