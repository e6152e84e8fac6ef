"""`sfprm login`: who, which org, which edition and API version, and what is not allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from sfprm.blocks import Block, Table, Text
from sfprm.cli.surface import Surface, command

if TYPE_CHECKING:
    from sfprm.salesforce.identity import OrgIdentity
    from sfprm.salesforce.permissions import Lack, Need
    from sfprm.settings import Settings

_SETS = {
    "sfprm_run": "for the daily work",
    "sfprm_setup": "for `sfprm setup`, once",
}

_NOTES = {
    "not granted": "",
    "unknown": "this org has no such permission yet",
    "unreadable": "this org does not tell: look at the user's permission sets in Setup",
}


def add(app: typer.Typer) -> None:
    """Add the command to the program."""

    @command(app)
    def login(surface: Surface) -> None:
        """Try the login: who you are, in which org, and what you may not do that sfprm needs."""
        from contextlib import closing

        from sfprm.salesforce.flows import flow_of
        from sfprm.salesforce.permissions import lacking
        from sfprm.salesforce.session import open_session

        with closing(open_session(surface.settings, surface.clock)) as session:
            me = session.identity
            lacks = lacking(session, _needs(surface.settings))
            used = session.calls.allowance
            warnings = session.warnings
        lines = [
            f"{me.username} in {me.org_name} ({_kind(me)}, {me.organization_type}, {me.org_id})",
            f"{me.instance_url}, API version {me.api_version}, "
            f"login flow {flow_of(surface.settings)}",
        ]
        if used is not None:
            lines.append(f"{used[0]:,} of {used[1]:,} API calls used in the last 24 hours")
        surface.put(
            (Text(tuple(lines)), *_blocks(lacks)),
            {
                "username": me.username,
                "user_id": me.user_id,
                "org_id": me.org_id,
                "org_name": me.org_name,
                "organization_type": me.organization_type,
                "kind": _kind(me),
                "instance_url": me.instance_url,
                "api_version": me.api_version,
                "login_flow": flow_of(surface.settings),
                "is_sandbox": me.is_sandbox,
                "calls": None if used is None else {"used": used[0], "most": used[1]},
                "missing": [_as_json(lack) for lack in lacks],
            },
            warnings=warnings,
        )


def _needs(settings: Settings) -> tuple[Need, ...]:
    """Of the permission sets that `setup` would deploy: the programme's own, or those shipped."""
    from sfprm.salesforce.permissions import needs_in
    from sfprm.shipped import metadata_files

    files = metadata_files(settings.programme)
    found: list[Need] = []
    for name in _SETS:
        content = files.get(f"permissionsets/{name}.permissionset", b"")
        found += needs_in(content.decode("utf-8", errors="replace"), name)
    return tuple(found)


def _kind(me: OrgIdentity) -> str:
    return "embedded org" if me.is_embedded else "sandbox" if me.is_sandbox else "org"


def _blocks(lacks: tuple[Lack, ...]) -> tuple[Block, ...]:
    if not lacks:
        return (Text(("The user may do all that sfprm needs.",)),)
    blocks: list[Block] = []
    for name, purpose in _SETS.items():
        rows = tuple(
            (
                lack.need.label,
                lack.need.step,
                _NOTES[lack.why],
            )
            for lack in lacks
            if lack.need.permission_set == name
        )
        if rows:
            title = f"Missing {purpose}: assign the permission set {name} to this user"
            blocks.append(Table(("permission", "needed by", "note"), rows, title=title))
    return tuple(blocks)


def _as_json(lack: Lack) -> dict[str, str]:
    return {
        "permission": lack.need.key,
        "label": lack.need.label,
        "needed_by": lack.need.step,
        "permission_set": lack.need.permission_set,
        "why": lack.why,
    }
