"""Rules as routing.yaml writes them, and how two lists of rules differ, line by line."""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from sfprm.distribution.native_rules import criterion_text, logic_text, plain_logic
from sfprm.programme.model import LeaveAlone, ToPool, ToQueue, ToUser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfprm.programme.model import Rule, Target

__all__ = ["Line", "compared", "one_line", "rules_yaml"]

Line = tuple[str, str]
"""A sign (`=`, `-` only in the org, `+` only in the programme) and a rule in one line."""


def rules_yaml(rules: Sequence[Rule], problems: Sequence[str] = ()) -> str:
    """`rules:` as YAML; problems as remarks above it, so that nothing goes unsaid."""
    lines = [f"# not said here: {problem}" for problem in problems]
    lines.append("rules:" if rules else "rules: []")
    for rule in rules:
        lines.append(f"  - name: {_text(rule.name)}")
        if rule.criteria:
            lines.append("    when:")
            lines += [f"      - {_text(criterion_text(c))}" for c in rule.criteria]
        if rule.logic is not None:
            lines.append(f"    logic: {logic_text(rule.logic)}")
        lines.append(f"    assign: {_target(rule.target)}")
        if rule.notify is not None:
            lines.append(f"    notify: {rule.notify}")
        if rule.native:
            inside = ", ".join(f"{key}: {_text(value)}" for key, value in rule.native.items())
            lines.append(f"    native: {{{inside}}}")
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    """A YAML scalar in double quotes, which are JSON's."""
    return json.dumps(text, ensure_ascii=False)


def _target(target: Target) -> str:
    match target:
        case ToUser(username):
            return f"{{user: {_text(username)}}}"
        case ToQueue(queue):
            return f"{{queue: {_text(queue)}}}"
        case ToPool(pool):
            return f"{{pool: {pool}}}"
        case LeaveAlone():
            return "{leave: true}"
        case _:
            raise AssertionError(target)


def one_line(rule: Rule) -> str:
    """`Country equals PT; Rating equals Hot → queue Partner leads`; the same line for rules of the
    same meaning."""
    when = "; ".join(criterion_text(c) for c in rule.criteria) or "every lead"
    plain = plain_logic(rule.logic, len(rule.criteria))
    logic = f" ({logic_text(plain)})" if plain is not None else ""
    beside = "".join(f", {key} {value}" for key, value in rule.native.items())
    match rule.target:
        case ToUser(username):
            to = f"user {username}"
        case ToQueue(queue):
            to = f"queue {queue}"
        case ToPool(pool):
            to = f"pool {pool}"
        case _:
            to = "stays"
    return f"{when}{logic} → {to}{beside}"


def compared(org: Sequence[Rule], programme: Sequence[Rule]) -> tuple[Line, ...]:
    """The org's rules beside the programme's, in order."""
    mine, theirs = [one_line(rule) for rule in org], [one_line(rule) for rule in programme]
    found: list[Line] = []
    for kind, a, b, c, d in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        if kind == "equal":
            found += [("=", text) for text in mine[a:b]]
        else:
            found += [("-", text) for text in mine[a:b]]
            found += [("+", text) for text in theirs[c:d]]
    return tuple(found)
