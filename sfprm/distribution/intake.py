"""The intake: leads that wait because of where they are, never because of a watermark.

Where a rule set takes leads by condition, the query narrows as far as SOQL says the same as a
criterion for certain; which leads are meant is decided here, by the criteria themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from sfprm.errors import NotReady
from sfprm.ids import RecordId
from sfprm.programme.model import Operator
from sfprm.programme.standard_fields import standard_fields
from sfprm.routing.match import Test, logic_holds
from sfprm.routing.values import LeadFacts
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, in_, split_in
from sfprm.store.records import WriteState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sfprm.programme.intake_model import Claim
    from sfprm.programme.model import FieldValue, Programme
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session
    from sfprm.store.api import StoreReader
    from sfprm.store.records import JournalEntry

__all__ = [
    "PAGE",
    "Claimed",
    "Intake",
    "field_value",
    "find_intake",
    "not_ours",
    "read_leads",
    "read_parked",
]

PAGE = 2_000
"""Leads decided in one batch: one query page."""

_ALWAYS = ("Id", "OwnerId", "CreatedDate", "Name", "Company")
USER_PREFIX = "005"
_PLAIN_TEXT = frozenset({"string", "picklist", "email", "phone", "url"})
"""Types whose `=` in SOQL is that of a criterion: without regard to case."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim in this org. `owner` is the id of its queue or user; None: any internal user's."""

    claim: Claim
    owner: RecordId | None


@dataclass(frozen=True, slots=True)
class Intake:
    """Where leads wait: label of each queue that is emptied whole by its id, the park queue's id,
    and what is taken by condition."""

    queues: Mapping[RecordId, str]
    park: RecordId | None = None
    claims: tuple[Claimed, ...] = ()


def find_intake(session: Session, programme: Programme) -> Intake:
    """The queues that leads wait in: the rules' and the pools' own, and the park queue. One call,
    and another where leads of users are taken.

    Raises NotReady naming a queue or user that the org does not have.
    """
    routing = programme.routing
    labels = [*routing.intake, *(queue for each in routing.rule_sets for queue in each.intake)]
    labels += [p.intake for p in routing.pools.values() if p.intake]
    claimed = [claim.owner for claim in routing.all_claims if claim.of == "queue"]
    park = routing.park
    if not labels and not routing.all_claims:
        raise NotReady(
            "The programme names no intake queue.",
            hint="Add `intake: [{queue: …}]` to config/routing.yaml.",
        )
    wanted = dict.fromkeys([*labels, *claimed, *([park] if park else [])])
    by_label = _queues(session, wanted)
    users = _users(session, [c.owner for c in routing.all_claims if c.of == "user"])
    owners = {("queue", label): by_label[label.casefold()] for label in claimed}
    owners |= {("user", name): found for name, found in users.items()}
    return Intake(
        {by_label[label.casefold()]: label for label in labels},
        by_label[park.casefold()] if park else None,
        tuple(Claimed(c, owners.get((c.of, c.owner))) for c in routing.all_claims),
    )


def _queues(session: Session, labels: Mapping[str, None]) -> dict[str, RecordId]:
    if not labels:
        return {}
    query = Query(("Id", "Name"), "Group", (eq("Type", "Queue"), in_("Name", labels)))
    found = {str(row["Name"]).casefold(): RecordId(row["Id"]) for row in select(session, query)}
    missing = [label for label in labels if label.casefold() not in found]
    if missing:
        raise NotReady(
            f"The org has no queue '{missing[0]}', which config/routing.yaml names as an intake.",
            hint="Correct the name, or create the queue in Setup › Queues.",
        )
    return found


def _users(session: Session, usernames: Iterable[str]) -> dict[str, RecordId]:
    wanted = dict.fromkeys(usernames)
    if not wanted:
        return {}
    query = Query(("Id", "Username"), "User", (in_("Username", wanted),))
    found = {str(row["Username"]).lower(): RecordId(row["Id"]) for row in select(session, query)}
    missing = [name for name in wanted if name.lower() not in found]
    if missing:
        raise NotReady(
            f"The org has no user '{missing[0]}', whose leads config/routing.yaml takes.",
            hint="Correct the username; in a sandbox it has the sandbox's suffix.",
        )
    return {name: found[name.lower()] for name in wanted}


def read_leads(
    session: Session, programme: Programme, intake: Intake, most: int = 0
) -> Iterator[LeadFacts]:
    """All leads that wait, in order of (CreatedDate, Id); one call a page of 2,000.

    The answer is of the moment of the first call: leads that come later are the next pass's.
    `most`: leads that will be wanted; so far, each page is asked for while the one before it is
    worked on.
    """
    names = programme.routing.fields_read()
    if not intake.claims:
        if intake.queues:
            condition = in_("OwnerId", intake.queues)
            for row in select(session, _query(names, condition), batch_size=PAGE, ahead=most):
                yield _facts(row, names, intake.queues)
        return
    parts = [in_("OwnerId", intake.queues)] if intake.queues else []
    parts += [_claim_condition(claimed) for claimed in intake.claims]
    condition = " OR ".join(f"({part})" for part in dict.fromkeys(parts))
    asked = (*names, *(() if "PartnerAccountId" in names else ("PartnerAccountId",)))
    claims = [_Ready(claimed) for claimed in intake.claims]
    for row in select(session, _query(asked, condition), batch_size=PAGE, ahead=most):
        lead = _facts(row, names, intake.queues)
        if not lead.intake:
            partner = bool(row.get("PartnerAccountId"))
            name = next((c.name for c in claims if c.takes(lead, partner=partner)), None)
            if name is None:
                continue
            lead = replace(lead, intake=name)
        yield lead


def not_ours(store: StoreReader, leads: Iterable[LeadFacts]) -> Iterator[LeadFacts]:
    """Without leads that sfprm itself gave to the user who owns them: they wait for nothing.
    Leads in queues are never left out, and none that an undo put back."""
    rest = iter(leads)
    while page := list(islice(rest, PAGE)):
        asked = [lead.id for lead in page if lead.owner_id.prefix == USER_PREFIX]
        given: dict[RecordId, JournalEntry] = {}
        for entry in store.entries(leads=asked, states=(WriteState.CONFIRMED,)) if asked else ():
            if entry.owner_new is not None:
                given[entry.lead] = entry
        for lead in page:
            last = given.get(lead.id)
            if last is None or last.kind == "undo" or last.owner_new != lead.owner_id:
                yield lead


class _Ready:
    """A claim made ready for many leads."""

    def __init__(self, claimed: Claimed) -> None:
        self.name = claimed.claim.name
        self._owner = claimed.owner
        self._logic = claimed.claim.logic
        self._tests = [(c.field, Test(c)) for c in claimed.claim.criteria]

    def takes(self, lead: LeadFacts, *, partner: bool) -> bool:
        """Whether the lead waits by this claim. `partner`: its owner is a partner's user."""
        if self._owner is None:
            if partner or lead.owner_id.prefix != USER_PREFIX:
                return False
        elif lead.owner_id != self._owner:
            return False
        verdicts = [test.holds(lead.fields.get(field)) for field, test in self._tests]
        return all(verdicts) if self._logic is None else logic_holds(self._logic, verdicts)


def _claim_condition(claimed: Claimed) -> str:
    """A condition that every lead of the claim meets, as narrow as can be said for certain."""
    if claimed.owner is None:
        parts = [eq("Owner.Type", "User"), eq("PartnerAccountId", None)]
    else:
        parts = [eq("OwnerId", claimed.owner)]
    if claimed.claim.logic is None:
        known = standard_fields("Lead")
        for criterion in claimed.claim.criteria:
            field = known.get(criterion.field.lower())
            if field is None or field.type not in _PLAIN_TEXT:
                continue
            if criterion.operator is Operator.EQUALS and criterion.values:
                parts.append(in_(field.name, criterion.values))
            elif criterion.operator is Operator.EQUALS:
                parts.append(eq(field.name, None))
    return " AND ".join(parts)


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
