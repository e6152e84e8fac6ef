"""Starters on the embedded org."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sfprm.events import NoProgress
from sfprm.jobs.runner import Starter
from sfprm.settings import load_settings
from tests.quick import quick_clock

if TYPE_CHECKING:
    from tests.conftest import DevOrg

Begin = Callable[..., Starter]


@pytest.fixture(scope="module")
def ready_org(devorg_process: DevOrg) -> DevOrg:
    """The embedded org after setup."""
    devorg_process.control("DELETE", "faults")
    devorg_process.reset("partners-ready")
    return devorg_process


@pytest.fixture
def begin(ready_org: DevOrg, tmp_path: Path) -> Iterator[Begin]:
    """Makes starters on one state; all are closed at the end."""
    with ExitStack() as held:

        def starter(wait: float = 0.0, state: str = "state", **env: str) -> Starter:
            settings = load_settings(ready_org.env(tmp_path / state, **env))
            made = Starter(settings, quick_clock(), NoProgress(), started_by="test", wait=wait)
            return held.enter_context(made)

        yield starter
