"""What rules read beside the lead's own fields: look-ups, and who works its company already.

These are found once, when a decision begins, and kept with it as facts, so that the match can be
told and proved later without the tables.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sfprm.programme.meaning import SEVERAL, text_of
from sfprm.programme.model import StickyBy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.programme.lookup_model import Lookup
    from sfprm.programme.model import FieldValue, Routing
    from sfprm.routing.values import AtWork, LeadFacts

__all__ = ["Completer"]

_BY = {
    "company.by_email_domain": StickyBy.EMAIL_DOMAIN,
    "company.by_name": StickyBy.NAME,
    "company.by_account": StickyBy.ACCOUNT,
}


class Completer:
    """Adds to leads what this programme's rules and pools read of look-ups and companies."""

    def __init__(self, routing: Routing) -> None:
        paths = routing.paths_read()
        self._lookups: list[tuple[str, Lookup, int]] = []
        for name, lookup in routing.lookups.items():
            for at, column in enumerate(lookup.columns):
                path = lookup.path(column)
                if path in paths:
                    self._lookups.append((path, routing.lookups[name], at))
        self._company = tuple(path for path in paths if path.startswith("company."))
        self._found: dict[tuple[str, tuple[FieldValue, ...]], tuple[str, ...] | None] = {}

    @property
    def idle(self) -> bool:
        """Whether there is nothing to add to any lead."""
        return not self._lookups and not self._company

    def complete(self, lead: LeadFacts, at_work: Sequence[AtWork]) -> LeadFacts:
        """The lead with what is found; what it holds already stays as it is."""
        if self.idle:
            return lead
        added: dict[str, FieldValue] = {}
        for path, lookup, column in self._lookups:
            if path not in lead.fields:
                row = self._look_up(lookup, lead.fields)
                added[path] = row[column] if row is not None else None
        for path in self._company:
            if path not in lead.fields:
                added[path] = _company(path, at_work)
        return replace(lead, fields={**lead.fields, **added}) if added else lead

    def _look_up(self, lookup: Lookup, fields: Mapping[str, FieldValue]) -> tuple[str, ...] | None:
        values = tuple(fields.get(key) for key in lookup.keys)
        key = (lookup.name, values)
        if key not in self._found:
            if len(self._found) > 100_000:
                self._found.clear()
            self._found[key] = lookup.find([text_of(value) for value in values])
        return self._found[key]


def _company(path: str, at_work: Sequence[AtWork]) -> FieldValue:
    if path == "company.opportunity":
        found = [w.detail for w in at_work if w.kind == "opportunity"]
    else:
        by = _BY.get(path)
        found = [w.partner for w in at_work if w.partner and (by is None or by in w.by)]
    return SEVERAL.join(dict.fromkeys(found)) or None
