"""Salesforce ids: 15 and 18 characters."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfprm.errors import BadRequest
from sfprm.ids import RecordId, is_record_id

RECORDED = [
    ("0015500001QdQWa", "AAN"),
    ("0035500001H9cak", "AAB"),
    ("0057e00000RmwSW", "AAZ"),
]


@pytest.mark.parametrize(("short", "suffix"), RECORDED)
def test_the_suffix_of_recorded_ids(short: str, suffix: str) -> None:
    """Three ids seen in public recordings."""
    assert RecordId(short) == short + suffix
    assert RecordId(short + suffix).short == short


@given(st.text(string.ascii_letters + string.digits, min_size=15, max_size=15))
def test_both_forms_are_one_id(short: str) -> None:
    """An id read in either form is the same value."""
    assert RecordId(RecordId(short)) == RecordId(short)
    assert RecordId(short).prefix == short[:3]


@pytest.mark.parametrize("text", ["", "00Q", "00Q5500001QdQW'", "0015500001QdQWaAAA", "x" * 17])
def test_what_is_no_id(text: str) -> None:
    """Wrong length, wrong characters or a suffix that does not fit."""
    assert not is_record_id(text)
    with pytest.raises(BadRequest, match="is not a Salesforce id"):
        RecordId(text)
