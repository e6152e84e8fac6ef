"""Definitions as JSON texts, so that a database keeps what was deployed into it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from sfprm.devorg.schema.model import ChildRelationship, FieldDef, ObjectDef

__all__ = ["field_of", "object_of", "object_text"]

_FLAT = tuple(
    one.name for one in fields(ObjectDef) if one.init and one.name not in ("fields", "children")
)


def object_text(definition: ObjectDef) -> str:
    """An object with its fields and child relationships, as JSON."""
    values: dict[str, Any] = {name: getattr(definition, name) for name in _FLAT}
    values["fields"] = [asdict(one) for one in definition.fields]
    values["children"] = [asdict(one) for one in definition.children]
    return json.dumps(values)


def object_of(text: str) -> ObjectDef:
    """The object that `object_text` wrote."""
    values = json.loads(text)
    values["fields"] = tuple(field_of(one) for one in values["fields"])
    values["children"] = tuple(ChildRelationship(**one) for one in values["children"])
    return ObjectDef(**values)


def field_of(values: Mapping[str, Any]) -> FieldDef:
    """A field from its JSON object."""
    return FieldDef(
        **{
            **values,
            "reference_to": tuple(values["reference_to"]),
            "picklist": tuple(values["picklist"]),
        }
    )
