"""Pages go to a file as named, or into a folder that need not be there yet."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sfprm.errors import BadRequest
from sfprm.jobs.out_place import page_place

NOW = datetime(2026, 11, 23, 10, 42, 7, tzinfo=UTC)


def test_a_file_is_taken_as_named(tmp_path: Path) -> None:
    """It has an ending."""
    out = tmp_path / "page.html"
    assert page_place(out, "channel", "html", NOW) == out


@pytest.mark.parametrize("name", ["reports", "a/b", "v1.0"])
def test_a_folder_is_made_and_its_pages_kept_apart(tmp_path: Path, name: str) -> None:
    """A schedule writes one page after another; one with a dot in its name must be there."""
    out = tmp_path / name
    if "." in name:
        out.mkdir()
    found = page_place(out, "channel", "html", NOW)
    assert found == out / "channel-2026-11-23T10-42-07.html"
    assert out.is_dir()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file stands in its way."""
    (tmp_path / "taken").write_text("x")
    with pytest.raises(BadRequest, match="taken"):
        page_place(tmp_path / "taken", "channel", "html", NOW)
