"""Notices by webhook, in the shape that the receiver understands: Slack, Teams, or plain JSON.

The address is a secret of its own: it is never shown. It is called once for a notice; an answer
that never came leaves the outcome unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sfprm.errors import BadSettings, OrgRefused, OutcomeUnknown, TryLater
from sfprm.outbound.sending import PATIENCE_S, Shape, shaped

if TYPE_CHECKING:
    from sfprm.outbound.notices import Mail

__all__ = ["Webhook", "post", "shape_for"]

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TEAMS = (".webhook.office.com", ".logic.azure.com", ".powerplatform.com")


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address by the name that the programme uses."""

    name: str
    url: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        safe = parts.scheme == "https" or (
            parts.scheme == "http" and (parts.hostname or "") in _LOOPBACK
        )
        if not safe or not parts.hostname:
            raise BadSettings(
                f"SFPRM_WEBHOOKS: the address of {self.name!r} is not an https:// one.",
                hint="Copy it from Slack or Teams as it is shown there.",
            )

    @property
    def host(self) -> str:
        """The name of the server."""
        return urlsplit(self.url).hostname or ""

    def __repr__(self) -> str:
        return f"Webhook({self.name} at {self.host})"


def shape_for(host: str) -> Shape:
    """What the receiver takes: Slack's incoming webhooks and Teams' workflows are known by their
    hosts; everything else gets plain fields."""
    if host == "hooks.slack.com" or host.endswith(".slack.com"):
        return "slack"
    return "teams" if host.endswith(_TEAMS) else "json"


def post(webhook: Webhook, mail: Mail, to: str) -> None:
    """Call it once. Raises OrgRefused when it says no, TryLater when it cannot be reached,
    OutcomeUnknown when no answer came."""
    import requests

    try:
        answer = requests.post(
            webhook.url,
            json=shaped(shape_for(webhook.host), mail.subject, mail.body, {"to": to}),
            timeout=PATIENCE_S,
            allow_redirects=False,
        )
    except (requests.ConnectTimeout, requests.exceptions.SSLError) as error:
        raise TryLater(f"The webhook {webhook.name!r} cannot be reached.") from error
    except requests.ConnectionError as error:
        if "Failed to establish" in str(error) or "NameResolution" in str(error):
            raise TryLater(f"The webhook {webhook.name!r} cannot be reached.") from error
        raise OutcomeUnknown(f"The webhook {webhook.name!r} broke the connection off.") from error
    except requests.RequestException as error:
        raise OutcomeUnknown(f"The webhook {webhook.name!r} did not answer.") from error
    if answer.status_code >= 300:
        words = " ".join(answer.text.split())[:200]
        raise OrgRefused(f"The webhook {webhook.name!r} answered {answer.status_code}: {words}")
