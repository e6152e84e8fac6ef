"""What can go wrong with recordings.

BadRequest
├── BadRecording         the file is missing, not a recording, or would be overwritten
├── ProductionOrg        recording was asked for in an org where people work
├── TooMuch              a live run would write more records or send more mails than it may
├── ForEver              a live run would do what nobody can take back
└── NotAsRecorded        the code under test asked for something else than was recorded
"""

from __future__ import annotations

from sfprm.errors import BadRequest

__all__ = ["BadRecording", "ForEver", "NotAsRecorded", "ProductionOrg", "TooMuch"]


class BadRecording(BadRequest):
    """The recording cannot be read or written."""

    hint = "Record the scenario again: `pytest --sfprm-record --sfprm-mode devorg`."


class ProductionOrg(BadRequest):
    """Scenarios write; they are not run where people work."""

    hint = "Name a scratch org, a sandbox or a developer edition; `--sfprm-force-org` overrides."


class TooMuch(BadRequest, AssertionError):
    """A live run writes and sends a little only."""

    hint = "Run fewer scenarios at once: `--sfprm-scenario NAME`. What was made is deleted again."


class ForEver(BadRequest, AssertionError):
    """A live run leaves nothing behind, unless a person said so."""

    hint = "Set SFPRM_TEST_LIVE_IRREVERSIBLE=yes if this org may keep it for ever."


class NotAsRecorded(BadRequest, AssertionError):
    """A request that matches no recording, or a recording that was not used up.

    An AssertionError too, so that test runners show it as a failed test.
    """

    hint = (
        "If the code's new request is right, record again with `--sfprm-record "
        "--sfprm-overwrite`. A value that the test made up must be declared `fictional`."
    )
