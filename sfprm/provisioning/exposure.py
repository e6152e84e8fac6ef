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

from datetime import date
from typing import TYPE_CHECKING, Any

from sfprm.provisioning.exposure_groups import (
    closed_groups,
    group_findings,
    shared_with_groups,
)
from sfprm.provisioning.exposure_model import FOLDER_KINDS, ExposureReview, Finding, Part
from sfprm.provisioning.metadata_xml import name_of, parsed, target, value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from xml.etree.ElementTree import Element

__all__ = [
    "CREATED_SAFE_SINCE",
    "ENABLED_SAFE_SINCE",
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
_TIGHT = frozenset({"private", "controlledbyparent", "controlledbyleadorcontact", "none", ""})
_MANUAL_POINTS = (
    "manual shares: records that people shared with a role and its subordinates",
    "list views: those shared with roles and subordinates",
    "shares by code and teams: those that Apex or account teams gave to roles and subordinates",
)


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
    closed = closed_groups(rows)
    findings: list[Finding] = []
    for path in sorted(files):
        root = parsed(files[path])
        if root is None:
            continue
        kind = name_of(root)
        if kind == "SharingRules":
            findings += _sharing_rules(path, root, needed, closed)
        elif kind in FOLDER_KINDS and needed:
            findings += _folder(path, kind, root)
    findings += _defaults(defaults)
    findings += group_findings(rows, shared_with_groups(files))
    points = [*by_hand, *(_MANUAL_POINTS if needed else ())]
    findings += [
        Finding(Part.BY_HAND, what, which, f"look at the {what} in Setup")
        for what, _, which in (point.partition(": ") for point in points)
    ]
    order = list(Part)
    findings.sort(key=lambda f: order.index(f.part))
    return ExposureReview(needed, why, tuple(findings))


def _sharing_rules(
    path: str, root: Element, needed: bool, closed: frozenset[str]
) -> Iterator[Finding]:
    object_ = path.rpartition("/")[2].partition(".")[0]
    for rule in root:
        kind, shared = target(rule, "sharedTo")
        name = value(rule, "fullName")
        access = {"Read": "see", "Edit": "see and edit", "All": "see, edit and transfer"}.get(
            value(rule, "accessLevel"), "see"
        )
        what = f"{access} {object_} records {_which(rule)}"
        where = f"{object_} sharing rule {name}"
        type_ = (
            "SharingOwnerRule" if name_of(rule) == "sharingOwnerRules" else "SharingCriteriaRule"
        )
        if kind == _ROLE_SHARES and needed:
            yield Finding(
                Part.SHARING_RULES,
                where,
                f"partners under the role {shared} would {what}",
                "share it to Roles and Internal Subordinates instead, then recalculate",
                f"{type_}:{object_}.{name}",
            )
        elif kind == "group" and shared not in closed:
            yield Finding(
                Part.BY_HAND,
                where,
                f"members of the group {shared} {what}; partners too if the group holds them",
                "look at the group's members",
                f"{type_}:{object_}.{name}",
            )
        elif kind in _PORTAL_TARGETS:
            yield Finding(
                Part.BY_HAND,
                where,
                f"external users ({' '.join(filter(None, (kind, shared)))}) {what}",
                "see whether this is still meant",
                f"{type_}:{object_}.{name}",
            )


def _which(rule: Element) -> str:
    kind, source = target(rule, "sharedFrom")
    if kind:
        return f"owned by {source or kind}"
    criteria = [
        " ".join(filter(None, (value(c, "field"), value(c, "operation"), value(c, "value"))))
        for c in rule
        if name_of(c) == "criteriaItems"
    ]
    return f"where {' and '.join(criteria)}" if criteria else "of every owner"


def _folder(path: str, kind: str, root: Element) -> Iterator[Finding]:
    name = path.partition("/")[2].removesuffix("-meta.xml").partition(".")[0]
    label = value(root, "name") or name
    what = FOLDER_KINDS[kind]
    where = f"{what} folder {label}"
    if value(root, "accessType") == "Public":
        yield Finding(
            Part.FOLDERS,
            where,
            f"all partners would see this {what} folder: it is open to all users",
            "open it to internal users only",
            f"{kind}:{name}",
        )
    for share in root:
        if name_of(share) != "folderShares":
            continue
        if value(share, "sharedToType") == _FOLDER_SHARES:
            yield Finding(
                Part.FOLDERS,
                where,
                f"partners under the role {value(share, 'sharedTo')} would see this {what} folder",
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
