"""What an object and a field are: frozen, as a describe tells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

TEXT_TYPES = frozenset(
    {
        "string",
        "textarea",
        "picklist",
        "multipicklist",
        "combobox",
        "email",
        "phone",
        "url",
        "encryptedstring",
    }
)
"""Types compared as text, without regard to case."""

ID_TYPES = frozenset({"id", "reference"})
REAL_TYPES = frozenset({"double", "currency", "percent"})
INT_TYPES = frozenset({"int", "long"})
COMPOUND_TYPES = frozenset({"address", "location", "complexvalue"})
"""Types made of other fields: never stored, never written."""


@dataclass(frozen=True, slots=True)
class FieldDef:
    """One field. Names and flags as in a Salesforce describe.

    `length` counts characters (0 for non-text types); `precision` and `scale` count digits.
    `picklist` holds the active API values in Setup order. `feature` names the org feature that
    the field exists with ("" = always): partner, digital-experiences, state-country-picklists,
    multicurrency, record-types. `mark` says where the row comes from: R recorded from a real
    describe, D from the object reference, M with an attribute assumed.
    """

    name: str
    type: str
    label: str = ""
    length: int = 0
    precision: int = 0
    scale: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    filterable: bool = True
    sortable: bool = True
    groupable: bool = False
    unique: bool = False
    external_id: bool = False
    id_lookup: bool = False
    case_sensitive: bool = False
    restricted_picklist: bool = False
    defaulted_on_create: bool = False
    polymorphic: bool = False
    calculated: bool = False
    reference_to: tuple[str, ...] = ()
    relationship_name: str | None = None
    picklist: tuple[str, ...] = ()
    feature: str = ""
    mark: str = ""

    @property
    def custom(self) -> bool:
        """Whether an administrator made the field (its name ends in __c)."""
        return self.name.endswith("__c")

    @property
    def is_text(self) -> bool:
        """Whether values are compared as text, without regard to case."""
        return self.type in TEXT_TYPES

    @property
    def is_id(self) -> bool:
        """Whether values are record ids."""
        return self.type in ID_TYPES

    @property
    def is_compound(self) -> bool:
        """Whether the value is made of other fields (address, location)."""
        return self.type in COMPOUND_TYPES


@dataclass(frozen=True, slots=True)
class ChildRelationship:
    """One way from a parent object to the records that refer to it.

    `name` is what a sub-query says in FROM; None where Salesforce gives none.
    """

    child: str
    field: str
    name: str | None
    cascade_delete: bool = False
    restricted_delete: bool = False


@dataclass(frozen=True, slots=True)
class ObjectDef:
    """One object: its flags, fields in describe order, and child relationships."""

    name: str
    label: str
    label_plural: str
    key_prefix: str
    fields: tuple[FieldDef, ...]
    children: tuple[ChildRelationship, ...] = ()
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    queryable: bool = True
    searchable: bool = True
    undeletable: bool = True
    triggerable: bool = True
    mergeable: bool = False
    replicateable: bool = True
    layoutable: bool = True
    feature: str = ""
    mark: str = ""
    by_name: Mapping[str, FieldDef] = field(init=False, repr=False, compare=False)
    by_relationship: Mapping[str, FieldDef] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = {one.name.lower(): one for one in self.fields}
        parents = {
            one.relationship_name.lower(): one for one in self.fields if one.relationship_name
        }
        object.__setattr__(self, "by_name", MappingProxyType(names))
        object.__setattr__(self, "by_relationship", MappingProxyType(parents))

    @property
    def custom(self) -> bool:
        """Whether an administrator made the object (its name ends in __c)."""
        return self.name.endswith("__c")

    @property
    def name_is_made_of_parts(self) -> bool:
        """Whether Name is put together from FirstName and LastName (people), hence read-only."""
        last, name = self.by_name.get("lastname"), self.by_name.get("name")
        return bool(last and last.createable and name and not name.createable)

    def field(self, name: str) -> FieldDef | None:
        """The field of this name, in any case; None when there is none."""
        return self.by_name.get(name.lower())

    def parent(self, relationship: str) -> FieldDef | None:
        """The reference field behind a parent relationship name, in any case."""
        return self.by_relationship.get(relationship.lower())

    def child(self, relationship: str) -> ChildRelationship | None:
        """The child relationship of this name, in any case."""
        wanted = relationship.lower()
        for one in self.children:
            if one.name is not None and one.name.lower() == wanted:
                return one
        return None
