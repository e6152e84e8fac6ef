"""Queues, roles, profiles and e-mail templates: deployed into rows, given out again, removed."""

from __future__ import annotations

from typing import Any

import pytest

from sfprm.devorg import metadata
from sfprm.devorg.metadata.markup import parse
from sfprm.devorg.metadata.package import pack
from sfprm.devorg.metadata.reading import read_metadata
from sfprm.devorg.metadata.types import BY_NAME
from sfprm.devorg.org import Org
from sfprm.devorg.problems import Refusal

NS = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
SAM, MARTA = "sam.carter@alder.example.com", "marta.lopes@alder.example.com"
QUEUE = (
    "<doesSendEmailToMembers>true</doesSendEmailToMembers><email>south@example.com</email>"
    "<name>Partner leads South</name><queueMembers><publicGroups>"
    "<publicGroup>All_Sales</publicGroup></publicGroups><users>"
    f"<user>{SAM}</user></users></queueMembers>"
    "<queueSobject><sobjectType>Lead</sobjectType></queueSobject>"
)
ROLE = "<name>{}</name><parentRole>{}</parentRole>"


def manifest(members: dict[str, list[str]]) -> bytes:
    """A package.xml, or a list of removals."""
    types = "".join(
        f"<types>{''.join(f'<members>{one}</members>' for one in names)}<name>{type_}</name>"
        "</types>"
        for type_, names in members.items()
    )
    return f"<Package {NS}>{types}<version>66.0</version></Package>".encode()


def deploy(
    org: Org,
    members: dict[str, list[str]],
    files: dict[str, str],
    removed: dict[str, list[str]] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Deploy and poll to the end. Texts are the inside of a file's root, which its suffix tells."""
    roots = {"queue": "Queue", "role": "Role", "profile": "Profile", "xml": "EmailTemplate"}
    content = {"package.xml": manifest(members)}
    for path, text in files.items():
        root = roots.get(path.rpartition(".")[2])
        content[path] = (f"<{root} {NS}>{text}</{root}>" if root else text).encode()
    if removed is not None:
        content["destructiveChanges.xml"] = manifest(removed)
    started = metadata.deploy(org, pack(content), options, org.agent_id)
    metadata.status(org, started["id"], True)
    result: dict[str, Any] = metadata.status(org, started["id"], True)["deployResult"]
    return result


def remove(org: Org, type_: str, name: str) -> dict[str, Any]:
    """Deploy a removal; the message of the one component."""
    details = deploy(org, {}, {}, {type_: [name]})["details"]
    [message] = details["componentFailures"] + details["componentSuccesses"]
    found: dict[str, Any] = message
    return found


def problems(result: dict[str, Any]) -> list[str]:
    """What went wrong."""
    return [one["problem"] for one in result["details"]["componentFailures"]]


def test_a_queue_is_made_with_objects_and_members(empty_org: Org) -> None:
    """Group, QueueSobject, GroupMember; and given out again as it came."""
    result = deploy(empty_org, {"Queue": ["South"]}, {"queues/South.queue": QUEUE})
    assert problems(result) == []
    [row] = empty_org.storage.find("Group", DeveloperName="South", Type="Queue")
    assert (row["Email"], row["DoesSendEmailToMembers"]) == ("south@example.com", True)
    assert [one["SobjectType"] for one in empty_org.storage.find("QueueSobject",
            QueueId=row["Id"])] == ["Lead"]  # fmt: skip
    assert len(empty_org.storage.find("GroupMember", GroupId=row["Id"])) == 2
    file = BY_NAME["Queue"].retrieve(empty_org, "Queue", ["South"])["queues/South.queue"]
    assert parse(file).below("queueMembers", "users", "user") is not None
    again = deploy(empty_org, {"Queue": ["South"]}, {"queues/South.queue": QUEUE})
    assert [one["changed"] for one in again["details"]["componentSuccesses"]] == [False]


def test_members_become_those_of_the_file(empty_org: Org) -> None:
    """One goes, another comes; a file that names none leaves them."""
    deploy(empty_org, {"Queue": ["South"]}, {"queues/South.queue": QUEUE})
    deploy(empty_org, {"Queue": ["South"]}, {"queues/South.queue": QUEUE.replace(SAM, MARTA)})
    deploy(empty_org, {"Queue": ["South"]}, {"queues/South.queue": "<name>South</name>"})
    [row] = empty_org.storage.find("Group", DeveloperName="South", Type="Queue")
    marta = empty_org.user_by_username(MARTA) or {}
    members = empty_org.storage.find("GroupMember", GroupId=row["Id"])
    users = [one["UserOrGroupId"] for one in members if one["UserOrGroupId"][:3] == "005"]
    assert (row["Name"], users) == ("South", [marta["Id"]])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (QUEUE.replace(SAM, "no@example.com"), "In field: user - no User named no@example.com"),
        (QUEUE.replace("All_Sales", "None"), "In field: publicGroup - no Group named None found"),
        (QUEUE.replace(">Lead<", ">Leed<"), "In field: sobjectType - no CustomObject named Leed"),
        (QUEUE.replace(">Lead<", ">Profile<"), "bad value for restricted picklist field: Profile"),
        ("", "Required field is missing: name"),
    ],
)
def test_bad_queues_leave_nothing(empty_org: Org, text: str, problem: str) -> None:
    """Neither group nor members."""
    result = deploy(empty_org, {"Queue": ["South"]}, {"queues/South.queue": text})
    assert [problem in one for one in problems(result)] == [True]
    assert not empty_org.storage.find("Group", DeveloperName="South")


def test_a_queue_goes_unless_it_owns_records(demo_org: Org) -> None:
    """The same refusal as over REST."""
    owning = remove(demo_org, "Queue", "Web_Leads")
    assert "owns records of the type Lead" in owning["problem"]
    assert remove(demo_org, "Queue", "Inside_Sales_Desk")["deleted"]
    assert not demo_org.storage.find("Group", DeveloperName="Inside_Sales_Desk")


def test_removing_what_is_not_there_warns(empty_org: Org) -> None:
    """The deployment succeeds."""
    message = remove(empty_org, "Queue", "Nobody")
    assert (message["success"], message["deleted"]) == (True, False)
    assert message["problem"] == "No Queue named: Nobody found"
    assert message["problemType"] == "Warning"


def test_roles_are_made_parents_first(empty_org: Org) -> None:
    """Whatever the order of the files, with their groups."""
    files = {
        "roles/A_Below.role": ROLE.format("Below", "Z_Above"),
        "roles/Z_Above.role": ROLE.format("Above", "CEO"),
    }
    result = deploy(empty_org, {"Role": ["A_Below", "Z_Above"]}, files)
    assert problems(result) == []
    [below] = empty_org.storage.find("UserRole", DeveloperName="A_Below")
    [above] = empty_org.storage.find("UserRole", DeveloperName="Z_Above")
    assert below["ParentRoleId"] == above["Id"]
    groups = {one["Type"] for one in empty_org.storage.find("Group", RelatedId=below["Id"])}
    assert groups == {"Role", "RoleAndSubordinatesInternal"}
    file = BY_NAME["Role"].retrieve(empty_org, "Role", ["A_Below"])["roles/A_Below.role"]
    assert parse(file).value("parentRole") == "Z_Above"


def test_a_role_is_not_above_itself(empty_org: Org) -> None:
    """Nor in a circle over others."""
    result = deploy(
        empty_org, {"Role": ["CEO"]}, {"roles/CEO.role": ROLE.format("CEO", "VP_Channels")}
    )
    assert problems(result) == ["The role CEO would be above itself"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("CEO", "The role CEO is assigned to users"),
        ("VP_Channels", "The role VP_Channels is assigned to users"),
    ],
)
def test_roles_in_use_stay(empty_org: Org, name: str, problem: str) -> None:
    """Those with users; empty ones go with their groups."""
    assert remove(empty_org, "Role", name)["problem"] == problem
    deploy(empty_org, {"Role": ["New"]}, {"roles/New.role": ROLE.format("New", "CEO")})
    assert remove(empty_org, "Role", "New")["deleted"]
    assert not empty_org.storage.find("Group", DeveloperName="New")


PROFILE = (
    "<custom>true</custom><objectPermissions><allowCreate>false</allowCreate>"
    "<allowDelete>false</allowDelete><allowEdit>true</allowEdit><allowRead>true</allowRead>"
    "<modifyAllRecords>false</modifyAllRecords><object>Lead</object>"
    "<viewAllRecords>false</viewAllRecords></objectPermissions>"
    "<userLicense>Partner Community</userLicense><userPermissions><enabled>true</enabled>"
    "<name>ApiEnabled</name></userPermissions>"
)


def test_a_profile_is_made_with_its_licence(empty_org: Org) -> None:
    """User type from the licence; permissions applied; given out again as it came."""
    name = "Partner User (Iberia)"
    path = "profiles/Partner User %28Iberia%29.profile"
    assert problems(deploy(empty_org, {"Profile": [name]}, {path: PROFILE})) == []
    [row] = empty_org.storage.find("Profile", Name=name)
    assert (row["UserType"], row["PermissionsApiEnabled"]) == ("PowerPartner", True)
    assert empty_org.permissions.granted(str(row["Id"]))["objects"] == {"lead": ["edit", "read"]}
    [file] = BY_NAME["Profile"].retrieve(empty_org, "Profile", [name]).values()
    assert parse(file).below("objectPermissions", "allowEdit") is not None
    assert remove(empty_org, "Profile", name)["deleted"]


def test_what_a_profile_does_not_name_stays(empty_org: Org) -> None:
    """A file of one permission changes that one."""
    name = "Alder Partner User"
    [row] = empty_org.storage.find("Profile", Name=name)
    before = empty_org.permissions.granted(str(row["Id"]))
    text = "<userPermissions><enabled>true</enabled><name>ApiEnabled</name></userPermissions>"
    result = deploy(empty_org, {"Profile": [name]}, {f"profiles/{name}.profile": text})
    assert problems(result) == []
    [after] = empty_org.storage.find("Profile", Name=name)
    changed = {key for key in row if row[key] != after[key]}
    assert changed - {"LastModifiedDate", "SystemModstamp", "LastModifiedById"} == {
        "PermissionsApiEnabled"
    }
    assert empty_org.permissions.granted(str(row["Id"])) == before


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("New", "<custom>true</custom>", "Required field is missing: userLicense"),
        ("New", "<userLicense>Gold</userLicense>", "In field: userLicense - no UserLicense named"),
        ("Admin", "<userPermissions><enabled>false</enabled><name>ApiEnabled</name>"
         "</userPermissions>", "The user permissions of the standard profile Admin cannot"),
        ("New", "<tabVisibilities/>", "tabVisibilities of a profile are not imitated"),
        ("New", "<colour/>", "Error parsing file: Element"),
    ],
)  # fmt: skip
def test_bad_profiles_are_named(empty_org: Org, name: str, text: str, problem: str) -> None:
    """And change nothing."""
    before = empty_org.storage.find("Profile")
    found = problems(deploy(empty_org, {"Profile": [name]}, {f"profiles/{name}.profile": text}))
    assert [one.startswith(problem) for one in found] == [True]
    assert empty_org.storage.find("Profile") == before


def test_a_profile_in_use_stays(empty_org: Org) -> None:
    """By users, by a site; standard ones always."""
    found = [
        remove(empty_org, "Profile", name)["problem"]
        for name in ("Standard", "Alder Customer User")
    ]
    assert "cannot be deleted" in found[0]
    assert "is a member of a site" in found[1]


TEMPLATE = (
    "<available>true</available><encodingKey>UTF-8</encodingKey><name>Lead assigned</name>"
    "<style>none</style><subject>A lead for you</subject><type>text</type>"
)
TEMPLATE_FILES = {
    "email/Sales_Templates/Lead_assigned.email": "Dear partner,\nsee {!Lead.Link}",
    "email/Sales_Templates/Lead_assigned.email-meta.xml": TEMPLATE,
}
MEMBER = "Sales_Templates/Lead_assigned"


def test_a_template_is_two_files(empty_org: Org) -> None:
    """Its row has the text; both files come back; it is listed by folder and read with content."""
    assert problems(deploy(empty_org, {"EmailTemplate": [MEMBER]}, TEMPLATE_FILES)) == []
    [row] = empty_org.storage.find("EmailTemplate", DeveloperName="Lead_assigned")
    assert (row["Subject"], row["Body"]) == ("A lead for you", "Dear partner,\nsee {!Lead.Link}")
    files = BY_NAME["EmailTemplate"].retrieve(empty_org, "EmailTemplate", [MEMBER])
    assert set(files) == set(TEMPLATE_FILES)
    assert [one.full_name for one in BY_NAME["EmailTemplate"].listed(empty_org, "EmailTemplate")] \
        == [MEMBER]  # fmt: skip
    record = read_metadata(empty_org, "EmailTemplate", [MEMBER]).children[0]
    assert record.value("content") == "RGVhciBwYXJ0bmVyLApzZWUgeyFMZWFkLkxpbmt9"


def test_templates_go_and_folders_go_empty(empty_org: Org) -> None:
    """A folder that holds one stays."""
    deploy(empty_org, {"EmailTemplate": [MEMBER]}, TEMPLATE_FILES)
    folder = remove(empty_org, "EmailTemplate", "Sales_Templates")
    assert folder["problem"] == "The folder Sales_Templates is not empty"
    assert remove(empty_org, "EmailTemplate", MEMBER)["deleted"]
    assert remove(empty_org, "EmailTemplate", "Sales_Templates")["deleted"]
    assert not empty_org.storage.find("Folder", Type="Email")


def test_a_template_needs_its_folder(empty_org: Org) -> None:
    """One that is there, or unfiled."""
    files = {path.replace("Sales_Templates", "None"): text for path, text in TEMPLATE_FILES.items()}
    found = problems(deploy(empty_org, {"EmailTemplate": ["None/Lead_assigned"]}, files))
    assert found == ["Cannot find folder: None"]
    files = {
        path.replace("Sales_Templates", "unfiled$public"): text
        for path, text in TEMPLATE_FILES.items()
    }
    result = deploy(empty_org, {"EmailTemplate": ["unfiled$public/Lead_assigned"]}, files)
    assert problems(result) == []


def test_permission_sets_go_when_nobody_has_them(empty_org: Org) -> None:
    """With their grants."""
    body = (
        f"<PermissionSet {NS}><label>Keys</label><objectPermissions><allowRead>true</allowRead>"
        "<object>Lead</object></objectPermissions></PermissionSet>"
    )
    files = {"permissionsets/Keys.permissionset": body}
    assert problems(deploy(empty_org, {"PermissionSet": ["Keys"]}, files)) == []
    [row] = empty_org.storage.find("PermissionSet", Name="Keys")
    given = {"PermissionSetId": row["Id"], "AssigneeId": empty_org.agent_id}
    [assignment] = empty_org.plant("PermissionSetAssignment", [given])
    assert "assigned to users" in remove(empty_org, "PermissionSet", "Keys")["problem"]
    empty_org.storage.delete("PermissionSetAssignment", assignment)
    assert remove(empty_org, "PermissionSet", "Keys")["deleted"]
    assert not empty_org.storage.find("PermissionSet", Name="Keys")


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"testLevel": "RunLocalTests"}, None),
        ({"testLevel": "NoTestRun", "checkOnly": True}, None),
        ({"testLevel": "Some"}, 400),
        ({"testLevel": "RunSpecifiedTests"}, 400),
        ({"testLevel": "RunLocalTests", "runTests": ["A"]}, 400),
        ({"testLevel": "RunSpecifiedTests", "runTests": ["A"]}, 501),
        ({"runTests": "A"}, 400),
    ],
)
def test_test_levels(empty_org: Org, options: dict[str, Any], status: int | None) -> None:
    """No Apex, no tests: levels run none, tests named cannot be run."""
    if status is None:
        assert deploy(empty_org, {}, {}, **options)["numberTestsTotal"] == 0
        return
    with pytest.raises(Refusal) as caught:
        metadata.deploy(empty_org, b"", options, empty_org.agent_id)
    assert caught.value.status == status
