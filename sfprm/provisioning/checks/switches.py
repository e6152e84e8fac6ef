"""Which org this is, where mail goes, and what must be switched on in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.provisioning.checks.finding import Check, CheckState, Code, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.provisioning.checks.facts import Facts
    from sfprm.provisioning.checks.finding import CheckItem

__all__ = ["CHECK"]

_SETUP = "run `sfprm setup` (irreversible, after your confirmation)"

EXPERIENCES_OFF = Code(
    "experiences-off",
    CheckState.PROBLEM,
    "digital experiences are off",
    _SETUP,
    "setup, then apply: partner users",
    "provisioning sheet, section 1",
)
PARTNERS_OFF = Code(
    "partners-off",
    CheckState.PROBLEM,
    "partner management (PRM) is off",
    _SETUP,
    "apply: enable accounts, make partner users",
    "provisioning sheet, section 1",
)
SETTINGS_UNREAD = Code(
    "settings-unread",
    CheckState.MANUAL,
    "the agent may not read whether partner management is on",
    "look in Setup › Partner Relationship Management, or grant sfprm_setup",
    "apply: enable accounts",
    "operations.md, rule 2",
)


def look(facts: Facts) -> Iterator[CheckItem]:
    """The org, the mail guard, and the two switches."""
    org = facts.estate.org
    yield ok("org", f"{org.name}, {org.nature}, as {org.agent_username}")
    if facts.mail:
        words = "addresses are used as they are" if facts.mail_open else "addresses go to the sink"
        yield ok("mail guard", f"{words}: {facts.mail}")
    on = facts.communities
    experiences = facts.estate.has_sites if on is None else on.experiences
    if experiences:
        yield ok("digital experiences", "on")
    else:
        yield EXPERIENCES_OFF("digital experiences", "off")
    if on is None:
        yield SETTINGS_UNREAD("partner management", "the agent may not read the org's settings")
    elif on.partner_management:
        yield ok("partner management", "on")
    else:
        yield PARTNERS_OFF("partner management", "off")


CHECK = Check("the org", (EXPERIENCES_OFF, PARTNERS_OFF, SETTINGS_UNREAD), look)
