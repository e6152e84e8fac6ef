"""What the checks look at: frozen, read once, handed to all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sfprm.estate.model import ContactState, Estate, PartnerUser
    from sfprm.programme.model import Person, Programme
    from sfprm.provisioning.communities import Communities
    from sfprm.provisioning.difference import Comparison
    from sfprm.provisioning.exposure_model import ExposureReview
    from sfprm.salesforce.describe import ObjectDescribe
    from sfprm.salesforce.limits import Limit
    from sfprm.salesforce.permissions import Lack

__all__ = [
    "Automation",
    "Exposed",
    "Facts",
    "Holding",
    "LeadGrants",
    "Merged",
    "PartnerProfile",
    "PermissionSetFact",
    "RecordTypeFact",
    "Surroundings",
    "Thresholds",
    "Undeclared",
]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on a number is near its limit.

    `owned`: records of one object that one user should own at most [documented advice]. `roles`:
    partner roles of an org; the cap that Setup › System Overview shows differs from 50,000 up
    [from memory]. `near`: the share of a limit from which it is said.
    """

    owned: int = 10_000
    roles: int = 50_000
    near: float = 0.8


@dataclass(frozen=True, slots=True)
class PartnerProfile:
    """A partner profile of the org and its licence. Login licences count logins a month;
    `monthly_logins` is (used, entitled), None for member licences. Rights of the profile alone,
    None where the org does not tell."""

    id: str
    name: str
    licence: str
    licence_active: bool
    total: int
    used: int
    monthly_logins: tuple[int, int] | None
    api_enabled: bool | None
    active_users: int
    rights: Mapping[str, frozenset[str]] | None = None
    """By object, of `Read`, `Create`, `Edit`."""


@dataclass(frozen=True, slots=True)
class Automation:
    """Something in the org that acts on our writes. `kind`: `flow`, `trigger`, `validation rule`,
    `duplicate rule`, `assignment rule`. `action`: when it runs, or what a duplicate rule does."""

    kind: str
    object: str
    name: str
    action: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Holding:
    """How many records of an object one user or queue owns."""

    object: str
    owner: str
    records: int


@dataclass(frozen=True, slots=True)
class Merged:
    """A record with one of our keys that was merged into another."""

    object: str
    id: str
    key: str
    into: str


@dataclass(frozen=True, slots=True)
class Undeclared:
    """An active partner user under one of our accounts whom no file names."""

    username: str
    partner: str
    self_registered: bool


@dataclass(frozen=True, slots=True)
class RecordTypeFact:
    """A record type of an object."""

    object: str
    developer_name: str
    active: bool


@dataclass(frozen=True, slots=True)
class PermissionSetFact:
    """A permission set and the licence that it is for; '' when for any."""

    id: str
    licence: str


@dataclass(frozen=True, slots=True)
class LeadGrants:
    """Rights on Lead (`Read`, `Edit`) that do not come from a profile: by permission set, and by
    partner user. The permission set of a permission set group holds what is left of it after
    muting [documented: ObjectPermissions of `Parent.PermissionSetGroup`], and is what people of the
    group are assigned [unverified]."""

    sets: Mapping[str, frozenset[str]]
    users: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Exposed:
    """A site's own facts. `self_registration`: visitors may make themselves users."""

    name: str
    self_registration: bool
    sender: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the org has beside the estate. None: the org did not tell (no right, no such object);
    the check says so instead of guessing. `unread` are the names of what was not told."""

    describes: Mapping[str, ObjectDescribe] = field(default_factory=lambda: MappingProxyType({}))
    profiles: tuple[PartnerProfile, ...] | None = None
    automation: tuple[Automation, ...] = ()
    holdings: tuple[Holding, ...] = ()
    roles: Mapping[str, int] | None = None
    """Partner roles by PortalRole."""
    merged: tuple[Merged, ...] = ()
    undeclared: tuple[Undeclared, ...] = ()
    record_types: tuple[RecordTypeFact, ...] = ()
    permission_sets: Mapping[str, PermissionSetFact] | None = None
    """Those that the files name, by API name in lower case."""
    lead_grants: LeadGrants | None = None
    """None: every profile of partners that the files name grants it, or the org did not tell."""
    tracked: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    """Fields of Lead, and whether their history is kept; one that is missing was not told."""
    strangers: tuple[tuple[str, str, str], ...] = ()
    """(id, e-mail, account id) of contacts without a key that have the address of a person who has
    no contact yet."""
    nicknames: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Nickname in lower case → username of its holder."""
    lacks: tuple[Lack, ...] = ()
    limits: Mapping[str, Limit] = field(default_factory=lambda: MappingProxyType({}))
    sites: tuple[Exposed, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known. `communities` and `exposure` are None when the agent may not retrieve
    metadata; `mail` is mail_guard's reason in words; `allowance` is (used, most) of the day's API
    calls; `calls_needed` and `mails_needed` what the plan would cost."""

    programme: Programme
    estate: Estate
    comparison: Comparison
    communities: Communities | None = None
    exposure: ExposureReview | None = None
    mail: str = ""
    mail_open: bool = True
    allowance: tuple[int, int] | None = None
    calls_needed: int = 0
    mails_needed: int = 0
    surroundings: Surroundings = field(default_factory=Surroundings)
    thresholds: Thresholds = field(default_factory=Thresholds)
    now: datetime | None = None

    def people(self) -> Iterator[tuple[Person, ContactState | None, PartnerUser | None]]:
        """Each declared person with contact and user, as far as they are there."""
        contacts = {c.key.lower(): c for c in self.estate.contacts.values() if c.key}
        for person in self.programme.people.values():
            contact = contacts.get(person.key_value.lower())
            user = self.estate.partner_users.get(contact.id) if contact else None
            yield person, contact, user
