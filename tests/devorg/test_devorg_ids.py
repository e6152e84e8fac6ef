"""The embedded org's own ids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfprm.devorg import ids


@pytest.mark.parametrize(
    ("fifteen", "suffix"),
    [("0015500001QdQWa", "AAN"), ("0035500001H9cak", "AAB"), ("0057e00000RmwSW", "AAZ")],
)
def test_suffix_as_recorded(fifteen: str, suffix: str) -> None:
    """The three check characters equal those of recorded ids."""
    assert ids.to18(fifteen) == fifteen + suffix


@given(st.integers(min_value=0, max_value=62**9 - 1))
def test_minted_ids_are_ids(serial: int) -> None:
    """What is minted is a well-formed id, in both lengths."""
    minted = ids.mint("00Q", serial)
    assert ids.canonical(minted) == ids.canonical(minted[:15]) == minted


@given(st.integers(0, 62**9 - 1), st.integers(0, 62**9 - 1))
def test_minted_ids_sort_by_serial(one: int, other: int) -> None:
    """Ids sort as their serials do."""
    assert (ids.mint("00Q", one) < ids.mint("00Q", other)) == (one < other)


@pytest.mark.parametrize(
    "text", ["", "001", "0015500001QdQW", "0015500001QdQWaAAA", "0015500001QdQW!", "x" * 16]
)
def test_malformed_ids_are_refused(text: str) -> None:
    """Anything but 15 or 18 characters with the right suffix is no id."""
    assert not ids.is_id(text)
    with pytest.raises(ValueError, match=r"malformed|not a 15"):
        ids.canonical(text)
