"""How many records a rewritten sharing rule touches: their sharing is calculated anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from defusedxml import ElementTree

from sfprm.errors import OrgRefused
from sfprm.provisioning.metadata_xml import target, value
from sfprm.salesforce.query import count, select_all
from sfprm.salesforce.soql import Query, eq, in_, in_query

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfprm.salesforce.session import Session

__all__ = ["RowsAffected", "rows_affected"]

_ROLES = {"role": False, "roleAndSubordinates": True, "roleAndSubordinatesInternal": True}


@dataclass(frozen=True, slots=True)
class RowsAffected:
    """Records of one object. `exact` False: at most so many (criteria are not counted)."""

    rule: str
    object: str
    rows: int
    exact: bool

    def __str__(self) -> str:
        words = "" if self.exact else "at most "
        return f"{self.rule}: {words}{self.rows:,} {self.object} records"


def rows_affected(session: Session, files: Mapping[str, bytes]) -> tuple[RowsAffected, ...]:
    """For each sharing rule in these files (those to be rewritten): one call a rule, one for all
    that cannot be counted exactly, one for the role tree."""
    found: list[RowsAffected] = []
    open_: list[tuple[str, str]] = []
    below: dict[str, set[str]] | None = None
    for path in sorted(files):
        if not path.endswith(".sharingRules"):
            continue
        object_ = path.rpartition("/")[2].partition(".")[0]
        for rule in ElementTree.fromstring(files[path]):
            name = f"{object_}.{value(rule, 'fullName')}"
            kind, source = target(rule, "sharedFrom")
            if kind not in _ROLES:
                open_.append((name, object_))
                continue
            below = _role_tree(session) if below is None else below
            roles = _with_those_below(source, below) if _ROLES[kind] else {source}
            owners = Query(("Id",), "User", (in_("UserRole.DeveloperName", sorted(roles)),))
            query = Query(("Id",), object_, (in_query("OwnerId", owners),))
            found.append(RowsAffected(name, object_, count(session, query), exact=True))
    if open_:
        counts = _record_counts(session, sorted({object_ for _, object_ in open_}))
        found += [
            RowsAffected(name, object_, counts.get(object_, 0), exact=False)
            for name, object_ in open_
        ]
    return tuple(found)


def _record_counts(session: Session, objects: Iterable[str]) -> dict[str, int]:
    """Approximate counts [documented]; an object without records is left out by the org."""
    params = {"sObjects": ",".join(objects)}
    try:
        told: Any = session.request("GET", "limits/recordCount", kind="limits", params=params).json
    except OrgRefused:
        return {}
    return {one["name"]: int(one["count"]) for one in (told or {}).get("sObjects") or ()}


def _role_tree(session: Session) -> dict[str, set[str]]:
    """Internal roles: developer name → those right below."""
    fields = ("Id", "DeveloperName", "ParentRoleId")
    rows = select_all(session, Query(fields, "UserRole", (eq("PortalType", "None"),)))
    names = {row["Id"]: row["DeveloperName"] for row in rows}
    tree: dict[str, set[str]] = {}
    for row in rows:
        if row["ParentRoleId"] in names:
            tree.setdefault(names[row["ParentRoleId"]], set()).add(row["DeveloperName"])
    return tree


def _with_those_below(role: str, tree: Mapping[str, set[str]]) -> set[str]:
    found, todo = {role}, [role]
    while todo:
        for child in tree.get(todo.pop(), ()):
            if child not in found:
                found.add(child)
                todo.append(child)
    return found
