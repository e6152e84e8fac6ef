"""Users who cannot be deactivated: the default lead owner or creator, a default or automated case
owner, the default workflow user, a recipient of a workflow's e-mail, a portal administrator [R
list; D help 000386638 for the last, whose words are `You cannot deactivate a user who is a portal
administrator`]; users whom assignment or auto-response rules, approvals or hierarchy fields name
[D, operations.md rule 30]. Freezing them is not refused [D help]. The code that the API answers and
the words for all others are unverified: here `FIELD_INTEGRITY_EXCEPTION`, with the words of the
portal administrator's. Of rules and approvals the org looks at none by itself (unverified which of
them the API refuses for); default owners, as set, it does.

Set `held_users`: [{"username": ..., "because": "a portal administrator"}]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfprm.devorg.assignment.running import DEFAULT_OWNERS
from sfprm.devorg.behaviours import settable
from sfprm.devorg.behaviours.behaviour import Behaviour

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.devorg.dml.context import Batch
    from sfprm.devorg.org import Org

__all__ = ["SETTING", "HeldUsers"]

_HELD = "held_users"
_DEFAULT = {"Lead": "the default lead owner", "Case": "the default case owner"}


class HeldUsers(Behaviour):
    """Users on whom something in setup hangs."""

    objects = frozenset({"User"})

    def before(self, batch: Batch) -> None:
        """Refuse to make them inactive."""
        if batch.operation != "update":
            return
        leaving = [r for r in batch.living if r.changes("IsActive") and not r.values["IsActive"]]
        if not leaving:
            return
        held = dict(_held(batch.org))
        for row in leaving:
            because = held.get(str(row.old["Username"]).lower()) if row.old is not None else None
            if because is not None:
                row.refuse(
                    "FIELD_INTEGRITY_EXCEPTION",
                    f"You cannot deactivate a user who is {because}",
                    "IsActive",
                )


def _held(org: Org) -> Iterator[tuple[str, str]]:
    """(username, why)."""
    for object_, owner in (settable.setting(org, DEFAULT_OWNERS) or {}).items():
        if "user" in owner:
            yield str(owner["user"]).lower(), _DEFAULT[object_]
    for one in settable.setting(org, _HELD) or ():
        yield str(one["username"]).lower(), str(one["because"])


def _check(org: Org, value: Any) -> None:
    if not isinstance(value, list):
        raise ValueError("a list of objects with username and because is needed")
    for one in value:
        if not isinstance(one, dict) or set(one) != {"username", "because"}:
            raise ValueError("a list of objects with username and because is needed")
        settable.text(one, "because")
        if org.user_by_username(settable.text(one, "username")) is None:
            raise ValueError(f"username: there is no user {one['username']}")


SETTING = settable.Settable(_HELD, _check)
