"""`sfprm programme`: the declared files, checked line by line."""

from __future__ import annotations

import typer

from sfprm.blocks import Text
from sfprm.cli.surface import Surface, command

app = typer.Typer(help="The declared files, checked line by line.", no_args_is_help=True)


@command(app)
def validate(surface: Surface) -> None:
    """Check every file of the programme; exit 2 when there are errors."""
    from sfprm.programme.load import load

    loaded = load(surface.settings.programme, surface.settings.environment)
    programme = loaded.programme
    managed = sum(queue.managed for queue in programme.queues.values())
    said = (
        f"{programme.name}: {len(programme.partners)} partners, {len(programme.people)} people, "
        f"{managed} queues, {len(programme.routing.pools)} pools, "
        f"{len(programme.routing.rules)} rules. No errors."
    )
    warnings = tuple("\n".join(w.lines()) for w in loaded.warnings)
    surface.put(
        (Text((said,)),),
        {"programme": programme.name, "digest": programme.digest},
        warnings=warnings,
    )


@command(app)
def show(surface: Surface) -> None:
    """The programme as it is understood, defaults and patterns filled in."""
    import json

    from sfprm.programme.canonical import to_json
    from sfprm.programme.load import load_programme
    from sfprm.programme.show import describe

    programme = load_programme(surface.settings.programme, surface.settings.environment)
    surface.put((Text(describe(programme).lines),), json.loads(to_json(programme)))
