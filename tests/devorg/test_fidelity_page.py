"""docs/fidelity.md is what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from sfprm.devorg import fidelity
from sfprm.devorg.api.routes import ROUTES
from sfprm.devorg.behaviours import ALL

DOCS = Path(__file__).parents[2] / "docs" / "fidelity.md"


@pytest.fixture(scope="module")
def page() -> str:
    """The page as it would be written now."""
    return fidelity.page()


def test_the_page_is_current(page: str) -> None:
    """Run `python -m sfprm.devorg.fidelity docs/fidelity.md` when this fails."""
    if DOCS.read_text(encoding="utf-8") != page:
        pytest.fail("docs/fidelity.md is old: python -m sfprm.devorg.fidelity docs/fidelity.md")


def test_every_route_and_behaviour_is_on_it(page: str) -> None:
    """None is forgotten."""
    for route in ROUTES:
        assert f"| {route.method} | `/{route.template}` |" in page
    for name in {type(one).__module__ for one in ALL}:
        assert f"### `behaviours/{name.rpartition('.')[2]}.py`" in page


def test_what_is_not_imitated_is_named(page: str) -> None:
    """From the calls in the sources, whatever their form."""
    listed = page.partition("## Not imitated")[2].partition("## Unverified")[0]
    for thing in (
        "Apex tests (runTests …)",
        "formula of a rule entry",
        "sub-queries of EntityDefinition",
        "`/graphql`",
    ):
        assert thing.removeprefix("formula of") in listed


def test_the_page_can_be_written(tmp_path: Path) -> None:
    """By the command, to the file named."""
    assert fidelity.main([str(tmp_path / "f.md")]) == 0
    assert (tmp_path / "f.md").read_text(encoding="utf-8").startswith("# Fidelity")
