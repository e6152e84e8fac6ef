"""/sobjects/X/id/Relationship[?fields=A,B]: a record's parent, or its children as a query answers
them [M, the 404 where no parent is too]. Relationships are read only; writing by them, and ways of
more than one step, are not imitated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sfprm.devorg.api import query
from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.api.records import render, seen, wanted_fields
from sfprm.devorg.ids import canonical
from sfprm.devorg.problems import Refusal, not_imitated

if TYPE_CHECKING:
    from sfprm.devorg.schema import ObjectDef

__all__ = ["related"]


def related(request: Request, definition: ObjectDef, id_: str, name: str) -> Answer:
    """What hangs together with the record, which the caller was found to see. Raises Refusal."""
    if "/" in name:
        raise not_imitated("relationships of more than one step in an address")
    names = request.params.get("fields", "").split(",") if request.params.get("fields") else None
    field = definition.parent(name)
    if field is not None and field.name in {
        one.name for one in wanted_fields(request, definition, None)
    }:
        return _parent(request, definition, id_, field.name, names)
    for child in definition.children:
        target = request.org.schema.object(child.child)
        if (child.name or "").lower() != name.lower() or target is None:
            continue
        if not request.org.object_visible(request.access, target):
            break
        chosen = [
            one.name
            for one in wanted_fields(request, target, names)
            if names or not one.is_compound
        ]
        text = f"SELECT {', '.join(chosen)} FROM {target.name} WHERE {child.field} = '{id_}'"  # noqa: S608 (schema names and an id)
        return query.query(replace(request, params={"q": text}))
    raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")


def _parent(
    request: Request, definition: ObjectDef, id_: str, field: str, names: list[str] | None
) -> Answer:
    record = request.org.storage.get(definition.name, id_) or {}
    value = str(record.get(field) or "")
    target = request.org.schema.by_key_prefix(value[:3]) if value else None
    found = request.org.storage.get(target.name, canonical(value)) if target is not None else None
    if (
        target is None
        or found is None
        or found.get("IsDeleted")
        or not request.org.object_visible(request.access, target)
        or not seen(request, target, [found])
    ):
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
    return Answer(body=render(request, target, found, wanted_fields(request, target, names)))
