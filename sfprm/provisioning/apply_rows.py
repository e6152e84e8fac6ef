"""The row that a step sends, and what the state remembers once it is written. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfprm.provisioning.steps import (
    AddMember,
    ChangeOwner,
    CreateGroup,
    CreateQueue,
    EnablePartner,
    FreezeUser,
    GrantPermissionSet,
    PlannedStep,
    RemoveMember,
    RevokePermissionSet,
    UpsertContact,
)
from sfprm.store.records import AppliedValue, Step, StepState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.ids import RecordId, RunId
    from sfprm.programme.policies import KeyFields

__all__ = ["frozen_instead", "journalled", "row_of", "to_remember"]


def journalled(run: RunId, number: int, step: PlannedStep) -> Step:
    """The step as the journal holds it before anything is sent."""
    after = step.after
    if step.links:
        after = {**after, **{name: f"@{to}" for name, to in step.links.items()}}
    return Step(
        run=run,
        number=number,
        kind=step.kind,
        key=step.key,
        state=StepState.PLANNED,
        before=step.before,
        after=after,
        record_id=step.record_id,
    )


def row_of(step: PlannedStep, ids: Mapping[str, RecordId], keys: KeyFields) -> dict[str, Any]:
    """What is sent. `ids`: the records made so far, by ref."""
    row: dict[str, Any] = dict(step.after)
    row |= {name: ids[to] for name, to in step.links.items()}
    match step:
        case UpsertContact() if step.record_id is None:
            row.setdefault(keys.contact, step.key)
        case CreateQueue():
            row |= {"DeveloperName": step.key, "Type": "Queue"}
        case CreateGroup():
            row |= {"DeveloperName": step.key.removeprefix("group:"), "Type": "Regular"}
        case _ if step.record_id is not None:
            row["Id"] = step.record_id
        case EnablePartner() | ChangeOwner():
            row["Id"] = ids[f"account:{step.key}"]
    return row


def to_remember(step: PlannedStep, row: Mapping[str, Any]) -> list[AppliedValue]:
    """Values under which the state knows the step as done. `row`: what was sent."""
    object_, key = step.object, step.key
    match step:
        case AddMember():
            user = str(row["UserOrGroupId"])
            return [AppliedValue(object_, step.owner, user, True)]
        case RemoveMember() | GrantPermissionSet() | RevokePermissionSet():
            key = step.owner
        case FreezeUser():
            object_ = "User"
    values = [AppliedValue(object_, key, name, v) for name, v in step.remember.items()]
    if object_ == "Contact" and "AccountId" in row:
        values.append(AppliedValue(object_, key, "AccountId", row["AccountId"]))
    return values


def frozen_instead(step: PlannedStep) -> AppliedValue:
    """That a user who could not be deactivated was frozen by us, so that whoever comes back is let
    go again."""
    return AppliedValue("User", step.key, "IsFrozen", True)
