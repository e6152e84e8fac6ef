"""Notices: their templates are parsed at load, so that no mail fails for a slip in a name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from jinja2 import TemplateError, TemplateSyntaxError, meta
from jinja2.sandbox import SandboxedEnvironment

from sfprm.programme.complaints import Complaints, did_you_mean
from sfprm.programme.model import Notice, NoticeText

if TYPE_CHECKING:
    from sfprm.programme.files import NoticeTextFile, RoutingFile
    from sfprm.programme.yaml_text import Path, Tree, Value

__all__ = ["TOP_NAMES", "build_notices"]

TOP_NAMES = ("lead", "owner", "rule", "partner", "offer")
"""What a template may start a name with: `lead.Company`."""

DIGEST_NAMES = ("leads", "owner", "partner", "count")
"""The same for a text about several leads."""


def build_notices(file: RoutingFile, tree: Tree, complaints: Complaints) -> dict[str, Notice]:
    """Notices by key."""
    notices: dict[str, Notice] = {}
    for key, written in file.notices.items():
        path = ("notices", key)
        _check_both(key, written, tree, path, TOP_NAMES, complaints)
        for language, text in written.languages.items():
            _check_both(key, text, tree, (*path, "languages", language), TOP_NAMES, complaints)
        if written.digest is not None:
            _check_both(key, written.digest, tree, (*path, "digest"), DIGEST_NAMES, complaints)
        if (written.via == "webhook") is not (written.webhook is not None):
            complaints.error(
                tree.key(*path),
                f"notice {key!r}: via: webhook and webhook: NAME go together.",
                "NAME is one of the addresses in SFPRM_WEBHOOKS.",
            )
        notices[key] = Notice(
            key,
            written.subject,
            written.body,
            tree.key(*path).origin,
            languages=MappingProxyType(
                {name: NoticeText(t.subject, t.body) for name, t in written.languages.items()}
            ),
            via=written.via,
            webhook=written.webhook,
            digest=NoticeText(written.digest.subject, written.digest.body)
            if written.digest
            else None,
        )
    return notices


def _check_both(
    key: str,
    written: NoticeTextFile,
    tree: Tree,
    path: Path,
    known: tuple[str, ...],
    complaints: Complaints,
) -> None:
    for part, text in (("subject", written.subject), ("body", written.body)):
        _check(key, part, text, tree.at(*path, part), known, complaints)


def _check(
    key: str, part: str, text: str, value: Value, known: tuple[str, ...], complaints: Complaints
) -> None:
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
    for name in sorted(names - set(known)):
        complaints.error(
            value.within(max(0, text.find(name)), len(name)),
            f"notice {key!r}, {part}: nothing is known by the name {name!r}.",
            did_you_mean(name, known),
        )
