"""`sfprm state`: the state database."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from sfprm.blocks import Text
from sfprm.cli.surface import Surface, command
from sfprm.errors import BadRequest, NotReady

app = typer.Typer(help="The state database.", no_args_is_help=True)


@contextmanager
def _nobody_at_work(surface: Surface) -> Iterator[None]:
    """Be the only one to use the state while inside. Raises AnotherWriter or NotReady, naming the
    others."""
    from datetime import timedelta

    from sfprm.store.database import open_store
    from sfprm.store.lock import daemon_lock

    settings = surface.settings
    with daemon_lock(settings.state_dir / "locks", clock=surface.clock, wait=surface.wait):
        try:
            with open_store(settings.database) as store:
                lately = surface.clock.now() - timedelta(seconds=settings.take_over_seconds)
                others = store.work.workers(seen_since=lately)
        except NotReady:  # tables of another version: nobody of this one is at work
            others = []
        if others:
            names = ", ".join(f"{w.kind} {w.process} on {w.host}" for w in others)
            raise NotReady(f"others are at work on this state: {names}.", hint="Stop them first.")
        yield


def _rows(counts: dict[str, int]) -> str:
    entries = counts.get("journal", 0)
    rows = sum(counts.values())
    return f"{rows:,} row{'' if rows == 1 else 's'}, {entries:,} of them journal entries"


@command(app)
def migrate(
    surface: Surface,
    to: Annotated[
        str | None,
        typer.Option(
            help="Move the state into this (empty) database: postgresql+psycopg://user@host/name. "
            "The daemon must be stopped."
        ),
    ] = None,
) -> None:
    """Bring the database's tables (and the engine's, on PostgreSQL) to this version."""
    from sfprm.store.database import migrate as bring_up
    from sfprm.store.keeping import copy_state

    if to is None:
        before, after = bring_up(surface.settings.database)
        said = "is up to date" if before == after else f"went from {before or 'none'} to {after}"
        surface.put(
            (Text((f"The state database {said}.",)),),
            {"migrated": True, "before": before, "after": after},
        )
        return
    with _nobody_at_work(surface):
        counts = copy_state(surface.settings.database, to)
    lines = (
        f"Copied and verified: {_rows(counts)}.",
        "Now set SFPRM_DATABASE_URL to the new database and start the daemon; the old one is left "
        "as it was.",
    )
    surface.put((Text(lines),), {"copied": counts})


@command(app)
def backup(
    surface: Surface,
    file: Annotated[
        Path | None, typer.Argument(help="A new file; by default in backups/ of the state folder.")
    ] = None,
) -> None:
    """Write the whole state into one file, verified, while others go on working."""
    from sfprm.store.keeping import backup as keep

    settings = surface.settings
    name = f"{surface.clock.now():%Y-%m-%dT%H-%M-%S}.db"
    path = file or settings.state_dir / "backups" / name
    counts = keep(settings.database, path)
    surface.put(
        (Text((f"{path}: {_rows(counts)}, verified.",)),), {"file": str(path), "rows": counts}
    )


@command(app)
def restore(
    surface: Surface,
    file: Annotated[Path, typer.Argument(help="A file that `sfprm state backup` wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of a state that is there.")
    ] = False,
) -> None:
    """Put a backup in the place of the state. The daemon must be stopped."""
    from sfprm.store.keeping import restore as put_back

    with _nobody_at_work(surface):
        counts = put_back(surface.settings.database, file, replace=replace)
    lines = (
        f"Restored and verified: {_rows(counts)}.",
        "What was decided after the backup is not in it: `sfprm route` finds those leads with "
        "their owners and leaves them.",
    )
    surface.put((Text(lines),), {"restored": counts})


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


@command(app)
def export(
    surface: Surface,
    file: Annotated[
        Path | None, typer.Argument(help="Where to; by default to the standard output.")
    ] = None,
) -> None:
    """Journal, runs and credits as JSON Lines, for other programs. Holds names of leads."""
    from sfprm.store.database import open_store
    from sfprm.store.keeping import export as write_all

    with open_store(surface.settings.database) as store:
        if file is None:
            write_all(store, sys.stdout)
            return
        if file.exists():
            raise BadRequest(f"{file} exists.", hint="Name a new file.")
        with file.open("x", encoding="utf-8") as out:
            file.chmod(0o600)
            count = write_all(store, out)
    surface.put((Text((f"{file}: {count:,} records.",)),), {"file": str(file), "records": count})


@command(app)
def rebase(
    surface: Surface,
    to: Annotated[str, typer.Option(help="The 18-character id of the org to begin with.")],
) -> None:
    """Archive this state and begin an empty one for another org (after a sandbox refresh)."""
    from sfprm.ids import RecordId
    from sfprm.store.keeping import rebase as begin_anew

    settings = surface.settings
    try:
        org = RecordId(to)
    except ValueError as error:
        raise BadRequest(f"--to: {error}.", hint="`sfprm login` prints the org's id.") from None
    if not org.startswith("00D"):
        raise BadRequest(f"--to: {org} is not the id of an org.", hint="It begins with 00D.")
    name = f"before-{org}-{surface.clock.now():%Y-%m-%dT%H-%M-%S}.db"
    archive = settings.state_dir / "backups" / name
    with _nobody_at_work(surface):
        counts = begin_anew(settings.database, org, archive, surface.clock.now())
    lines = (
        f"{archive}: {_rows(counts)}, verified.",
        f"The state is empty and belongs to {org}. Credits begin at 0; what is in the org is read "
        "from the org.",
    )
    surface.put((Text(lines),), {"archive": str(archive), "org": org, "rows": counts})
