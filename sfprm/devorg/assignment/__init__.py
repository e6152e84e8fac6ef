"""The org's own assignment rules, evaluated: the rules as `metadata/assignment.py` gives them → the
first entry that a record meets (`running.py`) → its owner, and the mail to them (`mails.py`). Run
by `behaviours/assignment_rules.py`.

Nothing here is shared with the agent's own matcher, which this one judges."""

from __future__ import annotations

from sfprm.devorg.assignment.mails import tell
from sfprm.devorg.assignment.running import Assigned, NoSuchRule, Runner, runner_for

__all__ = ["Assigned", "NoSuchRule", "Runner", "runner_for", "tell"]
