"""What a check answers: items, each with a code, evidence, fix and the step that would fail."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sfprm.provisioning.checks.facts import Facts

__all__ = ["OK", "Check", "CheckItem", "CheckState", "Code", "ok", "some"]

_SHOWN = 5
OK = "ok"
"""The code of an item that is well."""


class CheckState(StrEnum):
    """How an item stands, best first.

    `note`: worth knowing. `manual`: nothing tells sfprm; a person must look. `warning`: some
    records may be refused, or come out other than the files say. `problem`: a step will fail.
    """

    OK = "ok"
    NOTE = "note"
    MANUAL = "manual"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One thing looked at.

    `name` says which thing, `found` is the evidence in words, `records` are the ids or names that
    it is about. `fix` is the next step and `step` what would fail without it; both are empty when
    ok.
    """

    code: str
    name: str
    state: CheckState
    found: str
    fix: str = ""
    step: str = ""
    records: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Code:
    """One fault that a check can find. `title` says what is wrong in general, `fix` what to do,
    `step` which command or step fails. `source` is where the rule is known from."""

    code: str
    state: CheckState
    title: str
    fix: str
    step: str
    source: str = ""

    def __call__(
        self, name: str, found: str, records: Iterable[str] = (), *, fix: str = ""
    ) -> CheckItem:
        """The fault, found. `fix` says more exactly what to do in this case."""
        return CheckItem(
            self.code, name, self.state, found, fix or self.fix, self.step, tuple(records)
        )


@dataclass(frozen=True, slots=True)
class Check:
    """One concept: its title, the codes that it can find, and the look itself."""

    title: str
    codes: tuple[Code, ...]
    look: Callable[[Facts], Iterator[CheckItem]]


def ok(name: str, found: str) -> CheckItem:
    """A thing that is well."""
    return CheckItem(OK, name, CheckState.OK, found)


def some(names: Iterable[str]) -> str:
    """The first five, and how many more."""
    listed = list(names)
    rest = len(listed) - _SHOWN
    words = ", ".join(listed[:_SHOWN])
    return f"{words} and {rest} more" if rest > 0 else words
