"""Duplicate rules in a basic form, set through the control API (`duplicate-rules`).

A rule looks for living records of its object whose fields all equal the new ones, without regard
to case; an empty field never matches. A rule that alerts refuses the write unless the caller sends
`Sforce-Duplicate-Rule-Header: allowSave=true`; one that blocks refuses it always [D]. On an edit it
runs only when one of its fields changes [M]. Rows of one transaction are not compared with each
other (unverified). The refusal is DUPLICATES_DETECTED with the rule's alert text; on a single
record it carries the details under the key `duplicateResut`, misspelt as in the recorded answers
[R]; in collections only code, message and no fields [D]. Matching is exact, and says so
(`ExactMatchEngine`, the name is unverified): Salesforce's fuzzy matching is not imitated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sfprm.devorg.behaviours.behaviour import Behaviour
from sfprm.devorg.problems import RowProblem

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch, Row
    from sfprm.devorg.org import Org

__all__ = ["OBJECTS", "DuplicateRule", "Duplicates", "duplicate_rules", "set_duplicate_rules"]

OBJECTS = frozenset({"Account", "Contact", "Lead"})
SETTING = "duplicate_rules"
_ALERT = "Use one of these records?"


@dataclass(frozen=True, slots=True)
class DuplicateRule:
    """One rule. `action` is alert or block; `fields` are API names that must all be equal."""

    name: str
    object: str
    fields: tuple[str, ...]
    action: str = "alert"
    message: str = _ALERT
    on_insert: bool = True
    on_update: bool = True


def duplicate_rules(org: Org) -> list[DuplicateRule]:
    """The rules in force, in order."""
    return [
        DuplicateRule(**{**one, "fields": tuple(one["fields"])}) for one in org.setting(SETTING, [])
    ]


def set_duplicate_rules(org: Org, wanted: Any) -> list[DuplicateRule]:
    """Replace all rules by these JSON objects. Raises ValueError for one that cannot be."""
    if not isinstance(wanted, list):
        raise ValueError("give a list of rules")
    rules = [_rule(org, one) for one in wanted]
    org.set_setting(SETTING, [asdict(rule) for rule in rules])
    return rules


def _rule(org: Org, values: Any) -> DuplicateRule:
    if not isinstance(values, Mapping):
        raise ValueError("a rule is an object")
    unknown = set(values) - set(DuplicateRule.__dataclass_fields__)
    if unknown:
        raise ValueError(f"a rule has no {', '.join(sorted(unknown))}")
    definition = org.schema.object(str(values.get("object")))
    if definition is None or definition.name not in OBJECTS:
        raise ValueError(f"object: one of {', '.join(sorted(OBJECTS))}")
    names = []
    for name in values.get("fields") or ():
        field = definition.field(str(name))
        if field is None or field.is_compound:
            raise ValueError(f"fields: {definition.name} has no field {name}")
        names.append(field.name)
    if not names:
        raise ValueError("fields: at least one")
    if values.get("action", "alert") not in {"alert", "block"}:
        raise ValueError("action: alert or block")
    return DuplicateRule(
        name=str(values.get("name") or f"Standard_{definition.name}_Duplicate_Rule"),
        object=definition.name,
        fields=tuple(names),
        action=str(values.get("action", "alert")),
        message=str(values.get("message", _ALERT)),
        on_insert=values.get("on_insert", True) is True,
        on_update=values.get("on_update", True) is True,
    )


class Duplicates(Behaviour):
    """Refuses rows that double a record."""

    objects = OBJECTS

    def before(self, batch: Batch) -> None:
        """Compare the new values with the living records."""
        if batch.operation == "delete":
            return
        for rule in duplicate_rules(batch.org):
            if rule.object != batch.definition.name:
                continue
            if not (rule.on_insert if batch.operation == "insert" else rule.on_update):
                continue
            if rule.action == "alert" and batch.context.duplicates.allow_save:
                continue
            for row in batch.living:
                found = _matches(batch, rule, row)
                if found:
                    row.problem = _problem(batch, rule, found)


def _matches(batch: Batch, rule: DuplicateRule, row: Row) -> list[dict[str, Any]]:
    if not any(row.changes(name) for name in rule.fields):
        return []
    wanted = {name: row.get(name) if name != "Name" else _name(row) for name in rule.fields}
    if any(value is None for value in wanted.values()):
        return []
    found = batch.org.storage.find(rule.object, wanted)
    return [one for one in found if not one.get("IsDeleted") and one["Id"] != row.id]


def _name(row: Row) -> Any:
    """A person's Name is made of its parts."""
    if row.get("LastName") is None:
        return row.get("Name")
    return " ".join(str(part) for part in (row.get("FirstName"), row.get("LastName")) if part)


def _problem(batch: Batch, rule: DuplicateRule, found: list[dict[str, Any]]) -> RowProblem:
    problem = RowProblem("DUPLICATES_DETECTED", rule.message)
    details = {
        "allowSave": rule.action == "alert",
        "duplicateRule": rule.name,
        "duplicateRuleEntityType": rule.object,
        "errorMessage": rule.message,
        "matchResults": [
            {
                "entityType": rule.object,
                "errors": [],
                "matchEngine": "ExactMatchEngine",
                "matchRecords": [_match(batch, record) for record in found],
                "rule": rule.name,
                "size": len(found),
                "success": True,
            }
        ],
    }
    problem.body = [
        {
            "duplicateResut": details,
            "errorCode": problem.code,
            "message": problem.message,
        }
    ]
    return problem


def _match(batch: Batch, record: Mapping[str, Any]) -> dict[str, Any]:
    header, name = batch.context.duplicates, batch.definition.name
    shown: dict[str, Any] = {
        "attributes": {"type": name, "url": f"{header.data}/sobjects/{name}/{record['Id']}"},
        "Id": record["Id"],
    }
    if header.include_details:
        access = batch.context.access
        shown |= {
            field.name: record.get(field.name)
            for field in batch.definition.fields
            if not field.is_compound and batch.org.visible(access, batch.definition, field)
        }
    return {
        "additionalInformation": [],
        "fieldDiffs": [],
        "matchConfidence": 100.0,
        "record": shown,
    }
