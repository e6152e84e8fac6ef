"""Every behaviour says where it is known from."""

from __future__ import annotations

import importlib
import re

import pytest

from sfprm.devorg.behaviours import ALL, behaviours_for

FILES = sorted({type(one).__module__ for one in ALL})


@pytest.mark.parametrize("name", FILES)
def test_a_behaviour_names_its_source(name: str) -> None:
    """A mark of the facts sheets, or the word unverified."""
    text = importlib.import_module(name).__doc__ or ""
    assert re.search(r"\[(D|R|P|M|X)[^\]]*\]|unverified|operations\.md", text)


def test_behaviours_are_found_by_object() -> None:
    """In the order of the list; none for an object without rules."""
    found = behaviours_for("Lead")
    assert list(found) == [one for one in ALL if "Lead" in one.objects]
    assert behaviours_for("Holiday") == ()
