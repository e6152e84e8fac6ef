"""`simulate`: what candidate rules would do with leads, beside what today's would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from sfprm.blocks import Block, Text
from sfprm.distribution.past_leads import leads_from_csv, read_past_leads
from sfprm.distribution.standing_now import read_standing
from sfprm.errors import BadRequest
from sfprm.insight.forecast import Forecast
from sfprm.insight.pages import page
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.programme.canonical import from_json
from sfprm.programme.load import load_programme
from sfprm.programme.model import Programme
from sfprm.routing.simulate import EVERYBODY_CAN, Simulation, simulate, standing_of
from sfprm.routing.values import LeadFacts
from sfprm.store.api import StoreReader
from sfprm.store.records import JournalEntry

PAGE = 2_000


class SimulateOptions(JobOptions):
    """Options of `simulate`. `leads`: "journal", "org", or the path of a CSV file."""

    leads: str = "journal"
    days: int = Field(90, ge=1)
    limit: int = Field(100_000, ge=1)
    against: str = "journal"
    standing: Literal["declared", "org"] = "declared"
    out: Path | None = None
    format: Literal["html", "markdown", "csv"] = "html"


@dataclass(frozen=True)
class SimulateResult(JobResult):
    """The forecast, and where its page was written."""

    forecast: Forecast
    missing: tuple[str, ...]
    written: Path | None

    def blocks(self) -> tuple[Block, ...]:
        blocks = self.forecast.blocks()
        if self.written is not None:
            return (*blocks, Text((f"Written to {self.written}.",)))
        return blocks

    def to_json(self) -> dict[str, Any]:
        written = None if self.written is None else str(self.written)
        return self.forecast.to_json() | {"written": written}

    @property
    def counts(self) -> Mapping[str, int]:
        return {"leads": self.forecast.candidate.leads}

    @property
    def warnings(self) -> tuple[str, ...]:
        if not self.missing:
            return ()
        names = ", ".join(self.missing)
        return (
            f"the journal does not hold {names}, which the candidate rules read: they count as "
            "blank. `--leads org` reads them.",
        )


class SimulateJob(Job[SimulateOptions, SimulateResult]):
    """Decides on past leads without writing anything anywhere."""

    name: ClassVar[str] = "simulate"
    summary: ClassVar[str] = "forecasts what rules would do, on leads of the past"
    recorded: ClassVar[bool] = False
    offline: ClassVar[bool] = True
    options = SimulateOptions

    def run(self, context: JobContext, options: SimulateOptions) -> SimulateResult:
        candidate = context.programme
        leads, source, missing = _leads(context, options, candidate)
        if not leads:
            raise BadRequest(
                f"There are no leads to forecast with ({source}).",
                hint="Name a CSV file, or read them from the org: sfprm simulate --leads org",
            )
        today = _today(context, options, candidate)
        grounds = EVERYBODY_CAN if options.standing == "declared" else "who may own leads is as now"
        forecast = Forecast(
            candidate,
            _simulated(context, options, candidate, leads),
            None if today is None else _simulated(context, options, today, leads),
            source,
            f"{grounds}; credits begin at nothing; a lead stays open for 14 days",
        )
        if options.out is not None:
            _write(options.out, options.format, forecast, context.clock.now())
        return SimulateResult(forecast, missing, options.out)


def _simulated(
    context: JobContext, options: SimulateOptions, programme: Programme, leads: list[LeadFacts]
) -> Simulation:
    if options.standing == "org":
        standing = read_standing(context.session, context.store, programme, context.clock.now())
    else:
        standing = standing_of(programme)
    return simulate(programme, standing, {}, leads)


def _leads(
    context: JobContext, options: SimulateOptions, candidate: Programme
) -> tuple[list[LeadFacts], str, tuple[str, ...]]:
    """Leads, what they are in words, and fields that the candidate reads and they lack."""
    now = context.clock.now()
    since = now - timedelta(days=options.days)
    days = f"the last {options.days} days"
    if options.leads == "org":
        read = read_past_leads(context.session, candidate, since, options.limit)
        found = [facts for facts, _ in read]
        return found, f"of the org, created in {days}", ()
    if options.leads == "journal":
        found, known = [], set[str]()
        for entry in _journalled(context.store, since):
            known.update(entry.facts)
            found.append(_facts(entry, candidate))
            if len(found) == options.limit:
                break
        missing = [name for name in candidate.routing.fields_read() if name not in known]
        return found, f"of the journal, decided in {days}", tuple(missing) if found else ()
    path = Path(options.leads)
    return leads_from_csv(path, candidate, now)[: options.limit], f"of {path.name}", ()


def _journalled(reader: StoreReader, since: datetime) -> Iterator[JournalEntry]:
    """First decisions about leads whose facts are kept."""
    after = 0
    while entries := reader.entries(kinds=("route",), since=since, after=after, limit=PAGE):
        yield from (e for e in entries if e.offer == 1 and e.created is not None)
        after = entries[-1].sequence


def _facts(entry: JournalEntry, candidate: Programme) -> LeadFacts:
    fields = {name: entry.facts.get(name) for name in candidate.routing.fields_read()}
    created = entry.created or entry.decided_at
    intakes = candidate.routing.intake_names
    pools = [p.intake for p in candidate.routing.pools.values() if p.intake]
    intake = entry.intake if entry.intake in (*intakes, *pools) else next(iter(intakes), "")
    return LeadFacts(entry.lead, entry.owner_seen, created, intake, fields, entry.label)


def _today(context: JobContext, options: SimulateOptions, candidate: Programme) -> Programme | None:
    if options.against == "none":
        return None
    if options.against != "journal":
        return load_programme(Path(options.against))
    digest = context.store.last_programme()
    text = (
        None if digest in (None, candidate.digest) else context.store.programme_json(digest or "")
    )
    return None if text is None else from_json(text)


def _write(path: Path, form: str, forecast: Forecast, now: datetime) -> None:
    title = f"Forecast: {forecast.programme.name}"
    text = page(form, title, f"As of {now:%Y-%m-%d %H:%M} UTC", forecast.blocks())
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise BadRequest(f"{path}: {error.strerror}.", hint="Choose another --out.") from None
