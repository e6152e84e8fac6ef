"""The org's objects and fields: data files, read into frozen definitions.

`objects/<Object>.csv` holds one row a field, `objects.csv` one row an object, `children.csv` one
row a child relationship. Only what a base org has, and what the modelled features add, is there.
"""

from __future__ import annotations

from sfprm.devorg.schema.describes import features_of, from_describe
from sfprm.devorg.schema.loading import Schema, load_schema
from sfprm.devorg.schema.model import ChildRelationship, FieldDef, ObjectDef

__all__ = [
    "ChildRelationship",
    "FieldDef",
    "ObjectDef",
    "Schema",
    "features_of",
    "from_describe",
    "load_schema",
]
