"""Names of the org's validation rules on leads: a refusal tells their text alone."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from sfprm.errors import OrgRefused
from sfprm.salesforce.soql import Query, eq

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.salesforce.session import Session

__all__ = ["read_rule_names"]


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
