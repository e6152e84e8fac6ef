"""The journal as a table, for whoever wants to count in a tool of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sfprm.store.api import StoreReader
    from sfprm.store.records import JournalEntry

__all__ = ["COLUMNS", "journal_rows"]

COLUMNS = (
    *("sequence", "decided_at", "stream", "kind", "run", "lead", "offer", "intake", "rule", "pool"),
    *("member", "outcome", "reason", "owner_before", "owner_after", "owner_name", "state"),
    *("message", "credit_before", "credit_after", "refunds", "programme", "chain", "hash"),
)
"""Names of the columns, in order. Credits are in leads, of the pool's choice."""

PAGE = 2_000


def journal_rows(reader: StoreReader, since: datetime | None = None) -> Iterator[dict[str, Any]]:
    """Entries in order, page by page. What was purged comes back empty."""
    after = 0
    while entries := reader.entries(since=since, after=after, limit=PAGE):
        for entry in entries:
            yield _row(entry)
        after = entries[-1].sequence


def _row(entry: JournalEntry) -> dict[str, Any]:
    choice = entry.choices[0] if entry.choices else None
    values = (
        *(entry.sequence, entry.decided_at, entry.stream, entry.kind, entry.run, entry.lead),
        *(entry.offer, entry.intake or None, entry.rule, entry.pool),
        choice.winner if choice else None,
        entry.outcome,
        entry.reasons[0].code.value if entry.reasons else None,
        *(entry.owner_seen, entry.owner_new, entry.owner_name or None, entry.state.value),
        entry.message or None,
        choice.before / (1 << 40) if choice else None,
        choice.after / (1 << 40) if choice else None,
        *(entry.refunds, entry.programme or None, entry.chain, entry.hash),
    )
    return dict(zip(COLUMNS, values, strict=True))
