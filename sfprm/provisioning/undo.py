"""The inverse of what an apply has done, as far as there is one, and what there is not. Pure.

Steps that were carried out are turned round: values go back where they are still as the run left
them. Users cannot be deleted, so those that were made are deactivated; accounts, contacts, queues
and groups that were made stay; an account that was enabled as partner stays so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sfprm.provisioning.difference import Comparison, Flag
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
    from collections.abc import Mapping, Sequence

    from sfprm.ids import RecordId
    from sfprm.programme.model import FieldValue
    from sfprm.provisioning.plan import Plan
    from sfprm.store.records import Step

__all__ = ["CannotUndo", "Inverse", "inverse"]

_STAYS = {
    CreateAccount: "the account stays; delete it in Salesforce if nothing hangs on it",
    EnablePartner: "the account stays a partner: taking that back deletes its roles for ever",
    UpsertContact: "the contact stays: one that has a user cannot be deleted",
    CreateQueue: "the queue stays, empty; delete it in Setup when no rule needs it",
    CreateGroup: "the group stays, empty; delete it in Setup when nothing is shared with it",
    QueueForLead: "the queue may still own leads",
}


@dataclass(frozen=True, slots=True)
class CannotUndo:
    """A step that stays as it was done, and why."""

    label: str
    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class Inverse:
    """A plan that takes a run back, and what it leaves. `only_deactivated`: users that the run
    made, which are set inactive since none can be deleted."""

    plan: Plan
    cannot: tuple[CannotUndo, ...]
    only_deactivated: int


def inverse(plan: Plan, journal: Sequence[Step]) -> Inverse:
    """The inverse of a run's plan. `journal` are the run's steps: only what was done is undone."""
    done = {s.number: s for s in journal if s.state is StepState.DONE}
    made: dict[str, RecordId] = {}
    for number, step in enumerate(plan.steps, start=1):
        told = done.get(number)
        record_id = (told.record_id if told is not None else None) or step.record_id
        if record_id is not None:
            made[step.ref] = record_id
    steps: list[PlannedStep] = []
    cannot: list[CannotUndo] = []
    for number, step in enumerate(plan.steps, start=1):
        told = done.get(number)
        if told is None:
            continue
        turned = _turned(step, told.record_id or step.record_id, made)
        if turned is None:
            cannot.append(CannotUndo(step.label, step.kind, _STAYS[type(step)]))
        else:
            steps.append(turned)
    rank = {kind: at for at, kinds in enumerate(PHASES) for kind in kinds}
    steps.sort(key=lambda s: rank[type(s)])
    back = replace(plan, steps=tuple(steps), comparison=Comparison(()), mails=0)
    users = sum(1 for s in steps if isinstance(s, DeactivateUser))
    return Inverse(back, tuple(cannot), users)


def _turned(
    step: PlannedStep, at: RecordId | None, made: Mapping[str, RecordId]
) -> PlannedStep | None:
    """The step that takes this one back; None when there is none."""
    after: dict[str, FieldValue] = dict(step.after)
    after |= {name: made[to] for name, to in step.links.items() if to in made}
    match step:
        case CreateUser():
            active: dict[str, FieldValue] = {"IsActive": True}
            inactive: dict[str, FieldValue] = {"IsActive": False}
            return _as(DeactivateUser, step, at, active, inactive)
        case DeactivateUser():
            return _as(UpdateUser, step, at, after, step.before)
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
            return None
        case CreateAccount() | EnablePartner() | CreateQueue() | CreateGroup() | QueueForLead():
            return None
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
