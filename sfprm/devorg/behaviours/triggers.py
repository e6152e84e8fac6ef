"""Apex triggers that fail: `CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY` with the trigger's name, event
and exception, as in `dlrs_TaskTrigger: execution of AfterInsert` … `caused by: …` [# issues of
declarative-lookup-rollup-summaries]. An exception that nobody catches refuses every record of the
chunk (`stops: chunk`); a careful trigger refuses its own records only (`stops: row`, the default;
which a real org shows depends on its code; unverified).

Set `triggers`: [{"object", "name", "message", "event"?: "before" | "after", "stops"?, "on"?,
"when"?, "logic"?, "changes"?}]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfprm.devorg.behaviours import settable
from sfprm.devorg.behaviours.behaviour import Behaviour

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.devorg.dml.context import Batch
    from sfprm.devorg.org import Org

__all__ = ["SETTING", "Triggers"]


class Triggers(Behaviour):
    """Refusals in the words of a stack trace."""

    objects = settable.RECORDS

    def before(self, batch: Batch) -> None:
        """Refuse the rows on which a trigger fails."""
        found = settable.each(batch, "triggers")
        if not found:
            return
        around = settable.around(batch)
        for rule, condition in found:
            hit = [row for row in batch.living if condition.met(batch, row, around)]
            if hit and rule.get("stops") == "chunk":
                hit = batch.living
            for row in hit:
                row.refuse("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", _words(rule, batch.operation))


def _words(rule: Mapping[str, Any], operation: str) -> str:
    event = f"{str(rule.get('event', 'before')).title()}{operation.title()}"
    return (
        f"{rule['name']}: execution of {event}\n\ncaused by: {rule['message']}\n\n"
        f"Trigger.{rule['name']}: line 1, column 1"
    )


def _check(org: Org, value: Any) -> None:
    for rule in settable.rules(value, org, {"name", "message"}, {"event", "stops"}):
        settable.text(rule, "name")
        settable.text(rule, "message")
        settable.chosen(rule, "event", ("before", "after"))
        settable.chosen(rule, "stops", ("row", "chunk"))


SETTING = settable.Settable("triggers", _check)
