"""Deploying and retrieving metadata."""

from __future__ import annotations

from typing import Any

import pytest

from sfprm.recording.plugin import Scenario
from sfprm.salesforce.metadata import DeployOutcome, deploy, retrieve
from sfprm.salesforce.package import manifest
from sfprm.salesforce.session import Session

FIELD = b"""<?xml version="1.0" encoding="UTF-8"?>
<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">
    <fields>
        <fullName>Sfprm_Contract__c</fullName>
        <label>Sfprm contract</label>
        <length>80</length>
        <type>Text</type>
    </fields>
</CustomObject>
"""
TEXTS = (
    *("Sfprm contract", "Account", "CustomField", "Account.Sfprm_Contract__c"),
    "Account.Sfprm_Nothing__c",
)


@pytest.mark.salesforce_recording("deploy", fictional=TEXTS)
def test_a_field_is_checked(session: Session) -> None:
    """A check-only deployment is started, watched to its end, and succeeds."""
    files = {
        "package.xml": manifest({"CustomField": [TEXTS[3]]}, session.api_version),
        "objects/Account.object": FIELD,
    }
    outcome = deploy(session, files, check_only=True, clock=session.clock)
    assert outcome.success, outcome.failures
    assert outcome.id.prefix == "0Af"


@pytest.mark.salesforce_recording("deploy-refused", fictional=TEXTS)
def test_a_wrong_package_names_its_component(session: Session) -> None:
    """A member of the manifest whose file is not there."""
    files = {"package.xml": manifest({"CustomField": [TEXTS[4]]}, session.api_version)}
    outcome = deploy(session, files, check_only=True, clock=session.clock)
    assert not outcome.success
    assert outcome.failures


@pytest.mark.salesforce_recording("retrieve", fictional=("Communities", "Settings"))
def test_settings_are_retrieved(session: Session) -> None:
    """By SOAP: started, watched, a zip with the settings and a manifest."""
    files = retrieve(session, {"Settings": ["Communities"]}, clock=session.clock)
    assert {"package.xml", "settings/Communities.settings"} <= set(files)
    assert b"enableNetworksEnabled" in files["settings/Communities.settings"]


def rules_file(kind: str, body: str) -> bytes:
    """A metadata file of one root."""
    space = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
    return f'<?xml version="1.0" encoding="UTF-8"?><{kind} {space}>{body}</{kind}>'.encode()


SHARING = (
    "<sharingOwnerRules><fullName>Sfprm_Contract</fullName><accessLevel>Read</accessLevel>"
    "<label>Sfprm contract</label><sharedTo><group>Sfprm_Nobody</group></sharedTo>"
    "<sharedFrom><allInternalUsers></allInternalUsers></sharedFrom></sharingOwnerRules>"
)
ASSIGNMENT = (
    "<assignmentRule><fullName>Sfprm_Contract</fullName><active>false</active><ruleEntry>"
    "<assignedTo>{to}</assignedTo><assignedToType>{type}</assignedToType><criteriaItems>"
    "<field>Lead.Country</field><operation>equals</operation><value>PT</value></criteriaItems>"
    "</ruleEntry></assignmentRule>"
)
RULES = (
    *("Sfprm_Contract", "Sfprm contract", "Lead", "SharingRules", "AssignmentRules", "PT"),
    *("Sfprm_Nobody", "sfprm-nobody@example.com", "Read", "Lead.Country", "equals"),
    *("Queue", "User", "false"),
)


@pytest.mark.salesforce_recording("sharing-rules", fictional=RULES)
def test_sharing_rules(session: Session) -> None:
    """What the org gave passes a check as it is; a rule for a group that is not there does not."""
    path = "sharingRules/Lead.sharingRules"
    files = retrieve(session, {"SharingRules": ["Lead"]}, clock=session.clock)
    if path in files:
        assert checked(session, "SharingRules", path, files[path]).success
    wrong = rules_file("SharingRules", SHARING)
    assert checked(session, "SharingRules", path, wrong).failures


@pytest.mark.salesforce_recording("assignment-rules", fictional=RULES)
def test_assignment_rules(session: Session, scenario: Scenario, call: Any) -> None:
    """A rule that is not active, for a queue, passes a check; one for nobody does not."""
    queues = "SELECT DeveloperName FROM Group WHERE Type = 'Queue' ORDER BY Id LIMIT 1"
    queue = scenario.fact("queue", lambda: str(call.rows(queues)[0]["DeveloperName"]))
    path = "assignmentRules/Lead.assignmentRules"
    retrieve(session, {"AssignmentRules": ["Lead"]}, clock=session.clock)
    good, wrong = (
        rules_file("AssignmentRules", ASSIGNMENT.format(to=to, type=type_))
        for to, type_ in ((queue, "Queue"), ("sfprm-nobody@example.com", "User"))
    )
    assert checked(session, "AssignmentRules", path, good).success
    assert checked(session, "AssignmentRules", path, wrong).failures


def checked(session: Session, type_: str, path: str, content: bytes) -> DeployOutcome:
    """How the org takes the rules of leads, without changing anything."""
    package = manifest({type_: ["Lead"]}, session.api_version)
    files = {"package.xml": package, path: content}
    return deploy(session, files, check_only=True, clock=session.clock)
