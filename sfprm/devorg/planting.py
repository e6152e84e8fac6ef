"""Records put straight into storage, for seeds: no rule runs, only ids, defaults and audit fields
are filled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sfprm.devorg.stamps import stamp_text

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["plant"]


def plant(org: Org, object_: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Insert rows as they are; see `Org.plant`. Raises LookupError for an unknown object."""
    definition = org.schema.object(object_)
    if definition is None:
        raise LookupError(f"the org has no object {object_}")
    now = stamp_text(org.clock.now())
    agent = None
    if object_ not in {"Organization", "User", "Profile", "UserLicense", "UserRole"}:
        agent = org.agent_id
    audit = {
        "IsDeleted": False,
        "CreatedDate": now,
        "LastModifiedDate": now,
        "SystemModstamp": now,
        "CreatedById": agent,
        "LastModifiedById": agent,
    }
    names = {field.name for field in definition.fields}
    base = {name: value for name, value in audit.items() if name in names}
    planted: list[dict[str, Any]] = []
    ids = iter(org.storage.next_ids(definition.key_prefix, sum("Id" not in row for row in rows)))
    for row in rows:
        full = {**base, **row}
        if "CreatedDate" in row:
            for later in ("LastModifiedDate", "SystemModstamp"):
                if later in names and later not in row:
                    full[later] = row["CreatedDate"]
        if "Id" not in full:
            full["Id"] = next(ids)
        planted.append(full)
    org.storage.insert(definition.name, planted)
    org.changed()
    return [str(row["Id"]) for row in planted]
