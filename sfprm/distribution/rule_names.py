"""Names of what in the org acts on our writes of leads: validation rules, of which a refusal tells
the text alone; and the flows and triggers that may have taken a lead, which say nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from sfprm.errors import OrgRefused
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, in_

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.salesforce.session import Session

__all__ = ["read_rule_names", "read_who_may_take"]


def read_rule_names(session: Session) -> Mapping[str, str]:
    """Name by text of the validation rules on Lead. One call of the Tooling API (ValidationRule,
    documented); empty when the agent may not ask, or two rules share a text."""
    where = (eq("EntityDefinition.QualifiedApiName", "Lead"),)
    query = Query(("ValidationName", "ErrorMessage"), "ValidationRule", where)
    try:
        told = session.request("GET", f"tooling/query?q={quote(query.text())}", kind="query").json
    except OrgRefused:
        return {}
    found: dict[str, str] = {}
    twice = set()
    for row in (told or {}).get("records") or ():
        text = str(row["ErrorMessage"]).strip()
        if text in found:
            twice.add(text)
        found[text] = str(row["ValidationName"])
    return {text: name for text, name in found.items() if text not in twice}


def read_who_may_take(session: Session) -> str:
    """Who may give a lead another owner after an update by our own user, in words: the active
    record-triggered flows and Apex triggers on Lead by name, as `check` reads them, and another
    router. Two calls. Workflow rules and processes cannot be read so; nothing says which of all
    these it was."""
    flow = Query(
        ("ApiName", "Label", "RecordTriggerType", "TriggerObjectOrEvent.QualifiedApiName"),
        "FlowDefinitionView",
        (eq("IsActive", True), in_("TriggerType", ("RecordBeforeSave", "RecordAfterSave"))),
    )
    trigger = Query(
        ("Name", "UsageBeforeUpdate", "UsageAfterUpdate"),
        "ApexTrigger",
        (eq("Status", "Active"), eq("TableEnumOrId", "Lead")),
    )
    try:
        flows = [
            f"flow {row['Label'] or row['ApiName']}"
            for row in select(session, flow)
            if (row["TriggerObjectOrEvent"] or {}).get("QualifiedApiName") == "Lead"
            and "Update" in (row["RecordTriggerType"] or "Update")
        ]
        triggers = [
            f"trigger {row['Name']}"
            for row in select(session, trigger)
            if row["UsageBeforeUpdate"] or row["UsageAfterUpdate"]
        ]
    except OrgRefused:
        return "flow, trigger or another router"
    if not flows and not triggers:
        return "no flow or trigger is active on leads: a workflow rule, process or another router"
    return f"{', '.join(sorted(flows) + sorted(triggers))}, or another router"
