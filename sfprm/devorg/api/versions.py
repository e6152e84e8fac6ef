"""The API versions: 31.0 to 68.0; lower ones are retired, REST answers 410 [P]."""

from __future__ import annotations

import re

from sfprm.devorg.problems import Refusal

__all__ = ["OLDEST", "VERSIONS", "listing", "read"]

OLDEST, NEWEST = 31, 68
VERSIONS = tuple(f"{number}.0" for number in range(OLDEST, NEWEST + 1))
_SEASONS = (("Spring", 66, 26), ("Summer", 67, 26), ("Winter", 68, 27))


def listing() -> list[dict[str, str]]:
    """The body of `/services/data`, oldest first."""
    return [
        {"label": _label(number), "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
        for number in range(OLDEST, NEWEST + 1)
    ]


def read(segment: str) -> str:
    """`v66.0` to `66.0`. Raises Refusal for a version that is not served."""
    match = re.fullmatch(r"[vV](\d{1,3})(?:\.(\d))?", segment)
    if match is None or match[2] not in {None, "0"}:
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
    number = int(match[1])
    if number < OLDEST:
        raise Refusal(
            410, "UNSUPPORTED_API_VERSION", f"API version {number}.0 is retired: use 31.0 or later"
        )
    if number > NEWEST:
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
    return f"{number}.0"


def _label(number: int) -> str:
    """The release of a version: 66 is Spring '26, 67 Summer '26, 68 Winter '27 [D]."""
    season, first, year = _SEASONS[number % 3]
    return f"{season} '{year + (number - first) // 3:02d}"
