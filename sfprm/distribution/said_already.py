"""Whether a decision says what the journal says already. Pure.

A lead that is kept back is tried again and again, for weeks. A try that ends as the one before it
is counted with the lead, and is no news for the journal; whatever `why` tells of the lead is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.routing.values import Code, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfprm.routing.values import Decision, Reason
    from sfprm.store.records import JournalEntry

__all__ = ["said_already"]


def said_already(decision: Decision, last: JournalEntry | None) -> bool:
    """Whether the lead stays where the journal's last entry about it left it, for the same reasons,
    by the same rule and pool. `last` None: there is none.

    A change of what the rules read of the lead is news too, as `why` shows each criterion's value;
    an entry whose facts were purged is compared without them. Another `next_try` is none.
    """
    if last is None or decision.outcome is Outcome.ASSIGNED or decision.choices:
        return False
    lead = decision.lead
    stays = decision.owner_id is None or decision.owner_id == lead.owner_id
    same = (
        stays
        and last.outcome == decision.outcome.value
        and lead.owner_id == (last.owner_new or last.owner_seen)
        and (last.rule, last.pool) == (decision.rule, decision.pool)
        and _same_reasons(last.reasons, decision.reasons)
        and last.trials == decision.trials
    )
    if not same or last.created is None:
        return same
    return last.intake == lead.intake and dict(last.facts) == dict(lead.fields)


def _same_reasons(one: Sequence[Reason], other: Sequence[Reason]) -> bool:
    """Whether two lists of reasons say the same. How many open leads a member at its cap holds is
    another number every day, and no other reason: of that one, what names the member counts."""
    return [_said(reason) for reason in one] == [_said(reason) for reason in other]


def _said(reason: Reason) -> tuple[Code, str]:
    if reason.code is Code.CAP_OPEN:
        return reason.code, reason.detail.rpartition(": ")[0]
    return reason.code, reason.detail
