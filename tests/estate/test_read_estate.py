"""Reading the estate from the embedded org, before and after setup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sfprm.clock import SystemClock
from sfprm.estate.reader import read_estate
from sfprm.programme.load import load_programme
from sfprm.salesforce.session import Session, open_session
from sfprm.settings import load_settings


@pytest.fixture
def session(devorg: Any, tmp_path: Path) -> Iterator[Session]:
    """A login to the demo's org."""
    with open_session(load_settings(env=devorg.env(tmp_path)), SystemClock()) as opened:
        yield opened


@pytest.fixture
def programme() -> Any:
    """The sample programme."""
    return load_programme(Path(__file__).parents[2] / "config")


def test_at_most_ten_calls(session: Session, programme: Any) -> None:
    """The whole snapshot of the sample, besides asking who we are."""
    assert session.identity.is_embedded
    before = session.calls.total
    read_estate(session, programme)
    assert session.calls.total - before <= 11


def test_before_setup(session: Session, programme: Any) -> None:
    """Partner management off, nothing deployed: the rest is still read."""
    estate = read_estate(session, programme)
    assert not estate.keys_visible
    assert estate.org.is_embedded
    assert estate.licences["Partner Community"].left == 40
    assert estate.profiles["Alder Partner User"].is_partner
    pedro = estate.user("pedro.reis@alder.example.com")
    assert pedro is not None
    assert pedro.role_id is None
    assert estate.sites["Alder Partner Central"].status == "UnderConstruction"


def test_accounts_named_by_a_field_are_found(session: Session, programme: Any) -> None:
    """By AccountNumber, with their owner."""
    estate = read_estate(session, programme)
    numbers = {a.fields["AccountNumber"]: a for a in estate.accounts.values()}
    assert {"P-1001", "P-1002"} <= set(numbers)
    assert numbers["P-1001"].owner_username == "marta.lopes@alder.example.com"
    assert numbers["P-1001"].owner_has_role


def test_queues_with_members(session: Session, programme: Any) -> None:
    """Also those that the programme only refers to."""
    queues = read_estate(session, programme).queues
    assert set(queues) == {"Web_Leads", "Event_Leads", "Inside_Sales_Desk"}
    assert len(queues["Inside_Sales_Desk"].members) == 2
    assert queues["Web_Leads"].for_lead


def test_without_sites(session: Session, programme: Any) -> None:
    """Two calls less for those who need no sites."""
    assert session.identity.is_embedded
    before = session.calls.total
    estate = read_estate(session, programme, sites=False)
    assert estate.sites == {}
    assert session.calls.total - before <= 9
