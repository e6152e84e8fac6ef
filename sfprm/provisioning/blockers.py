"""What stops Salesforce from deactivating a user, found before anything is done.

A user cannot be deactivated while assignment, auto-response or escalation rules, workflow or
approvals name them, or while they are a default owner (facts sheet, section 4); hierarchy fields
that point at them are said. Rules are read as metadata and searched for the username: what cannot
be read is said, to be looked at by hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.errors import SfprmError
from sfprm.salesforce.metadata import retrieve
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, split_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfprm.clock import Clock
    from sfprm.ids import RecordId
    from sfprm.salesforce.session import Session

__all__ = ["Blocker", "find_blockers"]

_METADATA: Mapping[str, tuple[str, ...]] = {
    "AssignmentRules": ("Lead", "Case"),
    "AutoResponseRules": ("Lead", "Case"),
    "EscalationRules": ("Case",),
    "Workflow": ("Lead", "Account", "Contact", "Opportunity", "Case"),
    "ApprovalProcess": ("*",),
    "Settings": ("Lead", "Case"),
}
_WORDS = {
    "AssignmentRules": "an assignment rule",
    "AutoResponseRules": "an auto-response rule",
    "EscalationRules": "an escalation rule",
    "Workflow": "a workflow (recipient or assignee)",
    "ApprovalProcess": "an approval process",
    "Settings": "a setting (default owner or user)",
}
_HIERARCHY = ("ManagerId", "DelegatedApproverId")


@dataclass(frozen=True, slots=True)
class Blocker:
    """One thing that names a user. `hard`: Salesforce will refuse to deactivate them."""

    username: str
    where: str
    hard: bool = True


def find_blockers(
    session: Session, users: Mapping[RecordId, str], *, clock: Clock
) -> tuple[tuple[Blocker, ...], tuple[str, ...]]:
    """What names these users (id → username), and what could not be looked at."""
    found: list[Blocker] = []
    unseen: list[str] = []
    for type_, members in _METADATA.items():
        try:
            files = retrieve(session, {type_: members}, clock=clock, timeout=120.0)
        except SfprmError as refused:
            unseen.append(f"{type_}: {refused.message}")
            continue
        found += _named(type_, files, users.values())
    for field in _HIERARCHY:
        for condition in split_in(field, users):
            query = Query(("Id", "Username", field), "User", (condition,))
            try:
                rows = list(select(session, query))
            except SfprmError as refused:
                unseen.append(f"User.{field}: {refused.message}")
                break
            found += [
                Blocker(users[row[field]], f"{field} of {row['Username']}", hard=False)
                for row in rows
            ]
    return tuple(found), tuple(unseen)


def _named(type_: str, files: Mapping[str, bytes], usernames: Iterable[str]) -> list[Blocker]:
    found = []
    texts = {
        path: data.decode("utf-8", "replace").lower()
        for path, data in files.items()
        if not path.endswith("package.xml")
    }
    for username in usernames:
        pattern = re.compile(rf">\s*{re.escape(username.lower())}\s*<")
        for path, text in texts.items():
            if pattern.search(text):
                found.append(Blocker(username, f"{_WORDS[type_]} ({path})"))
    return found
