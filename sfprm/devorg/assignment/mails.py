"""The mail that an entry's template sends to the new owner [D help].

A queue's mail goes to its address, and to its members when it says so. Merge fields
`{!Lead.Company}` are filled from the record, others stay empty. A template that is not in the org
any more sends its name as the subject."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["tell"]

_MERGE = re.compile(r"\{!\s*(\w+)\.(\w+)\s*\}|\{\{\{\s*(\w+)\.(\w+)\s*\}\}\}")


def tell(
    org: Org, object_: str, record_id: str, get: Callable[[str], Any], owner: str, template: str
) -> None:
    """Send the template to the owner; nothing when nobody has an address."""
    to = _addresses(org, owner)
    if not to:
        return
    name = template.rpartition("/")[2]
    found = org.storage.find("EmailTemplate", DeveloperName=name)
    text = found[0] if found else {"Subject": name, "Body": ""}

    def filled(part: str) -> str:
        def value(match: re.Match[str]) -> str:
            of, field = match[1] or match[3], match[2] or match[4]
            merged = get(field) if of.lower() == object_.lower() else None
            return "" if merged is None else str(merged)

        return _MERGE.sub(value, str(text.get(part) or ""))

    body = filled("Body") or filled("HtmlValue")
    org.outbox.send(org.clock.now(), to, filled("Subject"), body, "notification", record_id)


def _addresses(org: Org, owner: str) -> list[str]:
    storage = org.storage
    if owner[:3] == "005":
        user = storage.get("User", owner) or {}
        return [str(user["Email"])] if user.get("Email") else []
    group = storage.get("Group", owner) or {}
    to = [str(group["Email"])] if group.get("Email") else []
    if group.get("DoesSendEmailToMembers") or not to:
        members = [str(one["UserOrGroupId"]) for one in storage.find("GroupMember", GroupId=owner)]
        users = storage.find("User", Id=[one for one in members if one[:3] == "005"])
        to += [str(one["Email"]) for one in users if one.get("IsActive") and one.get("Email")]
    return list(dict.fromkeys(to))
