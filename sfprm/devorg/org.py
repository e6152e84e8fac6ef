"""The org as a plain object: everything that the server's handlers, the metadata and the story work
on. One `Org` is one Salesforce organization; callers hold `lock` while they use it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfprm.devorg.calls import CallLog
from sfprm.devorg.faults import Faults
from sfprm.devorg.orgclock import OrgClock
from sfprm.devorg.outbox import Outbox
from sfprm.devorg.permissions import Permissions
from sfprm.devorg.planting import plant

if TYPE_CHECKING:
    from sfprm.devorg.schema import Schema
    from sfprm.devorg.storage import Storage

__all__ = ["AGENT_USERNAME", "INSTANCE_NAME", "Org"]

INSTANCE_NAME = "DEVORG"
AGENT_USERNAME = "sfprm.agent@alder.example.com"


@dataclass(slots=True)
class Delays:
    """How slow the asynchronous parts are. `membership_seconds`: of the org's clock, from the
    creation of a NetworkMemberGroup to its status `Added`."""

    membership_seconds: float = 1.0


class Org:
    """Schema, storage, clock, outbox, call log, faults, settings and permissions of one org.

    Settings are JSON values that survive a restart, by name:

    - ``Communities``: {"enableNetworksEnabled": bool, "enableEnablePRM": bool,
      "enableOotbProfExtUserOpsEnable": bool, ...} (the metadata's own names)
    - ``Sharing``: {...}; ``partner_roles``: 1 to 3, roles made with an account's first partner user
    - ``networks_since``: ISO date on which digital experiences were first switched on
    - ``tracked``: {"Lead": ["OwnerId", "Status"], ...} fields with history tracking
    """

    def __init__(self, storage: Storage, schema: Schema, state_dir: Path) -> None:
        self.storage = storage
        self.schema = schema
        self.state_dir = state_dir
        self.lock = threading.RLock()
        self.clock = OrgClock()
        self.outbox = Outbox()
        self.calls = CallLog()
        self.faults = Faults()
        self.delays = Delays()
        self.permissions = Permissions(self)
        self.events: list[dict[str, Any]] = []

    # Settings

    def setting(self, name: str, default: Any = None) -> Any:
        """A setting's JSON value, or `default`."""
        value = self.storage.meta_get(f"setting:{name}")
        return default if value is None else value

    def set_setting(self, name: str, value: Any) -> None:
        """Keep a setting."""
        self.storage.meta_set(f"setting:{name}", value)

    @property
    def networks_on(self) -> bool:
        """Digital experiences are switched on (irreversible)."""
        return bool(self.setting("Communities", {}).get("enableNetworksEnabled"))

    @property
    def prm_on(self) -> bool:
        """Partner users are allowed (needs digital experiences; irreversible)."""
        return self.networks_on and bool(self.setting("Communities", {}).get("enableEnablePRM"))

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
        rows = self.storage.find("Organization", {})
        return rows[0] if rows else {}

    def user_by_username(self, username: str) -> dict[str, Any] | None:
        """The User with that username, whatever its case."""
        rows = self.storage.find("User", {"Username": username})
        return rows[0] if rows else None

    @property
    def agent_id(self) -> str:
        """The integration user's id; raises LookupError before the first seed."""
        user = self.user_by_username(AGENT_USERNAME)
        if user is None:
            raise LookupError(f"the org has no user {AGENT_USERNAME}: seed a story first")
        return str(user["Id"])
