"""Looks for trouble now and then, and tells the channels of it. A thread of its own: a mail server
that hangs must hold nothing up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from sfprm.clock import Clock
from sfprm.daemon.alerts import Alert, AlertBook, Message, to_tell
from sfprm.daemon.channels import Channel, load_channels
from sfprm.errors import SfprmError
from sfprm.events import Event
from sfprm.outbound.mail_guard import MailPolicy, guarded, policy_from
from sfprm.outbound.sending import mailbox_of, post_webhook, run_command, send_mail, shaped

if TYPE_CHECKING:
    from sfprm.settings import Settings
    from sfprm.store.writer import Store

__all__ = ["Teller", "send"]

_log = structlog.get_logger("sfprm.daemon")

PACE_S = 15.0
"""Seconds between two looks."""


class Teller:
    """Watches for what `look` finds wrong, in the main state's alerts."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        jobs_dir: Path,
        clock: Clock,
        look: Callable[[datetime], list[Alert]],
    ) -> None:
        self._book = AlertBook(store.engine)
        self._store, self._settings, self._jobs_dir = store, settings, jobs_dir
        self._clock, self._look = clock, look
        self._channels: dict[str, Channel] = {}
        self._failed: dict[str, str] = {}
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="teller", daemon=True)

    def __enter__(self) -> Teller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join(5)

    def _go_on(self) -> None:
        while not self._ends.wait(PACE_S):
            self.turn()

    def turn(self) -> None:
        """One look, and what follows from it."""
        now = self._clock.now()
        try:
            new, ended = self._book.see(self._look(now), now)
            for alert in new:
                _log.warning(Event.ALERT_RAISED, key=alert.key, kind=alert.kind.value)
            for alert in ended:
                _log.info(Event.ALERT_ENDED, key=alert.key, kind=alert.kind.value)
            try:
                self._channels = load_channels(self._jobs_dir)
            except SfprmError as bad:
                _log.error(Event.FILES_REFUSED, message=bad.message)
            for message in to_tell(self._book.all(), self._channels, now):
                self._send(message, now)
        except SfprmError as trouble:
            _log.warning(Event.STATE_AWAY, why=trouble.message)

    def _send(self, message: Message, now: datetime) -> None:
        name = message.channel.name
        try:
            send(message, self._settings, self._policy())
        except SfprmError as error:
            if self._failed.get(name) != error.message:
                _log.error(Event.ALERT_UNSENT, channel=name, why=error.message)
            self._failed[name] = error.message
            return
        self._failed.pop(name, None)
        self._book.tell(message, now)

    def _policy(self) -> MailPolicy:
        """By the state's org, so that it is known while the org is away. The embedded org's outbox
        takes only what goes through that org, so alerts beside it go to the sink."""
        held = self._store.org()
        return policy_from(
            self._settings,
            org_id=held.org_id if held is not None else "",
            is_sandbox=False,
            is_embedded=False,
        )


def send(message: Message, settings: Settings, policy: MailPolicy) -> None:
    """Tell one channel. Raises what the way of sending raises."""
    model = message.channel.model
    facts = {
        "raised": [_fact(alert) for alert in message.raised],
        "resolved": [_fact(alert) for alert in message.ended],
    }
    if model.mail is not None:
        to = list(dict.fromkeys(guarded(address, policy) for address in model.mail))
        send_mail(mailbox_of(settings), to, message.subject, message.text)
    elif model.webhook is not None:
        post_webhook(model.webhook, shaped(model.shape, message.subject, message.text, facts))
    else:
        assert model.command is not None
        run_command(model.command, {"subject": message.subject, "text": message.text, **facts})


def _fact(alert: Alert) -> dict[str, object]:
    return {
        "key": alert.key,
        "kind": alert.kind.value,
        "title": alert.title,
        "detail": alert.detail,
        "urgent": alert.urgent,
        "since": None if alert.since is None else alert.since.isoformat(),
    }
