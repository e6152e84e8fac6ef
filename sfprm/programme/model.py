"""The declared partner programme, as every other room sees it.

Built only by `sfprm.programme.load`, which has checked it: names that are referred to exist, keys
are unique, patterns are filled in. Nothing here reads a file. Order is the order of the files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.ids import PartnerKey, PersonKey
from sfprm.programme.origin import FieldValue, Origin
from sfprm.programme.policies import (
    FieldPolicy,
    KeyFields,
    MembersPolicy,
    OnDuplicate,
    OnTaken,
    OwnerPolicy,
    PeoplePolicy,
    PortalRole,
    Presence,
)
from sfprm.programme.routing_model import (
    Cap,
    Criterion,
    Fairness,
    InTurn,
    LeaveAlone,
    MemberKind,
    Notice,
    NoticeText,
    Operator,
    PartnerCriterion,
    Pool,
    PoolMember,
    Routing,
    Rule,
    RuleSet,
    SameCompany,
    StickyBy,
    Target,
    ToCompany,
    ToPool,
    ToQueue,
    ToUser,
    Waiver,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.programme.calendar_model import Calendar

__all__ = [
    "EMPTY",
    "Cap",
    "ChannelManager",
    "Criterion",
    "Fairness",
    "FieldMatch",
    "FieldPolicy",
    "FieldValue",
    "GroupMember",
    "InTurn",
    "KeyFields",
    "LeaveAlone",
    "Member",
    "MemberKind",
    "MembersPolicy",
    "Notice",
    "NoticeText",
    "OnDuplicate",
    "OnTaken",
    "Operator",
    "Origin",
    "OwnerPolicy",
    "Partner",
    "PartnerCriterion",
    "PartnerMember",
    "PartnerRoleMember",
    "PartnerSite",
    "PeoplePolicy",
    "Person",
    "PersonMember",
    "Pool",
    "PoolMember",
    "PortalRole",
    "Presence",
    "Programme",
    "PublicGroup",
    "Queue",
    "RoleMember",
    "Routing",
    "Rule",
    "RuleSet",
    "SameCompany",
    "StickyBy",
    "Target",
    "ToCompany",
    "ToPool",
    "ToQueue",
    "ToUser",
    "UserMember",
    "Waiver",
]

EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ChannelManager:
    """An internal User who owns partner accounts, named by username."""

    key: str
    username: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class FieldMatch:
    """Names an existing record by a field of its own: `AccountNumber` = `P-1001`."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Partner:
    """An Account enabled for partners, as declared.

    `tier` is one of `Programme.tiers`. `attributes` are free to use in rules; a value may be a
    list. `fields` are Account fields by API name. `record_type` is the Account's record type by
    developer name, `currency` its CurrencyIsoCode; None: neither compared nor written.
    `keep_team`: an owner change keeps the account team and its shares. `org_key` is what the key
    field holds (`key_value`); '' is the key itself.
    """

    key: PartnerKey
    name: str
    manager: str
    origin: Origin
    tier: str | None = None
    attributes: Mapping[str, str | tuple[str, ...]] = field(default_factory=lambda: EMPTY)
    fields: Mapping[str, FieldValue] = field(default_factory=lambda: EMPTY)
    match: FieldMatch | None = None
    owner: OwnerPolicy = OwnerPolicy.MANAGED
    state: Presence = Presence.ACTIVE
    people: PeoplePolicy = PeoplePolicy.MANAGED
    keep_team: bool = False
    record_type: str | None = None
    currency: str | None = None
    org_key: str = ""

    @property
    def key_value(self) -> str:
        """What the account's key field holds."""
        return self.org_key or self.key


@dataclass(frozen=True, slots=True)
class Person:
    """A Contact with a partner User, as declared. Patterns are filled in.

    `alias` at most 8 characters, `nickname` at most 40. `permission_sets` by API name, those of a
    delegated administrator among them. `federation_id` (unique) means single sign-on: no password
    mail ever. `record_type` is the Contact's by developer name, `currency` its CurrencyIsoCode.
    `match` names a contact that exists already; `org_key` is as the partner's.
    """

    key: PersonKey
    partner: PartnerKey
    first_name: str
    last_name: str
    email: str
    username: str
    nickname: str
    alias: str
    role: PortalRole
    profile: str
    time_zone: str
    locale: str
    language: str
    email_encoding: str
    origin: Origin
    state: Presence = Presence.ACTIVE
    contact_fields: Mapping[str, FieldValue] = field(default_factory=lambda: EMPTY)
    user_fields: Mapping[str, FieldValue] = field(default_factory=lambda: EMPTY)
    permission_sets: tuple[str, ...] = ()
    federation_id: str | None = None
    delegated_admin: bool = False
    on_taken: OnTaken = OnTaken.FAIL
    match: FieldMatch | None = None
    record_type: str | None = None
    currency: str | None = None
    org_key: str = ""

    @property
    def key_value(self) -> str:
        """What the contact's key field holds."""
        return self.org_key or self.key


@dataclass(frozen=True, slots=True)
class PersonMember:
    """One person in a queue or group."""

    person: PersonKey


@dataclass(frozen=True, slots=True)
class PartnerMember:
    """All active people of a partner in a queue or group, each as a user."""

    partner: PartnerKey


@dataclass(frozen=True, slots=True)
class UserMember:
    """An internal user in a queue or group, named by username."""

    username: str


@dataclass(frozen=True, slots=True)
class PartnerRoleMember:
    """A partner account's role, as one member: whoever holds it. With `subordinates` also the
    roles below. The role exists once the partner's first user does (provisioning.md, section 2).
    """

    partner: PartnerKey
    role: PortalRole
    subordinates: bool = False


@dataclass(frozen=True, slots=True)
class RoleMember:
    """An internal role by developer name; with `subordinates` also the internal roles below
    (Group.Type RoleAndSubordinatesInternal: no partner comes in by it)."""

    role: str
    subordinates: bool = False


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A public group, by label."""

    group: str


Member = PersonMember | PartnerMember | UserMember | PartnerRoleMember | RoleMember | GroupMember


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue for leads. `name` is its label, `developer_name` its API name (unique in the org).

    `managed` is False for a queue that is only referred to: it must exist in the org already.
    `notify` is the queue's e-mail address, `notify_members` whether its members get the mail too
    (DoesSendEmailToMembers); None: neither compared nor written.
    """

    name: str
    developer_name: str
    origin: Origin
    members: tuple[Member, ...] = ()
    notify: str | None = None
    members_policy: MembersPolicy = MembersPolicy.AT_LEAST
    managed: bool = True
    notify_members: bool | None = None


@dataclass(frozen=True, slots=True)
class PublicGroup:
    """A public group (Group.Type Regular). `managed` as with queues; no group is its own member,
    not by others either."""

    name: str
    developer_name: str
    origin: Origin
    members: tuple[Member, ...] = ()
    members_policy: MembersPolicy = MembersPolicy.AT_LEAST
    managed: bool = True


@dataclass(frozen=True, slots=True)
class PartnerSite:
    """A site (Network, by name) and who are its members: profiles by name, permission sets by API
    name. Profiles that the site's people have are among them for the programme's own site."""

    name: str
    origin: Origin
    profiles: tuple[str, ...] = ()
    permission_sets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Programme:
    """All declared files, as one value.

    `tiers` lowest first. `site` is the Network's name, `profile` the partner users' default
    profile. `digest` is the sha256 of `sfprm.programme.canonical.to_json`. `environment` names the
    overlay that was laid over the files, '' for none; `only_for` says for which orgs the files are
    (`sandbox`, `production`, or an org's id), all when it is empty. `groups` by label; `sites` by
    name, the programme's own first. `on_duplicate` by object; an object that is missing there
    refuses. `who_wins` by `Object.Field`: where it says nothing, provisioning's own choice stands.
    `permission_sets_policy` holds for every person. `offboard_moves`: objects whose records are
    handed on when somebody leaves. `territory_rules`: whether the org's account rules run on our
    writes of Account (Sforce-Auto-Assign); None leaves the header out. `windows`: when steps that
    move roles may run; empty: always.
    """

    name: str
    site: str
    profile: str
    channel_managers: Mapping[str, ChannelManager]
    partners: Mapping[PartnerKey, Partner]
    people: Mapping[PersonKey, Person]
    queues: Mapping[str, Queue]
    routing: Routing
    tiers: tuple[str, ...] = ()
    groups: Mapping[str, PublicGroup] = field(default_factory=lambda: MappingProxyType({}))
    sites: Mapping[str, PartnerSite] = field(default_factory=lambda: MappingProxyType({}))
    key_fields: KeyFields = field(default_factory=KeyFields)
    on_duplicate: Mapping[str, OnDuplicate] = field(default_factory=lambda: MappingProxyType({}))
    who_wins: Mapping[str, FieldPolicy] = field(default_factory=lambda: MappingProxyType({}))
    permission_sets_policy: MembersPolicy = MembersPolicy.AT_LEAST
    offboard_moves: tuple[str, ...] = ("Lead",)
    territory_rules: bool | None = None
    windows: tuple[Calendar, ...] = ()
    environment: str = ""
    only_for: tuple[str, ...] = ()
    digest: str = ""
    root: str = ""

    def people_of(self, partner: PartnerKey) -> tuple[Person, ...]:
        """The partner's declared people, in file order."""
        return tuple(p for p in self.people.values() if p.partner == partner)
