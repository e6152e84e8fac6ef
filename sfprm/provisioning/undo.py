"""The inverse of what an apply has done, as far as there is one, and what there is not. Pure.

Steps that were carried out are turned round: values go back where they are still as the run left
them. Users cannot be deleted, so those that were made are deactivated; accounts, contacts, queues
and groups that were made stay; an account that was enabled as partner stays so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sfprm.provisioning.difference import Comparison, Flag
from sfprm.provisioning.standing import FOUND_DONE, Stand, Standing, stand
from sfprm.provisioning.steps import (
    PHASES,
    AddMember,
    ChangeOwner,
    CreateAccount,
    CreateGroup,
    CreateQueue,
    CreateUser,
    DeactivateUser,
    EnablePartner,
    FreezeUser,
    GrantPermissionSet,
    MoveContact,
    PlannedStep,
    QueueForLead,
    RemoveMember,
    RevokePermissionSet,
    UpdateUser,
    UpsertContact,
)
from sfprm.store.records import StepState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sfprm.estate.model import Estate
    from sfprm.ids import RecordId
    from sfprm.programme.model import FieldValue, Programme
    from sfprm.provisioning.plan import Plan
    from sfprm.store.records import Step

__all__ = ["CannotUndo", "Inverse", "as_it_stands", "inverse", "keeping"]

_STAYS = {
    CreateAccount: "the account stays; delete it in Salesforce if nothing hangs on it",
    EnablePartner: "the account stays a partner: taking that back deletes its roles for ever",
    UpsertContact: "the contact stays: one that has a user cannot be deleted",
    CreateQueue: "the queue stays, empty; delete it in Setup when no rule needs it",
    CreateGroup: "the group stays, empty; delete it in Setup when nothing is shared with it",
    QueueForLead: "the queue may still own leads",
}
_UNKNOWN = "what became of it is not known, and the record has changed since: look at it"
_NO_ROLE = "no file names that role any more: take it out in Setup"


@dataclass(frozen=True, slots=True)
class CannotUndo:
    """A step, or one of its fields, that stays as it was done, and why."""

    label: str
    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class Inverse:
    """A plan that takes a run back, and what it leaves. `found`: steps that the run found done by
    another, and so leaves to that one's undo."""

    plan: Plan
    cannot: tuple[CannotUndo, ...]
    found: int = 0

    @property
    def only_deactivated(self) -> int:
        """Users that the run made, which are set inactive since none can be deleted."""
        return sum(1 for s in self.plan.steps if isinstance(s, DeactivateUser))


def inverse(plan: Plan, journal: Sequence[Step], estate: Estate, programme: Programme) -> Inverse:
    """The inverse of a run's plan. `journal` are the run's steps, those of all workers together:
    only what was done is undone. What was sent and never answered counts as done when the org is as
    it would be after it."""
    done: dict[tuple[str, str], RecordId | None] = {}
    sent = set()
    found = 0
    for told in journal:
        at = (told.kind, told.key)
        if told.state is StepState.DONE and told.message == FOUND_DONE:
            found += 1
        elif told.state is StepState.DONE:
            done[at] = told.record_id or done.get(at)
        elif told.state is StepState.SENT:
            sent.add(at)
    cannot: list[CannotUndo] = []
    unsure = [s for s in plan.steps if (s.kind, s.key) in sent and (s.kind, s.key) not in done]
    for step, stands in zip(unsure, stand(tuple(unsure), estate, programme), strict=True):
        if stands.standing is Standing.AFTER:
            done[(step.kind, step.key)] = stands.record_id
        elif stands.standing is Standing.MOVED:
            cannot.append(CannotUndo(step.label, step.kind, _UNKNOWN))
    made = _made(plan, journal, done) | dict(_roles(estate, programme))
    steps: list[PlannedStep] = []
    for step in plan.steps:
        at = (step.kind, step.key)
        if at not in done:
            continue
        turned = _turned(step, done[at] or step.record_id, made)
        if isinstance(turned, str):
            cannot.append(CannotUndo(step.label, step.kind, turned))
        else:
            steps.append(turned)
    rank = {kind: at for at, kinds in enumerate(PHASES) for kind in kinds}
    steps.sort(key=lambda s: rank[type(s)])
    back = replace(plan, steps=tuple(steps), comparison=Comparison(()), mails=0)
    return Inverse(back, tuple(cannot), found)


def as_it_stands(
    back: Inverse, estate: Estate, programme: Programme
) -> tuple[Inverse, tuple[Stand, ...]]:
    """The inverse without what somebody changed since, and where its steps stand. A step of several
    fields loses only those that moved."""
    steps: list[PlannedStep] = []
    cannot = list(back.cannot)
    stands = stand(back.plan.steps, estate, programme)
    for step, found in zip(back.plan.steps, stands, strict=True):
        if found.standing is not Standing.MOVED:
            steps.append(step)
            continue
        if not found.moved:
            cannot.append(CannotUndo(step.label, step.kind, found.why))
            continue
        for name, now in found.moved.items():
            why = f"{name} was changed since, to {now!r}: left so"
            cannot.append(CannotUndo(step.label, step.kind, why))
        rest = {n: v for n, v in step.after.items() if n not in found.moved}
        if rest:
            before = {n: v for n, v in step.before.items() if n in rest}
            steps.append(replace(step, before=before, after=rest, remember=rest))
    plan = replace(back.plan, steps=tuple(steps))
    left = replace(back, plan=plan, cannot=tuple(cannot))
    return left, stand(plan.steps, estate, programme)


def keeping(back: Inverse, leads: Mapping[RecordId, int]) -> Inverse:
    """The inverse without the deactivation of users who own open leads (user → how many): a lead
    whose owner cannot log in is lost."""
    owners = {at for at, many in leads.items() if many}
    held = [s for s in back.plan.steps if isinstance(s, DeactivateUser) and s.record_id in owners]
    kept = tuple(s for s in back.plan.steps if s not in held)
    why = "owns {many} open leads: sfprm offboard {key} hands them on, then deactivates"
    said = [
        CannotUndo(s.label, s.kind, why.format(many=leads[s.record_id], key=s.key))
        for s in held
        if s.record_id is not None
    ]
    return replace(back, plan=replace(back.plan, steps=kept), cannot=(*back.cannot, *said))


def _made(
    plan: Plan, journal: Sequence[Step], done: Mapping[tuple[str, str], RecordId | None]
) -> dict[str, RecordId]:
    """Ref → record, of what the plan made or found."""
    told = {(s.kind, s.key): s.record_id for s in journal if s.record_id is not None}
    out: dict[str, RecordId] = {}
    for step in plan.steps:
        at = (step.kind, step.key)
        record_id = done.get(at) or told.get(at) or step.record_id
        if record_id is not None:
            out[step.ref] = record_id
    return out


def _roles(estate: Estate, programme: Programme) -> Iterator[tuple[str, RecordId]]:
    """(ref, group) of the partners' roles, as members name them."""
    partners = {p.key_value.lower(): p.key for p in programme.partners.values()}
    keys = {a.id: partners.get(a.key.lower()) for a in estate.accounts.values() if a.key}
    for name, group in estate.role_groups.items():
        kind, _, rest = name.partition(":")
        account, _, role = rest.partition("/")
        key = next((k for at, k in keys.items() if at == account), None)
        if kind == "partner" and key is not None:
            yield f"partner-role:{key}/{role}", group


def _turned(
    step: PlannedStep, at: RecordId | None, made: Mapping[str, RecordId]
) -> PlannedStep | str:
    """The step that takes this one back; or why there is none."""
    after: dict[str, FieldValue] = dict(step.after)
    after |= {name: made[to] for name, to in step.links.items() if to in made}
    match step:
        case CreateUser():
            active: dict[str, FieldValue] = {"IsActive": True}
            inactive: dict[str, FieldValue] = {"IsActive": False}
            return _as(DeactivateUser, step, at, active, inactive)
        case DeactivateUser():
            return _as(UpdateUser, step, at, after, step.before)
        case AddMember() if "UserOrGroupId" not in after:
            return _NO_ROLE
        case AddMember():
            member = {"UserOrGroupId": after["UserOrGroupId"]}
            group = {"GroupId": after["GroupId"]}
            gone: dict[str, FieldValue] = {str(after["UserOrGroupId"]): None}
            return replace(_as(RemoveMember, step, at, member, group), remember=gone)
        case RemoveMember():
            again: dict[str, FieldValue] = {**step.before, **after}
            return replace(_as(AddMember, step, None, {}, again), remember={})
        case GrantPermissionSet():
            taken: dict[str, FieldValue] = {str(after["PermissionSetId"]): None}
            return replace(_as(RevokePermissionSet, step, at, after, {}), remember=taken)
        case RevokePermissionSet():
            given: dict[str, FieldValue] = {str(step.before["PermissionSetId"]): True}
            turned = _as(GrantPermissionSet, step, None, {}, step.before)
            return replace(turned, remember=given)
        case UpsertContact() if not step.before:
            return _STAYS[UpsertContact]
        case CreateAccount() | EnablePartner() | CreateQueue() | CreateGroup() | QueueForLead():
            return _STAYS[type(step)]
        case ChangeOwner() | MoveContact() | FreezeUser() | UpsertContact() | PlannedStep():
            return _as(type(step), step, at, after, step.before)


def _as(
    kind: type[PlannedStep],
    step: PlannedStep,
    at: RecordId | None,
    before: Mapping[str, FieldValue],
    after: Mapping[str, FieldValue],
) -> PlannedStep:
    return kind(
        key=step.key,
        label=step.label,
        owner=step.owner,
        ref=step.ref,
        after=after,
        before=before,
        record_id=at,
        remember=after,
        reason="undo",
        flags=step.flags & {Flag.KEEP_TEAM, Flag.MOVES_USER},
    )
