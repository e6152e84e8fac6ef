"""Reassignments that are refused before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sfprm.distribution.reassign import LeadsWanted, reassign
from sfprm.errors import BadRequest
from sfprm.events import NoProgress
from sfprm.ids import RecordId, RunId
from sfprm.outbound.mail_guard import MailPolicy
from tests.quick import quick_clock

if TYPE_CHECKING:
    from tests.distribution.conftest import Channel

OPEN = MailPolicy(True, "sink@example.com", "a test")


@pytest.fixture(scope="module")
def untouched(
    open_channel: Callable[[Path], AbstractContextManager[Channel]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Channel]:
    """One channel for all: nothing is ever written to it."""
    with open_channel(tmp_path_factory.mktemp("untouched")) as found:
        yield found


@pytest.mark.parametrize(
    ("leads", "options", "words"),
    [
        (LeadsWanted(owner="Web Leads"), {"max_changes": 100}, r"more than --max-changes 100\."),
        (
            LeadsWanted(owner="Web Leads"),
            {"pool": "south", "queue": None, "notify": "lead-assigned", "policy": OPEN},
            r"--notify would send \d{3} mails; at most 50 go out at once\.",
        ),
        (
            LeadsWanted(ids=(RecordId("00QKp00000AbCdE"),)),
            {},
            r"00QKp00000AbCdE... is no open lead that the agent sees\.",
        ),
        (LeadsWanted(), {}, r"No leads are named\."),
        (LeadsWanted(owner="nobody"), {}, r"Nobody in the org is meant by 'nobody'\."),
        (LeadsWanted(owner="Web Leads"), {"queue": "Nowhere"}, r"The org has no queue 'Nowhere'\."),
        (
            LeadsWanted(owner="Web Leads"),
            {"user": "x@example.com", "queue": None},
            r"The org has no user 'x@example\.com'\.",
        ),
        (
            LeadsWanted(owner="Web Leads"),
            {"notify": "nothing"},
            r"The programme has no notice 'nothing' \(there are: lead-assigned\)\.",
        ),
    ],
)
def test_refused_before_anything_is_written(
    untouched: Channel, leads: LeadsWanted, options: dict[str, Any], words: str
) -> None:
    """Brakes and mistakes, each with its sentence."""
    with pytest.raises(BadRequest, match=words):
        reassign(
            untouched.session,
            untouched.store,
            untouched.programme,
            leads=leads,
            clock=quick_clock(),
            run=RunId("move"),
            progress=NoProgress(),
            **{"queue": "Inside Sales Desk", **options},
        )
    assert untouched.store.entries() == []
