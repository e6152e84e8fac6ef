"""What `check` and `setup` read of an org beside its records."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from sfprm.errors import OrgRefused
from sfprm.salesforce.composite import Part, together
from sfprm.salesforce.metadata import deploy
from sfprm.salesforce.package import manifest
from sfprm.salesforce.query import select_all
from sfprm.salesforce.session import Session

WRITTEN = "('Account', 'Contact', 'Lead', 'User')"
FLOWS = (
    "SELECT ApiName, Label, TriggerType, RecordTriggerType, TriggerObjectOrEvent.QualifiedApiName "
    "FROM FlowDefinitionView WHERE IsActive = true "
    "AND TriggerType IN ('RecordBeforeSave', 'RecordAfterSave')"
)
TRIGGERS = (
    "SELECT Name, TableEnumOrId, UsageBeforeInsert, UsageAfterInsert, UsageBeforeUpdate, "
    "UsageAfterUpdate FROM ApexTrigger WHERE Status = 'Active' AND TableEnumOrId IN " + WRITTEN
)
DUPLICATES = (
    "SELECT DeveloperName, MasterLabel, SobjectType FROM DuplicateRule "
    "WHERE IsActive = true AND SobjectType IN ('Account', 'Contact')"
)
TRACKED = (
    "SELECT QualifiedApiName, IsFieldHistoryTracked FROM FieldDefinition "
    "WHERE EntityDefinition.QualifiedApiName = 'Lead' "
    "AND QualifiedApiName IN ('OwnerId', 'Status')"
)
TYPES = "SELECT SobjectType, DeveloperName, IsActive FROM RecordType"
RIGHTS = (
    "SELECT Parent.ProfileId, SobjectType, PermissionsRead, PermissionsEdit "
    "FROM ObjectPermissions WHERE Parent.Profile.UserType = 'PowerPartner' "
    "AND SobjectType = 'Lead'"
)
PROFILES = (
    "SELECT Id, Name, PermissionsApiEnabled, UserLicense.Name, UserLicense.Status, "
    "UserLicense.MonthlyLoginsEntitlement FROM Profile WHERE UserType = 'PowerPartner'"
)
USERS = (
    "SELECT ProfileId, COUNT(Id) held FROM User WHERE IsActive = true "
    "AND UserType = 'PowerPartner' GROUP BY ProfileId LIMIT 200"
)
OWNERS = (
    "SELECT Owner.Name owner, COUNT(Id) held FROM Lead GROUP BY OwnerId, Owner.Name "
    "HAVING COUNT(Id) >= 1 LIMIT 200"
)
SETS = (
    "SELECT Id, Name, License.Name FROM PermissionSet "
    "WHERE Name = 'sfprm_run' AND IsOwnedByProfile = false"
)
GONE = "Lead.Sfprm_Nothing"
WORDS = (
    *("OwnerId", "Status", "PowerPartner", "Lead", "Account", "Contact", "User", "Active"),
    *("RecordBeforeSave", "RecordAfterSave", "sfprm_run", "Organization", "Regular", "Queue"),
    *(
        "Nothing__x",
        "RoleAndSubordinates",
        "PRMOrganization",
        "AllCustomerPortal",
        "%__c",
        "recordCount",
    ),
    "Account,Lead",
)


def keys(rows: list[Any], *names: str) -> None:
    """Each row has these."""
    for row in rows:
        assert set(names) <= set(row)


@pytest.mark.salesforce_recording("listings", fictional=WORDS)
def test_what_acts_on_writes_is_listed(session: Session) -> None:
    """Flows, triggers, duplicate rules, tracked fields and record types."""
    keys(select_all(session, FLOWS), "ApiName", "Label", "TriggerType", "TriggerObjectOrEvent")
    keys(select_all(session, TRIGGERS), "Name", "TableEnumOrId", "UsageBeforeInsert")
    keys(select_all(session, DUPLICATES), "DeveloperName", "MasterLabel", "SobjectType")
    keys(select_all(session, TRACKED), "QualifiedApiName", "IsFieldHistoryTracked")
    keys(select_all(session, TYPES), "SobjectType", "DeveloperName", "IsActive")


@pytest.mark.salesforce_recording("listings-rights", fictional=WORDS)
def test_what_partners_may_do_is_listed(session: Session) -> None:
    """Rights of profiles on leads, seats by profile, owners of many, licences of permission
    sets."""
    rights = select_all(session, RIGHTS)
    keys(rights, "Parent", "SobjectType", "PermissionsRead", "PermissionsEdit")
    keys(select_all(session, PROFILES), "Id", "Name", "PermissionsApiEnabled", "UserLicense")
    keys(select_all(session, USERS), "ProfileId", "held")
    keys(select_all(session, OWNERS), "owner", "held")
    keys(select_all(session, SETS), "Id", "Name", "License")


@pytest.mark.salesforce_recording("queries-together", fictional=WORDS)
def test_queries_in_one_call_answer_each_for_itself(session: Session) -> None:
    """One that the org refuses does not hide the other."""
    queries = ("SELECT Id FROM RecordType", "SELECT Id FROM Nothing__x")
    parts = [Part("GET", f"query?q={quote(q)}", f"q{n}") for n, q in enumerate(queries)]
    good, bad = together(session, parts, kind="query", repeatable=True)
    assert good.error is None
    assert "records" in good.body
    assert isinstance(bad.error, OrgRefused)
    assert bad.error.code == "INVALID_TYPE"


@pytest.mark.salesforce_recording("validation-rules", fictional=WORDS)
def test_validation_rules_are_told_by_tooling(session: Session) -> None:
    """Active ones with object and message."""
    query = (
        "SELECT ValidationName, ErrorMessage, EntityDefinition.QualifiedApiName "
        "FROM ValidationRule WHERE Active = true "
        f"AND EntityDefinition.QualifiedApiName IN {WRITTEN}"
    )
    told: Any = session.request("GET", "tooling/query", kind="query", params={"q": query}).json
    assert told["done"] is True
    assert told["size"] == len(told["records"])


@pytest.mark.salesforce_recording("sharing-surroundings", fictional=WORDS)
def test_groups_and_defaults(session: Session) -> None:
    """Groups with members and what they stand for; external defaults of custom objects; counts."""
    groups = select_all(
        session,
        "SELECT Id, Name, DeveloperName, Type, RelatedId, (SELECT UserOrGroupId FROM GroupMembers) "
        "FROM Group WHERE Type IN ('Regular', 'Queue', 'Organization', 'RoleAndSubordinates')",
    )
    assert all({"Type", "RelatedId", "GroupMembers"} <= set(row) for row in groups)
    select_all(
        session,
        "SELECT QualifiedApiName, InternalSharingModel, ExternalSharingModel "
        "FROM EntityDefinition WHERE QualifiedApiName LIKE '%\\_\\_c'",
    )
    told: Any = session.request(
        "GET", "limits/recordCount", kind="limits", params={"sObjects": "Account,Lead"}
    ).json
    assert {one["name"] for one in told["sObjects"]} <= {"Account", "Lead"}


@pytest.mark.salesforce_recording(
    "removal-checked", fictional=(*WORDS, GONE, "destructiveChangesPost.xml", "SharingOwnerRule")
)
def test_a_removal_after_the_deployment_is_checked(session: Session) -> None:
    """`destructiveChangesPost.xml` goes with a package; what is not there is no failure."""
    files = {
        "package.xml": manifest({}, session.api_version),
        "destructiveChangesPost.xml": manifest({"SharingOwnerRule": [GONE]}, session.api_version),
    }
    outcome = deploy(session, files, check_only=True, clock=session.clock)
    assert outcome.success, outcome.failures
