"""By which ways notices leave, with the mail guard before each of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.errors import BadSettings
from sfprm.outbound.mail_guard import MailPolicy
from sfprm.outbound.sending import Mailbox, mailbox_of
from sfprm.outbound.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.settings import Settings

__all__ = ["MOST_MAILS", "Outlets", "outlets_from"]

MOST_MAILS = 50
"""Most mails of one run unless the settings say otherwise; developer editions send few a day."""


@dataclass(frozen=True, slots=True)
class Outlets:
    """What may be sent, and where to. `most` mails in one run."""

    policy: MailPolicy
    mailbox: Mailbox | None = None
    webhooks: Mapping[str, Webhook] = field(default_factory=lambda: MappingProxyType({}))
    most: int = MOST_MAILS

    def may_call(self, webhook: Webhook) -> bool:
        """Whether the guard lets a webhook be called: its host counts as an address's domain."""
        return self.policy.open or webhook.host.lower() in self.policy.allow


def outlets_from(settings: Settings, policy: MailPolicy) -> Outlets:
    """The ways that the settings open. Raises BadSettings."""
    mailbox = mailbox_of(settings) if settings.smtp_host is not None else None
    return Outlets(policy, mailbox, MappingProxyType(_webhooks(settings)), settings.mails_per_run)


def _webhooks(settings: Settings) -> dict[str, Webhook]:
    if settings.webhooks is None:
        return {}
    try:
        found = json.loads(settings.webhooks.get_secret_value())
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(url, str) for url in found.values()):
        raise BadSettings(
            "SFPRM_WEBHOOKS is not a JSON object of names and addresses.",
            hint='Write it as {"channel-team": "https://hooks.slack.com/services/…"}.',
        )
    return {name: Webhook(name, url) for name, url in found.items()}
