"""`setup --verify`: whether all of setup is there, and what is missing. Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.provisioning.setup_acts import ActState, VerifyResult
from sfprm.provisioning.setup_review import PERMISSION_SETS, review_setup
from sfprm.salesforce.permissions import lacking, needs_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.clock import Clock
    from sfprm.programme.model import Programme
    from sfprm.provisioning.setup_review import SetupChoices
    from sfprm.salesforce.session import Session

__all__ = ["verify"]


def verify(
    session: Session,
    programme: Programme,
    applied: Mapping[tuple[str, str], Mapping[str, object]],
    *,
    files: Mapping[str, bytes],
    clock: Clock,
    choices: SetupChoices,
) -> VerifyResult:
    """The acts of setup, each there or missing, and the permissions of the daily set that the
    agent's user lacks: a pipeline may have deployed an older file. Raises the error tree."""
    mark = session.calls.snapshot()
    review = review_setup(session, programme, applied, clock=clock, choices=choices)
    missing = [
        f"{act.act.value}: {act.found or act.what}"
        for act in review.acts
        if act.state is not ActState.ALREADY
    ]
    run = PERMISSION_SETS[0]
    text = files.get(f"permissionsets/{run}.permissionset", b"").decode("utf-8", errors="replace")
    missing += [
        f"permission {lack.need.label}: {lack.why}"
        for lack in lacking(session, needs_in(text, run))
        if lack.why == "not granted"
    ]
    return VerifyResult(review, tuple(missing), session.calls.since(mark).total)
