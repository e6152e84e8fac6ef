"""The accounts, contacts and deals of a company that has sold for years; two customers who use
the help site; two accounts that are partners in business but were never enabled."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sfprm.devorg.stamps import stamp_text
from sfprm.devorg.story.names import COMPANY_ENDS, COMPANY_STEMS, FIRST_NAMES, LAST_NAMES, TOWNS
from sfprm.devorg.story.people import user_row
from sfprm.devorg.story.places import CUSTOMER_SITE

if TYPE_CHECKING:
    from sfprm.devorg.org import Org
    from sfprm.devorg.story.people import People
    from sfprm.devorg.story.places import Places

__all__ = ["plant_customers"]

_ACCOUNTS = 20
_SELLERS = ("sam.carter", "ana.costa", "lena.berg")
_PARTNERS = (
    # name, number, owner, town, country
    ("Acme Ibericos", "P-1001", "marta.lopes", "Porto", "PT"),
    ("Nordica Handel", "P-1002", "jonas.weber", "Malmö", "SE"),
)
_STAGES = ("Prospecting", "Proposal/Price Quote", "Closed Won", "Closed Lost")


def plant_customers(org: Org, people: People, places: Places, seed: int) -> None:
    """Plant all of it."""
    chance = random.Random(seed)  # noqa: S311 - sample data, no secret
    accounts = _accounts(org, people, chance)
    contacts = _contacts(org, accounts, chance)
    _deals(org, accounts, chance)
    _customer_users(org, people, places, accounts, contacts)


def _user(people: People, name: str) -> str:
    return people.users[f"{name}@alder.example.com"]


def _accounts(org: Org, people: People, chance: random.Random) -> list[dict[str, Any]]:
    now = org.clock.now()
    names = sorted(f"{stem} {end}" for stem in COMPANY_STEMS for end in COMPANY_ENDS)
    rows: list[dict[str, Any]] = []
    for place, name in enumerate(chance.sample(names, _ACCOUNTS)):
        country = chance.choice(sorted(TOWNS))
        town, _ = chance.choice(TOWNS[country])
        rows.append(
            {
                "Name": name,
                "Type": "Customer - Direct" if place % 3 else "Prospect",
                "AccountNumber": f"C-{2001 + place}",
                "BillingCity": town,
                "BillingCountry": country,
                "Phone": f"+000 555 {chance.randrange(10_000):04}",
                "Industry": chance.choice(("Manufacturing", "Chemicals", "Utilities")),
                "OwnerId": _user(people, _SELLERS[place % len(_SELLERS)]),
                "CreatedDate": stamp_text(now - timedelta(days=chance.randrange(200, 1800))),
            }
        )
    for name, number, owner, town, country in _PARTNERS:
        rows.append(
            {
                "Name": name,
                "Type": "Channel Partner / Reseller",
                "AccountNumber": number,
                "BillingCity": town,
                "BillingCountry": country,
                "OwnerId": _user(people, owner),
                "CreatedDate": stamp_text(now - timedelta(days=900)),
            }
        )
    for row, id_ in zip(rows, org.plant("Account", rows), strict=True):
        row["Id"] = id_
    return rows


def _contacts(
    org: Org, accounts: list[dict[str, Any]], chance: random.Random
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for account in accounts:
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
        host = str(account["Name"]).lower().replace(" ", "-")
        rows.append(
            {
                "FirstName": first,
                "LastName": last,
                "AccountId": account["Id"],
                "Email": f"{first}.{last}@{host}.example.org".lower(),
                "OwnerId": account["OwnerId"],
                "CreatedDate": account["CreatedDate"],
            }
        )
    for row, id_ in zip(rows, org.plant("Contact", rows), strict=True):
        row["Id"] = id_
    return rows


def _deals(org: Org, accounts: list[dict[str, Any]], chance: random.Random) -> None:
    today = org.clock.now().date()
    rows = []
    for account in accounts[:_ACCOUNTS:2]:
        stage = chance.choice(_STAGES)
        closed = stage.startswith("Closed")
        days = chance.randrange(10, 120)
        rows.append(
            {
                "Name": f"{account['Name']} renewal",
                "AccountId": account["Id"],
                "StageName": stage,
                "IsClosed": closed,
                "IsWon": stage == "Closed Won",
                "CloseDate": (today + timedelta(days=-days if closed else days)).isoformat(),
                "Amount": float(chance.randrange(5, 90) * 1000),
                "OwnerId": account["OwnerId"],
            }
        )
    org.plant("Opportunity", rows)


def _customer_users(
    org: Org,
    people: People,
    places: Places,
    accounts: list[dict[str, Any]],
    contacts: list[dict[str, Any]],
) -> None:
    """Two customers with a login to the help site, on accounts that are customer accounts."""
    now = org.clock.now()
    chosen = [one for one in contacts if one["AccountId"] in {a["Id"] for a in accounts[1:3]}]
    rows = []
    for contact in chosen:
        org.storage.update("Account", contact["AccountId"], {"IsCustomerPortal": True})
        profile = people.profiles["Alder Customer User"]
        rows.append(
            {
                **user_row(contact["FirstName"], contact["LastName"], contact["Email"], profile),
                "UserType": "CspLitePortal",
                "ContactId": contact["Id"],
                "AccountId": contact["AccountId"],
                "IsPortalEnabled": True,
                "CreatedById": people.agent,
                "LastModifiedById": people.agent,
                "CreatedDate": stamp_text(now - timedelta(days=150)),
                "LastLoginDate": stamp_text(now - timedelta(days=9)),
            }
        )
    users = org.plant("User", rows)
    org.plant("UserLogin", [{"UserId": user, "LastModifiedById": people.agent} for user in users])
    site = places.sites[CUSTOMER_SITE]
    org.plant("NetworkMember", [{"NetworkId": site, "MemberId": user} for user in users])
