"""Choices that a programme makes about the org: who decides what, and by which field it is known.

Each enum's values are the words of the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "KEY_FIELD",
    "FieldPolicy",
    "KeyFields",
    "MembersPolicy",
    "OnDuplicate",
    "OnTaken",
    "OwnerPolicy",
    "PeoplePolicy",
    "PortalRole",
    "Presence",
]

KEY_FIELD = "Partner_Key__c"
"""External-id field on Account and Contact that `setup` deploys."""


class Presence(StrEnum):
    """What the files want of a partner or person."""

    ACTIVE = "active"
    FROZEN = "frozen"
    ABSENT = "absent"


class PortalRole(StrEnum):
    """`User.PortalRole`, by its API value. Documents print User for Worker; files accept both."""

    EXECUTIVE = "Executive"
    MANAGER = "Manager"
    WORKER = "Worker"


class OwnerPolicy(StrEnum):
    """Who decides an existing account's owner (operations.md, rule 15)."""

    MANAGED = "managed"
    SET_ONCE = "set-once"
    UNMANAGED = "unmanaged"


class MembersPolicy(StrEnum):
    """Whether a queue, group or person may have memberships that the files do not name."""

    AT_LEAST = "at_least"
    EXACT = "exact"


class PeoplePolicy(StrEnum):
    """Who decides which people a partner has (operations.md, rule 27).

    DELEGATED: the partner's own administrators do; people that no file names are taken as they
    are in the org, and may be eligible for leads.
    """

    MANAGED = "managed"
    DELEGATED = "delegated"


class OnTaken(StrEnum):
    """What to do when a username made by the pattern belongs to somebody else (rule 4).

    NUMBER: `ines@x` becomes `ines2@x`, then `ines3@x` (`sfprm.programme.identity.numbered`).
    """

    FAIL = "fail"
    NUMBER = "number"


class OnDuplicate(StrEnum):
    """What to do when a duplicate rule of the org finds a twin (rule 16).

    ALLOW_ALERT saves past rules that only alert; rules that block always refuse.
    """

    REFUSE = "refuse"
    ALLOW_ALERT = "allow_alert"


class FieldPolicy(StrEnum):
    """Who wins when org and file differ in one field.

    FILE: the file, at each apply. PERSON: a change made in the org since our last write stays,
    and is reported once. ONCE: written when the record is made, never again.
    """

    FILE = "file"
    PERSON = "person"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class KeyFields:
    """The unique field that records are known by, by object (design, decision 1).

    Any unique text field that is an external id will do; `Partner_Key__c` is what setup deploys.
    `write_matched` False: records that the files name by `match: Id=…` are known by their Id, and
    their key field stays as it is; only records that sfprm creates get a key.
    """

    account: str = KEY_FIELD
    contact: str = KEY_FIELD
    write_matched: bool = True
