"""Reading the data files, and the schema of one org, which grows by deployed fields."""

from __future__ import annotations

import csv
import dataclasses
import string
from collections.abc import Iterable, Iterator
from importlib import resources
from importlib.resources.abc import Traversable

from sfprm.devorg.schema.model import ChildRelationship, FieldDef, ObjectDef

_BASE36 = string.digits + string.ascii_lowercase


class Schema:
    """All objects of one org, found by name in any case. Grows when metadata is deployed.

    Not guarded against concurrent change: whoever deploys holds the org's lock.
    """

    def __init__(self, objects: Iterable[ObjectDef]) -> None:
        self._objects = {one.name.lower(): one for one in objects}
        self._by_prefix: dict[str, ObjectDef] = {}
        for one in self._objects.values():
            self._by_prefix.setdefault(one.key_prefix, one)

    def object(self, name: str) -> ObjectDef | None:
        """The object of this name, in any case; None when there is none."""
        return self._objects.get(name.lower())

    def objects(self) -> tuple[ObjectDef, ...]:
        """All objects, by name."""
        return tuple(sorted(self._objects.values(), key=lambda one: one.name))

    def by_key_prefix(self, prefix: str) -> ObjectDef | None:
        """The object whose ids start so. Shared prefixes (01J, 017) give the first by name."""
        return self._by_prefix.get(prefix)

    def add_object(self, definition: ObjectDef) -> None:
        """Adds a deployed object. Raises ValueError when the name is taken."""
        if definition.name.lower() in self._objects:
            raise ValueError(f"object {definition.name} exists")
        self._objects[definition.name.lower()] = definition
        self._by_prefix.setdefault(definition.key_prefix, definition)

    def put_object(self, definition: ObjectDef) -> None:
        """Adds a deployed object, or replaces the one of the same name."""
        self._objects.setdefault(definition.name.lower(), definition)
        self._by_prefix.setdefault(definition.key_prefix, definition)
        self._replace(definition)

    def free_key_prefix(self) -> str:
        """A key prefix for one more custom object: a00, a01, … (REST sheet, "Prefixes").
        Raises ValueError when there is none left.
        """
        for first in _BASE36:
            for second in _BASE36:
                if f"a{first}{second}" not in self._by_prefix:
                    return f"a{first}{second}"
        raise ValueError("no key prefix is left")

    def add_field(self, object_name: str, new: FieldDef) -> None:
        """Adds a field, or replaces the one of the same name. A lookup's child relationship is
        added apart (`add_child`). Raises KeyError when there is no such object.
        """
        owner = self._objects[object_name.lower()]
        fields = list(owner.fields)
        for place, one in enumerate(fields):
            if one.name.lower() == new.name.lower():
                fields[place] = new
                break
        else:
            fields.append(new)
        self._replace(dataclasses.replace(owner, fields=tuple(fields)))

    def remove_field(self, object_name: str, name: str) -> None:
        """Takes a field away. Raises KeyError when there is no such object."""
        owner = self._objects[object_name.lower()]
        kept = tuple(one for one in owner.fields if one.name.lower() != name.lower())
        self._replace(dataclasses.replace(owner, fields=kept))

    def add_child(self, parent: str, relationship: ChildRelationship) -> None:
        """Adds a child relationship, or replaces the one over the same field."""
        owner = self._objects[parent.lower()]
        kept = tuple(
            one
            for one in owner.children
            if (one.child, one.field) != (relationship.child, relationship.field)
        )
        self._replace(dataclasses.replace(owner, children=(*kept, relationship)))

    def _replace(self, definition: ObjectDef) -> None:
        self._objects[definition.name.lower()] = definition
        if self._by_prefix.get(definition.key_prefix, definition).name == definition.name:
            self._by_prefix[definition.key_prefix] = definition


def load_schema() -> Schema:
    """The schema that the data files hold, without any deployed field."""
    return Schema(_objects(resources.files("sfprm.devorg.schema")))


def _objects(folder: Traversable) -> Iterator[ObjectDef]:
    children: dict[str, list[ChildRelationship]] = {}
    for row in _rows(folder / "children.csv"):
        children.setdefault(row[0], []).append(
            ChildRelationship(
                child=row[1],
                field=row[2],
                name=row[3] or None,
                cascade_delete=row[4] == "true",
                restricted_delete=row[5] == "true",
            )
        )
    for name, label, plural, prefix, words, feature, mark in _rows(folder / "objects.csv"):
        flags = set(words.split())
        yield ObjectDef(
            name=name,
            label=label,
            label_plural=plural,
            key_prefix=prefix,
            fields=tuple(_field(row) for row in _rows(folder / "objects" / f"{name}.csv")),
            children=tuple(children.get(name, ())),
            createable="createable" in flags,
            updateable="updateable" in flags,
            deletable="deletable" in flags,
            queryable="queryable" in flags,
            searchable="searchable" in flags,
            undeletable="undeletable" in flags,
            triggerable="triggerable" in flags,
            mergeable="mergeable" in flags,
            replicateable="replicateable" in flags,
            layoutable="layoutable" in flags,
            feature=feature,
            mark=mark,
        )


def _field(row: list[str]) -> FieldDef:
    name, type_, length, precision, scale, words, refers, relation, label, values, *rest = row
    flags = set(words.split())
    return FieldDef(
        name=name,
        type=type_,
        label=label,
        length=int(length),
        precision=int(precision),
        scale=int(scale),
        nillable="nillable" in flags,
        createable="createable" in flags,
        updateable="updateable" in flags,
        filterable="filterable" in flags,
        sortable="sortable" in flags,
        groupable="groupable" in flags,
        unique="unique" in flags,
        external_id="externalId" in flags,
        id_lookup="idLookup" in flags,
        case_sensitive="caseSensitive" in flags,
        restricted_picklist="restrictedPicklist" in flags,
        defaulted_on_create="defaultedOnCreate" in flags,
        polymorphic="polymorphic" in flags,
        calculated="calculated" in flags,
        reference_to=tuple(refers.split("|")) if refers else (),
        relationship_name=relation or None,
        picklist=tuple(values.split("|")) if values else (),
        feature=rest[0],
        mark=rest[1],
    )


def _rows(file: Traversable) -> Iterator[list[str]]:
    """The rows of a data file, without its header."""
    lines = csv.reader(file.read_text(encoding="utf-8").splitlines())
    next(lines)
    return lines
