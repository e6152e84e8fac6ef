"""Instants as the org writes them: `2026-01-01T00:00:00.000+0000`, in UTC, milliseconds always 000
in REST answers [R]."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["read_stamp", "stamp_text"]


def stamp_text(instant: datetime) -> str:
    """An aware instant as Salesforce prints it; whole seconds."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def read_stamp(text: str) -> datetime:
    """The instant in a stamp, or in any ISO form with an offset. Raises ValueError."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    return instant.astimezone(UTC)
