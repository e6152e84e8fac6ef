"""What the org allows: settable, so that a test need not make 15,000 calls. Numbers: REST sheet,
section 3; a Developer Edition's where editions differ."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

__all__ = ["Limits", "limits_from"]


@dataclass(frozen=True, slots=True)
class Limits:
    """`daily_api`: calls in 24 hours. `long_requests`: requests of at least `long_seconds` (real
    seconds) that may run at once; beyond, new calls are refused [D]. `storage_mb`: data storage,
    counted at 2 KB a record [D]; None is not limited. `single_email`: recipients of single mails a
    day outside the org; 15 in a Developer Edition [P], 5,000 else [D]; the higher here, as demos
    send. `uri_bytes`: of the address, and of address and headers [P]. `api_off`: the API is
    switched off for the org."""

    daily_api: int = 15_000
    long_requests: int = 5
    long_seconds: float = 20.0
    storage_mb: float | None = None
    single_email: int = 5_000
    uri_bytes: int = 16_384
    api_off: bool = False

    def as_json(self) -> dict[str, Any]:
        """For the control API and the settings."""
        return asdict(self)


def limits_from(values: dict[str, Any]) -> Limits:
    """Limits from JSON, the rest as usual. Raises ValueError."""
    names = {one.name for one in fields(Limits)}
    unknown = set(values) - names
    if unknown:
        raise ValueError(f"no such limit: {', '.join(sorted(unknown))}; {', '.join(sorted(names))}")
    for name, value in values.items():
        if value is None and name == "storage_mb":
            continue
        if name == "api_off":
            if not isinstance(value, bool):
                raise ValueError("api_off: true or false")
        elif isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise ValueError(f"{name}: a number, 0 or more")
    return Limits(**values)
