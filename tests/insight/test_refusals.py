"""Who refuses our writes: told by name from the org's words, and counted."""

from __future__ import annotations

import pytest

from sfprm.store.refused import name_of

PHONE = "Hot leads need a phone number."


@pytest.mark.parametrize(
    ("words", "kind", "name"),
    [
        (
            "CANNOT_EXECUTE_FLOW_TRIGGER: We can't save this record because the “Keep the South” "
            "process failed. Give your Salesforce admin these details. x [OwnerId]",
            "flow",
            "Keep the South",
        ),
        (
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY: LeadGuard: execution of BeforeUpdate\n\n"
            "caused by: no\n\nTrigger.LeadGuard: line 1, column 1",
            "trigger",
            "LeadGuard",
        ),
        (
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY: acme.LeadGuard: execution of AfterUpdate",
            "trigger",
            "LeadGuard",
        ),
        (f"FIELD_CUSTOM_VALIDATION_EXCEPTION: {PHONE} [Phone]", "validation rule", "Needs_Phone"),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION: No.", "validation rule", "“No.”"),
        ("ENTITY_IS_LOCKED: the entity is locked for editing", "lock", "an approval"),
        ("TRANSFER_REQUIRES_READ: The new owner", "TRANSFER_REQUIRES_READ", "The new owner"),
        (
            "an automation of the org (flow, trigger or another router) gave it to Lena",
            "turned",
            "flow, trigger or another router",
        ),
        (
            "an automation of the org (flow Keep (the) South, or another router) gave it to Lena "
            "Berg right after our own write",
            "turned",
            "flow Keep (the) South, or another router",
        ),
    ],
)
def test_automation_is_told_by_name(words: str, kind: str, name: str) -> None:
    """Validation rules by their text where nobody knows the name."""
    assert name_of(words, {PHONE: "Needs_Phone"}) == (kind, name)


@pytest.mark.parametrize(
    "words",
    [
        "the lead was converted meanwhile",
        "Ana Silva gave it to Ana Silva meanwhile",
        "ENTITY_IS_DELETED: entity is deleted",
        "CANNOT_UPDATE_CONVERTED_LEAD: cannot reference converted lead",
    ],
)
def test_what_people_did_is_no_refusal(words: str) -> None:
    """A lead that is gone or was taken by a person counts for nobody's rule."""
    assert name_of(words) is None
