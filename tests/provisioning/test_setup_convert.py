"""Rewriting shares, windows, backups and exports, over plain files."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from defusedxml import ElementTree

from sfprm.errors import BadRequest
from sfprm.programme.policies import KeyFields
from sfprm.provisioning.exposure import review_exposure
from sfprm.provisioning.exposure_model import ExposureReview
from sfprm.provisioning.setup_backup import Backup, read_backup, write_backup
from sfprm.provisioning.setup_convert import (
    Conversion,
    chosen_findings,
    conversion_of,
    twins_of,
)
from sfprm.provisioning.setup_export import ExportFormat, export, source_files
from sfprm.provisioning.setup_files import setup_files
from sfprm.provisioning.setup_window import read_window

ROOT = Path(__file__).parents[2]
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
NS = 'xmlns="http://soap.sforce.com/2006/04/metadata"'


def rule(name: str, target: str) -> str:
    """An owner rule of an object."""
    return (
        f"<sharingOwnerRules><fullName>{name}</fullName><accessLevel>Read</accessLevel>"
        f"<label>{name.replace('_', ' ')}</label><sharedTo><{target}>VP</{target}></sharedTo>"
        "<sharedFrom><roleAndSubordinates>Sales</roleAndSubordinates></sharedFrom>"
        "</sharingOwnerRules>"
    )


FILES = {
    "package.xml": b"<Package/>",
    "settings/Communities.settings": b"<CommunitiesSettings/>",
    "sharingRules/Lead.sharingRules": (
        f"{HEAD}<SharingRules {NS}>{rule('Old', 'roleAndSubordinates')}"
        f"{rule('Other', 'roleAndSubordinates')}{rule('Role_only', 'role')}</SharingRules>"
    ).encode(),
    "reports/Open-meta.xml": (
        f"{HEAD}<ReportFolder {NS}><accessType>Public</accessType><name>Öffentlich &amp; offen"
        "</name></ReportFolder>"
    ).encode(),
    "documents/Prices-meta.xml": (
        f"{HEAD}<DocumentFolder {NS}><accessType>Shared</accessType><folderShares>"
        "<accessLevel>View</accessLevel><sharedTo>VP</sharedTo>"
        "<sharedToType>RoleAndSubordinates</sharedToType></folderShares><name>Prices</name>"
        "</DocumentFolder>"
    ).encode(),
}


def review(files: dict[str, bytes]) -> ExposureReview:
    """The review of an old org that holds these files."""
    return review_exposure(files, created=date(2019, 3, 4), experiences_since=date(2021, 6, 15))


def converted(*names: str) -> Conversion:
    """The packages for these names."""
    made = conversion_of(FILES, chosen_findings(review(FILES), names))
    assert made is not None
    return made


def test_all_that_was_found_is_rewritten() -> None:
    """Afterwards the review finds none of it; the target of a rule's source stays as it was."""
    made = converted("all")
    assert sorted(made.after) == [
        "documents/Prices-meta.xml",
        "reports/Open-meta.xml",
        "sharingRules/Lead.sharingRules",
    ]
    after = review({**FILES, **made.after})
    assert [f for f in after.findings if f.metadata] == []
    lead = made.after["sharingRules/Lead.sharingRules"].decode()
    assert lead.count("<roleAndSubordinatesInternal>VP<") == 2
    assert lead.count("<roleAndSubordinates>Sales<") == 2
    assert "Role_only" not in lead
    assert "Öffentlich &amp; offen" in made.after["reports/Open-meta.xml"].decode()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("Lead.Old", "sharingRules/Lead.sharingRules"),
        ("lead.old", "sharingRules/Lead.sharingRules"),
        ("SharingOwnerRule:Lead.Old", "sharingRules/Lead.sharingRules"),
        ("Open", "reports/Open-meta.xml"),
    ],
)
def test_some_by_name(name: str, path: str) -> None:
    """Only what is named is in the package, and in its way back."""
    made = converted(name)
    assert list(made.after) == list(made.before) == [path]
    if "Old" in path:
        assert b"Other" not in made.after[path]


def test_an_unknown_name_is_refused_with_those_that_are_there() -> None:
    """By-hand findings cannot be rewritten either."""
    with pytest.raises(BadRequest, match=r"Lead\.Nothing"):
        chosen_findings(review(FILES), ["Lead.Nothing"])
    with pytest.raises(BadRequest) as raised:
        chosen_findings(review(FILES), ["manual shares"])
    assert "Lead.Old, Lead.Other, Open, Prices" in raised.value.hint


def test_an_org_without_findings_has_nothing_to_rewrite() -> None:
    """`all` of nothing."""
    assert conversion_of({}, chosen_findings(review({}), ["all"])) is None


def test_the_way_back_holds_the_originals() -> None:
    """Deploying it gives the review its findings again."""
    made = converted("all")
    back = made.way_back("66.0")
    files = {path: content for path, content in back.items() if "/" in path}
    again = review({**FILES, **made.after, **files})
    assert {f.metadata for f in again.findings if f.metadata} == {
        f.metadata for f in review(FILES).findings if f.metadata
    }
    assert set(back) == {*made.before, "package.xml"}


def test_twins_are_made_and_the_old_rules_deleted() -> None:
    """In one package; the way back deletes the twins."""
    made = twins_of(converted("all"))
    package, back = made.package("66.0"), made.way_back("66.0")
    assert b"<members>Lead.Old_Internal</members>" in package["package.xml"]
    assert b"<members>Lead.Old</members>" in package["destructiveChangesPost.xml"]
    assert b"<fullName>Old_Internal<" in package["sharingRules/Lead.sharingRules"]
    assert b"<members>Lead.Old_Internal</members>" in back["destructiveChangesPost.xml"]
    assert b"<members>Lead.Old</members>" in back["package.xml"]
    for content in (*package.values(), *back.values()):
        ElementTree.fromstring(content)


@pytest.mark.parametrize(
    ("text", "at", "open_"),
    [
        ("22:00-06:00 Europe/Lisbon", datetime(2026, 11, 23, 23, tzinfo=UTC), True),
        ("22:00-06:00 Europe/Lisbon", datetime(2026, 11, 23, 5, 59, tzinfo=UTC), True),
        ("22:00-06:00 Europe/Lisbon", datetime(2026, 11, 23, 6, tzinfo=UTC), False),
        ("02:00-04:00 Asia/Tokyo", datetime(2026, 11, 23, 18, tzinfo=UTC), True),
        ("02:00-04:00 Asia/Tokyo", datetime(2026, 11, 23, 2, tzinfo=UTC), False),
    ],
)
def test_windows(text: str, at: datetime, open_: bool) -> None:
    """Local time, past midnight too; the next opening is one, and lies ahead."""
    window = read_window(text)
    assert window.open_at(at) is open_
    following = window.next_open(at)
    assert following > at
    assert window.open_at(following)


@pytest.mark.parametrize("text", ["", "22-06", "25:00-01:00 UTC", "22:00-06:00 Nowhere/Land"])
def test_what_is_no_window(text: str) -> None:
    """Said with an example."""
    with pytest.raises(BadRequest) as raised:
        read_window(text)
    assert "Europe/Lisbon" in raised.value.hint


def backup(**more: Any) -> Backup:
    """A small backup."""
    files = {"package.xml": b"<Package/>", "reports/F-meta.xml": b"<ReportFolder/>"}
    return Backup("00D000000000001AAA", "Alder", datetime(2026, 11, 23, tzinfo=UTC), ("F",), files)


def test_a_backup_is_read_as_it_was_written(tmp_path: Path) -> None:
    """And no older one is ever overwritten."""
    folder = tmp_path / "b" / "run"
    write_backup(folder, backup())
    assert read_backup(folder) == backup()
    with pytest.raises(BadRequest, match="not empty"):
        write_backup(folder, backup())


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[]"])
def test_what_is_no_backup(tmp_path: Path, content: bytes | None) -> None:
    """A folder without our note, or with a broken one."""
    if content is not None:
        (tmp_path / "backup.json").write_bytes(content)
    with pytest.raises(BadRequest, match="holds no backup"):
        read_backup(tmp_path)


@pytest.mark.parametrize("format_", ExportFormat)
def test_an_export_holds_every_package_and_the_way_back(
    tmp_path: Path, format_: ExportFormat
) -> None:
    """Each with a manifest; a folder that holds something is refused."""
    made = converted("all")
    packages = {"fields": metadata(), "convert": made.package("66.0")}
    told = export(
        tmp_path / "out", packages, backup(), format_=format_, api_version="66.0", org="Alder"
    )
    names = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.xml")}
    files = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert told.files == len(files)
    assert "backup/package.xml" in names
    if format_ is ExportFormat.SOURCE:
        assert "manifest/convert.xml" in names
        assert "fields/main/default/objects/Account/fields/Partner_Key__c.field-meta.xml" in names
        assert "convert/main/default/reports/Open.reportFolder-meta.xml" in names
    else:
        assert "convert/package.xml" in names
    with pytest.raises(BadRequest, match="not empty"):
        export(tmp_path / "out", packages, None, format_=format_, api_version="66.0", org="A")


def metadata() -> dict[str, bytes]:
    """What is shipped."""
    root = ROOT / "config" / "metadata"
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_the_source_format_loses_nothing_of_an_object() -> None:
    """Fields are files of their own; what else is in the file stays together."""
    body = (
        f"<CustomObject {NS}><enableHistory>true</enableHistory><fields><fullName>A__c</fullName>"
        "</fields><fields><fullName>B__c</fullName></fields></CustomObject>"
    )
    found = source_files({"objects/Lead.object": body.encode(), "package.xml": b""})
    assert {path.removeprefix("main/default/objects/Lead/") for path in found} == {
        "Lead.object-meta.xml",
        "fields/A__c.field-meta.xml",
        "fields/B__c.field-meta.xml",
    }


def test_an_org_that_names_its_own_keys_gets_no_field() -> None:
    """Only the grant: of the field that is named, on that object."""
    fitted = setup_files(metadata(), KeyFields(account="Erp_Number__c"))
    assert "objects/Account.object" not in fitted
    assert "objects/Contact.object" in fitted
    assert b"Account.Partner_Key__c" not in fitted["package.xml"]
    assert b"Contact.Partner_Key__c" in fitted["package.xml"]
    granted = fitted["permissionsets/sfprm_run.permissionset"]
    assert b"<field>Account.Erp_Number__c</field>" in granted
    assert b"<field>Contact.Partner_Key__c</field>" in granted
    both = setup_files(metadata(), KeyFields("Erp_Number__c", "Erp_Number__c"))
    assert b"CustomField" not in both["package.xml"]
    assert setup_files(metadata(), KeyFields()) == metadata()
