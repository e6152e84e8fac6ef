"""`sfprm adopt DIR`: programme files from an org that has partners already."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sfprm.cli.surface import Surface, command


class Keys(StrEnum):
    """What becomes of the key field of records that are there already."""

    LEAVE = "leave"
    WRITE = "write"


def add(app: typer.Typer) -> None:
    """Add the command to the program."""

    @command(app)
    def adopt(
        surface: Surface,
        folder: Annotated[Path, typer.Argument(help="New folder for the programme files.")],
        name: Annotated[str, typer.Option(help="The programme's name.", show_default=False)] = "",
        site: Annotated[
            str | None, typer.Option(help="The partner site, when there are several.")
        ] = None,
        keys: Annotated[
            Keys,
            typer.Option(help="leave: know records by Id; write: the next apply writes keys."),
        ] = Keys.LEAVE,
        tier_field: Annotated[
            str | None, typer.Option(help="Account field that holds the partner's tier.")
        ] = None,
        account_field: Annotated[
            list[str] | None,
            typer.Option(help="Account field to take into the files; may be given often."),
        ] = None,
        with_inactive: Annotated[
            bool, typer.Option("--with-inactive", help="Inactive partner users too, as absent.")
        ] = False,
    ) -> None:
        """Write programme files from an org that has partners. The org is not changed."""
        from sfprm.jobs.adopt import AdoptJob, AdoptOptions

        options = AdoptOptions(
            folder=folder,
            name=name,
            site=site,
            keys=keys.value,
            tier_field=tier_field,
            account_fields=tuple(account_field or ()),
            with_inactive=with_inactive,
        )
        surface.finish(AdoptJob(), options)
