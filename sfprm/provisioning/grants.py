"""The permission sets of the agent's user, and the proof that they work.

A field deployed by metadata is visible to nobody, administrators included, until a permission set
or profile grants it (operations.md, rule 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.errors import NotReady
from sfprm.provisioning.setup_files import key_of
from sfprm.salesforce import collections
from sfprm.salesforce.describe import describe
from sfprm.salesforce.query import select_all
from sfprm.salesforce.soql import Query, eq, in_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfprm.clock import Clock
    from sfprm.ids import RecordId
    from sfprm.programme.policies import KeyFields
    from sfprm.salesforce.session import Session

__all__ = ["Grants", "assign_missing", "key_field_faults", "missing_grants", "prove_fields"]

_KEYED = ("Account", "Contact")
_PROOF_SECONDS = 60.0
_PACE = 2.0


@dataclass(frozen=True, slots=True)
class Grants:
    """Names of permission sets that the org has not, and (name, id) of those not assigned."""

    absent: tuple[str, ...]
    unassigned: tuple[tuple[str, str], ...]


def missing_grants(session: Session, names: Sequence[str], user: RecordId) -> Grants:
    """What the user still lacks: two calls."""
    sets = select_all(session, Query(("Id", "Name"), "PermissionSet", (in_("Name", names),)))
    ids = {row["Name"]: row["Id"] for row in sets}
    held: set[str] = set()
    if ids:
        where = (eq("AssigneeId", user), in_("PermissionSetId", sorted(ids.values())))
        rows = select_all(session, Query(("PermissionSetId",), "PermissionSetAssignment", where))
        held = {row["PermissionSetId"] for row in rows}
    return Grants(
        absent=tuple(name for name in names if name not in ids),
        unassigned=tuple((name, ids[name]) for name in names if ids.get(name, "") not in held)
        if ids
        else (),
    )


def assign_missing(session: Session, names: Sequence[str], user: RecordId) -> str:
    """Assign what is missing; what is assigned meanwhile counts as done (its text holds
    `Duplicate PermissionSetAssignment`, code unverified). Raises NotReady or the refusal."""
    missing = missing_grants(session, names, user)
    if missing.absent:
        raise NotReady(
            f"The org has no permission set {' and '.join(missing.absent)}.",
            hint="Deploy config/metadata: `sfprm setup`, or your own pipeline.",
        )
    if not missing.unassigned:
        return "assigned already"
    rows = [{"AssigneeId": user, "PermissionSetId": set_id} for _, set_id in missing.unassigned]
    for outcome in collections.create(session, "PermissionSetAssignment", rows):
        error = outcome.error
        if error is not None and "Duplicate PermissionSetAssignment" not in error.message:
            raise error
    return "assigned " + " and ".join(name for name, _ in missing.unassigned)


def prove_fields(session: Session, keys: KeyFields, *, clock: Clock) -> str:
    """Describe and one query must show the key field on both objects. Raises NotReady after a
    minute: a grant may take a moment to be in force."""
    deadline = clock.monotonic() + _PROOF_SECONDS
    while True:
        for object_ in _KEYED:
            session.described.pop(object_.lower(), None)
        hidden = [f"{key_of(keys, o)} on {o}" for o in _KEYED if not _shows_key(session, keys, o)]
        if not hidden:
            break
        if clock.monotonic() + _PACE > deadline:
            raise NotReady(
                f"{' and '.join(hidden)}: still not visible.",
                hint="See that the permission set sfprm_run grants the field and is assigned to "
                "the agent's user.",
            )
        clock.sleep(_PACE)
    for object_ in _KEYED:
        select_all(session, Query(("Id", key_of(keys, object_)), object_, limit=1))
    named = " and ".join(f"{object_}.{key_of(keys, object_)}" for object_ in _KEYED)
    return f"{named} are visible and can be queried"


def key_field_faults(session: Session, keys: KeyFields) -> tuple[str, ...]:
    """What is wrong with key fields that can be seen: an upsert needs a unique external id."""
    faults = []
    for object_ in _KEYED:
        told = describe(session, object_)
        key = key_of(keys, object_)
        field = told.field(key) if told is not None else None
        if field is None:
            continue
        if not field.external_id:
            faults.append(f"{object_}.{key} is no external id")
        if not field.unique:
            faults.append(f"{object_}.{key} is not unique")
    return tuple(faults)


def _shows_key(session: Session, keys: KeyFields, object_: str) -> bool:
    told = describe(session, object_)
    return told is not None and told.field(key_of(keys, object_)) is not None
