"""Several queries as one call of the day's allowance, each answering for itself.

`/composite` takes five queries at most [documented]; whether a query there pages as elsewhere is
unverified, so further pages are fetched when the answer says that there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sfprm.errors import OrgRefused
from sfprm.salesforce.composite import MAX_HEAVY, Part, together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.salesforce.session import Session

__all__ = ["Ask", "ask"]


@dataclass(frozen=True, slots=True)
class Ask:
    """One query by name. `deleted`: the recycle bin too."""

    name: str
    query: str
    deleted: bool = False


def ask(session: Session, asks: Sequence[Ask]) -> dict[str, list[dict[str, Any]] | None]:
    """The rows of each query; None for one that the org refuses (no such object, no right), so
    that one missing thing does not hide the others. Raises what is no refusal."""
    answers: dict[str, list[dict[str, Any]] | None] = {}
    for group in _fives(asks):
        parts = [
            Part("GET", f"{'queryAll' if a.deleted else 'query'}?q={quote(a.query)}", f"q{number}")
            for number, a in enumerate(group)
        ]
        for one, answer in zip(
            group, together(session, parts, kind="query", repeatable=True), strict=True
        ):
            error = answer.error
            if error is not None and not isinstance(error, OrgRefused):
                raise error
            answers[one.name] = None if error is not None else _rows(session, answer.body)
    return answers


def _fives(asks: Sequence[Ask]) -> list[Sequence[Ask]]:
    return [asks[at : at + MAX_HEAVY] for at in range(0, len(asks), MAX_HEAVY)]


def _rows(session: Session, page: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = list(page.get("records") or ())
    while not page.get("done", True):
        page = session.request("GET", str(page["nextRecordsUrl"]), kind="query").json
        rows += page["records"]
    return rows
