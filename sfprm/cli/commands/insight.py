"""`why`, `report`, `status`: questions. They change nothing and never wait for a writer."""

from __future__ import annotations

from typing import Annotated

import typer

from sfprm.cli.surface import Surface, command


def add(app: typer.Typer) -> None:
    """Add the commands to the program."""

    @command(app)
    def why(surface: Surface, lead: Annotated[str, typer.Argument(help="The lead's id.")]) -> None:
        """Who got a lead, and why each other did not, replayed from the journal."""
        from sfprm.jobs.why import WhyJob, WhyOptions

        surface.finish(WhyJob(), WhyOptions(lead=lead))

    @command(app)
    def report(surface: Surface) -> None:
        """Open leads by partner, their age, the depth of queues, and the pools' fairness."""
        from sfprm.jobs.report import ReportJob, ReportOptions

        surface.finish(ReportJob(), ReportOptions())

    @command(app)
    def status(surface: Surface) -> None:
        """Latest runs, what is unconfirmed or parked; from the state alone."""
        from sfprm.jobs.status import StatusJob, StatusOptions

        surface.finish(StatusJob(), StatusOptions())
