"""Leads of the past, for forecasts: from the org, or from a CSV file."""

from __future__ import annotations

import csv
import re
from datetime import datetime
from typing import TYPE_CHECKING

from sfprm.distribution.intake import field_value
from sfprm.errors import BadRequest
from sfprm.ids import RecordId, is_record_id
from sfprm.routing.values import LeadFacts
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, compare, eq, in_

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sfprm.programme.model import FieldValue, Programme
    from sfprm.salesforce.session import Session

__all__ = ["leads_from_csv", "read_past_leads", "waiting_owners"]

_ALWAYS = ("Id", "OwnerId", "CreatedDate", "Name", "Company")
_NOBODY = RecordId("005000000000000")
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,14})")
_DECIMAL = re.compile(r"-?(0|[1-9]\d{0,14})\.\d+")


def read_past_leads(
    session: Session, programme: Programme, since: datetime, most: int
) -> Iterator[tuple[LeadFacts, RecordId]]:
    """Leads created since then, as if each had just come to the first intake and nobody owned it,
    with the owner that it has; at most `most`, oldest first. One call for every 2,000.

    They are seen as they are now: what was edited since is edited here.
    """
    names = programme.routing.fields_read()
    known = {name.lower() for name in _ALWAYS}
    query = Query(
        _ALWAYS + tuple(n for n in names if n.lower() not in known),
        "Lead",
        (compare("CreatedDate", ">=", since),),
        ("CreatedDate", "Id"),
        most,
    )
    intake = _first_intake(programme)
    for row in select(session, query):
        who = [str(row[name]) for name in ("Name", "Company") if row.get(name)]
        facts = LeadFacts(
            id=RecordId(row["Id"]),
            owner_id=_NOBODY,
            created=datetime.fromisoformat(row["CreatedDate"]),
            intake=intake,
            fields={name: field_value(row, name) for name in names},
            label=", ".join(who),
        )
        yield facts, RecordId(row["OwnerId"])


def waiting_owners(session: Session, programme: Programme) -> frozenset[RecordId]:
    """The queues that leads wait in and the users whose leads are taken, as far as the org has
    them. At most two calls."""
    labels = [*programme.routing.rule_intakes]
    labels += [pool.intake for pool in programme.routing.pools.values() if pool.intake]
    users = [claim.owner for claim in programme.routing.all_claims if claim.of == "user"]
    found: set[RecordId] = set()
    if labels:
        where = (eq("Type", "Queue"), in_("Name", dict.fromkeys(labels)))
        found.update(RecordId(r["Id"]) for r in select(session, Query(("Id",), "Group", where)))
    if users:
        asked = Query(("Id",), "User", (in_("Username", dict.fromkeys(users)),))
        found.update(RecordId(r["Id"]) for r in select(session, asked))
    return frozenset(found)


def leads_from_csv(path: Path, programme: Programme, now: datetime) -> list[LeadFacts]:
    """Leads of a file with a header of field names. `CreatedDate` (ISO 8601) orders them, `now`
    stands for a missing one; `Id` may be missing too.

    Raises BadRequest naming the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
    except OSError as error:
        raise BadRequest(f"{path}: {error.strerror}.", hint="Check the path.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadRequest(
            f"{path} is not a CSV file in UTF-8: {error}.",
            hint="Save it as CSV UTF-8, with a header of field names.",
        ) from None
    if not rows:
        raise BadRequest(f"{path} has no leads.", hint="Give a header of field names, then rows.")
    intake = _first_intake(programme)
    return [
        _lead(path, line, row, intake, programme, now) for line, row in enumerate(rows, start=2)
    ]


def _lead(
    path: Path,
    line: int,
    row: dict[str, str | None],
    intake: str,
    programme: Programme,
    now: datetime,
) -> LeadFacts:
    cells = {(name or "").strip().lower(): (cell or "").strip() for name, cell in row.items()}
    identity = cells.get("id", "")
    if identity and not is_record_id(identity):
        raise BadRequest(
            f"{path}:{line}: {identity!r} is not a Salesforce id.", hint="Mend it or leave it out."
        )
    created = cells.get("createddate", "")
    try:
        at = datetime.fromisoformat(created) if created else now
    except ValueError:
        raise BadRequest(
            f"{path}:{line}: {created!r} is not an instant (column CreatedDate).",
            hint="Write it as 2026-11-23T10:42:00Z.",
        ) from None
    who = [cells[name] for name in ("name", "company") if cells.get(name)]
    return LeadFacts(
        id=RecordId(identity or f"00Q{line:012d}"),
        owner_id=_NOBODY,
        created=at if at.tzinfo is not None else at.replace(tzinfo=now.tzinfo),
        intake=intake,
        fields={
            name: _value(cells.get(name.lower(), "")) for name in programme.routing.fields_read()
        },
        label=", ".join(who),
    )


def _value(cell: str) -> FieldValue:
    """What a report or Data Loader wrote: numbers without leading zeros, true and false."""
    if not cell:
        return None
    if cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    if _WHOLE.fullmatch(cell):
        return int(cell)
    return float(cell) if _DECIMAL.fullmatch(cell) else cell


def _first_intake(programme: Programme) -> str:
    return next(iter(programme.routing.intake), "")
