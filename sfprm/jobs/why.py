"""`why`: who got a lead, and why each other did not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from sfprm.blocks import Block, Text
from sfprm.errors import NotReady
from sfprm.ids import RecordId
from sfprm.insight.why import why
from sfprm.insight.why_result import Happening, Proof, Why
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.routing.offers import OfferEvent
from sfprm.store.api import StoreWriter


class WhyOptions(JobOptions):
    """Options of `why`. `suppose`: what else should have held, as `sulcom.hours=always`."""

    lead: str
    as_of: datetime | None = None
    suppose: tuple[str, ...] = ()
    sentence: bool = False
    replay: bool = False


@dataclass(frozen=True)
class WhyJobResult(JobResult):
    """The answer."""

    answer: Why
    sentence: bool
    replay: bool

    def blocks(self) -> tuple[Block, ...]:
        if self.sentence:
            return (Text((self.answer.sentence(),)),)
        if self.replay:
            return (Text(self.answer.replays()),)
        return self.answer.blocks()

    def to_json(self) -> dict[str, Any]:
        return self.answer.to_json()

    @property
    def exit_code(self) -> int:
        """1 when the replay of any entry gives another result than the journal."""
        return NotReady.exit_code if self.answer.proof is Proof.DIFFERENT else 0


class WhyJob(Job[WhyOptions, WhyJobResult]):
    """Reads the journal alone; needs no org."""

    name: ClassVar[str] = "why"
    summary: ClassVar[str] = "says who got a lead and why, replayed from the journal"
    recorded: ClassVar[bool] = False
    offline: ClassVar[bool] = True
    needs_programme: ClassVar[bool] = False
    options = WhyOptions

    def run(self, context: JobContext, options: WhyOptions) -> WhyJobResult:
        lead = RecordId(options.lead)
        as_of = options.as_of
        if as_of is not None and as_of.tzinfo is None:
            as_of = as_of.replace(tzinfo=UTC)
        answer = why(
            context.store,
            lead,
            as_of=as_of,
            suppose=options.suppose,
            happened=_happened(context.store, lead),
        )
        return WhyJobResult(answer, options.sentence, options.replay)


_SAY_IT_ALL = frozenset(
    {
        OfferEvent.ACCEPT_DUE,
        OfferEvent.ACT_DUE,
        OfferEvent.ESCALATION_DUE,
        OfferEvent.OWNER_GONE,
        OfferEvent.REJECTED,
        OfferEvent.ACTED,
    }
)
"""Events whose words say what happened, and to whom."""


def _happened(store: StoreWriter, lead: RecordId) -> dict[int, list[Happening]]:
    """What became of the lead's offers, by the journal entry that made them."""
    found: dict[int, list[Happening]] = {}
    for event in store.offers.events([offer.entry for offer in store.offers.of_lead(lead)]):
        words = event.words or event.event.value
        if event.words and event.event not in _SAY_IT_ALL:
            words = f"{event.event.value}: {event.words}"
        found.setdefault(event.entry, []).append(Happening(event.at, words))
    return found
