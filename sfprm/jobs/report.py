"""`report`: what the channel team wants to see of its partners' leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from sfprm.blocks import Block, Table, Text
from sfprm.distribution.open_leads import read_open_leads
from sfprm.distribution.partner_work import (
    count_owned_by,
    read_conversions,
    read_opportunities,
)
from sfprm.distribution.rule_names import read_rule_names
from sfprm.distribution.standing_now import dead_owners, left_out, read_standing
from sfprm.errors import BadRequest
from sfprm.estate.who import partner_accounts
from sfprm.ids import PartnerKey, PoolKey
from sfprm.insight.names import reasons_text
from sfprm.insight.pages import page
from sfprm.insight.partners import Answered, PartnersReport, partners_report, pools_of
from sfprm.insight.refusals import given_on_table, refusals_json, refusals_table
from sfprm.insight.report import (
    ChannelReport,
    FairnessReport,
    OpenLead,
    channel_report,
    fairness,
)
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.jobs.out_place import page_place
from sfprm.jobs.plan import mail_policy
from sfprm.outbound.mail_guard import guarded
from sfprm.outbound.sending import mailbox_of, send_mail
from sfprm.programme.complaints import did_you_mean
from sfprm.programme.model import Programme
from sfprm.routing.offers import OfferEvent
from sfprm.routing.values import Code, OwnerStanding, Standing
from sfprm.store.records import Parked
from sfprm.store.refused import GivenOn, RefusedBy, given_on_by, refused_by

ENDINGS = {"html": "html", "markdown": "md", "csv": "csv"}


class ReportOptions(JobOptions):
    """Options of `report`. `out` a file or a folder; a folder gets a page named by its moment.
    `mail_to`: addresses that get it by mail, past the mail guard."""

    manager: str | None = None
    pools: tuple[str, ...] = ()
    days: int = Field(90, ge=1)
    out: Path | None = None
    format: Literal["html", "markdown", "csv"] = "html"
    mail_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReportJobResult(JobResult):
    """Open leads, partners, fairness; and where the page was written."""

    channel: ChannelReport
    partners: PartnersReport
    fairness: FairnessReport
    manager: str | None
    written: Path | None
    mailed: tuple[str, ...] = ()
    refused: tuple[RefusedBy, ...] = ()
    left_out: tuple[OwnerStanding, ...] = ()
    given_on: tuple[GivenOn, ...] = ()
    merged: int = 0

    def blocks(self) -> tuple[Block, ...]:
        channel = self.channel.blocks() if self.manager is None else self.channel.blocks()[:1]
        lines = [] if self.written is None else [f"Written to {self.written}."]
        if self.mailed:
            lines.append(f"Handed to the mail server for {', '.join(self.mailed)}.")
        ends = (Text(tuple(lines)),) if lines else ()
        return (*channel, *self.partners.blocks(), *self.troubles(), *self.fairness.blocks(), *ends)

    def troubles(self) -> tuple[Block, ...]:
        """Who may not own leads now, what the org's automation refused or took, who gave leads on
        and how many were merged: for the whole channel only."""
        if self.manager is not None:
            return ()
        found: list[Block] = []
        if self.left_out:
            rows = tuple((o.name, reasons_text(o.reasons)) for o in self.left_out)
            found.append(Table(("who", "because"), rows, "Left out of routing now"))
        if self.refused:
            found.append(refusals_table(self.refused, self.partners.days))
        if self.given_on:
            found.append(given_on_table(self.given_on, self.partners.days))
        if self.merged:
            leads = "lead was" if self.merged == 1 else "leads were"
            days = f"the last {self.partners.days} days"
            found.append(Text((f"{self.merged:,} {leads} merged into others in {days}.",)))
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        return self.channel.to_json() | {
            "channel": self.partners.to_json(),
            "fairness": self.fairness.to_json(),
            "refused": refusals_json(self.refused),
            "given_on": [
                {"name": g.name, "leads": g.leads, "last": g.last.isoformat()}
                for g in self.given_on
            ],
            "merged": self.merged,
            "left_out": [
                {"name": o.name, "id": o.owner_id, "reasons": [r.code.value for r in o.reasons]}
                for o in self.left_out
            ],
            "manager": self.manager,
            "written": None if self.written is None else str(self.written),
            "mailed": list(self.mailed),
        }

    @property
    def counts(self) -> Mapping[str, int]:
        return {"open": self.channel.total}


class ReportJob(Job[ReportOptions, ReportJobResult]):
    """Reads open leads and partners' work from the org, offers and credits from the state."""

    name: ClassVar[str] = "report"
    summary: ClassVar[str] = (
        "open leads, offers, conversions and opportunities by partner, fairness"
    )
    recorded: ClassVar[bool] = False
    options = ReportOptions

    def run(self, context: JobContext, options: ReportOptions) -> ReportJobResult:
        programme = context.programme
        now = context.clock.now()
        if options.manager is not None and options.manager not in programme.channel_managers:
            raise BadRequest(
                f"The programme has no channel manager '{options.manager}'.",
                hint=did_you_mean(options.manager, programme.channel_managers)
                or "`sfprm programme show` lists them.",
            )
        since = now - timedelta(days=options.days)
        channel = _channel(context, now)
        standing = read_standing(context.session, context.store, programme, now)
        found = ReportJobResult(
            channel,
            _partners(context, options, channel, standing, now),
            fairness(context.store, _pools(options, programme), programme),
            options.manager,
            _place(options, now),
            refused=_refused(context, since),
            left_out=left_out(standing),
            given_on=given_on_by(context.store, since),
            merged=context.store.merged_since(since),
        )
        if found.written is not None:
            _write(found.written, _page(options.format, found, programme, now))
        if options.mail_to:
            policy = mail_policy(context)
            to = tuple(dict.fromkeys(guarded(address, policy) for address in options.mail_to))
            subject = _title(found, programme)
            text, html = (_page(form, found, programme, now) for form in ("markdown", "html"))
            send_mail(mailbox_of(context.settings), to, subject, text, html)
            found = replace(found, mailed=to)
        return found


def _pools(options: ReportOptions, programme: Programme) -> list[PoolKey] | None:
    """The pools whose fairness is shown: those named; for a channel manager those of their
    partners; else all."""
    if options.pools:
        return [PoolKey(pool) for pool in options.pools]
    return None if options.manager is None else pools_of(programme, options.manager)


def _refused(context: JobContext, since: datetime) -> tuple[RefusedBy, ...]:
    """Validation rules by name: they are asked for only when one refused something."""
    found = refused_by(context.store, since)
    if any(each.kind == "validation rule" for each in found):
        found = refused_by(context.store, since, read_rule_names(context.session))
    return found


def _channel(context: JobContext, now: datetime) -> ChannelReport:
    programme = context.programme
    leads = [
        OpenLead(lead, created, partner, queue)
        for lead, created, partner, queue in read_open_leads(context.session, programme)
    ]
    return channel_report(leads, tuple(programme.queues), now, programme)


def _partners(
    context: JobContext,
    options: ReportOptions,
    channel: ChannelReport,
    standing: Standing,
    now: datetime,
) -> PartnersReport:
    session, programme = context.session, context.programme
    since = now - timedelta(days=options.days)
    accounts = partner_accounts(session, programme)
    conversions = read_conversions(session, accounts, since)
    opportunities = read_opportunities(session, accounts)
    gone = dead_owners(standing)
    names = {
        owner.owner_id: owner.name
        for owner in (*standing.people.values(), *standing.users.values())
        if owner.owner_id in gone
    }
    return partners_report(
        programme,
        channel.by_partner,
        _answers(context, since),
        {key: (c.leads, c.converted) for key, c in conversions.items()},
        None
        if opportunities is None
        else {key: (o.count, o.amount) for key, o in opportunities.items()},
        days=options.days,
        parked=[_why(parked) for parked in context.store.parked() if parked.waits],
        dead={
            names.get(owner, owner): count
            for owner, count in (count_owned_by(session, gone) if gone else {}).items()
        },
        manager=options.manager,
    )


def _answers(context: JobContext, since: datetime) -> list[Answered]:
    """What became of offers to partners; those withdrawn by a person are no answer of theirs."""
    return [
        Answered(
            PartnerKey(offer.member.removeprefix("partner:")),
            offer.offered_at,
            offer.accepted_at,
            offer.why is OfferEvent.ACCEPT_DUE,
        )
        for offer in context.store.offers.made_since(since)
        if offer.member.startswith("partner:")
    ]


_COUNTED_AS = {
    Code.RECALLED: "taken back, and nobody else may have it now",
    Code.AUTOMATION: "an automation of the org took it right after our write",
}


def _why(parked: Parked) -> str:
    """What a lead is counted under: nobody's name, as each would be a row of its own."""
    reason = parked.reasons[0] if parked.reasons else None
    if reason is None:
        return "no reason"
    return _COUNTED_AS.get(reason.code) or reason.detail or reason.code.value


def _place(options: ReportOptions, now: datetime) -> Path | None:
    if options.out is None:
        return None
    whose = f"-{options.manager}" if options.manager else ""
    return page_place(options.out, f"channel{whose}", ENDINGS[options.format], now)


def _title(found: ReportJobResult, programme: Programme) -> str:
    return f"{programme.name}, {found.manager}" if found.manager else programme.name


def _page(form: str, found: ReportJobResult, programme: Programme, now: datetime) -> str:
    blocks = (
        *found.channel.blocks(),
        *found.partners.blocks(charts=True),
        *found.troubles(),
        *found.fairness.blocks(),
    )
    return page(form, _title(found, programme), f"As of {now:%Y-%m-%d %H:%M} UTC", blocks)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise BadRequest(f"{path}: {error.strerror}.", hint="Choose another --out.") from None
