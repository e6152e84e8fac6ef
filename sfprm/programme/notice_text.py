"""Notices: their templates are parsed at load, so that no mail fails for a slip in a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import TemplateError, TemplateSyntaxError, meta
from jinja2.sandbox import SandboxedEnvironment

from sfprm.programme.complaints import Complaints, did_you_mean
from sfprm.programme.model import Notice

if TYPE_CHECKING:
    from sfprm.programme.files import RoutingFile
    from sfprm.programme.yaml_text import Tree, Value

__all__ = ["TOP_NAMES", "build_notices"]

TOP_NAMES = ("lead", "owner", "rule", "partner")
"""What a template may start a name with: `lead.Company`."""


def build_notices(file: RoutingFile, tree: Tree, complaints: Complaints) -> dict[str, Notice]:
    """Notices by key."""
    notices: dict[str, Notice] = {}
    for key, written in file.notices.items():
        for part, text in (("subject", written.subject), ("body", written.body)):
            _check(key, part, text, tree.at("notices", key, part), complaints)
        origin = tree.key("notices", key).origin
        notices[key] = Notice(key, written.subject, written.body, origin)
    return notices


def _check(key: str, part: str, text: str, value: Value, complaints: Complaints) -> None:
    try:
        # rendering is done by sfprm.outbound.notices; here nothing is run
        names = meta.find_undeclared_variables(SandboxedEnvironment().parse(text))
    except TemplateSyntaxError as error:
        said = str(error.message or "not a template").rstrip(".")
        complaints.error(value.place, f"notice {key!r}, {part}, line {error.lineno}: {said}.")
        return
    except (TemplateError, ValueError, RecursionError) as error:
        complaints.error(value.place, f"notice {key!r}, {part}: not a template: {error}.")
        return
    for name in sorted(names - set(TOP_NAMES)):
        complaints.error(
            value.within(max(0, text.find(name)), len(name)),
            f"notice {key!r}, {part}: nothing is known by the name {name!r}.",
            did_you_mean(name, TOP_NAMES),
        )
