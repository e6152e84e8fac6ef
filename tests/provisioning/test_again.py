"""A fix names the command that its reader typed."""

from __future__ import annotations

import pytest

from sfprm.provisioning.again import said_for

COMMAND = "sfprm migrate a.csv --resume"
TOLD = {
    "buy licences, then run plan again": "buy licences, then run `{}`",
    "change the username pattern, then plan again.": "change the username pattern, then run `{}`.",
    "mend that, then run apply again": "mend that, then run `{}`",
    "Run the same command again; it goes on.": "Run `{}`; it goes on.",
    "the calls are used up: run the command again later": "the calls are used up: run `{}` later",
    "apply again in the window": "run `{}` in the window",
    "Setup › Users › Ana › Role": "Setup › Users › Ana › Role",
    "the plan says again what is asked against it": "the plan says again what is asked against it",
}


@pytest.mark.parametrize("fix", TOLD)
def test_the_command_stands_in_the_fix(fix: str) -> None:
    """In the place of the one that it was written for; other words stay."""
    assert said_for(COMMAND, fix) == TOLD[fix].format(COMMAND)
