"""Validation rules: `FIELD_CUSTOM_VALIDATION_EXCEPTION` with the rule's own text, and the field at
which the rule shows it, if any [D; R: codes and texts in client issues]. They run after before-save
flows and before triggers' duplicates are looked for [D, order of execution].

Set `validation_rules`: [{"object", "name", "message", "field"?, "on"?, "when"?, "logic"?,
"changes"?}]; a record that meets the condition is refused, as one whose formula is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfprm.devorg.behaviours import settable
from sfprm.devorg.behaviours.behaviour import Behaviour

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch
    from sfprm.devorg.org import Org

__all__ = ["SETTING", "ValidationRules"]


class ValidationRules(Behaviour):
    """Refusals in the words of an administrator."""

    objects = settable.RECORDS

    def before(self, batch: Batch) -> None:
        """Refuse what meets a rule; the first one that is met counts here (a real org may list
        several)."""
        found = settable.each(batch, "validation_rules")
        if not found or batch.operation == "delete":
            return
        around = settable.around(batch)
        for row in batch.living:
            for rule, condition in found:
                if condition.met(batch, row, around):
                    fields = [rule["field"]] if rule.get("field") else []
                    row.refuse("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule["message"], *fields)


def _check(org: Org, value: Any) -> None:
    for rule in settable.rules(value, org, {"name", "message"}, {"field"}):
        settable.text(rule, "name")
        settable.text(rule, "message")
        definition = org.schema.object(rule["object"])
        if rule.get("field") and (definition is None or not definition.field(str(rule["field"]))):
            raise ValueError(f"field: {rule['object']} has no field {rule['field']!r}")


SETTING = settable.Settable("validation_rules", _check)
