"""The intake: leads that wait because of where they are, never because of a watermark."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from sfprm.errors import NotReady
from sfprm.ids import RecordId
from sfprm.routing.values import LeadFacts
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, in_, split_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sfprm.programme.model import FieldValue, Programme
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session

__all__ = ["PAGE", "Intake", "field_value", "find_intake", "read_leads", "read_parked"]

PAGE = 2_000
"""Leads decided in one batch: one query page."""

_ALWAYS = ("Id", "OwnerId", "CreatedDate", "Name", "Company")


@dataclass(frozen=True, slots=True)
class Intake:
    """Where leads wait: label of each intake queue by its id, and the park queue's id."""

    queues: Mapping[RecordId, str]
    park: RecordId | None = None


def find_intake(session: Session, programme: Programme) -> Intake:
    """The queues that leads wait in: the rules' and the pools' own, and the park queue. One call.

    Raises NotReady naming a queue that the org does not have.
    """
    labels = list(programme.routing.rule_intakes)
    labels += [p.intake for p in programme.routing.pools.values() if p.intake]
    park = programme.routing.park
    wanted = dict.fromkeys([*labels, park] if labels and park else labels)
    if not wanted:
        raise NotReady(
            "The programme names no intake queue.",
            hint="Add `intake: [{queue: …}]` to config/routing.yaml.",
        )
    query = Query(("Id", "Name"), "Group", (eq("Type", "Queue"), in_("Name", wanted)))
    by_label = {str(row["Name"]).casefold(): RecordId(row["Id"]) for row in select(session, query)}
    missing = [label for label in wanted if label.casefold() not in by_label]
    if missing:
        raise NotReady(
            f"The org has no queue '{missing[0]}', which config/routing.yaml names as an intake.",
            hint="Correct the name, or create the queue in Setup › Queues.",
        )
    return Intake(
        {by_label[label.casefold()]: label for label in labels},
        by_label[park.casefold()] if park else None,
    )


def read_leads(
    session: Session, programme: Programme, intake: Mapping[RecordId, str]
) -> Iterator[LeadFacts]:
    """All leads that wait, in order of (CreatedDate, Id); one call a page of 2,000.

    The answer is of the moment of the first call: leads that come later are the next pass's.
    """
    names = programme.routing.fields_read()
    for row in select(session, _query(names, in_("OwnerId", intake)), batch_size=PAGE):
        yield _facts(row, names, intake)


def read_parked(
    session: Session,
    programme: Programme,
    park: RecordId,
    intakes: Mapping[RecordId, str],
    *,
    all_of_it: bool = False,
) -> Iterator[LeadFacts]:
    """Leads that wait in the park queue: those named in `intakes` (with the intake queue that they
    came by), a call for every four hundred; or all of it, a call for 2,000."""
    names = programme.routing.fields_read()
    query = _query(names, eq("OwnerId", park))
    conditions = ["Id != null"] if all_of_it else split_in("Id", sorted(intakes))
    for condition in conditions:
        for row in select(session, query.also(condition), batch_size=PAGE):
            yield replace(_facts(row, names, {}), intake=intakes.get(RecordId(row["Id"]), ""))


def _query(names: tuple[str, ...], owner: str) -> Query:
    known = {name.lower() for name in _ALWAYS}
    return Query(
        _ALWAYS + tuple(n for n in names if n.lower() not in known),
        "Lead",
        (owner, eq("IsConverted", False)),
        ("CreatedDate", "Id"),
    )


def _facts(row: Row, names: tuple[str, ...], intake: Mapping[RecordId, str]) -> LeadFacts:
    owner = RecordId(row["OwnerId"])
    who = [str(row[name]) for name in ("Name", "Company") if row.get(name)]
    return LeadFacts(
        id=RecordId(row["Id"]),
        owner_id=owner,
        created=datetime.fromisoformat(row["CreatedDate"]),
        intake=intake.get(owner, ""),
        fields={name: field_value(row, name) for name in names},
        label=", ".join(who),
    )


def field_value(row: Row, path: str) -> FieldValue:
    """A field by the name that the programme gives it; the org answers in its own spelling."""
    if path in row:  # nearly always: files and org spell alike
        value: FieldValue = row[path]
        return value
    found: Any = row
    for part in path.split("."):
        if found is None:
            return None
        found = {name.lower(): value for name, value in found.items()}.get(part.lower())
    return cast("FieldValue", found)
