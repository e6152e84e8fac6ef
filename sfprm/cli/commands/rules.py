"""`rules`: the org's own lead assignment rules and the programme's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sfprm.cli.surface import Surface, command

Rule = Annotated[
    str | None,
    typer.Option("--rule", help="Name of the assignment rule; default: the active one."),
]
RuleSet = Annotated[
    str | None, typer.Option("--rule-set", help="A rule set of routing.yaml; default: `rules:`.")
]


def add(app: typer.Typer) -> None:
    """Add the group to the program."""
    group = typer.Typer(help="The org's own lead assignment rules, and the programme's.")
    app.add_typer(group, name="rules")

    @command(group)
    def pull(
        surface: Surface,
        rule: Rule = None,
        out: Annotated[
            Path | None, typer.Option(help="Write to this file, which must not exist.")
        ] = None,
    ) -> None:
        """Show the org's lead assignment rule as rules of the programme (YAML)."""
        from sfprm.jobs.rules import PullJob, PullOptions

        surface.finish(PullJob(), PullOptions(rule=rule, out=out))

    @command(group)
    def diff(surface: Surface, rule: Rule = None, rule_set: RuleSet = None) -> None:
        """Compare the org's lead assignment rule with the programme's rules."""
        from sfprm.jobs.rules import DiffJob, DiffOptions

        surface.finish(DiffJob(), DiffOptions(rule=rule, rule_set=rule_set))

    @command(group)
    def push(
        surface: Surface,
        rule: Rule = None,
        rule_set: RuleSet = None,
        activate: Annotated[
            bool,
            typer.Option(
                "--activate", help="Make it the rule in force; the other one no longer is."
            ),
        ] = False,
        replace_unsaid: Annotated[
            bool,
            typer.Option(
                "--replace-unsaid", help="Also where it removes what the programme cannot say."
            ),
        ] = False,
        dry_run: Annotated[
            bool, typer.Option(help="Let the org check it; change nothing.")
        ] = False,
        restore: Annotated[
            Path | None, typer.Option(help="Put back the backup in this folder instead.")
        ] = None,
    ) -> None:
        """Deploy the programme's rules as the org's lead assignment rule: checked, backed up, read
        back."""
        from sfprm.jobs.rules import PushJob, PushOptions

        options = PushOptions(
            rule=rule,
            rule_set=rule_set,
            activate=activate,
            replace_unsaid=replace_unsaid,
            dry_run=dry_run,
            restore=restore,
        )
        surface.finish(PushJob(), options)
