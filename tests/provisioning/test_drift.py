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
    assert "Ines Example" in change.words


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


def test_a_person_wins_until_the_file_changes(make: Make) -> None:
    """A new value in the file is written even where people win."""
    who = {"Account.Phone": FieldPolicy.PERSON}
    declared = programme(make, who_wins=who)
    estate, applied = settled(make, declared)
    partner = make.partner("acme", fields={"Phone": "+351 3"})
    changed = programme(make, who_wins=who, partners={partner.key: partner})
    assert [s.kind for s in make.plan(changed, estate, applied).steps] == ["UpdateAccount"]
