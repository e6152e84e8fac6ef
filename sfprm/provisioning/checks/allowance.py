"""What the day leaves: API calls, mails, storage; and how many partner roles the org has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.programme.model import PortalRole
from sfprm.provisioning.checks.finding import Check, CheckState, Code, ok
from sfprm.provisioning.difference import Kind, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.provisioning.checks.facts import Facts
    from sfprm.provisioning.checks.finding import CheckItem

__all__ = ["CHECK"]

CALLS_SHORT = Code(
    "calls-short",
    CheckState.PROBLEM,
    "the day's API calls do not suffice for the plan",
    "wait until tomorrow, or raise the org's allowance",
    "apply",
    "REQUEST_LIMIT_EXCEEDED",
)
MAILS_SHORT = Code(
    "mails-short",
    CheckState.WARNING,
    "no mails by API are left today, or fewer than the plan causes",
    "wait until tomorrow, or apply in parts (--target); notices can go by SMTP",
    "apply: welcome mails; route: notices",
    "operations.md, rule 11 (SingleEmail; whether welcome mails count to it is unverified)",
)
STORAGE_SHORT = Code(
    "storage-short",
    CheckState.WARNING,
    "hardly any data storage is left",
    "remove data, or buy storage: records are refused when it is full",
    "apply: make accounts and contacts",
    "STORAGE_LIMIT_EXCEEDED",
)
LIMITS_UNREAD = Code(
    "limits-unread",
    CheckState.MANUAL,
    "the agent may not read the org's limits",
    "grant View Setup to the agent's user, or look in Setup › Company Information",
    "route: notices; apply",
)
ROLES_NEAR = Code(
    "roles-near-limit",
    CheckState.WARNING,
    "the org has nearly as many partner roles as it may",
    "ask Salesforce to raise the cap, or have one role an account (Setup › Digital Experiences)",
    "apply: the first user of an account",
    "provisioning sheet, sections 2 and 9",
)
ROLE_LEVEL = Code(
    "role-level-missing",
    CheckState.WARNING,
    "people are declared with a role level that no account of this org has",
    "raise the number of partner roles in Setup › Digital Experiences › Settings before the first "
    "user of an account is made; or declare these people as Worker",
    "apply: make users",
    "provisioning sheet, section 2",
)
CODES = (CALLS_SHORT, MAILS_SHORT, STORAGE_SHORT, LIMITS_UNREAD, ROLES_NEAR, ROLE_LEVEL)
_KB_A_RECORD = 2


def look(facts: Facts) -> Iterator[CheckItem]:
    """Calls, mails, storage, roles."""
    yield from _calls(facts)
    limits = facts.surroundings.limits
    mails = limits.get("SingleEmail")
    if mails is not None:
        words = f"{mails.remaining:,} of {mails.max:,} left today"
        if facts.mails_needed:
            words += f", {facts.mails_needed:,} welcome mails by the plan"
        needed = max(1, facts.mails_needed)
        short = mails.remaining < needed
        yield MAILS_SHORT("mails by API", words) if short else ok("mails by API", words)
    storage = limits.get("DataStorageMB")
    if storage is not None:
        new = sum(1 for d in facts.comparison.differences if d.verdict is Verdict.CREATE)
        needed_mb = new * _KB_A_RECORD / 1024
        words = f"{storage.remaining:,} of {storage.max:,} MB left"
        short = storage.remaining <= needed_mb
        yield STORAGE_SHORT("data storage", words) if short else ok("data storage", words)
    if "limits" in facts.surroundings.unread:
        yield LIMITS_UNREAD("limits", "not told")
    yield from _roles(facts)


def _calls(facts: Facts) -> Iterator[CheckItem]:
    if facts.allowance is None:
        return
    used, most = facts.allowance
    words = f"{most - used:,} of {most:,} left today, {facts.calls_needed:,} needed to apply"
    if facts.calls_needed > most - used:
        yield CALLS_SHORT("API calls", words)
    else:
        yield ok("API calls", words)


def _roles(facts: Facts) -> Iterator[CheckItem]:
    roles = facts.surroundings.roles
    if roles is None:
        return
    there, most = sum(roles.values()), facts.thresholds.roles
    levels = len([r for r in PortalRole if roles.get(r.value)]) or 1
    new = sum(
        1
        for d in facts.comparison.differences
        if d.kind is Kind.ACCOUNT and d.verdict is Verdict.CREATE
    )
    words = f"{there:,} there, {new * levels:,} more with the new partners, cap about {most:,}"
    if there + new * levels >= most * facts.thresholds.near:
        yield ROLES_NEAR("partner roles", words)
    else:
        yield ok("partner roles", words)
    if not there:
        return
    wanted = {p.role for p, _, user in facts.people() if user is None}
    for role in sorted(wanted - {PortalRole.WORKER}):
        if not roles.get(role.value):
            people = [p.key for p, _, _ in facts.people() if p.role is role]
            yield ROLE_LEVEL(
                f"role level {role.value}", f"{len(people)} people want it, no account has it",
                people,
            )  # fmt: skip


CHECK = Check("allowances", CODES, look)
