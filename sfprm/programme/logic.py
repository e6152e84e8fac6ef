"""Filter logic over numbered criteria: `1 AND (2 OR NOT 3)`, as Salesforce writes it.

Numbers start at 1. Only values here; `sfprm.programme.logic_text` parses,
`sfprm.routing.match` evaluates.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ref:
    """The criterion of that number, from 1."""

    number: int


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Logic


@dataclass(frozen=True, slots=True)
class And:
    """All parts."""

    parts: tuple[Logic, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part."""

    parts: tuple[Logic, ...]


Logic = Ref | Not | And | Or
