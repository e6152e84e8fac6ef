"""The external-access review over plain files and rows."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from sfprm.provisioning.exposure import conversion_needed, review_exposure
from sfprm.provisioning.exposure_model import ExposureReview, Part

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
NS = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
OLD, SINCE = date(2019, 3, 4), date(2021, 6, 15)


def rule(shared_to: str, *, kind: str = "sharingOwnerRules", access: str = "Read") -> bytes:
    """A sharing-rules file of one rule."""
    source = (
        "<sharedFrom><role>Sales</role></sharedFrom>"
        if kind == "sharingOwnerRules"
        else "<criteriaItems><field>Type</field><operation>equals</operation>"
        "<value>Customer</value></criteriaItems>"
    )
    body = (
        f"<fullName>R</fullName><accessLevel>{access}</accessLevel><label>R</label>"
        f"<sharedTo>{shared_to}</sharedTo>{source}"
    )
    return f"{HEAD}<SharingRules {NS}><{kind}>{body}</{kind}></SharingRules>".encode()


def folder(kind: str, access: str, share: str = "") -> bytes:
    """A folder file."""
    shares = (
        f"<folderShares><accessLevel>View</accessLevel><sharedTo>VP</sharedTo>"
        f"<sharedToType>{share}</sharedToType></folderShares>"
        if share
        else ""
    )
    return (
        f"{HEAD}<{kind} {NS}><accessType>{access}</accessType>{shares}<name>F</name></{kind}>"
    ).encode()


def found(files: dict[str, bytes], **more: object) -> ExposureReview:
    """The review of an old org that needs it."""
    return review_exposure(files, created=OLD, experiences_since=SINCE, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("created", "since", "needed"),
    [
        (OLD, SINCE, True),
        (OLD, None, False),
        (OLD, date(2026, 1, 5), False),
        (date(2024, 2, 8), date(2024, 3, 1), False),
        (date(2024, 2, 7), date(2024, 3, 1), True),
    ],
)
def test_which_orgs_need_it(created: date, since: date | None, needed: bool) -> None:
    """By the day of creation and of digital experiences, with the reason."""
    answer, why = conversion_needed(created, since)
    assert answer is needed
    assert why


@pytest.mark.parametrize(
    ("shared_to", "part"),
    [
        ("<roleAndSubordinates>VP</roleAndSubordinates>", Part.SHARING_RULES),
        ("<roleAndSubordinatesInternal>VP</roleAndSubordinatesInternal>", None),
        ("<role>VP</role>", None),
        ("<allInternalUsers/>", None),
        ("<group>All_Sales</group>", Part.BY_HAND),
        ("<allPartnerUsers/>", Part.BY_HAND),
        ("<portalRole>X</portalRole>", Part.BY_HAND),
    ],
)
def test_sharing_rules_by_their_target(shared_to: str, part: Part | None) -> None:
    """Roles and subordinates reach partners; internal ones do not; groups are for people."""
    review = found({"sharingRules/Lead.sharingRules": rule(shared_to)})
    parts = {f.part for f in review.findings if f.metadata}
    assert parts == ({part} if part else set())


def test_a_finding_says_who_would_see_what() -> None:
    """Owner rules name the source, criteria rules the criteria."""
    target = "<roleAndSubordinates>VP</roleAndSubordinates>"
    owner = found({"sharingRules/Lead.sharingRules": rule(target, access="Edit")})
    assert owner.of(Part.SHARING_RULES)[0].who_sees_what == (
        "partners under the role VP would see and edit Lead records owned by Sales"
    )
    criteria = found(
        {"sharingRules/Account.sharingRules": rule(target, kind="sharingCriteriaRules")}
    )
    one = criteria.of(Part.SHARING_RULES)[0]
    assert one.who_sees_what.endswith("would see Account records where Type equals Customer")
    assert one.metadata == "SharingCriteriaRule:Account.R"


@pytest.mark.parametrize(
    ("kind", "access", "share", "count"),
    [
        ("ReportFolder", "Public", "", 1),
        ("ReportFolder", "PublicInternal", "", 0),
        ("DashboardFolder", "Public", "", 1),
        ("EmailFolder", "Hidden", "", 0),
        ("DocumentFolder", "Shared", "RoleAndSubordinates", 1),
        ("DocumentFolder", "Shared", "RoleAndSubordinatesInternal", 0),
        ("DocumentFolder", "Shared", "Role", 0),
    ],
)
def test_folders(kind: str, access: str, share: str, count: int) -> None:
    """Public ones and those shared with roles and subordinates."""
    review = found({"reports/F-meta.xml": folder(kind, access, share)})
    assert len(review.of(Part.FOLDERS)) == count


@pytest.mark.parametrize(
    ("model", "count"),
    [("Private", 0), ("ControlledByParent", 0), (None, 0), ("Read", 1), ("ReadWrite", 1)],
)
def test_external_defaults(model: str | None, count: int) -> None:
    """More open than Private is for people to look at."""
    row = {"QualifiedApiName": "Opportunity", "ExternalSharingModel": model}
    review = review_exposure({}, created=date(2025, 1, 1), experiences_since=None, defaults=[row])
    assert len(review.findings) == count


def test_groups_that_hold_everybody() -> None:
    """A public group with all internal users is named."""
    rows: list[dict[str, Any]] = [
        {"Id": "1", "Name": "", "Type": "Organization", "GroupMembers": []},
        {
            "Id": "2",
            "Name": "Everyone",
            "Type": "Regular",
            "GroupMembers": [{"UserOrGroupId": "1"}],
        },
        {"Id": "3", "Name": "Few", "Type": "Regular", "GroupMembers": None},
    ]
    review = review_exposure({}, created=date(2025, 1, 1), experiences_since=None, groups=rows)
    assert [f.where for f in review.findings] == ["public group Everyone"]


def test_an_org_that_needs_no_conversion_is_told_so() -> None:
    """Its role shares stay internal: nothing is found, and why is said."""
    target = "<roleAndSubordinates>VP</roleAndSubordinates>"
    files = {
        "sharingRules/Lead.sharingRules": rule(target),
        "reports/F-meta.xml": folder("ReportFolder", "Public"),
    }
    review = review_exposure(files, created=OLD, experiences_since=None)
    assert review.findings == ()
    assert "after Winter '26" in review.why


@pytest.mark.parametrize("content", [b"", b"no xml", b"<open>", b"<CustomObject/>"])
def test_other_files_are_left_out(content: bytes) -> None:
    """What is no sharing rule or folder makes no finding of its own."""
    assert not [f for f in found({"x.xml": content}).findings if f.metadata]


@pytest.mark.parametrize(
    ("type_", "member", "words"),
    [
        ("Regular", "RoleAndSubordinates", "partners under the role VP_Sales would be members"),
        ("Queue", "RoleAndSubordinates", "take its records"),
        ("Regular", "PRMOrganization", "all external users of a kind are members"),
        ("Regular", "Organization", "it holds all internal users"),
        ("Regular", "RoleAndSubordinatesInternal", None),
    ],
)
def test_groups_and_queues_by_what_they_hold(type_: str, member: str, words: str | None) -> None:
    """Role and subordinates let partners in; internal subordinates do not."""
    rows: list[dict[str, Any]] = [
        {"Id": "g", "Name": "G", "DeveloperName": "G", "Type": type_,
         "GroupMembers": [{"UserOrGroupId": "m"}]},
        {"Id": "m", "Name": "", "Type": member, "Role": "VP_Sales", "GroupMembers": []},
    ]  # fmt: skip
    review = review_exposure({}, created=date(2025, 1, 1), experiences_since=None, groups=rows)
    assert [words in f.who_sees_what for f in review.findings if words] == ([True] if words else [])


def test_a_group_that_lets_partners_in_names_what_is_shared_with_it() -> None:
    """Rules and folders, so that a reader sees what it means."""
    rows: list[dict[str, Any]] = [
        {"Id": "g", "Name": "All Sales", "DeveloperName": "All_Sales", "Type": "Regular",
         "GroupMembers": [{"UserOrGroupId": "m"}]},
        {"Id": "m", "Name": "", "Type": "RoleAndSubordinates", "Role": "VP", "GroupMembers": []},
    ]  # fmt: skip
    files = {"sharingRules/Lead.sharingRules": rule("<group>All_Sales</group>")}
    review = found(files, groups=rows)
    assert any("(Lead sharing rule R)" in f.who_sees_what for f in review.findings)
