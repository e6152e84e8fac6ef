"""What the readers of routing.yaml share: where they are, and the texts that many keys hold."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from sfprm.programme.calendar_text import parse_hours
from sfprm.programme.complaints import did_you_mean
from sfprm.programme.condition_text import parse_condition, parse_partner_criterion
from sfprm.programme.conditions import Comparison, Condition, Constant, LeadField, PartnerAttribute
from sfprm.programme.fields_read import check_comparison, standard_types
from sfprm.programme.paths import CAMPAIGNS, COMPANY_PATHS, PARENTS, Source, path_of
from sfprm.programme.text_error import TextError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfprm.programme.calendar_model import Calendar
    from sfprm.programme.complaints import Complaints, Place
    from sfprm.programme.conditions import Operand
    from sfprm.programme.lookup_model import Lookup
    from sfprm.programme.names import Names
    from sfprm.programme.yaml_text import Tree, Value

__all__ = ["BUILT_IN_ATTRIBUTES", "Sheet"]

Parsed = TypeVar("Parsed")

BUILT_IN_ATTRIBUTES = ("tier", "key", "name", "manager")
"""What conditions may read of every partner."""


@dataclass(slots=True)
class Sheet:
    """routing.yaml being read: its tree, what is declared, and where complaints go.

    `broken` are look-ups and calendars that have been complained about: whoever refers to one is
    not at fault.
    """

    tree: Tree
    names: Names
    complaints: Complaints
    lookups: dict[str, Lookup] = field(default_factory=dict)
    calendars: dict[str, Calendar] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def parsed(self, parse: Callable[[str], Parsed], text: str, value: Value) -> Parsed | None:
        """What the text says; None after a complaint."""
        try:
            return parse(text)
        except TextError as error:
            place = value.within(error.offset, error.width)
            self.complaints.error(place, f"{error.message}.", error.advice)
            return None

    def notice(self, key: str | None, *path: str | int) -> str | None:
        """The key of a notice; complains when none is named so."""
        if key is not None and key not in self.names.notices:
            self.complaints.error(
                self.tree.at(*path).place,
                f"no notice is named {key!r}.",
                did_you_mean(key, self.names.notices, self.names.notices)
                or "Declare it below `notices:`.",
            )
        return key

    def path(self, written: str, place: Place) -> str | None:
        """What is read, as facts are kept by; None after a complaint."""
        path = path_of(written)
        if path is None:
            self._no_such_path(written, place)
            return None
        if path.source is not Source.LOOKUP:
            return path.text
        table = self.lookups.get(path.steps[0])
        if table is None and path.steps[0] in self.broken:
            return path.text
        if table is None:
            self.complaints.error(
                place,
                f"no look-up is named {path.steps[0]!r}.",
                did_you_mean(path.steps[0], self.lookups) or "Declare it below `lookups:`.",
            )
            return None
        column = path.steps[1] if len(path.steps) > 1 else table.columns[0]
        if column not in table.columns or (len(path.steps) == 1 and len(table.columns) > 1):
            known = ", ".join(f"lookup.{table.name}.{name}" for name in table.columns)
            what = "does not say which column" if len(path.steps) == 1 else "names no column of it"
            self.complaints.error(place, f"{written!r} {what}.", f"Known: {known}.")
            return None
        return table.path(column)

    def _no_such_path(self, written: str, place: Place) -> None:
        head = written.split(".")[0]
        if head.lower() == "company":
            hint = f"Known: {', '.join(COMPANY_PATHS)}."
        else:
            heads = ("Lead", "lookup", "company", *PARENTS, *CAMPAIGNS)
            hint = did_you_mean(head, heads) or f"Known: {', '.join(heads)}, and …__r."
        self.complaints.error(place, f"{written!r} reads nothing that there is.", hint)

    def condition(self, text: str, value: Value) -> Condition | None:
        """A condition between partner and lead; None after a complaint."""
        condition = self.parsed(parse_condition, text, value)
        if condition is None:
            return None
        return replace(
            condition,
            comparisons=tuple(
                self._comparison(each, text, value) for each in condition.comparisons
            ),
        )

    def partner_criterion(self, text: str, value: Value) -> Comparison | None:
        """A criterion on partners; None after a complaint."""
        found = self.parsed(parse_partner_criterion, text, value)
        return None if found is None else self._comparison(found, text, value)

    def _comparison(self, comparison: Comparison, text: str, value: Value) -> Comparison:
        known = (*BUILT_IN_ATTRIBUTES, *sorted(self.names.attributes))
        at = text.find(comparison.text)
        place = value.within(max(0, at), len(comparison.text))
        sides: list[Operand] = []
        for side, other in (
            (comparison.left, comparison.right),
            (comparison.right, comparison.left),
        ):
            if isinstance(side, LeadField):
                sides.append(LeadField(self.path(side.name, place) or side.name))
                continue
            sides.append(side)
            if not isinstance(side, PartnerAttribute):
                continue
            where = value.within(max(0, text.find(f"partner.{side.name}")), len(side.name) + 8)
            if side.name not in known:
                self.complaints.error(
                    where,
                    f"partners have no attribute {side.name!r}.",
                    did_you_mean(side.name, known)
                    or f"A column partner.{side.name} in the partners' file makes it one.",
                )
            elif side.name == "tier" and isinstance(other, Constant):
                self._check_tier(str(other.value), place)
        made = replace(comparison, left=sides[0], right=sides[1])
        check_comparison(made, place, standard_types(), self.complaints)
        return made

    def _check_tier(self, tier: str, place: Place) -> None:
        if tier not in self.names.tiers:
            self.complaints.error(
                place,
                f"{tier!r} is not one of the tiers.",
                did_you_mean(tier, self.names.tiers) or "List the `tiers:` in programme.yaml.",
            )

    def hours(self, text: str | None, *path: str | int, zone: str | None = None) -> Calendar | None:
        """A calendar's name, or hours as they are written; None when neither is."""
        if text is None:
            return None
        if text in self.calendars:
            return self.calendars[text]
        if text in self.broken:
            return None
        value = self.tree.at(*path)
        if not any(c.isdigit() for c in text) and text.strip().lower() != "always":
            self.complaints.error(
                value.place,
                f"no calendar is named {text!r}.",
                did_you_mean(text, self.calendars)
                or "Declare it below `calendars:`, or write: Mon-Fri 09:00-18:00 Europe/Lisbon",
            )
            return None
        return self.parsed(lambda t: parse_hours(t, zone), text, value)
