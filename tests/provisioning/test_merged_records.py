"""Records that were merged in Salesforce: one declared record goes on with each, however many were
merged into it; the others are refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from sfprm.estate.model import ContactState, Merged
from sfprm.programme.model import Presence
from sfprm.provisioning.difference import Kind
from sfprm.provisioning.survivors import heirs


def lost(make: Any, object_: str, *keys: str) -> dict[tuple[str, str], Merged]:
    """All of them merged into KEPT."""
    return {
        (object_, key): Merged(make.id("003", 20 + at), make.id("003", 1))
        for at, key in enumerate(keys)
    }


@pytest.mark.parametrize(
    ("states", "whose"),
    [
        (("active", "active"), "ines"),
        (("absent", "active"), "rui"),
        (("frozen", "active"), "rui"),
        (("absent", "frozen"), "rui"),
        (("absent", "absent"), "ines"),
    ],
)
def test_the_most_alive_of_them_goes_on(make: Any, states: tuple[str, str], whose: str) -> None:
    """The first in the files among equals; who was not merged has no part in it."""
    declared = [
        (key, f"{key}.K", Presence(state))
        for key, state in zip(("ines", "rui"), states, strict=True)
    ]
    declared.insert(0, ("ana", "ana.k", Presence.ACTIVE))
    merged = lost(make, "Contact", "ines.k", "rui.k")
    assert heirs("Contact", declared, merged) == {make.id("003", 1): whose}
    assert heirs("Account", declared, merged) == {}


def test_two_people_in_one_contact(make: Any) -> None:
    """Both merged into a stranger: the one who works there takes it, with its key; the leaver's is
    nobody's, and does not take the other's user along."""
    programme = make.programme(
        [make.partner("acme")],
        [make.person("ines", "acme", state=Presence.ABSENT), make.person("rui", "acme")],
    )
    kept = ContactState(make.id("003", 1), None, make.id("001", 1), "", {"LastName": "Stranger"})
    account = make.account(1, "Acme", key="acme", is_partner=True)
    estate = make.estate(
        accounts={account.id: account},
        contacts={kept.id: kept},
        merged=lost(make, "Contact", "ines", "rui"),
    )
    found = make.plan(programme, estate).comparison.differences
    contacts = {d.key: d for d in found if d.kind is Kind.CONTACT}
    assert contacts["rui"].record_id == kept.id
    assert "the key moves" in contacts["rui"].notes[0]
    assert not [d for d in found if d.key == "ines" and d.kind is Kind.USER]


def test_two_partners_in_one_account(make: Any) -> None:
    """The second is refused, with where its people belong now."""
    programme = make.programme([make.partner("acme"), make.partner("beta")])
    kept = make.account(1, "Kept")
    merged = {
        ("Account", key): Merged(make.id("001", 20 + at), kept.id)
        for at, key in enumerate(("acme", "beta"))
    }
    estate = make.estate(accounts={kept.id: kept}, merged=merged)
    plan = make.plan(programme, estate)
    [stopped] = plan.comparison.blocked
    assert (stopped.key, stopped.why) == (
        "beta",
        "the account was merged into Kept, which is partner acme",
    )
    assert stopped.fix == "take beta out of partners.csv, its people under acme"
