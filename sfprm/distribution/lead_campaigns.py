"""Campaign membership of leads, for rules that read it: of any campaign, the first, the latest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.ids import RecordId
from sfprm.programme.meaning import SEVERAL, text_of
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, split_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sfprm.programme.model import FieldValue
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session

__all__ = ["read_campaigns"]


def read_campaigns(
    session: Session, leads: Iterable[RecordId], paths: Sequence[str]
) -> dict[RecordId, dict[str, FieldValue]]:
    """What those paths (`LatestCampaign.Type`, `AnyCampaign.Member.Status`) say of each lead; leads
    without any membership are left out. A call for every four hundred leads or so.

    The order is that of CampaignMember.CreatedDate. Values of any campaign stand one a line.
    """
    steps = {path: _soql_path(path) for path in paths}
    query = Query(
        tuple(dict.fromkeys(["Id", "LeadId", "CreatedDate", *steps.values()])), "CampaignMember"
    )
    members: dict[RecordId, list[Row]] = {}
    for condition in split_in("LeadId", sorted(set(leads))):
        for row in select(session, query.also(condition)):
            members.setdefault(RecordId(row["LeadId"]), []).append(row)
    return {
        lead: _values(sorted(rows, key=lambda r: (r["CreatedDate"], r["Id"])), steps)
        for lead, rows in members.items()
    }


def _soql_path(path: str) -> str:
    """`LatestCampaign.Type` as CampaignMember knows it."""
    rest = path.partition(".")[2]
    member = rest.removeprefix("Member.")
    return member if member != rest else f"Campaign.{rest}"


def _values(rows: Sequence[Row], steps: Mapping[str, str]) -> dict[str, FieldValue]:
    found: dict[str, FieldValue] = {}
    for path, soql in steps.items():
        values = [_value(row, soql) for row in rows]
        if path.startswith("FirstCampaign."):
            found[path] = values[0]
        elif path.startswith("LatestCampaign."):
            found[path] = values[-1]
        else:
            texts = [" ".join(_text(v).split()) for v in values]
            found[path] = SEVERAL.join(dict.fromkeys(t for t in texts if t)) or None
    return found


def _text(value: FieldValue) -> str:
    return value if isinstance(value, str) else text_of(value)


def _value(row: Row, path: str) -> FieldValue:
    found: object = row
    for step in path.split("."):
        if not isinstance(found, dict):
            return None
        found = {name.lower(): value for name, value in found.items()}.get(step.lower())
    return found if isinstance(found, str | int | float | bool) else None
