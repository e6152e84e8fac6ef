"""Hand changes: told once each, and who wins is chosen per field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sfprm.ids import PartnerKey
from sfprm.programme.model import FieldPolicy, PartnerMember
from sfprm.provisioning.drift import drift, news

Make = Any


def programme(make: Make, **more: Any) -> Any:
    """One partner with a phone number, one person, one queue."""
    return replace(
        make.programme(
            [make.partner("acme", fields={"Phone": "+351 1"})],
            [make.person("ines", "acme")],
            [make.queue("Norte", PartnerMember(PartnerKey("acme")))],
        ),
        **more,
    )


def settled(make: Make, declared: Any) -> Any:
    """The org after apply, and what we remember."""
    estate = make.estate()
    return make.carry_out(make.plan(declared, estate), estate)


def phoned(estate: Any, number: str | None) -> Any:
    """Somebody has changed the account's phone."""
    accounts = {
        at: replace(a, fields={**a.fields, "Phone": number}) for at, a in estate.accounts.items()
    }
    return replace(estate, accounts=accounts)


def kept(applied: Any, values: Any) -> Any:
    """The state after those values were remembered."""
    after = {at: dict(v) for at, v in applied.items()}
    for value in values:
        after.setdefault((value.object, value.key), {})[value.field] = value.value
    return after


@pytest.mark.parametrize("number", ["0800", None])
def test_a_hand_change_is_told_once(make: Make, number: str | None) -> None:
    """A second look tells nothing; another value is told again; so is the same after a repair."""
    declared = programme(make)
    estate, applied = settled(make, declared)
    changed = phoned(estate, number)
    found = drift(make.plan(declared, changed, applied).comparison, applied)
    fresh, values = news(found, applied)
    assert [(c.field, c.found, c.wins) for c in fresh] == [("Phone", number, "file")]
    applied = kept(applied, values)
    again = drift(make.plan(declared, changed, applied).comparison, applied)
    assert news(again, applied)[0] == ()
    other = drift(make.plan(declared, phoned(estate, "0900"), applied).comparison, applied)
    assert len(news(other, applied)[0]) == 1
    mended = drift(make.plan(declared, estate, applied).comparison, applied)
    applied = kept(applied, news(mended, applied)[1])
    assert len(news(found, applied)[0]) == 1


def test_a_change_of_the_files_is_no_drift(make: Make) -> None:
    """Only what neither the files nor sfprm changed."""
    estate, applied = settled(make, programme(make))
    partner = make.partner("acme", fields={"Phone": "+351 2"})
    changed = programme(make, partners={partner.key: partner})
    assert drift(make.plan(changed, estate, applied).comparison, applied) == ()


def test_a_member_taken_out_by_hand_is_told(make: Make) -> None:
    """The plan puts them back, and says so."""
    declared = programme(make)
    estate, applied = settled(make, declared)
    queues = {name: replace(q, members={}) for name, q in estate.queues.items()}
    plan = make.plan(declared, replace(estate, queues=queues), applied)
    [change] = drift(plan.comparison, applied)
    assert (change.object, change.wins) == ("GroupMember", "file")
    assert change.words == "Norte: Ines Example was taken out by hand (is put in again)"


@pytest.mark.parametrize(
    ("choice", "steps", "wins"),
    [
        (FieldPolicy.FILE, ["UpdateAccount"], "file"),
        (FieldPolicy.PERSON, [], "person"),
        (FieldPolicy.ONCE, [], "person"),
    ],
)
def test_who_wins_is_chosen_per_field(
    make: Make, choice: FieldPolicy, steps: list[str], wins: str
) -> None:
    """By `Object.Field` in the programme, without regard to case."""
    declared = programme(make, who_wins={"account.phone": choice})
    estate, applied = settled(make, declared)
    plan = make.plan(declared, phoned(estate, "0800"), applied)
    assert [s.kind for s in plan.steps] == steps
    assert [c.wins for c in drift(plan.comparison, applied)] == [wins]


OWN_CHOICE = {"Account": "Name", "Contact": "LastName", "User": "LastName", "Group": "Name"}
"""A field of each object where it is not a person's by nature."""


@pytest.mark.parametrize("choice", list(FieldPolicy))
@pytest.mark.parametrize("object_", OWN_CHOICE)
def test_who_wins_holds_for_every_object(make: Make, object_: str, choice: FieldPolicy) -> None:
    """A hand change is taken back where the file wins, and stays where the person does; a later
    change of the file is written in both cases, and never where it is set once."""
    name = OWN_CHOICE[object_]
    declared = programme(make, who_wins={f"{object_}.{name}": choice})
    estate, applied = settled(make, declared)
    touched = by_hand(estate, object_)
    assert [f"{s.object}.{n}" for s in make.plan(declared, touched, applied).steps for n in s.after
            ] == ([f"{object_}.{name}"] if choice is FieldPolicy.FILE else [])  # fmt: skip
    renamed = changed_files(make, declared, object_)
    written = {f"{s.object}.{n}" for s in make.plan(renamed, estate, applied).steps
               for n in s.after}  # fmt: skip
    assert (f"{object_}.{name}" in written) is (choice is not FieldPolicy.ONCE)


def by_hand(estate: Any, object_: str) -> Any:
    """Somebody writes `By hand` into the field of every such record."""

    def touched(records: Any) -> Any:
        name = OWN_CHOICE[object_]
        return {at: replace(r, fields={**r.fields, name: "By hand"}) for at, r in records.items()}

    match object_:
        case "Account":
            return replace(estate, accounts=touched(estate.accounts))
        case "Contact":
            return replace(estate, contacts=touched(estate.contacts))
        case "User":
            return replace(estate, partner_users=touched(estate.partner_users))
        case _:
            queues = {at: replace(q, label="By hand") for at, q in estate.queues.items()}
            return replace(estate, queues=queues)


def changed_files(make: Make, declared: Any, object_: str) -> Any:
    """The files with other names."""
    partners = {k: replace(p, name="Other") for k, p in declared.partners.items()}
    people = {k: replace(p, last_name="Other") for k, p in declared.people.items()}
    queues = {n: replace(q, name="Other") for n, q in declared.queues.items()}
    changes: dict[str, Any] = {
        "Account": {"partners": partners},
        "Contact": {"people": people},
        "User": {"people": people},
        "Group": {"queues": queues},
    }
    return replace(declared, **changes[object_])


def test_a_person_wins_until_the_file_changes(make: Make) -> None:
    """A new value in the file is written even where people win."""
    who = {"Account.Phone": FieldPolicy.PERSON}
    declared = programme(make, who_wins=who)
    estate, applied = settled(make, declared)
    partner = make.partner("acme", fields={"Phone": "+351 3"})
    changed = programme(make, who_wins=who, partners={partner.key: partner})
    assert [s.kind for s in make.plan(changed, estate, applied).steps] == ["UpdateAccount"]
