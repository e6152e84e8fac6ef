"""Several requests in one call of the org's allowance: /composite.

At most 25, of which at most 5 queries or Collections [the first documented, the second in part
from memory]. Each answers for itself; without all-or-none one failure does not undo the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sfprm.errors import BadRequest, OutcomeUnknown, SfprmError
from sfprm.salesforce.refusals import translate
from sfprm.salesforce.session import Session

__all__ = ["MAX_HEAVY", "MAX_REQUESTS", "Part", "PartAnswer", "together"]

MAX_REQUESTS = 25
MAX_HEAVY = 5


@dataclass(frozen=True, slots=True)
class Part:
    """One request. `path` is relative to `/services/data/vNN.0/`; `name` may be referred to by
    later parts, as `@{name.id}`."""

    method: str
    path: str
    name: str
    body: Any = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_heavy(self) -> bool:
        """Whether it is a query or Collections."""
        return self.path.startswith(("query", "composite/sobjects"))


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """What one part was answered."""

    name: str
    status: int
    body: Any = field(repr=False)

    @property
    def error(self) -> SfprmError | None:
        """The refusal, or None."""
        return None if self.status < 300 else translate(self.status, self.body)


def together(
    session: Session,
    parts: Sequence[Part],
    *,
    kind: str = "composite",
    all_or_none: bool = False,
    repeatable: bool = False,
) -> list[PartAnswer]:
    """Send the parts in their order, as one call; their answers in the same order.

    `repeatable`: whether all of them are. Raises BadRequest for too many, OutcomeUnknown when a
    call that is not repeatable got no clear answer.
    """
    if not 1 <= len(parts) <= MAX_REQUESTS or sum(p.is_heavy for p in parts) > MAX_HEAVY:
        raise BadRequest(
            f"A composite call holds 1 to {MAX_REQUESTS} requests, {MAX_HEAVY} of them queries "
            "or Collections."
        )
    root = f"/services/data/v{session.api_version}/"
    told: Any = session.request(
        "POST",
        "composite",
        kind=kind,
        json={
            "allOrNone": all_or_none,
            "collateSubrequests": False,  # else parts may run out of order [documented]
            "compositeRequest": [_part(part, root) for part in parts],
        },
        repeatable=repeatable,
    ).json
    items = told.get("compositeResponse") if isinstance(told, dict) else None
    answers: dict[str, PartAnswer] = {}
    if isinstance(items, list):
        for item in items:
            if isinstance(item, dict) and isinstance(item.get("httpStatusCode"), int):
                name = str(item.get("referenceId"))
                answers[name] = PartAnswer(name, item["httpStatusCode"], item.get("body"))
    if any(part.name not in answers for part in parts):
        raise OutcomeUnknown("The answer to a composite call does not tell of each of its parts.")
    return [answers[part.name] for part in parts]


def _part(part: Part, root: str) -> dict[str, Any]:
    item: dict[str, Any] = {
        "method": part.method,
        "url": root + part.path,
        "referenceId": part.name,
    }
    if part.body is not None:
        item["body"] = part.body
    if part.headers:
        item["httpHeaders"] = dict(part.headers)
    return item
