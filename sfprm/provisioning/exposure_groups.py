"""Public groups and queues in the external-access review: whom they take in, what is shared with
them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfprm.provisioning.exposure_model import FOLDER_KINDS, Finding, Part
from sfprm.provisioning.metadata_xml import name_of, parsed, target, value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["closed_groups", "group_findings", "shared_with_groups"]


def shared_with_groups(files: Mapping[str, bytes]) -> dict[str, list[str]]:
    """Group by API name → the sharing rules and folders that are shared with it."""
    found: dict[str, list[str]] = {}
    for path in sorted(files):
        root = parsed(files[path])
        if root is None:
            continue
        kind = name_of(root)
        for part in root:
            if kind == "SharingRules":
                object_ = path.rpartition("/")[2].partition(".")[0]
                target_kind, group = target(part, "sharedTo")
                if target_kind == "group":
                    words = f"{object_} sharing rule {value(part, 'fullName')}"
                    found.setdefault(group, []).append(words)
            elif kind in FOLDER_KINDS and value(part, "sharedToType") == "Group":
                words = f"{FOLDER_KINDS[kind]} folder {value(root, 'name')}"
                found.setdefault(value(part, "sharedTo"), []).append(words)
    return found


def group_findings(
    rows: Sequence[Mapping[str, Any]], shared: Mapping[str, Sequence[str]]
) -> Iterator[Finding]:
    """Public groups and queues that take in more people than they name. `shared`: what is shared
    with a group, by its API name."""
    by_id = {row["Id"]: row for row in rows}
    for row in rows:
        if row.get("Type") not in ("Regular", "Queue"):
            continue
        kind = "queue" if row["Type"] == "Queue" else "public group"
        where = f"{kind} {row['Name']}"
        held = [by_id.get(m["UserOrGroupId"], {}) for m in row.get("GroupMembers") or ()]
        for member in held:
            used = shared.get(str(row.get("DeveloperName")), ())
            with_it = f" ({', '.join(used)})" if used else ""
            what = "take its records" if kind == "queue" else f"see what is shared with it{with_it}"
            match member.get("Type"):
                case "Organization":
                    yield Finding(
                        Part.BY_HAND,
                        where,
                        f"it holds all internal users; what is shared with it{with_it} is shared "
                        "widely",
                        "see that no rule or folder for partners uses it",
                    )
                case "RoleAndSubordinates":
                    role = member.get("Role") or member.get("Name") or "a role"
                    yield Finding(
                        Part.BY_HAND,
                        where,
                        f"partners under the role {role} would be members of it, and {what}",
                        f"put Roles and Internal Subordinates of {role} in its place",
                    )
                case "PRMOrganization" | "AllCustomerPortal":
                    yield Finding(
                        Part.BY_HAND,
                        where,
                        f"all external users of a kind are members of it, and {what}",
                        "see whether this is still meant",
                    )


def closed_groups(rows: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Developer names of public groups that hold users one by one and no group: whoever else comes
    into them is put there by name."""
    return frozenset(
        str(row.get("DeveloperName"))
        for row in rows
        if row.get("Type") == "Regular"
        and all(str(m["UserOrGroupId"]).startswith("005") for m in row.get("GroupMembers") or ())
    )
