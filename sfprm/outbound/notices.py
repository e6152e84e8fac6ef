"""Notices: subject and body from the programme's templates.

Templates see plain values only: mappings, texts, numbers. They run in a sandbox where nothing can
be called but the filters named here, names that start with `_` are refused, and a name that is
not there is an error, not an empty place in a mail. Loading has checked syntax and top names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, UndefinedError
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sfprm.errors import BadRequest

if TYPE_CHECKING:
    from sfprm.programme.model import Notice

__all__ = ["BadTemplate", "Mail", "render", "render_digest"]

MOST_CHARACTERS = 30_000
"""Of one rendered text; Salesforce's e-mail action takes about that much."""

FILTERS = (
    "capitalize", "default", "first", "float", "int", "join", "last", "length", "lower", "replace",
    "round", "title", "trim", "truncate", "upper",
)  # fmt: skip
"""What a template may pipe through: nothing that can grow a text without end."""

_LINE_ENDS = re.compile(r"[\r\n]+")


class BadTemplate(BadRequest):
    """A notice cannot be rendered: its template and the name at fault are said."""

    hint = "Correct the notice in routing.yaml; templates may use lead, owner, rule and partner."


@dataclass(frozen=True, slots=True)
class Mail:
    """A rendered notice. `subject` is one line."""

    subject: str
    body: str


class _Sandbox(ImmutableSandboxedEnvironment):
    """No calls and no attributes of Python objects: a dot reads a key of a mapping."""

    intercepted_binops = frozenset({"*", "**", "//", "/", "%", "-"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        raise SecurityError(f"a notice cannot reckon ({operator})")

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self._key(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return self._key(obj, argument)

    def _key(self, obj: Any, key: Any) -> Any:
        if isinstance(obj, Mapping) and isinstance(key, str) and not key.startswith("_"):
            if key in obj:
                return obj[key]
            return self.undefined(obj=obj, name=key)
        if isinstance(obj, (list, tuple)) and isinstance(key, int):
            return obj[key] if -len(obj) <= key < len(obj) else self.undefined(name=str(key))
        if isinstance(obj, Undefined):
            return obj  # says its own name when used
        raise SecurityError(f"{key!r} of a {type(obj).__name__} is not readable in a notice")

    def call(self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        raise SecurityError("a notice cannot call anything; use filters")


def _environment() -> _Sandbox:
    environment = _Sandbox(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    # `range` and its like could fill the memory
    environment.globals.clear()
    environment.filters = {name: environment.filters[name] for name in FILTERS}
    return environment


def render(notice: Notice, values: Mapping[str, Mapping[str, Any]], language: str = "") -> Mail:
    """The mail for one event, in the language where the notice has it (`pt_BR`, else `pt`, else its
    own text). `values` by top name: lead, owner, rule, partner, offer.

    None prints as nothing. Raises BadTemplate naming the notice, the part and the name at fault.
    """
    shown = {name: _printable(value) for name, value in values.items()}
    text = notice.languages.get(language) or notice.languages.get(language.partition("_")[0])
    subject, body = (text.subject, text.body) if text else (notice.subject, notice.body)
    return _mail(notice, "", subject, body, shown)


DIGEST_SUBJECT = "{{ count }} leads are yours now"
DIGEST_BODY = """\
Hello {{ owner.Name }},

these leads are yours now:

{% for lead in leads %}- {{ lead.Name }}, {{ lead.Company }}
{% endfor %}"""
"""What is said of several leads when the notice has no text for that."""


def render_digest(
    notice: Notice, values: Mapping[str, Mapping[str, Any]], leads: Sequence[Mapping[str, Any]]
) -> Mail:
    """The mail about several leads of one owner: over `leads`, `count`, owner and partner."""
    shown: dict[str, Any] = {name: _printable(value) for name, value in values.items()}
    shown |= {"leads": _printable(list(leads)), "count": len(leads)}
    text = notice.digest
    subject, body = (text.subject, text.body) if text else (DIGEST_SUBJECT, DIGEST_BODY)
    return _mail(notice, "digest ", subject, body, shown)


def _mail(notice: Notice, what: str, subject: str, body: str, shown: Mapping[str, Any]) -> Mail:
    first = _rendered(notice, f"{what}subject", subject, shown)
    return Mail(_LINE_ENDS.sub(" ", first).strip(), _rendered(notice, f"{what}body", body, shown))


def _printable(value: Any) -> Any:
    """Mappings and lists of plain values; None becomes '' so that no mail says None."""
    if isinstance(value, Mapping):
        return MappingProxyType({str(key): _printable(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple(_printable(item) for item in value)
    if value is None:
        return ""
    return value if isinstance(value, (str, int, float, bool)) else str(value)


def _rendered(notice: Notice, part: str, text: str, values: Mapping[str, Any]) -> str:
    try:
        template = _environment().from_string(text)
        pieces: list[str] = []
        length = 0
        for piece in template.generate(**values):
            length += len(piece)
            if length > MOST_CHARACTERS:
                raise BadTemplate(
                    f"{notice.origin}: notice {notice.key!r}, {part}: longer than "
                    f"{MOST_CHARACTERS:,} characters when rendered."
                )
            pieces.append(piece)
        return "".join(pieces)
    except (TemplateError, TypeError, ValueError, ArithmeticError, MemoryError) as error:
        raise _said(notice, part, error) from None


def _said(notice: Notice, part: str, error: Exception) -> BadTemplate:
    what = str(error).rstrip(".") or type(error).__name__
    if isinstance(error, UndefinedError):
        found = re.search(r"'([^']+)' is undefined|has no attribute '([^']+)'", what)
        name = (found.group(1) or found.group(2)) if found else what
        what = f"nothing is known by the name {name!r}"
    elif isinstance(error, TemplateSyntaxError):
        what = f"line {error.lineno}: {what}"
    return BadTemplate(f"{notice.origin}: notice {notice.key!r}, {part}: {what}.")
