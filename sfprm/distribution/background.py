"""What rules read of leads beyond their own record: campaigns, and who works the company.

Nothing is read for programmes that do not ask.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.distribution.companies import Companies
from sfprm.distribution.lead_campaigns import read_campaigns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.ids import RecordId
    from sfprm.programme.model import Programme
    from sfprm.routing.values import AtWork, LeadFacts
    from sfprm.salesforce.session import Session

__all__ = ["Background"]


class Background:
    """Reads it a batch at a time."""

    def __init__(self, session: Session, programme: Programme) -> None:
        self._session = session
        self._campaigns = programme.routing.campaign_fields_read()
        self._companies = (
            Companies(session, programme) if programme.routing.reads_companies else None
        )

    def of(
        self, leads: Sequence[LeadFacts]
    ) -> tuple[list[LeadFacts], Mapping[RecordId, tuple[AtWork, ...]]]:
        """The leads with their campaigns' fields, and who works their companies."""
        found = list(leads)
        if self._campaigns:
            members = read_campaigns(self._session, (lead.id for lead in leads), self._campaigns)
            blank = dict.fromkeys(self._campaigns)
            found = [
                replace(lead, fields={**lead.fields, **blank, **members.get(lead.id, {})})
                for lead in leads
            ]
        at_work = self._companies.at_work(found) if self._companies is not None else {}
        return found, MappingProxyType(at_work)
