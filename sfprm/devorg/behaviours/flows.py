"""Record-triggered flows: those that fail and those that take a record for somebody else.

A failing one: `CANNOT_EXECUTE_FLOW_TRIGGER` `We can't save this record because the “X” process
failed. Give your Salesforce admin these details. …` [# restforce 624].
One that sets the owner, before or after the save: the caller's write succeeds, the record is
another's, and LastModifiedBy is the caller, so nothing tells the flow from the caller but the
owner itself [operations.md 13]. A before-save flow runs before the caller's other rules; an
after-save flow after the assignment rules, and the history then has both changes [D, order of
execution]. A flow does not start itself again.

Set `flows`: [{"object", "name", "message"} or {"object": "Lead" | "Case", "name", "owner":
{"user": username} | {"queue": developer name}, "save"?: "before" | "after"}, with "on"?, "when"?,
"logic"?, "changes"?]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sfprm.devorg.behaviours import settable
from sfprm.devorg.behaviours.behaviour import Behaviour
from sfprm.devorg.behaviours.history import History
from sfprm.devorg.behaviours.leads import LeadOwners
from sfprm.devorg.behaviours.record_owners import owner_problem
from sfprm.devorg.metadata.assignment import target_id

if TYPE_CHECKING:
    from sfprm.devorg.criteria import Surroundings
    from sfprm.devorg.dml.context import Batch, Row
    from sfprm.devorg.org import Org

__all__ = ["SETTING", "AfterSaveFlows", "BeforeSaveFlows"]

_OWNED = frozenset({"Lead", "Case"})


class BeforeSaveFlows(Behaviour):
    """Flows that fail, and those that set the owner before the save."""

    objects = settable.RECORDS

    def before(self, batch: Batch) -> None:
        """Refuse rows, or change their owner. An after-save flow that could not set its owner
        refuses the row here."""
        found = settable.each(batch, "flows")
        if not found:
            return
        around = settable.around(batch)
        for flow, condition in found:
            for row in [row for row in batch.living if condition.met(batch, row, around)]:
                if "owner" not in flow:
                    _fail(row, flow["name"], flow["message"])
                    continue
                owner = _owner(batch.org, flow["owner"])
                problem = owner_problem(batch, owner) if owner else None
                if owner is None or problem is not None:
                    words = problem.message if problem else "the owner is not there"
                    _fail(row, flow["name"], words)
                elif flow.get("save") != "after" and row.get("OwnerId") != owner:
                    row.values["OwnerId"] = owner


class AfterSaveFlows(Behaviour):
    """Flows that set the owner of what is saved."""

    objects = _OWNED

    def after(self, batch: Batch) -> None:
        """Change owners, as a second write of the same transaction."""
        if batch.operation == "delete":
            return
        around: Surroundings | None = None
        for flow, condition in settable.each(batch, "flows"):
            if "owner" not in flow or flow.get("save") != "after":
                continue
            around = around or settable.around(batch)
            owner = str(_owner(batch.org, flow["owner"]))
            hit = [row for row in batch.living if condition.met(batch, row, around)]
            _give(batch, [row for row in hit if row.get("OwnerId") != owner], owner)


def _give(batch: Batch, rows: list[Row], owner: str) -> None:
    from sfprm.devorg.dml.context import Batch as Written
    from sfprm.devorg.dml.context import Row as Second

    storage, context = batch.org.storage, batch.context
    second = Written(
        context,
        batch.definition,
        "update",
        [
            Second(
                place, {"OwnerId": owner}, row.id, storage.get(batch.definition.name, str(row.id))
            )
            for place, row in enumerate(rows)
        ],
    )
    if batch.definition.name == "Lead":
        LeadOwners().before(second)
    stamps = {"LastModifiedDate": context.now, "LastModifiedById": context.user_id,
              "SystemModstamp": context.now}  # fmt: skip
    for row in second.rows:
        storage.update(batch.definition.name, str(row.id), {**row.values, **stamps})
    if batch.definition.name in History.objects:
        History().after(second)


def _fail(row: Row, name: str, words: str) -> None:
    row.refuse(
        "CANNOT_EXECUTE_FLOW_TRIGGER",
        f"We can't save this record because the “{name}” process failed. Give your Salesforce "
        f"admin these details. {words}",
    )


def _owner(org: Org, named: Mapping[str, Any]) -> str | None:
    kind = "Queue" if "queue" in named else "User"
    return target_id(org, kind, str(named[kind.lower()]))


def _check(org: Org, value: Any) -> None:
    for flow in settable.rules(value, org, {"name"}, {"message", "owner", "save"}):
        settable.text(flow, "name")
        settable.chosen(flow, "save", ("before", "after"))
        if "owner" not in flow:
            settable.text(flow, "message")
            continue
        check_owner(org, flow["owner"])
        if flow["object"] not in _OWNED:
            raise ValueError(f"owner: flows set owners of {', '.join(sorted(_OWNED))} only")
        if "delete" in flow.get("on", ()):
            raise ValueError("on: a record that is deleted gets no owner")


def check_owner(org: Org, named: Any) -> None:
    """{"user": username} or {"queue": developer name} of somebody who is there. Raises
    ValueError."""
    if not isinstance(named, dict) or len(named) != 1 or set(named) - {"user", "queue"}:
        raise ValueError('owner: {"user": username} or {"queue": developer name} is needed')
    if _owner(org, named) is None:
        raise ValueError(f"owner: the org has no {next(iter(named))} {next(iter(named.values()))}")


SETTING = settable.Settable("flows", _check)
