"""The Lead fields that rules read, held against the org's own describe."""

from __future__ import annotations

from sfprm.errors import BadFiles
from sfprm.jobs.frame import JobContext
from sfprm.programme.fields_read import check_against_describe
from sfprm.salesforce.describe import describe

__all__ = ["refuse_unknown_fields"]


def refuse_unknown_fields(context: JobContext) -> None:
    """Raise BadFiles when a rule or condition reads a field that this org's Lead does not have, or
    not of that type. One call, kept for the session."""
    lead = describe(context.session, "Lead")
    if lead is None:
        return
    types = {name: field.type for name, field in lead.fields.items()}
    complaints = check_against_describe(context.programme, types)
    if complaints:
        raise BadFiles(complaints)
