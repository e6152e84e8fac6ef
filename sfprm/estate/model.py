"""The partner estate as it is in the org: one frozen snapshot, read once per run.

Ids are 18-character. Maps by name are keyed by the name as the org holds it, but `users` by
username in lower case, since the org compares usernames without case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from sfprm.programme.policies import KEY_FIELD, KeyFields

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sfprm.ids import RecordId
    from sfprm.programme.model import FieldValue

__all__ = [
    "KEY_FIELD",
    "LEAD",
    "PARTNER_USER_TYPE",
    "AccountState",
    "ContactState",
    "Estate",
    "Licence",
    "Merged",
    "OrgFacts",
    "OrgUser",
    "PartnerUser",
    "Profile",
    "QueueState",
    "Site",
]

LEAD = "Lead"
PARTNER_USER_TYPE = "PowerPartner"
"""`Profile.UserType` of every partner licence (object reference)."""
_BY_ACCOUNT = "channel account"

_V = TypeVar("_V")


def _empty() -> Mapping[str, _V]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class OrgFacts:
    """Which org this is. `created` aware UTC."""

    id: RecordId
    name: str
    organization_type: str
    is_sandbox: bool
    is_embedded: bool
    created: datetime
    agent_id: RecordId
    agent_username: str

    @property
    def nature(self) -> str:
        """`embedded org`, `sandbox`, or the edition as the org names it."""
        if self.is_embedded:
            return "embedded org"
        return "sandbox" if self.is_sandbox else self.organization_type


@dataclass(frozen=True, slots=True)
class Licence:
    """A `UserLicense`. `used` may lag behind the active users (operations.md, rule 28)."""

    name: str
    total: int
    used: int

    @property
    def by_account(self) -> bool:
        """Whether its seats are partner accounts, not users: channel-account licences
        (operations.md, rule 28; known by their name from memory, unverified)."""
        return self.name.casefold().startswith(_BY_ACCOUNT)

    @property
    def left(self) -> int:
        """Free seats, never below 0."""
        return max(0, self.total - self.used)


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile and the name of its licence."""

    id: RecordId
    name: str
    user_type: str
    licence: str

    @property
    def is_partner(self) -> bool:
        """Whether its users are partner users."""
        return self.user_type == PARTNER_USER_TYPE


@dataclass(frozen=True, slots=True)
class OrgUser:
    """A user asked for by username: manager, queue member, rule target, or holder of a username
    that the files want. `contact_id` is set for external users."""

    id: RecordId
    username: str
    name: str
    active: bool
    role_id: RecordId | None
    role_name: str
    contact_id: RecordId | None = None


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account. `fields` holds the managed fields by API name, as the org gave them."""

    id: RecordId
    name: str
    key: str | None
    owner_id: RecordId
    owner_username: str
    owner_has_role: bool
    is_partner: bool
    fields: Mapping[str, FieldValue] = field(default_factory=_empty)


@dataclass(frozen=True, slots=True)
class ContactState:
    """A contact of the programme (it has a key), or of an account that a file names."""

    id: RecordId
    key: str | None
    account_id: RecordId | None
    email: str
    fields: Mapping[str, FieldValue] = field(default_factory=_empty)


@dataclass(frozen=True, slots=True)
class PartnerUser:
    """A partner user; its identity is `contact_id` (at most one user a contact, ever).

    `last_login` None: never logged in. `frozen`: `UserLogin.IsFrozen`, which keeps the seat.
    """

    id: RecordId
    contact_id: RecordId
    username: str
    active: bool
    frozen: bool
    last_login: datetime | None
    profile_id: RecordId
    portal_role: str | None
    fields: Mapping[str, FieldValue] = field(default_factory=_empty)


@dataclass(frozen=True, slots=True)
class Site:
    """A `Network`. `memberships`: profile or permission-set id → AssignmentStatus."""

    id: RecordId
    name: str
    status: str
    sends_welcome: bool
    created: datetime | None
    memberships: Mapping[RecordId, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_live(self) -> bool:
        """Whether members can log in to it."""
        return self.status == "Live"

    def is_member(self, parent: RecordId) -> bool:
        """Whether the profile or permission set has been added (the assignment is asynchronous)."""
        return self.membership(parent) == "added"

    def membership(self, parent: RecordId) -> str:
        """The assignment's status, lower-case without blanks: '' when there is none. Documents
        spell `Waiting for Add`, the API perhaps `WaitingForAdd` (unverified)."""
        return self.memberships.get(parent, "").replace(" ", "").lower()


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue, or a public group (then `objects` is empty). `objects`: API names of what it may
    own. `members`: user or group id → id of the GroupMember row; '' when the members were not read
    because nothing in the group has changed since sfprm last saw all of it."""

    id: RecordId
    developer_name: str
    label: str
    objects: frozenset[str]
    email: str | None
    members: Mapping[RecordId, str] = field(default_factory=lambda: MappingProxyType({}))
    notifies_members: bool = False
    stamp: str = ""
    """How many members there are, the newest row's instant and the last row's id, as one text: it
    changes with every change of the members. '' when they were not looked at."""

    @property
    def for_lead(self) -> bool:
        """Whether it may own leads."""
        return LEAD in self.objects


@dataclass(frozen=True, slots=True)
class Merged:
    """An account or contact that was merged into another: it is deleted, and this is the one kept
    (`MasterRecordId`, operations.md, rule 19)."""

    lost: RecordId
    kept: RecordId


@dataclass(frozen=True, slots=True)
class Estate:
    """The whole snapshot. `account_types` and `contact_types` map visible field names in lower
    case to their describe types; a field deployed but not granted is missing there, as it is to
    the caller (operations.md, rule 1)."""

    org: OrgFacts
    licences: Mapping[str, Licence] = field(default_factory=_empty)
    profiles: Mapping[str, Profile] = field(default_factory=_empty)
    users: Mapping[str, OrgUser] = field(default_factory=_empty)
    accounts: Mapping[RecordId, AccountState] = field(default_factory=lambda: MappingProxyType({}))
    contacts: Mapping[RecordId, ContactState] = field(default_factory=lambda: MappingProxyType({}))
    partner_users: Mapping[RecordId, PartnerUser] = field(
        default_factory=lambda: MappingProxyType({})
    )
    sites: Mapping[str, Site] = field(default_factory=_empty)
    queues: Mapping[str, QueueState] = field(default_factory=_empty)
    account_types: Mapping[str, str] = field(default_factory=_empty)
    contact_types: Mapping[str, str] = field(default_factory=_empty)
    has_sites: bool = True
    key_fields: KeyFields = field(default_factory=KeyFields)
    groups: Mapping[str, QueueState] = field(default_factory=_empty)
    """Public groups by API name."""
    role_groups: Mapping[str, RecordId] = field(default_factory=_empty)
    """The Group row that stands for a role, by `role:NAME` (an internal role's API name) or
    `partner:ACCOUNT_ID/PORTAL_ROLE`, with `+` at the end for it and its subordinates."""
    permission_sets: Mapping[str, RecordId] = field(default_factory=_empty)
    """Those that the files name, by API name."""
    grants: Mapping[tuple[RecordId, RecordId], str] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """(user, permission set) → id of the PermissionSetAssignment row."""
    merged: Mapping[tuple[str, str], Merged] = field(default_factory=lambda: MappingProxyType({}))
    """(object, key in lower case) → where a record that had the key has gone."""
    record_types: Mapping[tuple[str, str], RecordId] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """(object, developer name) → record type, for those that the files name."""

    @property
    def keys_visible(self) -> bool:
        """Whether the agent sees the external-id fields on both objects."""
        return (
            self.key_fields.account.lower() in self.account_types
            and self.key_fields.contact.lower() in self.contact_types
        )

    @property
    def sees_is_partner(self) -> bool:
        """Whether `Account.IsPartner` is there (it needs a partner licence and the switch)."""
        return "ispartner" in self.account_types

    def user(self, username: str) -> OrgUser | None:
        """A user that was asked for, by username, without case."""
        return self.users.get(username.strip().lower())
