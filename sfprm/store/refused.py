"""Writes that the org's own automation refused or turned, counted by its name.

The journal keeps the org's words. Triggers and flows name themselves in them; validation rules do
not, so theirs are told by their text, and by name where the caller knows the names. Sources of the
forms: operations.md, rules 12, 13 and 19; texts of triggers and flows as recorded, of validation
rules as documented.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.store.records import WriteState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sfprm.store.api import StoreReader

__all__ = ["MERGED", "GivenOn", "RefusedBy", "given_on_by", "name_of", "refused_by"]

_CODE = re.compile(r"([A-Z][A-Z0-9_]{3,}): (.*)", re.DOTALL)
_FIELDS = re.compile(r" \[[\w, ]+\]\Z")
_FLOW = re.compile(r"because the [“\"'](.+?)[”\"'] process failed")
_TRIGGER = re.compile(r"(?:\w+\.)?(\w+): execution of ")
_GIVEN_ON = re.compile(r"(.+) gave it to (.+) meanwhile\Z", re.DOTALL)
_LOCKS = {"ENTITY_IS_LOCKED": "an approval", "UNABLE_TO_LOCK_ROW": "another change at that moment"}
_GONE = ("ENTITY_IS_DELETED", "CANNOT_UPDATE_CONVERTED_LEAD")
AUTOMATION = "an automation of the org"
"""What the words of a decision begin with that a flow, trigger or other router turned; who may have
done it follows in brackets."""
MERGED = "merged into"
"""What the words of a decision begin with whose lead was merged away; the survivor's id follows."""
_TAKERS = re.compile(rf"{AUTOMATION} \((.+)\) gave it to ", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RefusedBy:
    """One automation. `kind` (`trigger`, `flow`, `validation rule`, `lock`, `duplicate rule`,
    `turned`, or the org's code) and `name`; `writes` it refused, of so many `leads`; the last one.
    """

    kind: str
    name: str
    writes: int
    leads: int
    last: datetime


def name_of(words: str, rules: Mapping[str, str] | None = None) -> tuple[str, str] | None:
    """Kind and name, from the words that the journal keeps; None when no automation of the org did
    it: the lead was deleted or converted, or a person was there first. `rules`: names of validation
    rules by their text."""
    if words.startswith(AUTOMATION):
        takers = _TAKERS.match(words)
        return "turned", takers.group(1) if takers else "flow, trigger or another router"
    match = _CODE.match(words)
    if match is None or match.group(1) in _GONE:
        return None
    code, said = match.groups()
    if code == "CANNOT_EXECUTE_FLOW_TRIGGER":
        flow = _FLOW.search(said)
        return "flow", flow.group(1) if flow else _short(said)
    if code == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY":
        trigger = _TRIGGER.match(said)
        return ("trigger", trigger.group(1)) if trigger else (code, _short(said))
    if code == "FIELD_CUSTOM_VALIDATION_EXCEPTION":
        text = _FIELDS.sub("", said.partition("; FIELD_CUSTOM")[0]).strip()
        return "validation rule", (rules or {}).get(text) or f"“{_short(text)}”"
    if code in _LOCKS:
        return "lock", _LOCKS[code]
    if code == "DUPLICATES_DETECTED":
        return "duplicate rule", _short(said)
    return code, _short(said)


def refused_by(
    reader: StoreReader, since: datetime, rules: Mapping[str, str] | None = None
) -> tuple[RefusedBy, ...]:
    """Who refused or turned our writes from then on; most writes first."""
    states = (WriteState.REFUSED, WriteState.OVERTAKEN)
    writes: Counter[tuple[str, str]] = Counter()
    leads: dict[tuple[str, str], set[str]] = {}
    last: dict[tuple[str, str], datetime] = {}
    for entry in reader.entries(states=states, since=since):
        found = name_of(entry.message, rules)
        if found is None:
            continue
        writes[found] += 1
        leads.setdefault(found, set()).add(entry.lead)
        last[found] = max(entry.decided_at, last.get(found, entry.decided_at))
    return tuple(
        RefusedBy(*found, count, len(leads[found]), last[found])
        for found, count in sorted(writes.items(), key=lambda item: (-item[1], item[0]))
    )


@dataclass(frozen=True, slots=True)
class GivenOn:
    """Who gave leads to somebody else between our decision and its confirmation; the last time."""

    name: str
    leads: int
    last: datetime


def given_on_by(reader: StoreReader, since: datetime) -> tuple[GivenOn, ...]:
    """Users who gave a lead on after it was decided and before it was seen with its new owner, most
    leads first: people, or integrations with a user of their own. Who took one for themselves is
    left out."""
    leads: dict[str, set[str]] = {}
    last: dict[str, datetime] = {}
    for entry in reader.entries(states=(WriteState.OVERTAKEN,), since=since):
        match = _GIVEN_ON.match(entry.message)
        if match is None or match.group(1) == match.group(2):
            continue
        name = match.group(1).rpartition(": ")[2]
        leads.setdefault(name, set()).add(entry.lead)
        last[name] = max(entry.decided_at, last.get(name, entry.decided_at))
    return tuple(
        GivenOn(name, len(found), last[name])
        for name, found in sorted(leads.items(), key=lambda item: (-len(item[1]), item[0]))
    )


def _short(text: str, most: int = 80) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
