"""Deployments: all or nothing, polled, with the place of each problem."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sfprm.devorg import metadata
from sfprm.devorg.metadata.package import pack
from sfprm.devorg.org import Org
from sfprm.devorg.problems import Refusal

NS = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
KEY = """<fields>
 <fullName>Partner_Key__c</fullName><externalId>true</externalId><label>Partner Key</label>
 <length>80</length><type>Text</type><unique>true</unique><caseSensitive>false</caseSensitive>
</fields>"""
SET = """<label>Keys</label><fieldPermissions><editable>true</editable>
<field>Account.Partner_Key__c</field><readable>true</readable></fieldPermissions>"""


def manifest(**types: list[str]) -> bytes:
    """A package.xml."""
    listed = "".join(
        f"<types>{''.join(f'<members>{m}</members>' for m in members)}<name>{name}</name></types>"
        for name, members in types.items()
    )
    return f"<Package {NS}>{listed}<version>66.0</version></Package>".encode()


def xml(root: str, body: str) -> bytes:
    """A metadata file."""
    return f"<{root} {NS}>\n{body}\n</{root}>".encode()


def deploy(org: Org, files: dict[str, bytes], **options: Any) -> dict[str, Any]:
    """Deploy as the integration user and poll to the end; the last deployResult."""
    started = metadata.deploy(org, pack(files), {"deployOptions": options}, org.agent_id)
    polls = [metadata.status(org, started["id"], True)["deployResult"] for _ in range(2)]
    last: dict[str, Any] = polls[-1]
    assert last["done"]
    return last


def field_and_set() -> dict[str, bytes]:
    """The external-id field with the permission set that grants it."""
    return {
        "package.xml": manifest(CustomField=["Account.Partner_Key__c"], PermissionSet=["Keys"]),
        "objects/Account.object": xml("CustomObject", KEY),
        "permissionsets/Keys.permissionset": xml("PermissionSet", SET),
    }


def settings(body: str) -> dict[str, bytes]:
    """A package with Communities settings."""
    return {
        "package.xml": manifest(Settings=["Communities"]),
        "settings/Communities.settings": xml("CommunitiesSettings", body),
    }


PRM = "<enableNetworksEnabled>true</enableNetworksEnabled><enableEnablePRM>true</enableEnablePRM>"


def test_states_pass_by_polls(empty_org: Org) -> None:
    """Pending, then InProgress, then Succeeded: a client must poll."""
    started = metadata.deploy(empty_org, pack(settings(PRM)), {}, empty_org.agent_id)
    assert started["deployResult"]["status"] == "Pending"
    polls = [metadata.status(empty_org, started["id"], False)["deployResult"] for _ in range(2)]
    assert [(one["status"], one["done"]) for one in polls] == [
        ("InProgress", False),
        ("Succeeded", True),
    ]


def test_prm_is_switched_on_with_its_date(empty_org: Org) -> None:
    """The org's setting holds the switch and when."""
    states = [empty_org.prm_on, deploy(empty_org, settings(PRM))["success"], empty_org.prm_on]
    assert states == [False, True, True]
    assert empty_org.setting("prm_since") == "2026-03-02"
    assert empty_org.setting("networks_since") == "2021-06-15"


def test_prm_brings_the_group_of_all_partners(empty_org: Org) -> None:
    """Once, however often it is deployed."""
    for _ in range(2):
        deploy(empty_org, settings(PRM))
    assert len(empty_org.storage.find("Group", Type="PRMOrganization")) == 1


@pytest.mark.parametrize("switch", ["enableNetworksEnabled", "enableEnablePRM"])
def test_switches_are_irreversible(empty_org: Org, switch: str) -> None:
    """Turning either off again fails, with the line."""
    deploy(empty_org, settings(PRM))
    result = deploy(empty_org, settings(f"\n<{switch}>false</{switch}>"))
    [failure] = result["details"]["componentFailures"]
    assert "can't be disabled" in failure["problem"]
    assert (failure["fileName"], failure["lineNumber"]) == ("settings/Communities.settings", 3)
    assert empty_org.prm_on


def test_deployed_field_is_seen_by_nobody_until_granted(empty_org: Org) -> None:
    """System Administrator included."""
    files = field_and_set()
    assert deploy(empty_org, files)["success"]
    assert not empty_org.permissions.of(empty_org.agent_id).visible("Account", "Partner_Key__c")
    [row] = empty_org.storage.find("PermissionSet", Name="Keys")
    assignment = {"PermissionSetId": row["Id"], "AssigneeId": empty_org.agent_id}
    empty_org.plant("PermissionSetAssignment", [assignment])
    assert empty_org.permissions.of(empty_org.agent_id).editable("Account", "Partner_Key__c")


def test_field_has_the_attributes_deployed(empty_org: Org) -> None:
    """Text, external id, unique without regard to case."""
    deploy(empty_org, field_and_set())
    definition = empty_org.schema.object("Account")
    field = definition.field("partner_key__C") if definition else None
    assert field is not None
    assert (field.type, field.length, field.external_id, field.unique, field.case_sensitive) == (
        *("string", 80, True, True),
        False,
    )


def test_deploying_again_changes_nothing(empty_org: Org) -> None:
    """The second time every component is there and unchanged."""
    deploy(empty_org, field_and_set())
    successes = deploy(empty_org, field_and_set())["details"]["componentSuccesses"]
    assert [(one["created"], one["changed"]) for one in successes] == [(False, False)] * 2


@pytest.mark.parametrize("check_only", [True, False])
def test_nothing_stays_of_a_check_or_a_failure(empty_org: Org, check_only: bool) -> None:
    """checkOnly, or one bad component with rollbackOnError: no field, no row, no column."""
    files = field_and_set()
    if not check_only:
        files["permissionsets/Keys.permissionset"] = xml("PermissionSet", "<label/>")
    result = deploy(empty_org, files, checkOnly=check_only, rollbackOnError=True)
    assert result["success"] is check_only
    definition = empty_org.schema.object("Account")
    assert definition is not None
    assert definition.field("Partner_Key__c") is None
    assert not empty_org.storage.find("PermissionSet", Name="Keys")
    assert deploy(empty_org, field_and_set())["success"]
    empty_org.plant("Account", [{"Name": "Test", "Partner_Key__c": "x"}])


def test_without_rollback_the_good_part_stays(empty_org: Org) -> None:
    """SucceededPartial."""
    files = {**field_and_set(), "permissionsets/Keys.permissionset": xml("PermissionSet", "")}
    result = deploy(empty_org, files, rollbackOnError=False)
    assert result["status"] == "SucceededPartial"
    assert (result["numberComponentsDeployed"], result["numberComponentErrors"]) == (1, 1)


@pytest.mark.parametrize(
    ("fields", "problem", "line"),
    [
        (
            KEY.replace("<length>80</length>", ""),
            "Must specify 'length' for a CustomField of type Text",
            2,
        ),
        (KEY.replace(">80<", ">300<"), "length must be between 1 and 255", 4),
        (KEY.replace("Partner_Key__c", "1Key__c"), "Field name: The name can only contain", 3),
        (
            KEY.replace("<label>", "<lable>").replace("</label>", "</lable>"),
            "Error parsing file: Element {http://soap.sforce.com/2006/04/metadata}lable invalid at "
            "this location in type CustomField",
            3,
        ),
        (KEY.replace(">Text<", ">Formula<"), "CustomField of type 'Formula' is not imitated", 2),
        ("<validationRules/>", "validationRules of an object are not imitated by this org", 2),
    ],
)
def test_bad_fields_are_named_with_their_line(
    empty_org: Org, fields: str, problem: str, line: int
) -> None:
    """Problem, file and line, as a client shows them."""
    name = "Account.1Key__c" if "1Key" in fields else "Account.Partner_Key__c"
    files = {
        "package.xml": manifest(CustomField=[name]),
        "objects/Account.object": xml("CustomObject", fields),
    }
    failure = deploy(empty_org, files)["details"]["componentFailures"][0]
    assert failure["problem"].startswith(problem)
    assert (failure["fileName"], failure["lineNumber"]) == ("objects/Account.object", line)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<label>K</label><userPermissions><enabled>true</enabled><name>Fly</name>"
         "</userPermissions>", "Unknown user permission: Fly"),
        ("<label>K</label><fieldPermissions><field>Lead.No__c</field><readable>true</readable>"
         "</fieldPermissions>", "In field: field - no CustomField named Lead.No__c found"),
        ("<label>K</label><fieldPermissions><field>Lead.LastName</field><readable>true</readable>"
         "</fieldPermissions>", "You cannot deploy to a required field: Lead.LastName"),
        ("<label>K</label><objectPermissions><allowEdit>true</allowEdit><object>Lead</object>"
         "</objectPermissions>", "Permission Edit Lead depends on permission(s): Read Lead"),
        ("<label>K</label><license>None</license>",
         "In field: license - no UserLicense named None found"),
        ("<label>K</label><tabSettings/>", "Error parsing file: Element"),
    ],
)  # fmt: skip
def test_bad_permission_sets_are_named(empty_org: Org, body: str, problem: str) -> None:
    """And leave no row."""
    files = {
        "package.xml": manifest(PermissionSet=["K"]),
        "permissionsets/K.permissionset": xml("PermissionSet", body),
    }
    [failure] = deploy(empty_org, files)["details"]["componentFailures"]
    assert failure["problem"].startswith(problem)
    assert not empty_org.storage.find("PermissionSet", Name="K")


def test_manifest_and_files_must_agree(empty_org: Org) -> None:
    """A member without file, a file without member, a type that is none."""
    files = {
        **settings(PRM),
        "package.xml": manifest(Settings=["Sharing"], Nonsense=["X"]),
    }
    problems = {one["problem"] for one in deploy(empty_org, files)["details"]["componentFailures"]}
    assert problems == {
        "Not in package.xml",
        "An object 'Sharing' of type Settings was named in package.xml, but was not found in"
        " zipped directory",
        "Unknown type name 'Nonsense' specified in package.xml",
    }
    assert not empty_org.prm_on


def test_what_is_not_a_zip_fails(empty_org: Org) -> None:
    """The deployment starts and fails, as one with any other bad content."""
    started = metadata.deploy(empty_org, b"no zip", {}, empty_org.agent_id)
    metadata.status(empty_org, started["id"], True)
    result = metadata.status(empty_org, started["id"], True)["deployResult"]
    assert result["status"] == "Failed"
    assert "not a valid zip" in result["details"]["componentFailures"][0]["problem"]


def test_cancelled_before_the_first_poll_does_nothing(empty_org: Org) -> None:
    """Canceling, then Canceled."""
    started = metadata.deploy(empty_org, pack(settings(PRM)), {}, empty_org.agent_id)
    assert metadata.cancel(empty_org, started["id"])["deployResult"]["status"] == "Canceling"
    result = metadata.status(empty_org, started["id"], False)["deployResult"]
    assert (result["status"], result["done"]) == ("Canceled", True)
    assert not empty_org.prm_on


def test_unpolled_deployment_is_carried_out_in_time(empty_org: Org) -> None:
    """By the org's clock."""
    metadata.deploy(empty_org, pack(settings(PRM)), {}, empty_org.agent_id)
    states = []
    for seconds in (0.0, 5.0):
        empty_org.clock.advance(seconds)
        metadata.settle(empty_org)
        states.append(empty_org.prm_on)
    assert states == [False, True]


def test_unknown_id_is_not_found(empty_org: Org) -> None:
    """404, for a well-formed id and for anything else."""
    for wrong in ("0AfdV0000000999", "nonsense"):
        with pytest.raises(Refusal) as caught:
            metadata.status(empty_org, wrong, False)
        assert (caught.value.status, caught.value.code) == (404, "NOT_FOUND")


def test_a_standard_user_may_not_deploy(empty_org: Org) -> None:
    """Modify Metadata or Modify All Data is needed."""
    sam = empty_org.user_by_username("sam.carter@alder.example.com")
    assert sam is not None
    with pytest.raises(Refusal) as caught:
        metadata.deploy(empty_org, pack(settings(PRM)), {}, str(sam["Id"]))
    assert caught.value.status == 403


def test_one_assignment_rule_is_active(empty_org: Org) -> None:
    """Activating one silently deactivates the other."""

    def rule(name: str) -> dict[str, bytes]:
        body = (
            f"<assignmentRule><fullName>{name}</fullName><active>true</active><ruleEntry>"
            "<assignedTo>Web_Leads</assignedTo><assignedToType>Queue</assignedToType>"
            "<criteriaItems><field>Lead.Country</field><operation>equals</operation>"
            "<value>PT</value></criteriaItems></ruleEntry></assignmentRule>"
        )
        return {
            "package.xml": manifest(AssignmentRules=["Lead"]),
            "assignmentRules/Lead.assignmentRules": xml("AssignmentRules", body),
        }

    assert deploy(empty_org, rule("First"))["success"]
    assert deploy(empty_org, rule("Second"))["success"]
    rows = empty_org.storage.find("AssignmentRule", SobjectType="Lead")
    assert {row["Name"]: row["Active"] for row in rows} == {"First": False, "Second": True}


def test_the_shipped_metadata_is_accepted(empty_org: Org) -> None:
    """What `sfprm setup` deploys: fields and permission sets, every permission known."""
    root = Path(__file__).parents[2] / "config" / "metadata"
    files = {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }
    result = deploy(empty_org, files)
    assert result["details"]["componentFailures"] == []
    assert result["numberComponentsDeployed"] == 4


def test_sharing_rules_change_and_go(empty_org: Org) -> None:
    """An internal twin is made, then the old rule removed by destructiveChanges."""
    rule = (
        "<sharingOwnerRules><fullName>Twin</fullName><accessLevel>Read</accessLevel>"
        "<label>Twin</label><sharedTo><roleAndSubordinatesInternal>{}</roleAndSubordinatesInternal>"
        "</sharedTo><sharedFrom><role>Inside_Sales</role></sharedFrom></sharingOwnerRules>"
    )
    files = {
        "package.xml": manifest(SharingOwnerRule=["Lead.Twin"]),
        "sharingRules/Lead.sharingRules": xml("SharingRules", rule.format("VP_Channels")),
        "destructiveChangesPost.xml": manifest(SharingOwnerRule=["Lead.Inside_Sales_to_Channels"]),
    }
    assert deploy(empty_org, files)["success"]
    rules = empty_org.storage.meta_get("metadata:SharingOwnerRule")
    assert {"Lead.Twin", "Lead.Internal_only"} <= set(rules)
    assert "Lead.Inside_Sales_to_Channels" not in rules
    files["sharingRules/Lead.sharingRules"] = xml("SharingRules", rule.format("Nobody"))
    [failure] = deploy(empty_org, files)["details"]["componentFailures"]
    assert failure["problem"] == (
        "In field: roleAndSubordinatesInternal - no Role named Nobody found"
    )


def test_a_folder_is_closed_to_partners(empty_org: Org) -> None:
    """Public to PublicInternal; its row follows."""
    body = "<accessType>PublicInternal</accessType><name>Pipeline Reports</name>"
    files = {
        "package.xml": manifest(Report=["Pipeline_Reports"]),
        "reports/Pipeline_Reports-meta.xml": xml("ReportFolder", body),
    }
    assert deploy(empty_org, files)["success"]
    [row] = empty_org.storage.find("Folder", DeveloperName="Pipeline_Reports")
    assert row["AccessType"] == "PublicInternal"


@pytest.mark.parametrize(
    ("path", "root", "tag"),
    [
        ("classes/A.cls", "ApexClass", "x"),
        ("reports/Pipeline_Reports/A.report", "Report", "x"),
        ("profiles/Admin.profile", "Profile", "layoutAssignments"),
        ("settings/Account.settings", "AccountSettings", "x"),
        ("networks/New.network", "Network", "urlPathPrefix"),
        ("objects/Lead.object", "CustomObject", "validationRules"),
        ("queues/Q.queue", "Queue", "queueRoutingConfig"),
        ("email/Sales_Templates/A.email-meta.xml", "EmailTemplate", "letterhead"),
    ],
)
def test_what_is_not_imitated_says_so(empty_org: Org, path: str, root: str, tag: str) -> None:
    """Never an empty success."""
    members = {
        "Network": ["New"],
        "Profile": ["Admin"],
        "Queue": ["Q"],
        "EmailTemplate": ["Sales_Templates/A"],
    }
    files = {"package.xml": manifest(**members), path: xml(root, f"<{tag}>x</{tag}>")}
    failures = deploy(empty_org, files)["details"]["componentFailures"]
    assert any("not imitated by this org" in one["problem"] for one in failures)
