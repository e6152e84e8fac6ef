"""What a migration asks the org: its words for values, and accounts that look like new partners."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sfprm.errors import BadRequest
from sfprm.programme.complaints import did_you_mean
from sfprm.programme.model import PortalRole
from sfprm.provisioning.adopt_doubts import bare_name, look_alikes
from sfprm.salesforce.describe import describe
from sfprm.salesforce.query import count, select
from sfprm.salesforce.soql import Query, eq, like

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.programme.model import Programme
    from sfprm.provisioning.migrate_mapping import Mapping_
    from sfprm.salesforce.describe import FieldDescribe
    from sfprm.salesforce.session import Session

__all__ = ["Words", "alike_in", "effective", "words_of"]

_CODED = {
    "Account.BillingCountry": "Account.BillingCountryCode",
    "Account.BillingState": "Account.BillingStateCode",
    "Account.ShippingCountry": "Account.ShippingCountryCode",
    "Account.ShippingState": "Account.ShippingStateCode",
}
"""Fields that an org with state and country picklists writes by code (operations.md, rule 17)."""
MOST_READ = 20_000
"""Accounts that are read whole for looking names up; more are asked for by their first letters."""
_OBJECTS = ("Account", "Contact", "User")


def effective(mapping: Mapping_, session: Session) -> Mapping_:
    """The mapping with countries and states by code where this org has codes."""
    told = describe(session, "Account")
    if told is None:
        return mapping
    coded = {t: c for t, c in _CODED.items() if told.field(c.partition(".")[2]) is not None}
    return replace(
        mapping,
        columns={column: coded.get(t, t) for column, t in mapping.columns.items()},
        defaults={coded.get(t, t): text for t, text in mapping.defaults.items()},
        values={coded.get(t, t): words for t, words in mapping.values.items()},
    )


@dataclass(frozen=True, slots=True)
class Words:
    """The org's and the programme's words for values. `fields` by target (`Account.Phone`)."""

    fields: Mapping[str, FieldDescribe]
    tiers: tuple[str, ...]

    def code(self, target: str, text: str) -> str | None:
        """The org's value for a text; None where it has none."""
        if target == "partner.tier":
            return _among(text, self.tiers) if self.tiers else text
        if target == "person.role":
            return _among(text, [*PortalRole, "User"])
        told = self.fields.get(target)
        if told is None or told.type not in ("picklist", "combobox"):
            return text
        by_label = dict(zip(told.labels, told.picklist, strict=False))
        found = _among(text, told.picklist)
        if found is None and (label := _among(text, list(by_label))) is not None:
            found = by_label[label]
        return found if told.restricted or _is_code(target) else found or text

    def most(self, target: str) -> int:
        """Most characters; 0 where there is no limit."""
        told = self.fields.get(target)
        return told.length if told is not None else 0


def _is_code(target: str) -> bool:
    return target in _CODED.values()


def _among(text: str, values: Sequence[str]) -> str | None:
    return next((str(v) for v in values if v.casefold() == text.strip().casefold()), None)


def words_of(session: Session, mapping: Mapping_, programme: Programme) -> Words:
    """The words for what the mapping gives. Raises BadRequest for fields that are not there."""
    fields: dict[str, FieldDescribe] = {}
    for target in sorted(mapping.targets()):
        object_, _, name = target.partition(".")
        if object_ not in _OBJECTS:
            continue
        told = describe(session, object_)
        found = told.field(name) if told is not None else None
        if told is None or found is None or not (found.createable or found.updateable):
            column = next((c for c, t in mapping.columns.items() if t == target), target)
            names = [f.name for f in told.fields.values()] if told is not None else []
            raise BadRequest(
                f"Column {column!r}: {object_} has no field {name!r} that the agent may write.",
                hint=did_you_mean(name, names) or "Correct it in the mapping, or write ignore.",
            )
        fields[target] = found
    return Words(fields, programme.tiers)


def alike_in(
    session: Session, programme: Programme, names: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """Of each name that looks like something: the answer to propose, and what it looks like.

    Compared with the org's business accounts, with the programme's partners, and with each other.
    A declared partner of the very same name is that partner, and no look-alike.
    """
    declared = {" ".join(p.name.split()).casefold() for p in programme.partners.values()}
    new = [name for name in names if " ".join(name.split()).casefold() not in declared]
    found: dict[str, list[str]] = {}
    partners = list(programme.partners.values())
    for at, other in look_alikes(new, [p.name for p in partners]):
        found.setdefault(new[at], []).append(
            f"{partners[other].name} (partner {partners[other].key})"
        )
    accounts = _accounts(session, new)
    for at, other in look_alikes(new, [name for _, name in accounts]):
        record, name = accounts[other]
        found.setdefault(new[at], []).append(f"{name} ({record})")
    for one, other in look_alikes(new):
        found.setdefault(new[other], []).append(f"{new[one]} (in this file)")
    return {name: ("ask", "; ".join(likes[:3])) for name, likes in found.items()}


def _accounts(session: Session, names: Sequence[str]) -> list[tuple[str, str]]:
    """Ids and names of accounts that might be alike."""
    if not names:
        return []
    told = describe(session, "Account")
    persons = told is not None and told.field("IsPersonAccount") is not None
    also = (eq("IsPersonAccount", False),) if persons else ()
    whole = Query(("Id", "Name"), "Account", also)
    if count(session, whole) <= MOST_READ:
        return [(row["Id"], row["Name"]) for row in select(session, whole)]
    found: dict[str, str] = {}
    starts = sorted({name.split()[0][:4] for name in names if name.split()})
    starts = sorted({*starts, *(bare_name(name)[:4] for name in names if bare_name(name))})
    for at in range(0, len(starts), 100):
        condition = " OR ".join(like("Name", f"{start}%") for start in starts[at : at + 100])
        for row in select(session, Query(("Id", "Name"), "Account", (condition, *also))):
            found[row["Id"]] = row["Name"]
    return list(found.items())
