"""`why`, `report`, `status`: questions. They change nothing and never wait for a writer."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from sfprm.cli.surface import Surface, command


def add(app: typer.Typer) -> None:
    """Add the commands to the program."""

    @command(app)
    def why(
        surface: Surface,
        lead: Annotated[str, typer.Argument(help="The lead's id.")],
        as_of: Annotated[
            datetime | None, typer.Option(help="As it was known then (UTC).", show_default=False)
        ] = None,
        suppose: Annotated[
            list[str] | None,
            typer.Option("--if", help="Had it been so: lead.Country=ES, sulcom.hours=always."),
        ] = None,
        sentence: Annotated[
            bool, typer.Option("--sentence", help="One sentence for the partner.")
        ] = False,
        replay: Annotated[
            bool, typer.Option("--replay", help="Only the proof, a line for each decision.")
        ] = False,
    ) -> None:
        """Who got a lead, and why each other did not, replayed from the journal."""
        from sfprm.jobs.why import WhyJob, WhyOptions

        options = WhyOptions(
            lead=lead, as_of=as_of, suppose=tuple(suppose or ()), sentence=sentence, replay=replay
        )
        surface.finish(WhyJob(), options)

    @command(app)
    def simulate(
        surface: Surface,
        leads: Annotated[
            str, typer.Option(help="journal, org, or a CSV file with a header of field names.")
        ] = "journal",
        against: Annotated[
            str, typer.Option(help="journal (what decided last), a programme folder, or none.")
        ] = "journal",
        days: Annotated[int, typer.Option(min=1, help="How far back.")] = 90,
        limit: Annotated[int, typer.Option(min=1, help="Most leads.")] = 100_000,
        standing: Annotated[
            Literal["declared", "org"],
            typer.Option(help="Who may own leads: all declared active, or as the org is now."),
        ] = "declared",
        out: Annotated[Path | None, typer.Option(help="Write a page there.")] = None,
        format: Annotated[
            Literal["html", "markdown", "csv"], typer.Option(help="Form of the page.")
        ] = "html",
    ) -> None:
        """Forecast what the programme's rules would do with leads of the past."""
        from sfprm.jobs.simulate import SimulateJob, SimulateOptions

        surface.finish(
            SimulateJob(),
            SimulateOptions(
                leads=leads,
                against=against,
                days=days,
                limit=limit,
                standing=standing,
                out=out,
                format=format,
            ),
        )

    @command(app)
    def shadow(
        surface: Surface,
        name: Annotated[str, typer.Argument(help="Keeps several candidates apart.")] = "candidate",
        days: Annotated[int, typer.Option(min=1, help="Leads created so far back.")] = 7,
        limit: Annotated[int, typer.Option(min=1, help="Most leads.")] = 20_000,
    ) -> None:
        """Decide beside another router, write nothing, and say how far the two agree."""
        from sfprm.jobs.shadow import ShadowJob, ShadowOptions

        surface.finish(ShadowJob(), ShadowOptions(name=name, days=days, limit=limit))

    @command(app)
    def certificate(
        surface: Surface,
        pool: Annotated[
            list[str] | None, typer.Option(help="Only these pools.", show_default=False)
        ] = None,
        out: Annotated[Path | None, typer.Option(help="File or folder to write it to.")] = None,
        check: Annotated[
            Path | None, typer.Option(help="Check a certificate against the journal instead.")
        ] = None,
    ) -> None:
        """Certify the pools' fairness: entitled, got, the proved bound, the journal's hashes."""
        from sfprm.jobs.certificate import CertificateJob, CertificateOptions

        options = CertificateOptions(pools=tuple(pool or ()), out=out, check=check)
        surface.finish(CertificateJob(), options)

    @command(app)
    def report(
        surface: Surface,
        manager: Annotated[
            str | None, typer.Option(help="Only this channel manager's partners.")
        ] = None,
        pool: Annotated[
            list[str] | None, typer.Option(help="Fairness of these pools only.")
        ] = None,
        days: Annotated[
            int, typer.Option(min=1, help="How far back offers and conversions count.")
        ] = 90,
        out: Annotated[
            Path | None, typer.Option(help="Write a page to this file or folder.")
        ] = None,
        format: Annotated[
            Literal["html", "markdown", "csv"], typer.Option(help="Form of the page.")
        ] = "html",
        mail_to: Annotated[
            list[str] | None, typer.Option(help="Send it there by mail too.", show_default=False)
        ] = None,
    ) -> None:
        """Open leads, offers, conversions and opportunities by partner; queues; fairness."""
        from sfprm.jobs.report import ReportJob, ReportOptions

        options = ReportOptions(
            manager=manager,
            pools=tuple(pool or ()),
            days=days,
            out=out,
            format=format,
            mail_to=tuple(mail_to or ()),
        )
        surface.finish(ReportJob(), options)

    @command(app)
    def status(
        surface: Surface,
        watch: Annotated[
            bool, typer.Option("--watch", help="Keep the screen up to date until Ctrl-C.")
        ] = False,
    ) -> None:
        """Latest runs, what runs, waits and is paused, what is parked; from the state alone."""
        from sfprm.jobs.status import StatusJob, StatusOptions

        if not watch:
            surface.finish(StatusJob(), StatusOptions())
        surface.keep(StatusJob(), StatusOptions(), every=2.0)
