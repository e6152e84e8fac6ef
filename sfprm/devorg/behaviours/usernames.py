"""Usernames and nicknames.

Username: e-mail form [R]; unique over all orgs of the world [D], here over the server's orgs, forks
apart. Nickname: a default is made when none is given, unique in the org [M]. Texts of the
duplicates [P]: patronmanager/apex-dml-manager #14, forcedotcom/cli #3142."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sfprm.devorg.behaviours.behaviour import Behaviour

if TYPE_CHECKING:
    from sfprm.devorg.dml.context import Batch

__all__ = ["Usernames"]

_FORM = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_TAKEN = (
    "Duplicate Username.<br>The username already exists in this or another Salesforce organization."
    " Usernames must be unique across all Salesforce organizations. To resolve, use a different "
    "username (it doesn't need to match the user's email address). "
)
_NICKNAME_TAKEN = (
    "Duplicate Nickname.<br>Another user has already selected this nickname.<br>Please select "
    "another."
)


class Usernames(Behaviour):
    """Form and uniqueness of Username and CommunityNickname."""

    objects = frozenset({"User"})

    def prepare(self, batch: Batch) -> None:
        """Make a nickname where none is given: the username's first part, numbered if taken."""
        if batch.operation != "insert":
            return
        storage = batch.org.storage
        stems = {
            row.index: str(row.values["Username"]).partition("@")[0][:30]
            for row in batch.living
            if row.values.get("Username") and not row.values.get("CommunityNickname")
        }
        found = storage.columns(
            "User", ("CommunityNickname",), CommunityNickname=set(stems.values())
        )
        taken = {str(one).lower() for (one,) in found}
        made: set[str] = set()
        for row in batch.living:
            if row.index not in stems:
                continue
            stem = stems[row.index]
            nickname, number = stem, 0
            while nickname in made or (
                (number or not stem or stem.lower() in taken)
                and storage.columns("User", ("Id",), CommunityNickname=nickname)
            ):
                number += 1
                nickname = f"{stem}{number}"
            made.add(nickname)
            row.values["CommunityNickname"] = nickname

    def before(self, batch: Batch) -> None:
        """Refuse malformed and taken ones."""
        for row in batch.living:
            username = row.values.get("Username")
            if row.changes("Username") and not _FORM.fullmatch(str(username)):
                row.refuse(
                    "FIELD_INTEGRITY_EXCEPTION",
                    "Username must be in the form of an email address (for example, "
                    "john@acme.com): Username",
                    "Username",
                )
        self._unique(batch, "Username", "DUPLICATE_USERNAME", _TAKEN)
        self._unique(batch, "CommunityNickname", "DUPLICATE_COMM_NICKNAME", _NICKNAME_TAKEN)

    def _unique(self, batch: Batch, name: str, code: str, message: str) -> None:
        rows = [row for row in batch.living if row.changes(name)]
        values = sorted({str(row.values[name]) for row in rows})
        found = batch.org.storage.columns("User", (name, "Id"), {name: values})
        holders = {str(value).lower(): id_ for value, id_ in found}
        neighbours = batch.org.neighbours
        elsewhere: set[str] = set()
        if name == "Username" and neighbours is not None and values:
            elsewhere = neighbours.taken_elsewhere(batch.org, values)
        for row in rows:
            value = str(row.values[name]).lower()
            if value in elsewhere:
                row.refuse(code, message, name)
            if value in holders and holders[value] != row.id:
                row.refuse(code, message, name)
            holders.setdefault(value, row.id)
