"""Whether the files are for this org at all (`only_for`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.errors import NotReady

if TYPE_CHECKING:
    from sfprm.estate.model import OrgFacts
    from sfprm.programme.model import Programme

__all__ = ["refuse_unmeant"]


def refuse_unmeant(programme: Programme, org: OrgFacts) -> None:
    """Raise NotReady when the files say that they are for other orgs than this. The embedded org is
    any kind, for trying."""
    kind = "sandbox" if org.is_sandbox else "production"
    if not programme.only_for or org.is_embedded or {kind, org.id} & {*programme.only_for}:
        return
    overlay = f" with overlay {programme.environment}" if programme.environment else ""
    raise NotReady(
        f"The files{overlay} are only for {', '.join(programme.only_for)}; "
        f"{org.name} ({org.id}) is a {kind} org.",
        hint="Choose another --environment, or log in to another org.",
    )
