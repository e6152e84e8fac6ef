"""Whether a decision says what the journal says already. Pure.

A lead that is kept back is tried again and again, for weeks. A try that ends as the one before it
is counted with the lead, and is no news for the journal; whatever `why` tells of the lead is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.routing.values import Outcome

if TYPE_CHECKING:
    from sfprm.routing.values import Decision
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
        and (last.rule, last.pool, last.reasons) == (decision.rule, decision.pool, decision.reasons)
        and last.trials == decision.trials
    )
    if not same or last.created is None:
        return same
    return last.intake == lead.intake and dict(last.facts) == dict(lead.fields)
