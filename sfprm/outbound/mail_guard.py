"""No mail to real people from an org that is not production.

Every address that sfprm sends to or writes into the org (`User.Email` included) passes here.
A sandbox's own deliverability setting stops Salesforce's mail only. Addresses are compared after
the guard, so a plan made under it stays empty once applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sfprm.errors import BadSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfprm.settings import Settings

__all__ = ["MailPolicy", "guarded", "policy_for", "policy_from"]

MailGuard = Literal["sink", "allow-listed", "off"]


@dataclass(frozen=True, slots=True)
class MailPolicy:
    """What may go out of one org. `why` is shown wherever addresses are changed or let through.

    `open` lets every address through. `allow` holds addresses and domains, lower-case.
    """

    open: bool
    sink: str
    why: str
    allow: frozenset[str] = frozenset()


def policy_for(
    *,
    guard: MailGuard,
    sink: str,
    allow: Iterable[str],
    production_orgs: Iterable[str],
    org_id: str,
    is_sandbox: bool,
    is_embedded: bool,
) -> MailPolicy:
    """The policy in force for an org.

    Untouched are: the embedded org (its outbox is the sink), orgs listed as production, and every
    org when the guard is off. An id may be listed in its 15- or 18-character form. A sandbox is
    never production, listed or not. Raises BadSettings when the sink is no address.
    """
    if is_embedded:
        return MailPolicy(True, sink, "the embedded org keeps all mail in its outbox")
    listed = org_id[:15] in {org[:15] for org in production_orgs}
    if listed and not is_sandbox:
        return MailPolicy(True, sink, "the org is listed as production")
    if guard == "off":
        return MailPolicy(True, sink, "the mail guard is switched off")
    if sink.count("@") != 1 or sink.startswith("@") or sink.endswith("@"):
        raise BadSettings(
            f"SFPRM_MAIL_SINK: {sink!r} is not an e-mail address.",
            hint="Name a mailbox of your own that takes the mail of test orgs.",
        )
    kind = "a sandbox" if is_sandbox else "not listed in SFPRM_PRODUCTION_ORGS"
    if guard == "allow-listed":
        allowed = frozenset(entry.strip().lower().removeprefix("@") for entry in allow) - {""}
        return MailPolicy(False, sink, f"the org is {kind}", allowed)
    return MailPolicy(False, sink, f"the org is {kind}")


def policy_from(
    settings: Settings, *, org_id: str, is_sandbox: bool, is_embedded: bool
) -> MailPolicy:
    """`policy_for` with the settings in force."""
    return policy_for(
        guard=settings.mail_guard,
        sink=settings.mail_sink,
        allow=settings.mail_allow,
        production_orgs=settings.production_orgs,
        org_id=org_id,
        is_sandbox=is_sandbox,
        is_embedded=is_embedded,
    )


def guarded(address: str, policy: MailPolicy) -> str:
    """The address itself when it may be used, else the sink."""
    if policy.open:
        return address
    whole = address.strip().lower()
    domain = whole.rpartition("@")[2]
    return address if whole in policy.allow or domain in policy.allow else policy.sink
