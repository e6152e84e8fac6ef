"""`shadow`: decide beside another router, journal it apart, write nothing, and say how far the two
agree. For the weeks before a go-live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import Field

from sfprm.blocks import Block
from sfprm.distribution.owners import read_owner_names
from sfprm.distribution.past_leads import read_past_leads, waiting_owners
from sfprm.distribution.standing_now import read_standing
from sfprm.ids import RecordId
from sfprm.insight.agreement import Agreement, Compared, agreement
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.programme.model import Programme
from sfprm.routing.decide import decide, ledger_keys
from sfprm.routing.shadow import shadowed, stream_of
from sfprm.routing.values import LeadFacts, Outcome, Standing
from sfprm.store.api import StoreReader
from sfprm.store.records import JournalEntry

KIND = "shadow"
PAGE = 2_000


class ShadowOptions(JobOptions):
    """Options of `shadow`. `name` keeps several candidates apart, each with credits of its own."""

    name: str = Field("candidate", pattern="^[a-z][a-z0-9-]{0,30}$")
    days: int = Field(7, ge=1)
    limit: int = Field(20_000, ge=1)


@dataclass(frozen=True)
class ShadowResult(JobResult):
    """How far the two agree."""

    found: Agreement
    new: int

    def blocks(self) -> tuple[Block, ...]:
        return self.found.blocks()

    def to_json(self) -> dict[str, Any]:
        return self.found.to_json() | {"new": self.new}

    @property
    def counts(self) -> Mapping[str, int]:
        return {"new": self.new, "compared": self.found.compared}


class ShadowJob(Job[ShadowOptions, ShadowResult]):
    """Reads leads created of late, whoever has them; journals in a stream of its own."""

    name: ClassVar[str] = "shadow"
    summary: ClassVar[str] = "decides beside another router without writing, and compares"
    options = ShadowOptions

    def run(self, context: JobContext, options: ShadowOptions) -> ShadowResult:
        programme = shadowed(context.programme, options.name)
        now = context.clock.now()
        since = now - timedelta(days=options.days)
        standing = read_standing(context.session, context.store, programme, now)
        leads = list(read_past_leads(context.session, programme, since, options.limit))
        decided = _decided(context.store, options.name, since)
        new = [lead for lead, _ in leads if lead.id not in decided]
        for at in range(0, len(new), PAGE):
            _journal(context, options, programme, standing, new[at : at + PAGE], now)
        decided = _decided(context.store, options.name, since)
        waiting = waiting_owners(context.session, programme)
        who = _who(programme, standing)
        others = {owner for _, owner in leads} - set(who) - waiting
        names = read_owner_names(context.session, others)
        compared = _compared(leads, decided, waiting, who | {o: (n, "") for o, n in names.items()})
        return ShadowResult(agreement(options.name, compared), len(new))


def _journal(
    context: JobContext,
    options: ShadowOptions,
    programme: Programme,
    standing: Standing,
    leads: list[LeadFacts],
    now: datetime,
) -> None:
    with context.store.batch(ledger_keys(programme)) as writer:
        batch = decide(programme, standing, writer.ledgers, leads, now)
        writer.save(
            batch,
            run=context.run,
            programme=programme,
            kind=KIND,
            stream=stream_of(options.name),
        )


def _decided(reader: StoreReader, name: str, since: datetime) -> Mapping[RecordId, JournalEntry]:
    """The shadow's decisions by lead, of leads decided since then."""
    found: dict[RecordId, JournalEntry] = {}
    after = 0
    while entries := reader.entries(kinds=(KIND,), since=since, after=after, limit=PAGE):
        found.update({e.lead: e for e in entries if e.stream == stream_of(name)})
        after = entries[-1].sequence
    return found


def _who(programme: Programme, standing: Standing) -> dict[RecordId, tuple[str, str]]:
    """Whom the programme knows: name, and the partner's where it is a partner's user."""
    who: dict[RecordId, tuple[str, str]] = {}
    for owner in (*standing.users.values(), *standing.queues.values()):
        if owner.owner_id is not None:
            who[owner.owner_id] = (owner.name, "")
    for key, owner in standing.people.items():
        if owner.owner_id is not None:
            partner = programme.partners.get(programme.people[key].partner)
            who[owner.owner_id] = (owner.name, "" if partner is None else partner.name)
    return who


def _compared(
    leads: Iterable[tuple[LeadFacts, RecordId]],
    decided: Mapping[RecordId, JournalEntry],
    waiting: frozenset[RecordId],
    who: Mapping[RecordId, tuple[str, str]],
) -> Iterable[Compared]:
    for lead, owner_now in leads:
        entry = decided.get(lead.id)
        if entry is None or entry.outcome == Outcome.LEFT_ALONE:
            continue
        chosen = ("", "")
        if entry.owner_new is not None:
            chosen = who.get(entry.owner_new, (entry.owner_name, ""))
        there = ("", "")
        if owner_now not in waiting:
            there = who.get(owner_now, (owner_now, ""))
        yield Compared(entry.rule or "no rule", *chosen, *there)
