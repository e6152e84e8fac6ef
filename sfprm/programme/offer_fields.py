"""The Lead fields that offers read and write, held against the org's own describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.programme.complaints import Complaints, Place, did_you_mean
from sfprm.programme.fields_read import check_criterion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.errors import Complaint
    from sfprm.programme.model import Origin, Programme

__all__ = ["check_offer_fields"]


def check_offer_fields(
    programme: Programme, fields: Mapping[str, str], writable: frozenset[str]
) -> list[Complaint]:
    """What offers read that this org's Lead does not have, and what is to be written that the agent
    may not write. `fields`: type by lower-case API name; `writable`: such names."""
    complaints = Complaints()
    routing = programme.routing
    origins = {f"pool:{p.key}": p.origin for p in routing.pools.values()}
    origins |= {f"rule:{r.name}": r.origin for r in routing.all_rules}
    for name, choices in routing.offer_terms():
        for terms in choices:
            for criterion in terms.criteria():
                origin = criterion.origin
                place = Place(origin.file, origin.line, excerpt=criterion.text)
                if "." not in criterion.field:
                    check_criterion(criterion, place, fields, complaints, whole=True)
            for written in terms.fields_written():
                _check_written(name, written, origins[name], fields, writable, complaints)
    for use, written in routing.lead_fields.items():
        line = next(iter(origins.values()), None)
        if line is not None:
            _check_written(f"lead_fields: {use}", written, line, fields, writable, complaints)
    return complaints.errors


def _check_written(
    what: str,
    name: str,
    origin: Origin,
    fields: Mapping[str, str],
    writable: frozenset[str],
    complaints: Complaints,
) -> None:
    place = Place(origin.file, 0 if what.startswith("lead_fields") else origin.line)
    if name.lower() not in fields:
        complaints.error(
            place,
            f"{what} writes Lead.{name}, which the org does not have or the agent does not see.",
            did_you_mean(name, fields),
        )
    elif name.lower() not in writable:
        complaints.error(
            place,
            f"{what} writes Lead.{name}, which the agent's user may not edit.",
            "Grant it edit access to the field.",
        )
