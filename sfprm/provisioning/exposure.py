"""The external-access review: which internal records partner users would see once they exist.

Three parts, as Salesforce's wizard "Convert External User Access": sharing rules shared to roles
and subordinates, folders open to portal users, and what must be looked at by hand. Pure: works on
retrieved metadata files and query rows.

Sources (facts sheet, section 1): in older orgs `roleAndSubordinates` becomes "Roles, Internal and
Portal Subordinates" when digital experiences come on; folder `accessType` Public includes portal
users, PublicInternal does not [documented]. That manual shares, list views and groups are left to
the administrator is from memory: the wizard's own list was not fully read (unverified).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from defusedxml import ElementTree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from xml.etree.ElementTree import Element

__all__ = [
    "CREATED_SAFE_SINCE",
    "ENABLED_SAFE_SINCE",
    "ExposureReview",
    "Finding",
    "Part",
    "conversion_needed",
    "review_exposure",
]

CREATED_SAFE_SINCE = date(2024, 2, 8)
"""Orgs created on or after this day keep such shares internal [documented]."""
ENABLED_SAFE_SINCE = date(2025, 10, 13)
"""As do orgs that enabled digital experiences after Winter '26 [documented]; that the release was
complete on this day is unverified."""

_ROLE_SHARES = "roleAndSubordinates"
_FOLDER_SHARES = "RoleAndSubordinates"
_PORTAL_TARGETS = frozenset(
    {
        "allPartnerUsers",
        "allCustomerPortalUsers",
        "portalRole",
        "portalRoleAndSubordinates",
        "guestUser",
        "channelProgramGroup",
    }
)
_FOLDER_KINDS = {
    "ReportFolder": "report",
    "DashboardFolder": "dashboard",
    "EmailFolder": "e-mail template",
    "DocumentFolder": "document",
}
_TIGHT = frozenset({"private", "controlledbyparent", "controlledbyleadorcontact", "none", ""})
_MANUAL_POINTS = (
    "manual shares: records that people shared with a role and its subordinates",
    "list views: those shared with roles and subordinates",
    "shares by code and teams: those that Apex or account teams gave to roles and subordinates",
)


class Part(StrEnum):
    """The three parts of the review."""

    SHARING_RULES = "sharing rules"
    FOLDERS = "folders"
    BY_HAND = "to be looked at by hand"


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where partners would see internal records. `metadata` is `Type:Member`, empty
    when there is nothing to deploy for it."""

    part: Part
    where: str
    who_sees_what: str
    fix: str
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class ExposureReview:
    """All findings, and whether this org is of the kind that needs the conversion at all."""

    needed: bool
    why: str
    findings: tuple[Finding, ...]

    def of(self, part: Part) -> tuple[Finding, ...]:
        """The findings of one part."""
        return tuple(f for f in self.findings if f.part is part)


def conversion_needed(created: date, experiences_since: date | None) -> tuple[bool, str]:
    """Whether shares to roles and subordinates reach partners in this org, and why (not).

    `experiences_since`: the day digital experiences came on, None while they are off. The creation
    of the first site is taken for it: the switch itself may be older, never younger.
    """
    if created >= CREATED_SAFE_SINCE:
        return (
            False,
            f"the org was created on {created}: such shares stay internal since 2024-02-08",
        )
    if experiences_since is None:
        return False, "digital experiences come on now, after Winter '26: old shares stay internal"
    if experiences_since >= ENABLED_SAFE_SINCE:
        return (
            False,
            f"digital experiences came on {experiences_since}, after Winter '26: "
            "old shares stay internal",
        )
    return (
        True,
        f"the org was created on {created} and has had digital experiences since "
        f"{experiences_since}: shares to roles and subordinates reach partners below those roles",
    )


def review_exposure(
    files: Mapping[str, bytes],
    *,
    created: date,
    experiences_since: date | None,
    defaults: Iterable[Mapping[str, Any]] = (),
    groups: Iterable[Mapping[str, Any]] = (),
    by_hand: Iterable[str] = (),
) -> ExposureReview:
    """The review. `files`: retrieved sharing rules and folders, path → content. `defaults`: rows of
    EntityDefinition with QualifiedApiName and ExternalSharingModel. `groups`: rows of Group with
    their GroupMembers, and `Role`, the developer name of the role that a group stands for.

    `by_hand`: what the org did not tell, as `what: which`. A file that is no XML of these kinds is
    left out. Raises nothing.
    """
    needed, why = conversion_needed(created, experiences_since)
    rows = list(groups)
    closed = _closed_groups(rows)
    findings: list[Finding] = []
    for path in sorted(files):
        root = _parsed(files[path])
        if root is None:
            continue
        kind = _tag(root)
        if kind == "SharingRules":
            findings += _sharing_rules(path, root, needed, closed)
        elif kind in _FOLDER_KINDS and needed:
            findings += _folder(path, kind, root)
    findings += _defaults(defaults)
    findings += _groups(rows, _shared_with_groups(files))
    points = [*by_hand, *(_MANUAL_POINTS if needed else ())]
    findings += [
        Finding(Part.BY_HAND, what, which, f"look at the {what} in Setup")
        for what, _, which in (point.partition(": ") for point in points)
    ]
    order = list(Part)
    findings.sort(key=lambda f: order.index(f.part))
    return ExposureReview(needed, why, tuple(findings))


def _parsed(content: bytes) -> Element | None:
    try:
        root: Element = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        return None
    return root


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _child(element: Element, name: str) -> Element | None:
    return next((c for c in element if _tag(c) == name), None)


def _value(element: Element, name: str) -> str:
    found = _child(element, name)
    return (found.text or "").strip() if found is not None else ""


def _target(element: Element, name: str) -> tuple[str, str]:
    """(kind, name) of a sharedTo or sharedFrom: its only child."""
    holder = _child(element, name)
    inner = next(iter(holder), None) if holder is not None else None
    return ("", "") if inner is None else (_tag(inner), (inner.text or "").strip())


def _sharing_rules(
    path: str, root: Element, needed: bool, closed: frozenset[str]
) -> Iterator[Finding]:
    object_ = path.rpartition("/")[2].partition(".")[0]
    for rule in root:
        kind, target = _target(rule, "sharedTo")
        name = _value(rule, "fullName")
        access = {"Read": "see", "Edit": "see and edit", "All": "see, edit and transfer"}.get(
            _value(rule, "accessLevel"), "see"
        )
        what = f"{access} {object_} records {_which(rule)}"
        where = f"{object_} sharing rule {name}"
        type_ = "SharingOwnerRule" if _tag(rule) == "sharingOwnerRules" else "SharingCriteriaRule"
        if kind == _ROLE_SHARES and needed:
            yield Finding(
                Part.SHARING_RULES,
                where,
                f"partners under the role {target} would {what}",
                "share it to Roles and Internal Subordinates instead, then recalculate",
                f"{type_}:{object_}.{name}",
            )
        elif kind == "group" and target not in closed:
            yield Finding(
                Part.BY_HAND,
                where,
                f"members of the group {target} {what}; partners too if the group holds them",
                "look at the group's members",
                f"{type_}:{object_}.{name}",
            )
        elif kind in _PORTAL_TARGETS:
            yield Finding(
                Part.BY_HAND,
                where,
                f"external users ({' '.join(filter(None, (kind, target)))}) {what}",
                "see whether this is still meant",
                f"{type_}:{object_}.{name}",
            )


def _which(rule: Element) -> str:
    kind, source = _target(rule, "sharedFrom")
    if kind:
        return f"owned by {source or kind}"
    criteria = [
        " ".join(filter(None, (_value(c, "field"), _value(c, "operation"), _value(c, "value"))))
        for c in rule
        if _tag(c) == "criteriaItems"
    ]
    return f"where {' and '.join(criteria)}" if criteria else "of every owner"


def _folder(path: str, kind: str, root: Element) -> Iterator[Finding]:
    name = path.partition("/")[2].removesuffix("-meta.xml").partition(".")[0]
    label = _value(root, "name") or name
    what = _FOLDER_KINDS[kind]
    where = f"{what} folder {label}"
    if _value(root, "accessType") == "Public":
        yield Finding(
            Part.FOLDERS,
            where,
            f"all partners would see this {what} folder: it is open to all users",
            "open it to internal users only",
            f"{kind}:{name}",
        )
    for share in root:
        if _tag(share) != "folderShares":
            continue
        if _value(share, "sharedToType") == _FOLDER_SHARES:
            yield Finding(
                Part.FOLDERS,
                where,
                f"partners under the role {_value(share, 'sharedTo')} would see this {what} folder",
                "share it with Roles and Internal Subordinates instead",
                f"{kind}:{name}",
            )


def _defaults(rows: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    for row in rows:
        model = str(row.get("ExternalSharingModel") or "")
        name = row["QualifiedApiName"]
        if model.lower() not in _TIGHT:
            yield Finding(
                Part.BY_HAND,
                f"{name}: external org-wide default {model}",
                f"every partner would have {model} access to every {name} record",
                f"set the external default of {name} to Private in Setup › Sharing Settings",
            )


def _shared_with_groups(files: Mapping[str, bytes]) -> dict[str, list[str]]:
    """Group by API name → the sharing rules and folders that are shared with it."""
    found: dict[str, list[str]] = {}
    for path in sorted(files):
        root = _parsed(files[path])
        if root is None:
            continue
        kind = _tag(root)
        for part in root:
            if kind == "SharingRules":
                object_ = path.rpartition("/")[2].partition(".")[0]
                target_kind, group = _target(part, "sharedTo")
                if target_kind == "group":
                    words = f"{object_} sharing rule {_value(part, 'fullName')}"
                    found.setdefault(group, []).append(words)
            elif kind in _FOLDER_KINDS and _value(part, "sharedToType") == "Group":
                words = f"{_FOLDER_KINDS[kind]} folder {_value(root, 'name')}"
                found.setdefault(_value(part, "sharedTo"), []).append(words)
    return found


def _groups(
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


def _closed_groups(rows: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Developer names of public groups that hold users one by one and no group: whoever else comes
    into them is put there by name."""
    return frozenset(
        str(row.get("DeveloperName"))
        for row in rows
        if row.get("Type") == "Regular"
        and all(str(m["UserOrGroupId"]).startswith("005") for m in row.get("GroupMembers") or ())
    )
