"""The SQL that makes an object's table: one column a field, and the indexes that queries stand on.

An index holds the record's Id behind the field, so that records found by it come in the order of
their ids without sorting; and IsDeleted behind that, so that counting reads the index alone. A
field that may be null is indexed only where it is filled: most records have no partner account.
Names and addresses differ from record to record, and come in no order: their index is the narrowest
there is, as each write changes as many of its pages as it has records.
"""

from __future__ import annotations

from collections.abc import Container

from sfprm.devorg.schema import FieldDef
from sfprm.devorg.schema.model import INT_TYPES, REAL_TYPES

__all__ = ["NAME_OF_PARTS", "column_sql", "indexes_sql", "is_indexed", "quoted"]

# fmt: off
_INDEXED = frozenset({
    "OwnerId", "AccountId", "ContactId", "ParentId", "GroupId", "UserOrGroupId", "QueueId",
    "UserId", "LeadId", "ProfileId", "UserRoleId", "ParentRoleId", "PortalAccountId",
    "PartnerAccountId", "NetworkId", "MemberId", "AssigneeId", "PermissionSetId", "CampaignId",
    "EntityDefinitionId", "Username", "Name", "CreatedDate", "SystemModstamp", "Status", "Email",
    "DeveloperName", "RelatedId", "CommunityNickname",
})
# fmt: on
_READ_BY_AGE = frozenset({"OwnerId", "Status"})
"""Fields whose many records are asked for oldest or newest first: what waits in a queue, say."""

_SELECTIVE = frozenset({"Name", "Email"})

NAME_OF_PARTS = (
    '"Name" TEXT COLLATE NOCASE GENERATED ALWAYS AS (CASE WHEN "FirstName" IS NULL THEN "LastName" '
    'WHEN "LastName" IS NULL THEN "FirstName" '
    'ELSE "FirstName" || \' \' || "LastName" END) VIRTUAL'
)


def quoted(identifier: str) -> str:
    """A schema name as an SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def column_sql(field: FieldDef) -> str:
    """The definition of a field's column."""
    name = quoted(field.name)
    if field.type == "boolean":
        return f"{name} INTEGER NOT NULL DEFAULT 0"
    if field.type in INT_TYPES:
        return f"{name} INTEGER"
    if field.type in REAL_TYPES:
        return f"{name} REAL"
    if field.is_text and not field.case_sensitive:
        return f"{name} TEXT COLLATE NOCASE"
    return f"{name} TEXT"


def is_indexed(field: FieldDef) -> bool:
    """Whether records are found by this field without reading them all."""
    return field.name in _INDEXED or field.unique or field.external_id


def indexes_sql(object_: str, field: FieldDef, columns: Container[str]) -> list[str]:
    """The statements that make a field's indexes where they are not there yet. `columns` are those
    of the table.
    """
    where = f" WHERE {quoted(field.name)} IS NOT NULL" if field.nillable else ""
    orders: list[tuple[str, ...]] = [()]
    if field.name in _READ_BY_AGE and "CreatedDate" in columns:
        orders.append(("CreatedDate",))
    made = []
    for order in orders:
        last: tuple[str, ...] = ("Id", "IsDeleted") if "IsDeleted" in columns else ("Id",)
        if field.name in _SELECTIVE:
            last = ()
        name = "+".join((f"{object_}.{field.name}", *order, ""))
        over = ", ".join(map(quoted, (field.name, *order, *last)))
        made.append(
            f"CREATE INDEX IF NOT EXISTS {quoted(name)} ON {quoted(object_)} ({over}){where}"
        )
    return made
