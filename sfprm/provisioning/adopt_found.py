"""What adoption finds in an org: partners, people, sites, queues and groups as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.ids import RecordId
    from sfprm.programme.model import FieldValue

__all__ = [
    "Found",
    "FoundAccount",
    "FoundGroup",
    "FoundMember",
    "FoundOwner",
    "FoundPerson",
    "FoundSite",
]


@dataclass(frozen=True, slots=True)
class FoundOwner:
    """An internal user who owns partner accounts."""

    id: RecordId
    username: str
    name: str
    active: bool
    has_role: bool


@dataclass(frozen=True, slots=True)
class FoundAccount:
    """An account that is a partner, or has partner users. `fields`: those asked for that hold
    something. `bare_contacts` counts its contacts without a user."""

    id: RecordId
    name: str
    key: str | None
    owner: FoundOwner
    is_partner: bool
    fields: Mapping[str, FieldValue] = field(default_factory=lambda: MappingProxyType({}))
    record_type: str | None = None
    currency: str | None = None
    bare_contacts: int = 0


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """A partner user and their contact. `key` is the contact's."""

    contact_id: RecordId
    user_id: RecordId
    account_id: RecordId
    key: str | None
    first_name: str
    last_name: str
    contact_email: str
    email: str
    username: str
    nickname: str
    alias: str
    role: str
    profile: str
    time_zone: str
    locale: str
    language: str
    email_encoding: str
    active: bool
    frozen: bool
    federation_id: str | None = None
    permission_sets: tuple[str, ...] = ()
    user_first_name: str = ""
    user_last_name: str = ""


@dataclass(frozen=True, slots=True)
class FoundMember:
    """A row of GroupMember, taken apart. `kind`: person (`name` is a contact's id), user (a
    username), group (an API name), partner-role (`name` is an account's id, `role` its role), role
    (an API name); unknown otherwise. `below`: subordinates as well."""

    kind: str
    name: str
    role: str = ""
    below: bool = False


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """A queue for leads, or a public group."""

    id: RecordId
    label: str
    developer_name: str
    is_queue: bool
    email: str | None
    members: tuple[FoundMember, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundSite:
    """A site with its members by name."""

    name: str
    status: str
    profiles: tuple[str, ...]
    permission_sets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """All of it, in order of the records' ids."""

    org_name: str
    accounts: tuple[FoundAccount, ...]
    people: tuple[FoundPerson, ...]
    groups: tuple[FoundGroup, ...]
    sites: tuple[FoundSite, ...]
    person_accounts: int = 0
