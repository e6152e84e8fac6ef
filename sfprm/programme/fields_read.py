"""Whether the Lead fields that rules and conditions read can be read so.

At load only standard fields are known; `check_against_describe` knows the org's.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from sfprm.errors import Complaint
from sfprm.programme.complaints import Complaints, Place, did_you_mean
from sfprm.programme.conditions import Constant, LeadField
from sfprm.programme.model import Operator
from sfprm.programme.paths import Source, path_of
from sfprm.programme.standard_fields import is_custom, standard_fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.programme.conditions import Comparison, Condition, Operand
    from sfprm.programme.model import Criterion, Origin, Programme

__all__ = [
    "check_against_describe",
    "check_comparison",
    "check_criterion",
    "heads_read",
    "spelt",
    "standard_types",
]

_NUMBERS = frozenset({"int", "double", "currency", "percent", "long"})
_DATES = frozenset({"date", "datetime", "time"})
_ORDER = frozenset(
    {
        Operator.LESS_THAN,
        Operator.GREATER_THAN,
        Operator.LESS_OR_EQUAL,
        Operator.GREATER_OR_EQUAL,
    }
)
_EQUAL = frozenset({Operator.EQUALS, Operator.NOT_EQUAL})
_TEXT = frozenset({Operator.CONTAINS, Operator.NOT_CONTAIN, Operator.STARTS_WITH})
_LISTS = frozenset({Operator.INCLUDES, Operator.EXCLUDES})
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?")
_NUMBER = re.compile(r"(?:[A-Za-z]{3} )?[+-]?(\d+(\.\d*)?|\.\d+)")


def standard_types() -> Mapping[str, str]:
    """Type of each standard Lead field, by lower-case name."""
    return {name: field.type for name, field in standard_fields("Lead").items()}


def _allowed(type_: str) -> frozenset[Operator]:
    """The operators that Salesforce's filters offer for a field type (unverified)."""
    if type_ in _NUMBERS or type_ in _DATES:
        return _EQUAL | _ORDER
    if type_ == "boolean":
        return _EQUAL
    if type_ == "multipicklist":
        return _EQUAL | _TEXT | _LISTS
    if type_ in ("location", "address"):
        return frozenset()
    return _EQUAL | _TEXT | _ORDER


def _unknown(field: str, types: Mapping[str, str], *, whole: bool) -> tuple[str, str] | None:
    """Message and hint for a field that is not among the known; None when it may exist."""
    if "." in field:  # checked by `check_paths`, against the objects that it leads to
        return None
    if field.lower() in types or (is_custom(field) and not whole):
        return None
    kind = "field" if whole else "standard field"
    hint = did_you_mean(field, [spelt(name) for name in types])
    if not hint and not whole:
        hint = "Custom fields end in __c."
    return f"Lead has no {kind} {field!r}.", hint


def spelt(name: str) -> str:
    """A Lead field's name as Salesforce spells it, where that is known; letter case is free."""
    standard = standard_fields("Lead").get(name.lower())
    return standard.name if standard is not None else name


def check_criterion(
    criterion: Criterion,
    place: Place,
    types: Mapping[str, str],
    complaints: Complaints,
    *,
    whole: bool = False,
) -> None:
    """Complain when field, operator or values do not fit. `whole`: `types` are all the org's."""
    unknown = _unknown(criterion.field, types, whole=whole)
    if unknown is not None:
        complaints.error(place, *unknown)
        return
    type_ = types.get(criterion.field.lower())
    if type_ is None:
        return
    allowed = _allowed(type_)
    if criterion.operator not in allowed:
        complaints.error(
            place,
            f"{criterion.operator.value} does not go with Lead.{criterion.field} ({type_}).",
            f"It takes {', '.join(op.value for op in Operator if op in allowed)}."
            if allowed
            else "Rules cannot read this field.",
        )
        return
    for value in criterion.values:
        _check_value(criterion.field, type_, value, place, complaints)


def _check_value(field: str, type_: str, value: str, place: Place, complaints: Complaints) -> None:
    wanted = ""
    if type_ in _NUMBERS and not _NUMBER.fullmatch(value):
        wanted = "a number, without thousands separators"
    elif type_ == "boolean" and value.lower() not in ("true", "false", "0", "1"):
        wanted = "True or False"
    elif type_ in ("date", "datetime") and not _DATE.fullmatch(value):
        wanted = "a date such as 2026-11-23"
    if wanted:
        complaints.error(
            place, f"{value!r} is no value for Lead.{field} ({type_}).", f"Write {wanted}."
        )


def check_comparison(
    comparison: Comparison,
    place: Place,
    types: Mapping[str, str],
    complaints: Complaints,
    *,
    whole: bool = False,
) -> None:
    """The same for one comparison of a condition."""
    for side, other in (
        (comparison.left, comparison.right),
        (comparison.right, comparison.left),
    ):
        if not isinstance(side, LeadField):
            continue
        unknown = _unknown(side.name, types, whole=whole)
        if unknown is not None:
            complaints.error(place, *unknown)
            continue
        _check_comparable(comparison, side, other, types.get(side.name.lower()), place, complaints)


def _check_comparable(
    comparison: Comparison,
    side: LeadField,
    other: Operand,
    type_: str | None,
    place: Place,
    complaints: Complaints,
) -> None:
    if type_ is None:
        return
    if type_ == "boolean" and comparison.op not in ("==", "!="):
        complaints.error(
            place, f"{comparison.op} does not go with Lead.{side.name} (boolean).", "Use == or !=."
        )
    if type_ in _NUMBERS and isinstance(other, Constant) and isinstance(other.value, str):
        _check_value(side.name, type_, other.value, place, complaints)


def check_against_describe(
    programme: Programme,
    fields: Mapping[str, str],
    beyond: Mapping[str, Mapping[str, str]] | None = None,
) -> list[Complaint]:
    """What rules and conditions read that this org does not have, or not of that type.

    `fields`: type of each Lead field that the agent can see, by lower-case API name. `beyond`: the
    same of the objects that paths lead to, by lower-case head (`partneraccount`, `region__r`,
    `campaign`, `campaign.member`; see `heads_read`); heads that are missing there are not checked.
    """
    complaints = Complaints()
    reached = beyond or {}
    for claim in programme.routing.all_claims:
        _check_criteria(claim.criteria, fields, reached, complaints)
    for rule in programme.routing.all_rules:
        _check_criteria(rule.criteria, fields, reached, complaints)
        for line in rule.partner_criteria:
            place = Place(line.origin.file, line.origin.line, excerpt=line.text)
            check_comparison(line.comparison, place, fields, complaints, whole=True)
        _check_condition(rule.eligible_when, rule.eligible_at or rule.origin, fields, complaints)
    for pool in programme.routing.pools.values():
        _check_condition(pool.eligible_when, pool.eligible_at or pool.origin, fields, complaints)
        if pool.competitors is not None:
            place = Place(pool.origin.file, pool.origin.line, excerpt=pool.competitors)
            unknown = _unknown(pool.competitors, fields, whole=True)
            if unknown is not None:
                complaints.error(place, *unknown)
    for lookup in programme.routing.lookups.values():
        for key in lookup.keys:
            unknown = _unknown(key, fields, whole=True)
            if unknown is not None:
                place = Place(lookup.origin.file, lookup.origin.line, excerpt=key)
                complaints.error(place, *unknown)
    return complaints.errors


def _check_criteria(
    criteria: Sequence[Criterion],
    fields: Mapping[str, str],
    reached: Mapping[str, Mapping[str, str]],
    complaints: Complaints,
) -> None:
    for criterion in criteria:
        origin = criterion.origin
        place = Place(origin.file, origin.line, excerpt=criterion.text)
        path = _reached(criterion.field, reached, place, complaints)
        if path is not None:
            name, types = path
            made = replace(criterion, field=name)
            check_criterion(made, place, types, complaints, whole=True)
        else:
            check_criterion(criterion, place, fields, complaints, whole=True)


def _check_condition(
    condition: Condition | None,
    origin: Origin,
    fields: Mapping[str, str],
    complaints: Complaints,
) -> None:
    if condition is None:
        return
    place = Place(origin.file, origin.line, excerpt=condition.text)
    for comparison in condition.comparisons:
        check_comparison(comparison, place, fields, complaints, whole=True)


def heads_read(programme: Programme) -> tuple[str, ...]:
    """Heads of the paths that lead beyond the lead, in lower case and sorted: parents by the name
    of the relationship, `campaign`, `campaign.member`."""
    found = set()
    for text in programme.routing.paths_read():
        path = path_of(text)
        if path is not None and path.source is Source.PARENT:
            found.add(path.steps[0].lower())
        elif path is not None and path.source is Source.CAMPAIGN:
            found.add("campaign.member" if path.steps[0] == "Member" else "campaign")
    return tuple(sorted(found))


def _reached(
    field: str, beyond: Mapping[str, Mapping[str, str]], place: Place, complaints: Complaints
) -> tuple[str, Mapping[str, str]] | None:
    """The last step of a path and the fields of the object that has it; None where that is the
    lead, or is not known, or the path goes on from there."""
    path = path_of(field)
    if path is None or path.source not in (Source.PARENT, Source.CAMPAIGN):
        return None
    steps = path.steps
    if path.source is Source.CAMPAIGN:
        member = steps[0] == "Member"
        head, rest = ("campaign.member", steps[1:]) if member else ("campaign", steps)
    else:
        head, rest = steps[0].lower(), steps[1:]
    types = beyond.get(head)
    if types is None or len(rest) != 1:
        return None
    if rest[0].lower() not in types:
        complaints.error(
            place, f"{field!r}: {head} has no field {rest[0]!r}.", did_you_mean(rest[0], types)
        )
        return None
    return rest[0], types
