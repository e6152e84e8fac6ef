"""The channel team's rows, from values."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sfprm.ids import PartnerKey
from sfprm.insight.partners import Answered, PartnersReport, partners_report, pools_of
from sfprm.insight.report import Held

ACME, NORDICA = PartnerKey("acme"), PartnerKey("nordica")


def made(channel: Any, manager: str | None = None, seen: bool = True) -> PartnersReport:
    """Acme: three offers, two accepted after 2 and 6 hours, one run out; Nordica: one pending."""
    at = channel.now
    return partners_report(
        channel.programme(),
        {ACME: Held("Acme", 4, (4, 0, 0, 0, 0), timedelta(hours=30))},
        [
            Answered(ACME, at, at + timedelta(hours=2), False),
            Answered(ACME, at, at + timedelta(hours=6), False),
            Answered(ACME, at, None, True),
            Answered(NORDICA, at, None, False),
        ],
        {ACME: (10, 3)},
        {ACME: (2, 150_000.0)} if seen else None,
        days=90,
        parked=["no rule matches", "nobody in pool:iberia", "no rule matches"],
        dead={"Rui Prata": 2},
        manager=manager,
    )


def test_a_partners_answers_are_counted(channel: Any) -> None:
    """Acceptance counts answered offers only; the first touch is the median."""
    rows = {row.partner: row for row in made(channel).rows}
    acme = rows[ACME]
    assert (acme.offered, acme.accepted, acme.ran_out) == (3, 2, 1)
    assert acme.first_touch == timedelta(hours=4)
    assert acme.row()[2:] == ("4", "30 h", "3", "67 %", "4 h", "30 %", "2", "150,000")
    assert rows[NORDICA].row()[2:] == ("0", "", "1", "", "", "", "0", "")


def test_what_cannot_be_seen_is_not_nought(channel: Any) -> None:
    """Opportunities that the agent may not read are a question mark, and null."""
    row = made(channel, seen=False).rows[0]
    assert row.row()[-2:] == ("?", "")
    assert row.to_json()["open_opportunities"] is None


def test_one_managers_partners(channel: Any) -> None:
    """All of the sample are Marta's."""
    assert len(made(channel, manager="marta").rows) == 3
    assert made(channel, manager="jonas").rows == ()


def test_parked_leads_and_dead_owners_are_named(channel: Any) -> None:
    """Most first."""
    body = made(channel).to_json()
    assert list(body["parked"].items()) == [("no rule matches", 2), ("nobody in pool:iberia", 1)]
    assert body["dead_owners"] == {"Rui Prata": 2}


def test_a_channel_manager_sees_the_pools_of_their_partners(channel: Any) -> None:
    """Others are not theirs to answer for."""
    assert pools_of(channel.programme(), "marta") == ["iberia"]
    assert pools_of(channel.programme(), "jonas") == []
