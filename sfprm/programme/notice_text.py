"""Notices: their templates are parsed at load, so that no mail fails for a slip in a name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from jinja2 import TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import SandboxedEnvironment

from sfprm.programme.complaints import Complaints, did_you_mean
from sfprm.programme.model import Notice, NoticeText
from sfprm.programme.standard_fields import is_custom, standard_fields

if TYPE_CHECKING:
    from sfprm.programme.files import NoticeTextFile, RoutingFile
    from sfprm.programme.yaml_text import Path, Tree, Value

__all__ = ["OBJECTS", "TOP_NAMES", "build_notices", "names_read"]

TOP_NAMES = ("lead", "owner", "rule", "partner", "offer")
"""What a template may start a name with: `lead.Company`."""

DIGEST_NAMES = ("leads", "owner", "partner", "count")
"""The same for a text about several leads."""

OBJECTS = {"lead": "Lead", "owner": "User"}
"""Top names whose names are fields of an object, spelt as Salesforce spells them."""

_PARTS = {
    "rule": ("name",),
    "partner": ("key", "name"),
    "offer": ("number", "accept_by", "act_by", "pool"),
}


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
        parsed = SandboxedEnvironment().parse(text)
        names = meta.find_undeclared_variables(parsed)
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
    for top, name in _named(parsed):
        wrong = _unknown(top, name)
        if wrong is not None:
            said, hint = wrong
            at = max(0, text.find(f"{top}.{name}"))
            complaints.error(
                value.within(at, len(top) + 1 + len(name)), f"notice {key!r}, {part}: {said}", hint
            )


def names_read(text: str) -> list[tuple[str, str]]:
    """What a template that was checked reads of the top names: (`lead`, `Company`), in order."""
    return _named(SandboxedEnvironment().parse(text))


def _named(parsed: nodes.Template) -> list[tuple[str, str]]:
    """What is read of the top names, in order: `lead.Company`, `lead["Company"]`."""
    found: dict[tuple[str, str], None] = {}
    for node in parsed.find_all((nodes.Getattr, nodes.Getitem)):
        inner = node.node  # type: ignore[attr-defined]
        name = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)  # type: ignore[attr-defined]
        if isinstance(inner, nodes.Name) and isinstance(name, str):
            found[inner.name, name] = None
    return list(found)


def _unknown(top: str, name: str) -> tuple[str, str] | None:
    """What is wrong with a name, and a hint; None for one that may be known. Fields of the org's
    own end in __c, and are known to it alone."""
    if top in _PARTS:
        if name in _PARTS[top]:
            return None
        return f"{top} has no {name!r}.", did_you_mean(name, _PARTS[top]) or (
            f"It has {', '.join(_PARTS[top])}."
        )
    if top not in OBJECTS or is_custom(name):
        return None
    fields = {field.name for field in standard_fields(OBJECTS[top]).values()}
    if name in fields:
        return None
    hint = did_you_mean(name, fields) or "Custom fields end in __c; parents cannot be named."
    return f"{OBJECTS[top]} has no standard field {name!r}.", hint
