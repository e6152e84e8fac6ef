"""Deploying and retrieving metadata."""

from __future__ import annotations

import pytest

from sfprm.salesforce.metadata import deploy, retrieve
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
