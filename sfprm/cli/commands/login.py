"""`sfprm login`: who, which org, which API version."""

from __future__ import annotations

import typer

from sfprm.blocks import Text
from sfprm.cli.surface import Surface, command


def add(app: typer.Typer) -> None:
    """Add the command to the program."""

    @command(app)
    def login(surface: Surface) -> None:
        """Try the login, and say who you are and in which org."""
        from contextlib import closing

        from sfprm.salesforce.session import open_session

        with closing(open_session(surface.settings, surface.clock)) as session:
            me = session.identity
            used = session.calls.allowance
        kind = "embedded org" if me.is_embedded else "sandbox" if me.is_sandbox else "org"
        lines = [
            f"{me.username} in {me.org_name} ({kind}, {me.organization_type}, {me.org_id})",
            f"{me.instance_url}, API version {me.api_version}",
        ]
        if used is not None:
            lines.append(f"{used[0]:,} of {used[1]:,} API calls used in the last 24 hours")
        surface.put(
            (Text(tuple(lines)),),
            {
                "username": me.username,
                "user_id": me.user_id,
                "org_id": me.org_id,
                "org_name": me.org_name,
                "instance_url": me.instance_url,
                "api_version": me.api_version,
                "is_sandbox": me.is_sandbox,
            },
        )
