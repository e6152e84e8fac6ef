"""Salesforce's standard fields of Account, Contact, Lead and User, from the data file beside.

Enough to call a plainly unknown name at load; what an org really has is known by describe.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["StandardField", "is_custom", "standard_fields"]


@dataclass(frozen=True, slots=True)
class StandardField:
    """A field by API name; `type` as describe gives it."""

    name: str
    type: str
    createable: bool
    updateable: bool


@cache
def standard_fields(object_: str) -> Mapping[str, StandardField]:
    """Fields of the object by lower-case name; empty for an object that is not in the file."""
    text = files("sfprm.programme").joinpath("data/standard_fields.csv").read_text("utf-8")
    return MappingProxyType(
        {
            row["name"].lower(): StandardField(
                row["name"], row["type"], row["createable"] == "true", row["updateable"] == "true"
            )
            for row in csv.DictReader(text.splitlines())
            if row["object"] == object_
        }
    )


def is_custom(field: str) -> bool:
    """Whether the name is that of a custom field: known only to the org."""
    return field.lower().endswith(("__c", "__pc"))
