"""Roles that come with a partner's first users: found when memberships that name them are due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.estate.groups import read_role_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sfprm.ids import RecordId
    from sfprm.programme.model import Programme
    from sfprm.provisioning.steps import PlannedStep
    from sfprm.salesforce.session import Session

__all__ = ["find_roles"]

_PREFIX = "partner-role:"


def find_roles(
    session: Session,
    programme: Programme | None,
    steps: Iterable[PlannedStep],
    account_of: Callable[[str], RecordId | None],
) -> tuple[dict[str, RecordId], dict[str, str]]:
    """(ref → group, ref → why there is none) of the roles that the steps link to, by two calls at
    most. `account_of` gives the account of a partner key."""
    members = (s.links.get("UserOrGroupId", "") for s in steps)
    wanted = {to for to in members if to.startswith(_PREFIX)}
    if not wanted or programme is None:
        return {}, dict.fromkeys(wanted, "the role is not known")
    accounts: dict[str, RecordId] = {}
    for name in wanted:
        partner, _, _ = name.removeprefix(_PREFIX).rpartition("/")
        at = account_of(partner)
        if at is not None:
            accounts[partner.lower()] = at
    groups = read_role_groups(session, programme, accounts)
    found: dict[str, RecordId] = {}
    missing: dict[str, str] = {}
    for name in sorted(wanted):
        partner, _, role = name.removeprefix(_PREFIX).rpartition("/")
        group = groups.get(f"partner:{accounts.get(partner.lower())}/{role}")
        if group is None:
            missing[name] = f"the partner {partner} has no role {role} yet"
        else:
            found[name] = group
    return found, missing
