"""The people of live runs: two partners and three partner users, always the same, clearly marked.

Users can never be deleted, so a run makes none: these are made once (said so by a person),
reactivated when a run first needs them, and deactivated at its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sfprm.errors import NotReady
from sfprm.recording.orgs import Caller, OrgAccess, signed_in

__all__ = ["PEOPLE", "Cast", "Stage"]

PEOPLE: Mapping[int, int] = {1: 1, 2: 1, 3: 2}
"""Each person's number, and the number of their partner."""
MARK = "Sfprm Contract"


@dataclass(frozen=True, slots=True)
class Cast:
    """Ids of users by their number from 1; of partner accounts likewise."""

    users: Mapping[int, str]
    partners: Mapping[int, str]


class Stage:
    """An org in which the cast is gathered and dismissed."""

    def __init__(self, access: OrgAccess) -> None:
        self._access = access

    def gather(self, *, make: bool) -> Cast:
        """The cast, active. Raises NotReady when it is not in the org and `make` is False,
        OrgRefused with the org's words when it cannot be made."""
        with signed_in(self._access) as caller:
            org = caller.org_id
            usernames = {username(number, org): number for number in PEOPLE}
            names = ", ".join(f"'{name}'" for name in usernames)
            rows = caller.rows(
                "SELECT Id, Username, IsActive, AccountId FROM User "  # noqa: S608 - our own names
                f"WHERE Username IN ({names})"
            )
            found = {usernames[row["Username"].lower()]: row for row in rows}
            if len(found) < len(PEOPLE) and not make:
                raise NotReady(
                    "The cast of live runs (2 partners, 3 people) is not in this org yet.",
                    hint="Make it once, for ever: set SFPRM_TEST_LIVE_IRREVERSIBLE=yes.",
                )
            users = {number: str(row["Id"]) for number, row in found.items()}
            partners = {PEOPLE[number]: str(row["AccountId"]) for number, row in found.items()}
            for number, row in found.items():
                if not row["IsActive"]:
                    caller.change("User", users[number], IsActive=True)
            if len(users) < len(PEOPLE):
                _make(caller, users, partners)
        return Cast(dict(sorted(users.items())), dict(sorted(partners.items())))

    def dismiss(self, cast: Cast) -> None:
        """Deactivate all of them."""
        with signed_in(self._access) as caller:
            for user in cast.users.values():
                caller.change("User", user, IsActive=False)


def username(number: int, org_id: str) -> str:
    """Unique over all orgs, and says what it is for."""
    return f"sfprm-contract-{number}.{org_id[:15].lower()}@example.com"


def _make(caller: Caller, users: dict[int, str], partners: dict[int, str]) -> None:
    owner = caller.one(
        "SELECT Id FROM User WHERE UserType = 'Standard' AND IsActive = true "
        "AND UserRoleId != null ORDER BY Id LIMIT 1",
        "an active user with a role",
    )
    profile = caller.one(
        "SELECT Id FROM Profile WHERE UserType = 'PowerPartner' ORDER BY Name LIMIT 1",
        "a partner profile",
    )
    for number, partner in PEOPLE.items():
        if number in users:
            continue
        if partner not in partners:
            name = f"{MARK} Partner {partner}"
            partners[partner] = caller.make("Account", Name=name, OwnerId=owner)
            caller.change("Account", partners[partner], IsPartner=True)
        contact = caller.make("Contact", LastName=f"{MARK} {number}", AccountId=partners[partner])
        users[number] = caller.make(
            "User",
            Username=username(number, caller.org_id),
            Email=f"sfprm-contract-{number}@example.com",
            LastName=f"{MARK} {number}",
            Alias=f"sfprmct{number}",
            TimeZoneSidKey="Europe/Lisbon",
            LocaleSidKey="en_US",
            EmailEncodingKey="UTF-8",
            LanguageLocaleKey="en_US",
            ProfileId=profile,
            ContactId=contact,
        )
