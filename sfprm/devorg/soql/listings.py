"""What an org lists of its own making: FlowDefinitionView, ApexTrigger, ValidationRule,
DuplicateRule, ObjectPermissions, DeployRequest. Records made when they are asked for.

The first four come from what the control API has set (behaviours, duplicate rules), the fifth from
the grants of profiles and permission sets, the last are the latest deployments. Fields as client
code asks for them [R: queries in public repositories] and as the object reference has them [D];
lengths from memory. ValidationRule and DeployRequest are objects of the Tooling API only [D, R];
who may see deployments of others is unverified: here everybody. A profile has a permission set of
its own (IsOwnedByProfile) [D]; here it is made when one of the two objects is asked for, and is
assigned to nobody. None of them can be written here; real ones in part. Flows are autolaunched;
that a rule which is asked for lists is active is this org's choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfprm.devorg.schema import Schema
    from sfprm.devorg.storage import Storage

__all__ = ["LISTINGS", "TOOLING_ONLY", "refresh_listing"]

LISTINGS = frozenset(
    {
        "ApexTrigger",
        "DeployRequest",
        "DuplicateRule",
        "FlowDefinitionView",
        "ObjectPermissions",
        "PermissionSet",
        "ValidationRule",
    }
)
TOOLING_ONLY = frozenset({"DeployRequest", "ValidationRule"})
_EVENTS = (("insert", "Insert"), ("update", "Update"), ("delete", "Delete"))
_RECORD_TRIGGERS = {
    frozenset({"insert"}): "Create",
    frozenset({"update"}): "Update",
    frozenset({"insert", "update"}): "CreateAndUpdate",
    frozenset({"delete"}): "Delete",
}
_RIGHTS = {
    "create": "PermissionsCreate",
    "read": "PermissionsRead",
    "edit": "PermissionsEdit",
    "delete": "PermissionsDelete",
    "viewAllRecords": "PermissionsViewAllRecords",
    "modifyAllRecords": "PermissionsModifyAllRecords",
}


def refresh_listing(name: str, schema: Schema, storage: Storage) -> None:
    """Brings the table of one of them up to date."""
    set_: Mapping[str, Any] = storage.meta_get("setting:behaviours", {})
    match name:
        case "FlowDefinitionView":
            _renew(storage, name, "ApiName", [_flow(one) for one in set_.get("flows", ())])
        case "ApexTrigger":
            _renew(storage, name, "Name", [_trigger(one) for one in set_.get("triggers", ())])
        case "ValidationRule":
            rules = set_.get("validation_rules", ())
            _renew(storage, name, "ValidationName", [_validation(one) for one in rules])
        case "DeployRequest":
            _renew(storage, name, "Id", storage.meta_get("deployments:latest", []))
        case "DuplicateRule":
            found = storage.meta_get("setting:duplicate_rules", [])
            _renew(storage, name, "DeveloperName", [_duplicate(one) for one in found])
        case _:
            _own_sets(schema, storage)
            if name == "ObjectPermissions":
                _permissions(schema, storage)


def _renew(storage: Storage, object_: str, key: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Makes these the records of an object; those that stay keep their ids."""
    before = {row[key]: row for row in storage.find(object_)}
    with storage.transaction():
        for row in rows:
            old = before.pop(row[key], None)
            if old is None:
                storage.insert(object_, [row])
            elif any(old[name] != value for name, value in row.items()):
                storage.update(object_, str(old["Id"]), row)
        for gone in before.values():
            storage.delete(object_, str(gone["Id"]))


def _developer_name(label: str) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in label).split())


def _flow(flow: Mapping[str, Any]) -> dict[str, Any]:
    on = frozenset(flow.get("on", ("insert", "update")))
    deletes = on == {"delete"}
    when = "RecordAfterSave" if flow.get("save") == "after" else "RecordBeforeSave"
    return {
        "ApiName": _developer_name(flow["name"]),
        "DurableId": _developer_name(flow["name"]),
        "Label": flow["name"],
        "ProcessType": "AutoLaunchedFlow",
        "TriggerType": "RecordBeforeDelete" if deletes else when,
        "RecordTriggerType": _RECORD_TRIGGERS.get(on - {"delete"} or on),
        "TriggerObjectOrEventId": flow["object"],
        "TriggerObjectOrEventLabel": flow["object"],
        "IsActive": True,
    }


def _trigger(trigger: Mapping[str, Any]) -> dict[str, Any]:
    on = trigger.get("on", ("insert", "update"))
    when = str(trigger.get("event", "before")).title()
    usages = {f"Usage{w}{e}": False for w in ("Before", "After") for _, e in _EVENTS}
    usages |= {f"Usage{when}{name}": True for event, name in _EVENTS if event in on}
    return {
        "Name": trigger["name"],
        "TableEnumOrId": trigger["object"],
        "Status": "Active",
        "UsageAfterUndelete": False,
        **usages,
    }


def _validation(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ValidationName": _developer_name(rule["name"]),
        "Active": True,
        "EntityDefinitionId": rule["object"],
        "ErrorDisplayField": rule.get("field"),
        "ErrorMessage": rule["message"],
    }


def _duplicate(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "DeveloperName": rule["name"],
        "MasterLabel": str(rule["name"]).replace("_", " "),
        "Language": "en_US",
        "SobjectType": rule["object"],
        "IsActive": True,
    }


def _own_sets(schema: Schema, storage: Storage) -> None:
    """A permission set for each profile, with its user permissions."""
    definition = schema.object("PermissionSet")
    columns = {one.name for one in definition.fields} if definition else set()
    rows = [
        {
            **{name: bool(profile.get(name)) for name in columns if name.startswith("Permissions")},
            "Name": f"X{profile['Id']}",
            "Label": profile["Name"],
            "ProfileId": profile["Id"],
            "IsOwnedByProfile": True,
            "IsCustom": False,
            "Type": "Profile",
        }
        for profile in storage.find("Profile")
    ]
    before = {row["ProfileId"]: row for row in storage.find("PermissionSet", IsOwnedByProfile=True)}
    with storage.transaction():
        for row in rows:
            old = before.get(row["ProfileId"])
            if old is None:
                storage.insert("PermissionSet", [row])
            elif any(old[name] != value for name, value in row.items()):
                storage.update("PermissionSet", str(old["Id"]), row)


def _permissions(schema: Schema, storage: Storage) -> None:
    sets = storage.find("PermissionSet", IsOwnedByProfile=True)
    parents = {str(row["ProfileId"]): str(row["Id"]) for row in sets}
    grants: Mapping[str, Any] = storage.meta_get("permissions", {})
    rows = []
    for holder, own in grants.items():
        for object_, rights in own.get("objects", {}).items():
            definition = schema.object(object_)
            if definition is None or not rights:
                continue
            rows.append(
                {
                    "ParentId": parents.get(holder, holder),
                    "SobjectType": definition.name,
                    **{column: right in rights for right, column in _RIGHTS.items()},
                }
            )
    before = {(r["ParentId"], r["SobjectType"]): r for r in storage.find("ObjectPermissions")}
    with storage.transaction():
        for row in rows:
            old = before.pop((row["ParentId"], row["SobjectType"]), None)
            if old is None:
                storage.insert("ObjectPermissions", [row])
            elif any(old[name] != value for name, value in row.items()):
                storage.update("ObjectPermissions", str(old["Id"]), row)
        for gone in before.values():
            storage.delete("ObjectPermissions", str(gone["Id"]))
