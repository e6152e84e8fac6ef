"""`route`, `reassign`, `undo`: leads to their owners, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sfprm.cli.surface import Surface, command
from sfprm.errors import BadRequest


def add(app: typer.Typer) -> None:
    """Add the commands to the program."""

    @command(app)
    def route(
        surface: Surface,
        dry_run: Annotated[bool, typer.Option(help="Decide and show; write nothing.")] = False,
        limit: Annotated[int | None, typer.Option(min=1, help="Most leads in this pass.")] = None,
    ) -> None:
        """One pass over the intake: each waiting lead gets an owner, or is parked with a reason."""
        from sfprm.jobs.route import RouteJob, RouteOptions

        surface.finish(RouteJob(), RouteOptions(dry_run=dry_run, limit=limit))

    @command(app)
    def recall(
        surface: Surface,
        lift: Annotated[
            list[str] | None, typer.Option(help="End a pause now: partner:KEY.")
        ] = None,
        dry_run: Annotated[bool, typer.Option(help="Look and show; write nothing.")] = False,
    ) -> None:
        """Take back leads that were not accepted in time, and offer them to the next."""
        from sfprm.jobs.recall import RecallJob, RecallOptions

        surface.finish(RecallJob(), RecallOptions(lift=tuple(lift or ()), dry_run=dry_run))

    @command(app)
    def reassign(
        surface: Surface,
        leads: Annotated[list[str] | None, typer.Argument(help="Ids of leads.")] = None,
        where: Annotated[
            str | None, typer.Option(help="SOQL condition over Lead instead of ids.")
        ] = None,
        from_: Annotated[
            str | None,
            typer.Option("--from", help="Leads of partner:KEY, queue:LABEL or user:USERNAME."),
        ] = None,
        to: Annotated[
            str | None,
            typer.Option(help="user:USERNAME, person:KEY, queue:LABEL, pool:KEY or manager."),
        ] = None,
        file: Annotated[
            Path | None, typer.Option(help="CSV file with a column Id, instead of ids.")
        ] = None,
        evenly: Annotated[
            bool,
            typer.Option("--evenly", help="To a pool: share all out at once; no credit moves."),
        ] = False,
        max_changes: Annotated[
            int | None, typer.Option(min=0, help="Stop before writing when it would move more.")
        ] = None,
        limit: Annotated[int | None, typer.Option(min=1, help="Most leads to move.")] = None,
        notify: Annotated[bool, typer.Option("--notify", help="Mail the new owner.")] = False,
        override: Annotated[
            bool, typer.Option("--override", help="Give leads to an owner who is not eligible.")
        ] = False,
        dry_run: Annotated[bool, typer.Option(help="Show; write nothing.")] = False,
        undo: Annotated[
            str | None, typer.Option(help="Take back what that run did (see `sfprm undo`).")
        ] = None,
    ) -> None:
        """Move one lead or many: to a user, a person, a queue, a pool, or the channel manager."""
        if undo is not None:
            _undo(surface, undo, dry_run=dry_run)
        if to is None:
            raise BadRequest(
                "say where the leads go: --to user:…, person:…, queue:…, pool:… or manager."
            )
        from sfprm.jobs.reassign import ReassignJob, ReassignOptions

        options = ReassignOptions(
            leads=tuple(leads or ()),
            where=where,
            source=from_,
            to=to,
            limit=limit,
            notify=notify,
            override=override,
            file=file,
            max_changes=max_changes,
            evenly=evenly,
            dry_run=dry_run,
        )
        surface.finish(ReassignJob(), options)

    @command(app)
    def undo(
        surface: Surface,
        run: Annotated[str, typer.Argument(help="Run id, as `sfprm status` lists them.")],
        dry_run: Annotated[bool, typer.Option(help="Show; write nothing.")] = False,
    ) -> None:
        """Take back what a run did, to leads or to partners and people, and say what stays."""
        _undo(surface, run, dry_run=dry_run)


def _undo(surface: Surface, run: str, *, dry_run: bool) -> None:
    from sfprm.jobs.undo import UndoJob, UndoOptions

    surface.finish(UndoJob(), UndoOptions(undone=run, dry_run=dry_run))
