"""Adopting the org's own lead assignment rule as the first routing file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.distribution.native_sync import NativeSync
from sfprm.distribution.native_text import rules_yaml
from sfprm.errors import BadFiles, NotReady, OrgRefused
from sfprm.programme.model import ToQueue
from sfprm.provisioning.adopt_doubts import Doubt
from sfprm.provisioning.adopt_folder import more
from sfprm.provisioning.adopt_intake import intake_doubts, intake_lines, read_waiting

if TYPE_CHECKING:
    from sfprm.distribution.native_sync import Pulled
    from sfprm.jobs.frame import JobContext
    from sfprm.provisioning.adopt_folder import Adopted
    from sfprm.provisioning.adopt_found import Found

__all__ = ["ROUTING", "with_rules"]

ROUTING = "routing.yaml"
_HEAD = """\
# The lead assignment rule {name!r} of {org}, as it was found. The org applies its own still.
# `sfprm rules diff` tells later what has changed there.
#
# `sfprm route` does nothing before `intake` names the queues
{intake}
"""


def with_rules(context: JobContext, done: Adopted, found: Found) -> Adopted:
    """The adopted programme with the active lead assignment rule as `routing.yaml`.

    Entries that the programme cannot say, a rule that is not active, or one that may not be read
    are lines of the review; so are the queues where leads wait."""
    sync = NativeSync(context.session, done.programme, context.clock)
    try:
        pulled = sync.pull()
    except NotReady as none:
        what = f"{none.message.removesuffix('.')}: no {ROUTING} was written"
        advice = "`sfprm rules pull --rule NAME` turns one that is not active into rules"
        return more(done, {}, [Doubt("routing", "", "", what, advice), *_intakes(context, found)])
    except OrgRefused as refused:
        what = f"lead assignment rules could not be read: {refused.message}"
        advice = "`sfprm rules pull` as a user who may retrieve metadata"
        return more(done, {}, [Doubt("routing", "", "", what, advice), *_intakes(context, found)])
    targets = {to.queue for rule in pulled.rules for to in rule.targets if isinstance(to, ToQueue)}
    waiting, unread = read_waiting(context.session, found, targets)
    head = _HEAD.format(
        name=pulled.name, org=context.session.identity.org_name, intake=intake_lines(waiting)
    )
    told = [*intake_doubts(waiting, ROUTING), *unread]
    doubts = [*_unsaid(pulled), _needs_intake(pulled), *told]
    try:
        return more(done, {ROUTING: head + rules_yaml(pulled.rules, pulled.problems)}, doubts)
    except BadFiles as bad:
        return more(done, {}, [_left_out(pulled, bad), *told])


def _intakes(context: JobContext, found: Found) -> list[Doubt]:
    """Where leads wait, when no rule of the org is known."""
    waiting, unread = read_waiting(context.session, found, frozenset())
    return [*intake_doubts(waiting, f"a {ROUTING} beside the other files"), *unread]


def _unsaid(pulled: Pulled) -> list[Doubt]:
    advice = "it stays in the org's rule; write a rule of the programme by hand if it is needed"
    return [
        Doubt("routing", pulled.name, "", f"not adopted: {problem}", advice)
        for problem in pulled.problems
    ]


def _needs_intake(pulled: Pulled) -> Doubt:
    return Doubt(
        "routing",
        pulled.name,
        "",
        f"{len(pulled.rules)} rules are in {ROUTING}, and the org applies them still",
        f"uncomment or name the queues where leads wait under `intake:` in {ROUTING}, then look at "
        "`sfprm route --dry-run`",
    )


def _left_out(pulled: Pulled, bad: BadFiles) -> Doubt:
    first = bad.complaints[0]
    return Doubt(
        "routing",
        pulled.name,
        "",
        f"not adopted: {first.message}",
        "`sfprm rules pull` prints it; mend it there",
    )
