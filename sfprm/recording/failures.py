"""What can go wrong with recordings.

BadRequest
├── BadRecording         the file is missing, not a recording, or would be overwritten
├── ProductionOrg        recording was asked for in an org where people work
└── NotAsRecorded        the code under test asked for something else than was recorded
"""

from __future__ import annotations

from sfprm.errors import BadRequest

__all__ = ["BadRecording", "NotAsRecorded", "ProductionOrg"]


class BadRecording(BadRequest):
    """The recording cannot be read or written."""

    hint = "Record the scenario again: `pytest --sfprm-record --sfprm-mode devorg`."


class ProductionOrg(BadRequest):
    """Scenarios write; they are not run where people work."""

    hint = "Name a scratch org, a sandbox or a developer edition; `--sfprm-force-org` overrides."


class NotAsRecorded(BadRequest, AssertionError):
    """A request that matches no recording, or a recording that was not used up.

    An AssertionError too, so that test runners show it as a failed test.
    """

    hint = (
        "If the code's new request is right, record again with `--sfprm-record "
        "--sfprm-overwrite`. A value that the test made up must be declared `fictional`."
    )
