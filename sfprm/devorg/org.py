"""The org as a plain object: everything that the server's handlers, the metadata and the story work
on. One `Org` is one Salesforce organization; callers hold `lock` while they use it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfprm.devorg.apps import Apps, ConnectedApp
from sfprm.devorg.beginnings import Beginnings
from sfprm.devorg.calls import CallLog
from sfprm.devorg.codes import Codes
from sfprm.devorg.contention import Contention
from sfprm.devorg.cursors import Cursors
from sfprm.devorg.faults import Faults
from sfprm.devorg.freshness import Freshness
from sfprm.devorg.ids import mint
from sfprm.devorg.kept import KeptList
from sfprm.devorg.limits import limits_from
from sfprm.devorg.logins import Passwords
from sfprm.devorg.orgclock import OrgClock
from sfprm.devorg.outbox import Outbox
from sfprm.devorg.permissions import Permissions
from sfprm.devorg.planting import plant
from sfprm.devorg.sessions import Sessions
from sfprm.devorg.sharing import Sharing

if TYPE_CHECKING:
    from sfprm.devorg.orgs import Orgs
    from sfprm.devorg.permissions import Access
    from sfprm.devorg.schema import FieldDef, ObjectDef, Schema
    from sfprm.devorg.storage import Snapshot, Storage

__all__ = ["AGENT_USERNAME", "INSTANCE_NAME", "Org"]

INSTANCE_NAME = "DEVORG"
AGENT_USERNAME = "sfprm.agent@alder.example.com"
_SWITCHES = {
    "state_country_picklists": "state-country-picklists",
    "multicurrency": "multicurrency",
}


@dataclass(slots=True)
class Delays:
    """How slow the asynchronous parts are. `membership_seconds`: real seconds from the
    creation of a NetworkMemberGroup to its status `Added`. `bulk_seconds`: seconds of the org's
    clock from the closing of a Bulk job to its work. `deployment_seconds`: the same for a
    deployment that nobody polls."""

    membership_seconds: float = 1.0
    bulk_seconds: float = 0.0
    deployment_seconds: float = 3.0


class Org:
    """Schema, storage, clock, outbox, call log, faults, settings and permissions of one org.

    Settings are JSON values that survive a restart, by name:

    - ``Communities``: {"enableNetworksEnabled": bool, "enableEnablePRM": bool,
      "enableOotbProfExtUserOpsEnable": bool, ...} (the metadata's own names)
    - ``Sharing``: {...}; ``partner_roles``: 1 to 3, roles made with an account's first partner user
    - ``networks_since``: ISO date on which digital experiences were first switched on
    - ``tracked``: {"Lead": ["OwnerId", "Status"], ...} fields with history tracking
    """

    def __init__(
        self,
        storage: Storage,
        schema: Schema,
        state_dir: Path,
        app: ConnectedApp,
        *,
        name: str = "main",
        beginnings: Beginnings | None = None,
        lock: threading.RLock | None = None,
    ) -> None:
        self.storage = storage
        self.schema = schema
        self.state_dir = state_dir
        self.name = name
        self.suffix = ""
        self.closed = False
        self.number = 0
        self.shared = True
        self.neighbours: Orgs | None = None
        self.apps = Apps(self, app)
        self.http_url = ""
        self.instance_url = ""
        self.lock = lock or threading.RLock()
        self.clock = OrgClock(lambda kept: storage.meta_set("clock", kept))
        kept_clock = storage.meta_get("clock")
        if kept_clock is not None:
            self.clock.load(kept_clock)
        self.outbox = Outbox(storage)
        self.calls = CallLog(self._keep_calls, storage.meta_get("calls"))
        self.faults = Faults()
        self.contention = Contention()
        self.delays = Delays()
        self.permissions = Permissions(self)
        self.sharing = Sharing(self)
        self.beginnings = beginnings or Beginnings()
        self.sessions = Sessions(self)
        self.passwords = Passwords(self)
        self.codes = Codes()
        self.cursors = Cursors(self)
        self.freshness = Freshness()
        from sfprm.devorg.bulk import Bulk

        self.bulk = Bulk(self)
        self.events = KeptList(storage, "event")
        self.waiting_groups: dict[str, float] = {}
        self._features: frozenset[str] | None = None
        self.limits = limits_from(self.setting("limits", {}))

    # Settings

    def setting(self, name: str, default: Any = None) -> Any:
        """A setting's JSON value, or `default`."""
        return self.storage.meta_get(f"setting:{name}", default)

    def set_setting(self, name: str, value: Any) -> None:
        """Keep a setting."""
        self.storage.meta_set(f"setting:{name}", value)
        self.changed()

    @property
    def networks_on(self) -> bool:
        """Digital experiences are switched on (irreversible)."""
        return bool(self.setting("Communities", {}).get("enableNetworksEnabled"))

    @property
    def prm_on(self) -> bool:
        """Partner users are allowed (needs digital experiences; irreversible)."""
        return self.networks_on and bool(self.setting("Communities", {}).get("enableEnablePRM"))

    def features(self) -> frozenset[str]:
        """The features switched on, by the names that the schema's fields and objects carry."""
        if self._features is None:
            types = self.storage.find("RecordType")
            found = {f"record-types:{one['SobjectType']}" for one in types}
            found |= {"record-types"} if types else set()
            if self.networks_on:
                found.add("digital-experiences")
                licences = self.storage.find("UserLicense")
                if any("Partner" in str(one["Name"]) for one in licences if one["TotalLicenses"]):
                    found.add("partner")
            for name, feature in _SWITCHES.items():
                if self.setting(name):
                    found.add(feature)
            self._features = frozenset(found)
        return self._features

    def has_object(self, definition: ObjectDef) -> bool:
        """The object exists in an org with these features."""
        return not definition.feature or definition.feature in self.features()

    def has_field(self, field: FieldDef) -> bool:
        """The field exists in an org with these features."""
        return not field.feature or field.feature in self.features()

    def has_record_types(self, object_: str) -> bool:
        """The object has a record type of its own."""
        return f"record-types:{object_}" in self.features()

    def object_visible(self, access: Access, definition: ObjectDef) -> bool:
        """The object exists in this org for this caller."""
        return self.has_object(definition) and access.object_visible(definition.name)

    def visible(self, access: Access, definition: ObjectDef, field: FieldDef) -> bool:
        """The field exists in this org and this caller may read it. RecordTypeId is there once the
        object has a record type."""
        if field.feature == "record-types" and not self.has_record_types(definition.name):
            return False
        return self.has_field(field) and access.visible(definition.name, field.name)

    def changed(self) -> None:
        """Forget what was computed from settings, licences and grants."""
        self._features = None
        # At once, not when asked for: the event loop asks, which must not wait for the storage
        self.limits = limits_from(self.setting("limits", {}))
        self.permissions.forget()
        self.sharing.forget()

    # Writing records

    def plant(self, object_: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Put rows straight into storage: no rule runs, read-only fields may be given; Id, audit
        fields and defaults are filled where missing. For seeds. Returns the 18-character ids."""
        return plant(self, object_, rows)

    def create(
        self, object_: str, rows: Sequence[Mapping[str, Any]], *, user_id: str | None = None
    ) -> list[str]:
        """Create by the full order of execution, as `user_id` (default: the integration user) but
        with every field permitted. All or nothing: raises the first row's `RowProblem`."""
        from sfprm.devorg.dml import write_all

        return write_all(self, "insert", object_, rows, user_id)

    def change(
        self, object_: str, rows: Sequence[Mapping[str, Any]], *, user_id: str | None = None
    ) -> list[str]:
        """Update rows (each with `Id`), like `create`."""
        from sfprm.devorg.dml import write_all

        return write_all(self, "update", object_, rows, user_id)

    # Who is who

    @property
    def organization(self) -> dict[str, Any]:
        """The Organization record; {} before the first seed."""
        rows = self.storage.find("Organization")
        return rows[0] if rows else {}

    def user_by_username(self, username: str) -> dict[str, Any] | None:
        """The User with that username, whatever its case."""
        rows = self.storage.find("User", Username=username)
        return rows[0] if rows else None

    @property
    def agent_username(self) -> str:
        """The integration user's username; in further orgs it ends with the org's name."""
        return AGENT_USERNAME + self.suffix

    @property
    def agent_id(self) -> str:
        """The integration user's id; raises LookupError before the first seed."""
        user = self.user_by_username(self.agent_username) or self.user_by_username(AGENT_USERNAME)
        if user is None:
            raise LookupError(f"the org has no user {AGENT_USERNAME}: seed a story first")
        return str(user["Id"])

    def is_frozen(self, user_id: str) -> bool:
        """The user's login is frozen (`UserLogin.IsFrozen`)."""
        return any(one["IsFrozen"] for one in self.storage.find("UserLogin", UserId=user_id))

    # Its life

    @property
    def story(self) -> str | None:
        """The name of the story seeded last."""
        name: str | None = self.setting("story")
        return name

    def reset(self) -> None:
        """Empty the org: no records, settings, mails, events, sessions, faults, calls; the
        clock follows the machine's again."""
        self.schema = self.beginnings.empty(self.storage)
        self.sessions.close_all()
        self.codes.clear()
        self.cursors.close_all()
        self.faults.clear()
        self.contention.release()
        self.calls = CallLog(self._keep_calls)
        self.clock.follow()
        self.delays = Delays()
        self.waiting_groups.clear()
        self.bulk.forget()
        self.changed()

    def seed(self, name: str, seed: int) -> dict[str, Any]:
        """Seed a story into an empty org. An org that was only filled at its start, because
        nothing else was asked for, is emptied first. Raises ValueError."""
        from sfprm.devorg import story

        if name not in story.STORIES:
            raise ValueError(f"story: {name!r} is none of {', '.join(sorted(story.STORIES))}")
        if self.setting("story_by_default"):
            self.reset()
        if self.organization:
            raise ValueError("the org is not empty: reset it first")
        prepared = self.beginnings.again(name, seed, self.storage, self.clock.now())
        self.bulk.forget()
        if prepared is not None:
            self.schema = prepared
        else:
            at = self.clock.now()
            self.happen(lambda: story.seed(self, name, seed))
            self.set_setting("story", name)
            self.beginnings.keep(name, seed, self.storage, at)
        if self.number:
            self._make_own()
        self.clock.keep()
        self.sessions.keep_all()
        self.changed()
        return {"done": f"The story {name} was seeded.", "story": name, "seed": seed}

    def become(self, snapshot: Snapshot, clock: Mapping[str, Any]) -> None:
        """Take over the records and the time of a snapshot. Living sessions stay; cursors end."""
        schema = self.beginnings.schema()
        self.storage.restore(snapshot, schema)
        self.schema = schema
        self.clock.load(clock)
        self.clock.keep()
        self.cursors.close_all()
        self.waiting_groups.clear()
        self.bulk.forget()
        self.changed()
        self.sessions.keep_all()
        self.calls.keep()

    def close(self) -> None:
        """No more work; the storage is closed. What a file holds stays."""
        with self.lock:
            self.calls.keep()
            self.closed = True
            self.storage.close()

    def _keep_calls(self, kept: dict[str, Any]) -> None:
        self.storage.meta_set("calls", kept)

    def _make_own(self) -> None:
        """Give the org an id of its own, and its users usernames of their own."""
        with self.storage.transaction():
            self.take_id(mint("00D", self.number + 1))
            self.storage.execute('UPDATE "User" SET "Username" = "Username" || ?', (self.suffix,))

    def take_id(self, new: str) -> None:
        """Give the Organization another id."""
        old = str(self.organization["Id"])
        with self.storage.transaction():
            self.storage.execute('UPDATE "Organization" SET "Id" = ? WHERE "Id" = ?', (new, old))
            self.storage.execute('UPDATE "Group" SET "OwnerId" = ? WHERE "OwnerId" = ?', (new, old))
        self.changed()

    def happen(self, work: Callable[[], Any]) -> dict[str, Any]:
        """Let something happen in the org, all of it or nothing."""
        try:
            with self.storage.transaction():
                done = work()
        except BaseException:
            self.changed()
            raise
        self.changed()
        return dict(done or {})
