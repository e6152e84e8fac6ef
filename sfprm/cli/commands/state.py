"""`sfprm state`: the state database."""

from __future__ import annotations

import typer

from sfprm.blocks import Text
from sfprm.cli.surface import Surface, command
from sfprm.errors import NotReady

app = typer.Typer(help="The state database.", no_args_is_help=True)


@command(app)
def migrate(surface: Surface) -> None:
    """Bring the database's tables to this version."""
    from sfprm.store.database import migrate as bring_up

    bring_up(surface.settings.database)
    surface.put((Text(("The state database is up to date.",)),), {"migrated": True})


@command(app)
def verify(surface: Surface) -> None:
    """Check the journal: hash chains, credits that add up, the proved bound."""
    from sfprm.store.database import open_store

    with open_store(surface.settings.database) as store:
        broken = store.verify()
    if broken:
        raise NotReady(
            "the state breaks its own laws:\n" + "\n".join(f"  {b}" for b in broken),
            hint="Restore a backup, and report it: this is a bug or a tampered file.",
        )
    surface.put(
        (Text(("Every chain joins, every ledger adds up, every bound holds.",)),),
        {"broken": []},
    )
