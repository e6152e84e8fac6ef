"""Metadata of the embedded org: deployments by REST and SOAP, retrieval and listing by SOAP.

Most types live as records and are read back from them (queues, roles, sites, profiles). The rest is
kept as deployed (`stored`). Assignment rules are both: a row of AssignmentRule, and the entries,
which `rules_of(org, "Lead")` gives as values (`assignment.Rule`), assignees already as ids and
filter logic as a tree that `filter_logic.holds(logic, condition)` asks.
"""

from __future__ import annotations

from sfprm.devorg.metadata.assignment import Criterion, Rule, RuleEntry, rules_of
from sfprm.devorg.metadata.deployments import cancel, deploy, settle, status
from sfprm.devorg.metadata.filter_logic import Logic, holds
from sfprm.devorg.metadata.soap import fault, invalid_session, session_id, soap

__all__ = [
    "Criterion",
    "Logic",
    "Rule",
    "RuleEntry",
    "cancel",
    "deploy",
    "fault",
    "holds",
    "invalid_session",
    "rules_of",
    "session_id",
    "settle",
    "soap",
    "status",
]
