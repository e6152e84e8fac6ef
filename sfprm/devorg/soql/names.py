"""Which field of which object a path means, seen with the user's permissions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sfprm.devorg.schema import FieldDef, ObjectDef, Schema
from sfprm.devorg.schema.absent import absent
from sfprm.devorg.soql.bound import Column, Hop
from sfprm.devorg.soql.errors import NotImitated, SoqlError, framed
from sfprm.devorg.soql.tree import Path, Source

__all__ = ["MAX_PARENTS", "NAME", "Names", "View"]

MAX_PARENTS = 5
"""Levels of parents in a path (SOQL sheet, section 6)."""

_TEXT = ("Alias", "Email", "FirstName", "LastName", "Name", "Phone", "Title", "Username")

NAME = ObjectDef(
    name="Name",
    label="Name",
    label_plural="Names",
    key_prefix="",
    fields=(
        FieldDef("Id", "id", length=18, groupable=True),
        *(FieldDef(name, "string", length=255, groupable=True) for name in _TEXT),
        FieldDef("Type", "picklist", length=40, groupable=True),
        FieldDef("IsActive", "boolean", groupable=True),
        FieldDef(
            "ProfileId",
            "reference",
            length=18,
            groupable=True,
            reference_to=("Profile",),
            relationship_name="Profile",
        ),
        FieldDef(
            "UserRoleId",
            "reference",
            length=18,
            groupable=True,
            reference_to=("UserRole",),
            relationship_name="UserRole",
        ),
    ),
)
"""What can be read of a parent that may be of several objects (REST sheet, section 5). Username is
from memory, unverified."""

_APPEND_FIELD = (
    "If you are attempting to use a custom field, be sure to append the '__c' after the custom "
    "field name. Please reference your WSDL or the describe call for the appropriate names."
)
_APPEND_RELATION = (
    "If you are attempting to use a custom relationship, be sure to append the '__r' after the "
    "custom relationship name. Please reference your WSDL or the describe call for the "
    "appropriate names."
)
_APPEND_OBJECT = (
    "If you are attempting to use a custom object, be sure to append the '__c' after the entity "
    "name. Please reference your WSDL or the describe call for the appropriate names."
)


@dataclass(frozen=True, slots=True)
class View:
    """The schema as one user sees it."""

    schema: Schema
    visible: Callable[[ObjectDef, FieldDef], bool]
    object_visible: Callable[[ObjectDef], bool]

    def object(self, name: str) -> ObjectDef | None:
        """The object of this name, if the user may see it."""
        found = self.schema.object(name)
        return found if found is not None and self.object_visible(found) else None

    def field(self, owner: ObjectDef, name: str) -> FieldDef | None:
        """The field of this name, if the user may see it."""
        found = owner.field(name)
        if found is None or owner is NAME:
            return found
        return found if self.visible(owner, found) else None

    def fields(self, owner: ObjectDef) -> list[FieldDef]:
        """All fields that the user may see."""
        return [one for one in owner.fields if self.visible(owner, one)]

    def parent(self, owner: ObjectDef, relationship: str) -> Hop | None:
        """The step to a parent, if the user may see the reference and the parent's object."""
        field = owner.parent(relationship)
        if field is None or self.field(owner, field.name) is None:
            return None
        known = [found for name in field.reference_to if (found := self.schema.object(name))]
        if not known:
            raise NotImitated(f"the object {' or '.join(field.reference_to)}")
        targets = tuple(one for one in known if self.object_visible(one))
        if not targets:
            return None
        pseudo = field.polymorphic or len(field.reference_to) > 1
        return Hop(field.relationship_name or field.name, field, targets, pseudo)

    def root(self, source: Source, text: str) -> ObjectDef:
        """The object that FROM names. Raises SoqlError INVALID_TYPE, or NotImitated for one that
        every org has."""
        found = self.object(source.parts[0]) if len(source.parts) == 1 else None
        if self.schema.object(source.text) is None and absent(source.text) is not None:
            raise NotImitated(f"the object {absent(source.text)}")
        if found is None or not found.queryable:
            raise framed(
                "INVALID_TYPE",
                text,
                source.at,
                f"sObject type '{source.text}' is not supported. {_APPEND_OBJECT}",
            )
        return found


class Names:
    """Finds what paths mean in one query: aliases, the object's own name, parents."""

    def __init__(self, view: View, root: ObjectDef, sources: tuple[Source, ...], text: str) -> None:
        self.view = view
        self.root = root
        self.text = text
        self.relationships: set[tuple[str, ...]] = set()
        self._aliases: dict[str, tuple[str, ...]] = {}
        if sources[0].alias:
            self._aliases[sources[0].alias.lower()] = ()
        for source in sources[1:]:
            parts = self._unaliased(source.parts)
            self._hops(parts, source.at)
            if source.alias:
                self._aliases[source.alias.lower()] = parts

    def _unaliased(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        first = parts[0].lower()
        if len(parts) > 1:
            if first in self._aliases:
                return (*self._aliases[first], *parts[1:])
            if first == self.root.name.lower() and self.root.parent(first) is None:
                return parts[1:]
        return parts

    def column(self, path: Path) -> Column:
        """The column that a path means. Raises SoqlError INVALID_FIELD."""
        parts = self._unaliased(path.parts)
        return self._field(self._hops(parts[:-1], path.at), path)

    def _field(self, hops: tuple[Hop, ...], path: Path) -> Column:
        owner = self.owner(hops)
        field = self.view.field(owner, path.parts[-1])
        if field is None:
            raise framed(
                "INVALID_FIELD",
                self.text,
                path.at,
                f"No such column '{path.parts[-1]}' on entity '{owner.name}'. {_APPEND_FIELD}",
            )
        return Column(hops, field, owner)

    def place_of(self, column: Column) -> tuple[Column, Column] | None:
        """Latitude and longitude of an address, or of a location field (`Here__Latitude__s`)."""
        one = column.field
        stem = one.name.removesuffix("Address")
        pattern = stem + "{}" if one.type == "address" else one.name.removesuffix("c") + "{}__s"
        parts = [
            self.view.field(column.owner, pattern.format(name))
            for name in ("Latitude", "Longitude")
        ]
        if parts[0] is None or parts[1] is None:
            return None
        return (
            Column(column.hops, parts[0], column.owner),
            Column(column.hops, parts[1], column.owner),
        )

    def under(self, hops: tuple[Hop, ...], path: Path) -> Column:
        """The column that a path means from the end of these steps on."""
        all_hops = self._hops(path.parts[:-1], path.at, hops)
        return self._field(all_hops, path)

    def hops(self, path: Path) -> tuple[Hop, ...]:
        """The steps that a whole path means, its last part a relationship too."""
        return self._hops(self._unaliased(path.parts), path.at)

    def owner(self, hops: tuple[Hop, ...]) -> ObjectDef:
        """The object at the end of the steps."""
        if not hops:
            return self.root
        return NAME if hops[-1].pseudo else hops[-1].targets[0]

    def _hops(
        self, parts: tuple[str, ...], at: int, start: tuple[Hop, ...] = ()
    ) -> tuple[Hop, ...]:
        hops = start
        for part in parts:
            hop = self.view.parent(self.owner(hops), part)
            if hop is None:
                raise framed(
                    "INVALID_FIELD",
                    self.text,
                    at,
                    f"Didn't understand relationship '{part}' in field path. {_APPEND_RELATION}",
                )
            hops = (*hops, hop)
            self.relationships.add(tuple(one.relationship for one in hops))
        if len(hops) > MAX_PARENTS:
            raise SoqlError(
                "MALFORMED_QUERY",
                "SOQL relationships cannot have more than 5 levels of child-to-parent "
                "relationships.",
            )
        return hops
