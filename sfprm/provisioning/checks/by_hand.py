"""What no API tells: a short list for a person, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.provisioning.checks.finding import Check, CheckState, Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.provisioning.checks.facts import Facts
    from sfprm.provisioning.checks.finding import CheckItem

__all__ = ["CHECK"]

MAIL = Code(
    "by-hand-mail",
    CheckState.MANUAL,
    "whether the org lets mail out, and whether the site's sender is verified",
    "see Setup › Deliverability (All email) and the site's Administration › Emails",
    "people get no welcome mail, and nothing says so",
    "operations.md, rule 11",
)
LEADS = Code(
    "by-hand-leads",
    CheckState.MANUAL,
    "whether partners find a lead: the tab, the status values of their record types, and the "
    "queue's list view shared with them",
    "log in to the site as one partner and open a lead",
    "partners do not find their leads",
    "operations.md, rule 29",
)
OLD_AUTOMATION = Code(
    "by-hand-automation",
    CheckState.MANUAL,
    "workflow rules, approval processes and territory rules that change owners",
    "look through Setup › Workflow Rules, Approval Processes and Territory Models",
    "apply and route: values come back other than written",
    "operations.md, rules 13 and 15",
)
CODES = (MAIL, LEADS, OLD_AUTOMATION)
_NAMES = {MAIL: "mail", LEADS: "finding a lead", OLD_AUTOMATION: "older automation"}


def look(facts: Facts) -> Iterator[CheckItem]:
    """Always the same few; none for an embedded org, which has nothing that is hidden."""
    if facts.estate.org.is_embedded:
        return
    for code in CODES:
        yield code(_NAMES[code], code.title)


CHECK = Check("to be looked at by hand", CODES, look)
