"""Trouble as rows: raised once, told once, told again when it lasts, and ended with a word.

An alert's key says what is wrong without figures that change, so the same trouble is the same row
however often it is seen. Deciding what to tell is pure; `sfprm.daemon.teller` sends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update

from sfprm.daemon.channels import Channel, Trouble
from sfprm.store.engine import reading, writing
from sfprm.store.inserts import insert
from sfprm.store.work_tables import alerts

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["Alert", "AlertBook", "Message", "to_tell"]

SETTLED = timedelta(minutes=2)
"""What is not seen for so long is over; shorter gaps are the same trouble."""
FORGOTTEN = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is wrong. `channels` empty: all that want its kind. `told`: when it was last
    said; `ended`: since when it is over."""

    key: str
    kind: Trouble
    title: str
    detail: str = ""
    urgent: bool = False
    channels: tuple[str, ...] = ()
    since: datetime | None = None
    seen: datetime | None = None
    told: datetime | None = None
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What one channel is told now: what is new or lasts, and what is over."""

    channel: Channel
    raised: tuple[Alert, ...]
    ended: tuple[Alert, ...]

    @property
    def subject(self) -> str:
        """One line."""
        first = (self.raised or self.ended)[0].title
        more = len(self.raised) + len(self.ended) - 1
        word = "sfprm" if self.raised else "sfprm: resolved"
        return f"{word}: {first}" + (f" (and {more} more)" if more else "")

    @property
    def text(self) -> str:
        """The message in words."""
        parts = []
        for alert in self.raised:
            since = f"since {alert.since:%Y-%m-%d %H:%M} UTC" if alert.since else ""
            parts.append(f"{alert.title}\n  {since}\n" + _indented(alert.detail))
        if self.ended:
            lines = "\n".join(
                f"  {a.title}" + (f" (over since {a.ended:%Y-%m-%d %H:%M} UTC)" if a.ended else "")
                for a in self.ended
            )
            parts.append(f"Resolved:\n{lines}\n")
        return "\n".join(parts)


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


def to_tell(
    alerts_: Sequence[Alert], channels: Mapping[str, Channel], now: datetime
) -> list[Message]:
    """What each channel is to be told now.

    A new alert waits until it is as old as the channel's `wait`, so that what belongs together is
    one message; with it goes everything that the channel has not been told. In quiet hours only
    urgent alerts open a message, and what ended is told after them. Something told and not ended is
    told again after `again`. What ended before it was told is never mentioned.
    """
    messages = []
    for channel in channels.values():
        mine = [a for a in alerts_ if _concerns(a, channel)]
        quiet = channel.is_quiet(now)
        # `told` is one instant for all channels, so what counts is whether it was ever told
        fresh = [a for a in mine if a.ended is None and a.told is None]
        lasting = [
            a for a in mine
            if a.ended is None and a.told is not None and now - a.told >= channel.again
        ]  # fmt: skip
        over = [a for a in mine if a.ended is not None and a.told is not None]
        if quiet:
            fresh = [a for a in fresh if a.urgent]
            lasting, over = [], []
        ripe = any(a.since is not None and now - a.since >= channel.wait for a in fresh)
        raised = (fresh if ripe else []) + lasting
        if raised or over:
            messages.append(Message(channel, tuple(raised), tuple(over)))
    return messages


def _concerns(alert: Alert, channel: Channel) -> bool:
    if alert.channels:
        return channel.name in alert.channels
    return channel.wants(alert.kind)


class AlertBook:
    """The rows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def see(self, found: Iterable[Alert], now: datetime) -> tuple[list[Alert], list[Alert]]:
        """Store what is wrong now; what of it is new, and what is over by it. What was not told
        before it ended is dropped."""
        new: list[Alert] = []
        with writing(self._engine) as connection:
            known = {row.key: row for row in connection.execute(select(alerts))}
            for alert in found:
                row = known.get(alert.key)
                values = {
                    "kind": alert.kind.value,
                    "urgent": int(alert.urgent),
                    "title": alert.title,
                    "detail": alert.detail,
                    "channels": list(alert.channels),
                    "seen": now,
                    "ended": None,
                }
                if row is None or row.ended is not None:
                    values |= {"since": now, "told": None}
                    new.append(alert)
                connection.execute(
                    insert(connection, alerts)
                    .values(key=alert.key, **{"since": now, **values})
                    .on_conflict_do_update(index_elements=["key"], set_=values)
                )
            over = connection.execute(
                select(alerts).where(alerts.c.ended.is_(None), alerts.c.seen < now - SETTLED)
            ).all()
            ended = [_alert(row) for row in over]
            for row in over:
                if row.told is None:
                    connection.execute(delete(alerts).where(alerts.c.key == row.key))
                else:
                    connection.execute(
                        update(alerts).where(alerts.c.key == row.key).values(ended=now)
                    )
            connection.execute(delete(alerts).where(alerts.c.ended < now - FORGOTTEN))
        return new, ended

    def all(self) -> list[Alert]:
        """Everything that is wrong, and what is over and not yet said; oldest first."""
        with reading(self._engine) as connection:
            return [_alert(r) for r in connection.execute(select(alerts).order_by(alerts.c.since))]

    def tell(self, message: Message, now: datetime) -> None:
        """A message went out: what it raised was told, what it ended is forgotten."""
        with writing(self._engine) as connection:
            for alert in message.raised:
                connection.execute(update(alerts).where(alerts.c.key == alert.key).values(told=now))
            for alert in message.ended:
                connection.execute(
                    delete(alerts).where(alerts.c.key == alert.key, alerts.c.ended.is_not(None))
                )

    def counts(self) -> dict[str, int]:
        """How many of each kind are under way."""
        query = (
            select(alerts.c.kind, func.count())
            .where(alerts.c.ended.is_(None))
            .group_by(alerts.c.kind)
        )
        with reading(self._engine) as connection:
            return {kind: int(count) for kind, count in connection.execute(query)}


def _alert(row: object) -> Alert:
    fields = dict(row._mapping)  # type: ignore[attr-defined]
    return Alert(
        **{
            **fields,
            "kind": Trouble(fields["kind"]),
            "urgent": bool(fields["urgent"]),
            "channels": tuple(fields["channels"]),
        }
    )
