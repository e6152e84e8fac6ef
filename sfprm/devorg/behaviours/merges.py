"""A person merges accounts, contacts or leads; there is no REST resource for it.

The losing records go to the recycle bin with MasterRecordId set to the one that is kept; what hung
on them hangs on it now [D]. Contacts with users: one user stays, that of the contact kept, or else
the loser's, who then belongs to the contact kept; the other is disabled [D, operations.md 19; which
one stays by default is unverified]. At most three records are merged at once [D]. History gets
`leadMerged` for leads (unverified). The fields of the losing records are lost here: a person's
choice of values is not imitated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sfprm.devorg.ids import canonical, is_id
from sfprm.devorg.stamps import stamp_text

if TYPE_CHECKING:
    from sfprm.devorg.org import Org
    from sfprm.devorg.schema import ObjectDef

__all__ = ["MERGED", "merge"]

MERGED = ("Account", "Contact", "Lead")
MAX_LOSERS = 2
_OWN = frozenset({"MasterRecordId", "ConvertedAccountId", "ConvertedContactId"})


def merge(org: Org, object_: str, keep: str, lose: Sequence[str], user_id: str) -> list[str]:
    """Merge; usernames that were disabled. Raises ValueError."""
    definition = org.schema.object(object_) if object_ in MERGED else None
    if definition is None:
        raise ValueError(f"object: {object_!r} is none of {', '.join(MERGED)}")
    ids = [canonical(one) if is_id(one) else "" for one in (keep, *lose)]
    if not 1 <= len(lose) <= MAX_LOSERS or len(set(ids)) != len(ids):
        raise ValueError(f"lose: 1 to {MAX_LOSERS} other records are needed")
    for id_ in ids:
        record = org.storage.get(object_, id_)
        if record is None or record.get("IsDeleted"):
            raise ValueError(f"the org has no {object_} {id_}")
    disabled = _settle_users(org, ids[0], ids[1:]) if object_ == "Contact" else []
    stamps = {"LastModifiedDate": stamp_text(org.clock.now()), "LastModifiedById": user_id}
    stamps["SystemModstamp"] = stamps["LastModifiedDate"]
    for loser in ids[1:]:
        _move_children(org, definition, loser, ids[0])
        if object_ == "Account":  # a partner user's account is the contact's [D]
            for user in org.storage.find("User", AccountId=loser):
                org.storage.update("User", str(user["Id"]), {"AccountId": ids[0]})
        org.storage.update(object_, loser, {"IsDeleted": True, "MasterRecordId": ids[0], **stamps})
    org.storage.update(object_, ids[0], stamps)
    if object_ == "Lead" and org.setting("tracked", {}).get("Lead"):
        entry = {"LeadId": ids[0], "Field": "leadMerged", "CreatedById": user_id,
                 "CreatedDate": stamps["LastModifiedDate"], "IsDeleted": False}  # fmt: skip
        org.storage.insert("LeadHistory", [dict(entry) for _ in lose])
    org.changed()
    return disabled


def _settle_users(org: Org, keep: str, lose: Sequence[str]) -> list[str]:
    """One user for the contact kept; the rest inactive, and nobody's contact's any more."""
    storage = org.storage
    users = [user for id_ in (keep, *lose) for user in storage.find("User", ContactId=id_)]
    for user in users[1:]:
        storage.update("User", str(user["Id"]), {"IsActive": False, "ContactId": None})
    if users:
        account = (storage.get("Contact", keep) or {}).get("AccountId")
        storage.update("User", str(users[0]["Id"]), {"ContactId": keep, "AccountId": account})
    return [str(user["Username"]) for user in users[1:]]


def _move_children(org: Org, definition: ObjectDef, loser: str, keep: str) -> None:
    for child in definition.children:
        hanging = org.schema.object(child.child)
        field = hanging.field(child.field) if hanging is not None else None
        if hanging is None or field is None or child.child == "User" or field.name in _OWN:
            continue
        if not org.has_object(hanging) or not org.has_field(field):
            continue
        for one in org.storage.find(hanging.name, {field.name: loser}):
            org.storage.update(hanging.name, str(one["Id"]), {field.name: keep})
