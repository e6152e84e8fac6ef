"""How many partner users go into one request.

Inserting partner users takes the role and group locks, at a rate that differs from org to org, so
chunks start small and grow to what takes about 15 seconds; a lock halves them (operations.md,
rule 22; calls over 20 seconds count against the limit of concurrent long calls).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ChunkSize", "expected_user_chunks"]

FIRST = 20
MOST = 200
"""Records in one Collections call."""
AIM_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class ChunkSize:
    """The size of the next chunk, in records."""

    size: int = FIRST

    def after(self, seconds: float, *, locked: bool) -> ChunkSize:
        """The size that follows a chunk which took so long."""
        if locked or seconds > AIM_SECONDS:
            return ChunkSize(max(1, self.size // 2))
        if seconds < AIM_SECONDS / 2:
            return ChunkSize(min(MOST, self.size * 2))
        return self


def expected_user_chunks(count: int) -> list[int]:
    """The chunks of so many users when no lock is met and the org is fast: 20, 40, 80, 160, 200,
    200 …"""
    out, size = [], ChunkSize()
    while count > 0:
        out.append(min(count, size.size))
        count -= out[-1]
        size = size.after(0.0, locked=False)
    return out
