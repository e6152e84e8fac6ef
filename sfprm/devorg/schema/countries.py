"""Countries and states of the state and country picklists: ISO codes, and the names that
Salesforce begins with (from memory, unverified). States are listed for US, CA and AU only."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

__all__ = ["Country", "countries"]


@dataclass(frozen=True, slots=True)
class Country:
    """A country: its code, its name, and its states' names by code (none listed: empty)."""

    code: str
    name: str
    states: Mapping[str, str] = field(default_factory=dict)

    def state(self, text: str) -> tuple[str, str] | None:
        """Code and name of the state that a code or a name means, in any case."""
        wanted = text.strip().upper()
        for code, name in self.states.items():
            if wanted in (code, name.upper()):
                return code, name
        return None


@cache
def countries() -> Mapping[str, Country]:
    """All countries, by their code and by their name, in upper case."""
    file = resources.files("sfprm.devorg.schema") / "countries.csv"
    rows = csv.reader(file.read_text(encoding="utf-8").splitlines())
    next(rows)
    found: dict[str, Country] = {}
    states: dict[str, str] = {}
    for country, state, name in rows:
        if state:
            states[state] = name
        else:
            states = {}
            found[country] = found[name.upper()] = Country(country, name, states)
    return found
