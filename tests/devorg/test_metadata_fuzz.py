"""Whatever a package holds: an end with problems, never an exception, and an org unchanged."""

from __future__ import annotations

from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sfprm.devorg import metadata
from sfprm.devorg.metadata import types
from sfprm.devorg.metadata.package import pack
from sfprm.devorg.org import Org

FILES = {
    "settings/Communities.settings": ("CommunitiesSettings", "Settings", "Communities"),
    "objects/Lead.object": ("CustomObject", "CustomObject", "Lead"),
    "permissionsets/K.permissionset": ("PermissionSet", "PermissionSet", "K"),
    "sharingRules/Lead.sharingRules": ("SharingRules", "SharingRules", "Lead"),
    "reports/F-meta.xml": ("ReportFolder", "Report", "F"),
    "assignmentRules/Lead.assignmentRules": ("AssignmentRules", "AssignmentRules", "Lead"),
    "networks/Customer Help.network": ("Network", "Network", "Customer Help"),
    "objects/New__c.object": ("CustomObject", "CustomObject", "New__c"),
    "queues/Web_Leads.queue": ("Queue", "Queue", "Web_Leads"),
    "queues/New.queue": ("Queue", "Queue", "New"),
    "roles/CEO.role": ("Role", "Role", "CEO"),
    "profiles/Admin.profile": ("Profile", "Profile", "Admin"),
    "profiles/New.profile": ("Profile", "Profile", "New"),
    "email/Sales_Templates/T.email-meta.xml": (
        "EmailTemplate",
        "EmailTemplate",
        "Sales_Templates/T",
    ),
}
TAGS = st.sampled_from(
    [
        *("fields", "fullName", "label", "type", "length", "precision", "scale", "valueSet"),
        *("valueSetDefinition", "value", "unique", "externalId", "defaultValue", "trackHistory"),
        *("fieldPermissions", "objectPermissions", "userPermissions", "field", "object", "name"),
        *("readable", "editable", "allowRead", "allowEdit", "enabled", "license"),
        *("sharingOwnerRules", "sharingCriteriaRules", "sharedTo", "sharedFrom", "role", "group"),
        *("accessLevel", "accessType", "folderShares", "sharedToType", "assignmentRule"),
        *("ruleEntry", "assignedTo", "assignedToType", "criteriaItems", "operation", "active"),
        *("booleanFilter", "template", "queueMembers", "users", "user", "publicGroups", "roles"),
        *("queueSobject", "sobjectType", "parentRole", "userLicense", "custom", "subject"),
        *("referenceTo", "relationshipName", "nameField", "pluralLabel", "deploymentStatus"),
        *("sharingModel", "externalSharingModel", "email", "default", "deleteConstraint"),
        *("enableNetworksEnabled", "enableEnablePRM", "networkMemberGroups", "profile", "status"),
    ]
)
WORDS = st.sampled_from(
    [
        *("true", "false", "", "A__c", "Region__c", "Lead", "Lead.Product__c", "Text", "Number"),
        *("Picklist", "18", "300", "-1", "Public", "Shared", "CEO", "Queue", "Web_Leads", "Read"),
        *("Lookup", "Html", "Checkbox", "New__c", "Account", "Private", "Deployed", "1 AND (2"),
        *("VP_Channels", "All_Sales", "text", "Partner Community", "sam.carter@alder.example.com"),
        *("equals", "ApiEnabled", "Alder Partner User", "Live", "'; DROP TABLE Lead;--", "²"),
    ]
)
TREES = st.recursive(
    st.builds(lambda tag, text: f"<{tag}>{escape(text)}</{tag}>", TAGS, WORDS),
    lambda inner: st.builds(
        lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>", TAGS, st.lists(inner, max_size=5)
    ),
    max_leaves=14,
)


@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(sorted(FILES)), st.lists(TREES, max_size=4))
def test_any_file_ends_without_an_exception(empty_org: Org, path: str, body: list[str]) -> None:
    """Checked only, so each example meets the same org."""
    root, type_, member = FILES[path]
    manifest = f"<Package><types><members>{member}</members><name>{type_}</name></types></Package>"
    files = {
        "package.xml": manifest.encode(),
        path: f"<{root}>{''.join(body)}</{root}>".encode(),
    }
    options = {"checkOnly": True}
    started = metadata.deploy(empty_org, pack(files), options, empty_org.agent_id)
    metadata.status(empty_org, started["id"], True)
    result = metadata.status(empty_org, started["id"], True)["deployResult"]
    assert result["done"]
    assert not empty_org.prm_on
    assert len(empty_org.storage.find("Folder")) == 5


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.sampled_from(
        ["retrieve", "checkRetrieveStatus", "listMetadata", "deploy", "checkDeployStatus", "x"]
    ),
    st.lists(TREES, max_size=4),
)
def test_any_envelope_is_answered(empty_org: Org, operation: str, body: list[str]) -> None:
    """200, or 500 with a fault."""
    text = f"<Envelope><Body><{operation}>{''.join(body)}</{operation}></Body></Envelope>"
    status, answer = metadata.soap(empty_org, text.encode(), empty_org.agent_id)
    assert status in (200, 500)
    assert (b"Fault" in answer) is (status == 500)


@pytest.mark.parametrize("name", sorted(types.BY_NAME))
def test_every_type_lists_and_retrieves(demo_org: Org, name: str) -> None:
    """Each under all its names; each listed path is among the files of a named retrieval."""
    handler = types.BY_NAME[name]
    listed = handler.listed(demo_org, name)
    handler.retrieve(demo_org, name, ["*", "Nobody", "Lead.Nobody"])
    for one in listed:
        if name != f"{one.type}Folder" and not name.endswith("Folder"):
            assert one.path in handler.retrieve(demo_org, name, [one.full_name])
