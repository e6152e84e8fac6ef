"""The org's own assignment rules for leads and cases, run on create and update.

`Sforce-Auto-Assign`: absent means TRUE [D], so an owner given by the caller is overwritten unless
FALSE is sent, and an update of other fields moves the record again [P jsforce 512, 119,
simple-salesforce 419]. A sub-request of a composite does not inherit the header [D]. Bulk 2.0 has
no header, only `assignmentRuleId` [D]: its caller sets the context to that id, or to False.
The rule runs after validation and duplicate rules, and may not give a record to who may not own
it. LeadHistory then says `ownerAssignment` (unverified). Case rules: default owner on create
without a rule too [D help]. The order of execution: system validation, before-save flows, before
triggers, validation rules, duplicate rules, save, assignment rules, after-save flows [D].

Set `default_owners`: {"Lead": {"queue": developer name}, "Case": {"user": username}}."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sfprm.devorg.behaviours import settable
from sfprm.devorg.behaviours.behaviour import Behaviour
from sfprm.devorg.behaviours.record_owners import owner_problem
from sfprm.devorg.problems import RowProblem

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch, Row
    from sfprm.devorg.org import Org

__all__ = ["SETTING", "AssignmentRules"]


class AssignmentRules(Behaviour):
    """Owners by rule."""

    objects = frozenset({"Lead", "Case"})

    def before(self, batch: Batch) -> None:
        """Give each row the owner that the rule says."""
        from sfprm.devorg.assignment import NoSuchRule, runner_for

        if batch.operation == "delete" or batch.context.auto_assign is False:
            return
        try:
            runner = runner_for(
                batch.org,
                batch.definition.name,
                batch.context.auto_assign,
                batch.operation,
                batch.context.access.user,
            )
        except NoSuchRule:
            for row in batch.living:
                row.refuse("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
            return
        if runner is None:
            return
        known: dict[str, RowProblem | None] = {}
        for row in batch.living:
            assigned = runner.assign(_values(batch, row))
            if assigned.owner is None or assigned.owner == row.get("OwnerId"):
                continue
            if assigned.owner not in known:
                known[assigned.owner] = owner_problem(batch, assigned.owner)
            row.problem = known[assigned.owner]
            row.assigned_from = str(row.get("OwnerId"))
            row.notice = assigned.template
            row.values["OwnerId"] = assigned.owner

    def after(self, batch: Batch) -> None:
        """Tell the new owners, where the entry has a template."""
        from sfprm.devorg.assignment import tell

        for row in batch.living:
            if row.notice is not None:
                tell(
                    batch.org,
                    batch.definition.name,
                    str(row.id),
                    row.get,
                    str(row.get("OwnerId")),
                    row.notice,
                )


def _values(batch: Batch, row: Row) -> Callable[[str], Any]:
    """The record as the rule sees it; a new one was created now, by the caller."""
    birth: dict[str, Any] = {}
    if batch.operation == "insert":
        birth = {"CreatedDate": batch.context.now, "CreatedById": batch.context.user_id}
    birth |= {"LastModifiedDate": batch.context.now, "LastModifiedById": batch.context.user_id}
    return lambda name: birth[name] if name in birth else row.get(name)


def _check(org: Org, value: Any) -> None:
    from sfprm.devorg.behaviours.flows import check_owner

    if not isinstance(value, dict) or set(value) - AssignmentRules.objects:
        raise ValueError("an object with Lead and Case is needed")
    for named in value.values():
        check_owner(org, named)


SETTING = settable.Settable("default_owners", _check)
