"""Text as it is compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfprm.devorg.values import case_variants, fold


@pytest.mark.parametrize(
    ("text", "variants"),
    [
        ("abc", ["abc"]),
        ("Müller", ["MÜller", "Müller"]),
        ("ß", ["ß"]),
        ("σ", ["Σ", "ς", "σ"]),
        ("", [""]),
    ],
)
def test_case_variants(text: str, variants: list[str]) -> None:
    """Letters beyond ASCII in all their cases; ASCII letters as given."""
    found = case_variants(text)
    assert found is not None
    assert sorted(found) == sorted(variants)


def test_too_many_variants() -> None:
    """Twenty such letters have a million."""
    assert case_variants("é" * 20) is None


@given(st.text(st.characters(max_codepoint=0x24F), max_size=5))
def test_variants_fold_alike(text: str) -> None:
    """Each folds as the text does, which is among them."""
    found = case_variants(text)
    if found is not None:
        assert text in found
        assert {fold(one) for one in found} == {fold(text)}
