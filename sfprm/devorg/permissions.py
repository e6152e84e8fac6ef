"""Who may see and write what: profile plus permission sets of the calling user.

A custom field is readable and writable by nobody, administrators included, until a profile or a
permission set grants it [P, operations.md rule 1]. Standard fields are open to whoever may see the
object (field-level security on them is not imitated). Data objects, standard and custom, are seen,
created, edited and deleted as profile and permission sets grant; Modify All Data opens all. Setup
objects are seen by internal users, few of them by external ones. Which records: `sharing/`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sfprm.devorg.problems import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.devorg.org import Org

__all__ = ["EVERYONE", "Access", "Permissions", "is_data"]

EVERYONE = "everyone"
"""The parent of grants that every user has: on required custom fields."""
GRANTS = "permissions"  # the storage's meta key: {parent id: {"fields": {...}, "objects": {...}}}


_DATA = frozenset({"Account", "Contact", "Lead", "Opportunity", "Case", "Campaign"})
_FOLLOWS = {"LeadHistory": "Lead", "AccountHistory": "Account", "CampaignMember": "Campaign"}
_OPEN_TO_EXTERNAL = frozenset(
    {
        "User",
        "Group",
        "Organization",
        "RecordType",
        "LeadStatus",
        "OpportunityStage",
        "Network",
        "Task",
        "BusinessHours",
        "Holiday",
    }
)
"""What external users read beside data [M]; users only as sharing lets them."""


@dataclass(frozen=True, slots=True)
class Access:
    """What one user may do, computed once and dropped when a grant changes."""

    user: Mapping[str, Any]
    everything: bool = False
    allowed: frozenset[str] = frozenset()
    fields: Mapping[str, str] = field(default_factory=dict)
    objects: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def user_id(self) -> str:
        """The user's 18-character id."""
        return str(self.user["Id"])

    @property
    def internal(self) -> bool:
        """The user has a Salesforce licence."""
        return str(self.user.get("UserType") or "Standard") == "Standard"

    def has(self, permission: str) -> bool:
        """The user permission, by the name that follows `Permissions` (``ApiEnabled``)."""
        return self.everything or permission in self.allowed

    def object_visible(self, object_: str) -> bool:
        """The object exists for this user. A custom object is seen by nobody until it is granted,
        but for those who may modify all data."""
        if self.everything or "ModifyAllData" in self.allowed:
            return True
        if is_data(object_):
            return self.may(object_, "read")
        if object_ in _FOLLOWS:
            return self.object_visible(_FOLLOWS[object_])
        return self.internal or object_ in _OPEN_TO_EXTERNAL

    def may(self, object_: str, right: str) -> bool:
        """The object permission: read, create, edit or delete, by itself or by one over all data.
        Objects that are no data have other rules, and pass."""
        if not is_data(object_) or self.unlimited(object_, change=right != "read"):
            return True
        return right in self.objects.get(object_.lower(), frozenset())

    def unlimited(self, object_: str, *, change: bool) -> bool:
        """Sharing does not limit the user in this object: View or Modify All, of it or of all."""
        if self.everything or "ModifyAllData" in self.allowed:
            return True
        rights = self.objects.get(object_.lower(), frozenset())
        if "modifyAllRecords" in rights:
            return True
        return not change and ("ViewAllData" in self.allowed or "viewAllRecords" in rights)

    def visible(self, object_: str, name: str) -> bool:
        """The field can be read."""
        if self.everything or not name.endswith("__c"):
            return True
        return f"{object_}.{name}".lower() in self.fields

    def editable(self, object_: str, name: str) -> bool:
        """The field can be written, as far as permissions go."""
        if self.everything or not name.endswith("__c"):
            return True
        return self.fields.get(f"{object_}.{name}".lower()) == "edit"


def is_data(object_: str) -> bool:
    """The object is governed by object permissions: standard data, and custom objects."""
    return object_ in _DATA or object_.endswith("__c")


class Permissions:
    """The org's grants and the users' access made from them."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._known: dict[str, Access] = {}

    def forget(self) -> None:
        """Drop what was computed: a grant, an assignment or a user's profile has changed."""
        self._known.clear()

    def grant_field(
        self, parent_id: str, object_: str, name: str, *, readable: bool, editable: bool
    ) -> None:
        """Let a profile or permission set read or edit a field; neither takes the grant away."""
        grants = self._grants()
        fields = grants.setdefault(parent_id, {}).setdefault("fields", {})
        key = f"{object_}.{name}".lower()
        if editable:
            fields[key] = "edit"
        elif readable:
            fields[key] = "read"
        else:
            fields.pop(key, None)
        self._keep(grants)

    def drop_field(self, object_: str, name: str) -> None:
        """Take the field out of all grants: it is deleted."""
        grants = self._grants()
        for own in grants.values():
            own.get("fields", {}).pop(f"{object_}.{name}".lower(), None)
        self._keep(grants)

    def grant_object(self, parent_id: str, object_: str, rights: frozenset[str]) -> None:
        """Set a parent's rights on an object: of read, create, edit, delete, viewAllRecords,
        modifyAllRecords."""
        grants = self._grants()
        objects = grants.setdefault(parent_id, {}).setdefault("objects", {})
        objects[object_.lower()] = sorted(rights)
        self._keep(grants)

    def granted(self, parent_id: str) -> dict[str, Any]:
        """A parent's grants as stored: {"fields": {"lead.x__c": "edit"}, "objects": {...}}."""
        grants: dict[str, Any] = self._grants().get(parent_id, {})
        return grants

    def of(self, user_id: str) -> Access:
        """The access of a user, by 18-character id. Raises Refusal when there is no such user."""
        known = self._known.get(user_id)
        if known is None:
            known = self._known[user_id] = self._compute(user_id)
        return known

    def system(self, user_id: str) -> Access:
        """Everything, in the name of a user: for what the org itself does."""
        user = self._org.storage.get("User", user_id)
        return Access(user if user is not None else {"Id": user_id}, everything=True)

    def _compute(self, user_id: str) -> Access:
        storage = self._org.storage
        user = storage.get("User", user_id)
        if user is None:
            raise Refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")
        parents: list[dict[str, Any]] = [{"Id": EVERYONE}]
        profile = storage.get("Profile", user["ProfileId"]) if user.get("ProfileId") else None
        if profile is not None:
            parents.append(profile)
        for assignment in storage.find("PermissionSetAssignment", AssigneeId=user_id):
            permission_set = storage.get("PermissionSet", str(assignment["PermissionSetId"]))
            if permission_set is not None:
                parents.append(permission_set)
        grants = self._grants()
        allowed: set[str] = set()
        fields: dict[str, str] = {}
        objects: dict[str, frozenset[str]] = {}
        for parent in parents:
            allowed.update(
                name.removeprefix("Permissions")
                for name, value in parent.items()
                if value is True and name.startswith("Permissions")
            )
            own = grants.get(str(parent["Id"]), {})
            for key, right in own.get("fields", {}).items():
                if fields.get(key) != "edit":
                    fields[key] = right
            for key, rights in own.get("objects", {}).items():
                objects[key] = objects.get(key, frozenset()) | frozenset(rights)
        return Access(user, False, frozenset(allowed), fields, objects)

    def _grants(self) -> dict[str, Any]:
        grants: dict[str, Any] = self._org.storage.meta_get(GRANTS, {})
        return grants

    def _keep(self, grants: dict[str, Any]) -> None:
        self._org.storage.meta_set(GRANTS, grants)
        self.forget()
