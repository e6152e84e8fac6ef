"""When two values are the same to the org."""

from __future__ import annotations

import pytest

from sfprm.programme.model import FieldValue
from sfprm.provisioning.normalise import normalise, to_write


@pytest.mark.parametrize(
    ("field_type", "ours", "theirs"),
    [
        ("email", "Ines@Acme.Example.com ", "ines@acme.example.com"),
        ("username", "A.B@X.example.com", "a.b@x.example.com"),
        ("string", "  Acme ", "Acme"),
        ("string", "", None),
        ("string", "   ", None),
        ("textarea", "one\r\ntwo", "one\ntwo"),
        ("textarea", "one\rtwo", "one\ntwo"),
        ("int", "50", 50),
        ("double", "12.50", 12.5),
        ("currency", "1,000", 1000.0),
        ("double", "", None),
        ("boolean", "true", True),
        ("boolean", "", False),
        ("boolean", None, False),
        ("boolean", "no", False),
        ("reference", "0015500001QdQWa", "0015500001QdQWaAAN"),
        ("multipicklist", "B;A", "A;B"),
        ("datetime", "2026-11-23T10:00:00Z", "2026-11-23T10:00:00.000+0000"),
        ("datetime", "2026-11-23T11:00:00+01:00", "2026-11-23T10:00:00.000+00:00"),
        ("phone", " +351 21 ", "+351 21"),
        ("picklist", "Gold", "Gold "),
    ],
)
def test_the_same_to_the_org(field_type: str, ours: FieldValue, theirs: FieldValue) -> None:
    """Both forms of one value are equal."""
    assert normalise(field_type, ours) == normalise(field_type, theirs)


@pytest.mark.parametrize(
    ("field_type", "ours", "theirs"),
    [
        ("string", "acme", "Acme"),
        ("int", "50", 51),
        ("boolean", True, False),
        ("string", "0", None),
        ("int", 0, None),
    ],
)
def test_not_the_same_to_the_org(field_type: str, ours: FieldValue, theirs: FieldValue) -> None:
    """A real difference stays one."""
    assert normalise(field_type, ours) != normalise(field_type, theirs)


@pytest.mark.parametrize(
    ("field_type", "value", "written"),
    [
        ("int", "50", 50),
        ("double", "12.5", 12.5),
        ("boolean", "yes", True),
        ("string", " a ", "a"),
        ("string", "", None),
        ("int", "many", "many"),
        ("email", "A@B.example.com", "A@B.example.com"),
    ],
)
def test_written_in_the_fields_own_form(
    field_type: str, value: FieldValue, written: FieldValue
) -> None:
    """Numbers and booleans from files are not sent as text."""
    assert to_write(field_type, value) == written
