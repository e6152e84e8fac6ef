"""The list of checks. A new thing to look at: a file beside this one, its name here, and a planted
fault in the table test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.provisioning.checks import (
    accounts,
    agent,
    allowance,
    automation,
    by_hand,
    drift,
    exposed,
    history,
    licences,
    managers,
    permission_sets,
    pools,
    profiles,
    queues,
    site,
    switches,
    usernames,
    values,
)
from sfprm.provisioning.checks.finding import CheckState

if TYPE_CHECKING:
    from sfprm.provisioning.checks.facts import Facts
    from sfprm.provisioning.checks.finding import CheckItem, Code

__all__ = ["CHECKS", "TYPE_CODES", "codes", "run_checks", "run_codes"]

CHECKS = (
    switches.CHECK,
    agent.CHECK,
    profiles.CHECK,
    permission_sets.CHECK,
    site.CHECK,
    licences.CHECK,
    managers.CHECK,
    accounts.CHECK,
    usernames.CHECK,
    values.CHECK,
    automation.CHECK,
    queues.CHECK,
    pools.CHECK,
    history.CHECK,
    drift.CHECK,
    exposed.CHECK,
    allowance.CHECK,
    by_hand.CHECK,
)
"""In the order in which they are shown."""


TYPE_CODES = frozenset(
    {
        *(code.code for code in values.CHECK.codes),
        *("profile-missing", "profile-not-partner"),
        *("permission-set-missing", "permission-set-licence"),
        *("site-missing", "manager-missing", "manager-external"),
        *("queue-missing", "queue-not-for-leads", "group-missing", "role-missing"),
        "rule-user-missing",
    }
)
"""Faults of the files' own names and values, whatever state the org is in:
`sfprm programme validate --org`."""


def codes() -> tuple[Code, ...]:
    """Every code, in the order of the checks."""
    return tuple(code for check in CHECKS for code in check.codes)


def run_checks(facts: Facts) -> tuple[CheckItem, ...]:
    """All items, check by check. Raises nothing. A record that the plan refuses for a reason that
    no check knows is named at the end, so that nothing refused passes for ready."""
    items = [item for check in CHECKS for item in check.look(facts)]
    if not any(item.state is CheckState.PROBLEM for item in items):
        blocked = drift.plan_blocked(facts)
        items += [blocked] if blocked else []
    return tuple(items)


def run_codes(facts: Facts, wanted: frozenset[str]) -> tuple[CheckItem, ...]:
    """The items of these codes, by the checks that can find them."""
    checks = [c for c in CHECKS if wanted & {code.code for code in c.codes}]
    return tuple(item for c in checks for item in c.look(facts) if item.code in wanted)
