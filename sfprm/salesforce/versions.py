"""API versions: as a person writes one, and the newest of an org's list."""

from __future__ import annotations

from typing import Any

from sfprm.errors import BadSettings, OrgUnreachable
from sfprm.salesforce.retry import Cause, Failed

__all__ = ["newest", "version"]


def version(text: str) -> str:
    """`66.0` from `66`, `v66.0`, …; raises BadSettings."""
    try:
        return f"{float(text.strip().lower().removeprefix('v')):.1f}"
    except ValueError:
        raise BadSettings(
            f"SFPRM_API_VERSION: {text!r} is not a version.", hint="Write it as 66.0."
        ) from None


def newest(listed: Any, most: float | None = None) -> str:
    """The newest version in the answer of `/services/data`, by number, at most `most`.

    Raises Failed when it lists none.
    """
    versions = [
        float(entry["version"])
        for entry in (listed if isinstance(listed, list) else [])
        if isinstance(entry, dict) and str(entry.get("version", "")).replace(".", "", 1).isdigit()
    ]
    versions = [number for number in versions if most is None or number <= most]
    if not versions:
        raise Failed(
            Cause.FINAL,
            OrgUnreachable(
                "The host lists no API versions: it is not a Salesforce org.",
                hint="Check SFPRM_LOGIN_URL and SFPRM_INSTANCE_URL.",
            ),
        )
    return f"{max(versions):.1f}"
