"""`invite`, `offboard`, `reinstate`: people come in, leave, and come back."""

from __future__ import annotations

from typing import Annotated

import typer

from sfprm.cli.options import DeploymentWait
from sfprm.cli.surface import Surface, command
from sfprm.errors import BadRequest


def add(app: typer.Typer) -> None:
    """Add the commands to the program."""

    @command(app)
    def invite(
        surface: Surface,
        target: Annotated[
            str | None, typer.Argument(help="Key of a partner or person; everybody without it.")
        ] = None,
        days: Annotated[
            int, typer.Option(min=1, help="At most one reset a person in so many days.")
        ] = 3,
        most_resets: Annotated[int, typer.Option(min=1, help="Most resets a person, ever.")] = 3,
        late_after: Annotated[
            int, typer.Option(min=0, help="List those who are not in after so many days.")
        ] = 7,
        max_mails: Annotated[int, typer.Option(min=0, help="Most mails in this run.")] = 200,
        dry_run: Annotated[bool, typer.Option(help="Show who; send nothing.")] = False,
    ) -> None:
        """Have Salesforce mail a reset link to people who never logged in."""
        from sfprm.jobs.invite import InviteJob, InviteOptions

        options = InviteOptions(
            target=target,
            days=days,
            most_resets=most_resets,
            late_after=late_after,
            max_mails=max_mails,
            dry_run=dry_run,
        )
        surface.finish(InviteJob(), options)

    @command(app)
    def offboard(
        surface: Surface,
        target: Annotated[str, typer.Argument(help="Key of a partner or person.")],
        to: Annotated[
            str | None,
            typer.Option(
                help="Open leads go to pool:NAME, queue:LABEL, user:USERNAME or manager; "
                "without it to each lead's pool, then the channel manager."
            ),
        ] = None,
        clear_partner_flag: Annotated[
            bool,
            typer.Option(
                "--clear-partner-flag",
                help="Set IsPartner to false at the end: deletes the partner's roles and their "
                "groups for ever. Shows them, and asks for the partner's key.",
            ),
        ] = False,
        yes_irreversible: Annotated[
            str | None,
            typer.Option(help="The partner's key: confirms what cannot be undone."),
        ] = None,
        max_changes: Annotated[
            int | None, typer.Option(min=0, help="Refuse when more leads would move.")
        ] = None,
        deployment_wait: DeploymentWait = 120.0,
        dry_run: Annotated[
            bool, typer.Option(help="Show what they own and what stops them; change nothing.")
        ] = False,
    ) -> None:
        """Freeze, hand leads on, leave queues and groups, deactivate; with an evidence file."""
        from sfprm.jobs.offboard import OffboardJob, OffboardOptions

        if yes_irreversible is not None and not clear_partner_flag:
            raise BadRequest("--yes-irreversible goes with --clear-partner-flag.")
        flag = yes_irreversible
        if clear_partner_flag and flag is None:
            flag = target if dry_run else _ask(surface, target)
        options = OffboardOptions(
            target=target,
            to=to,
            clear_partner_flag=flag,
            max_changes=max_changes,
            deployment_wait=deployment_wait,
            dry_run=dry_run,
        )
        surface.finish(OffboardJob(), options)

    @command(app)
    def reinstate(
        surface: Surface,
        target: Annotated[str, typer.Argument(help="Key of a partner or person.")],
        deployment_wait: DeploymentWait = 120.0,
        dry_run: Annotated[bool, typer.Option(help="Show who; change nothing.")] = False,
    ) -> None:
        """Give those who were offboarded their users back: active, let go, in their queues."""
        from sfprm.jobs.reinstate import ReinstateJob, ReinstateOptions

        options = ReinstateOptions(target=target, deployment_wait=deployment_wait, dry_run=dry_run)
        surface.finish(ReinstateJob(), options)


def _ask(surface: Surface, target: str) -> str:
    """Show what leaves and what is destroyed, and ask for the partner's key; the answer goes to the
    job as it is."""
    from sfprm.cli.render import draw, stderr
    from sfprm.events import NoProgress
    from sfprm.jobs.offboard import OffboardJob, OffboardOptions
    from sfprm.jobs.runner import run_job

    options = OffboardOptions(target=target, clear_partner_flag=target, dry_run=True)
    with surface.starter(NoProgress()) as starter:
        review = run_job(OffboardJob(), options, starter)
    if review.error is not None:
        raise review.error
    assert review.result is not None
    console = stderr()
    draw(review.result.blocks(), console)
    console.print()
    return str(typer.prompt("Type the partner's key to go on", err=True)).strip()
