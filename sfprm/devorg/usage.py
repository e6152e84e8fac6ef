"""What the org uses of its limits: data storage and the day's mails.

Storage is counted by record, not by bytes: 2 KB each, campaigns 8 KB, campaign members 1 KB [D];
users, setup and history count nothing [D]. Single mails count by recipient, those to the org's own
users not [D]; the day is one of GMT [D]."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["external", "kilobytes_of", "mails_today", "storage_kilobytes"]

_SIZES = {
    "Account": 2,
    "Contact": 2,
    "Lead": 2,
    "Opportunity": 2,
    "Case": 2,
    "Task": 2,
    "Campaign": 8,
    "CampaignMember": 1,
}


def kilobytes_of(object_: str) -> int:
    """What one record of the object counts."""
    return _SIZES.get(object_, 2 if object_.endswith("__c") else 0)


def storage_kilobytes(org: Org) -> int:
    """What all records count, those in the recycle bin left out [M]."""
    used = 0
    for definition in org.schema.objects():
        size = kilobytes_of(definition.name)
        if not size:
            continue
        binned = ' WHERE "IsDeleted" = 0' if definition.field("IsDeleted") else ""
        sql = f'SELECT COUNT(*) FROM "{definition.name}"{binned}'  # noqa: S608 (a schema name)
        used += size * int(org.storage.execute(sql)[0][0])
    return used


def mails_today(org: Org) -> int:
    """Recipients outside the org of the single mails of this day."""
    today = org.clock.now().date().isoformat()
    sent = [
        address
        for mail in org.outbox.as_json()
        if mail["kind"] == "action" and mail["at"].startswith(today)
        for address in mail["to"]
    ]
    return external(org, sent)


def external(org: Org, addresses: Iterable[str]) -> int:
    """How many of these are not the address of an active internal user."""
    wanted = [address.lower() for address in addresses]
    if not wanted:
        return 0
    users = org.storage.find("User", Email=sorted(set(wanted)), IsActive=True)
    own = {
        str(user["Email"]).lower()
        for user in users
        if str(user.get("UserType") or "Standard") == "Standard"
    }
    return sum(1 for address in wanted if address not in own)
