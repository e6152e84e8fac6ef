"""State and country picklists: codes and names agree once the org's switch is on."""

from __future__ import annotations

from typing import Any

import pytest

from sfprm.devorg.org import Org
from sfprm.devorg.problems import RowProblem

LEAD = {"LastName": "Berg", "Company": "Kilo"}


@pytest.fixture
def switched(empty_org: Org) -> Org:
    """An org with the picklists on."""
    empty_org.set_setting("state_country_picklists", True)
    return empty_org


def _address(org: Org, id_: str) -> tuple[Any, ...]:
    row = org.storage.get("Lead", id_)
    assert row is not None
    return tuple(row[name] for name in ("CountryCode", "Country", "StateCode", "State"))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"CountryCode": "PT"}, ("PT", "Portugal", None, None)),
        ({"Country": "portugal"}, ("PT", "Portugal", None, None)),
        ({"Country": "PT"}, ("PT", "Portugal", None, None)),
        ({"Country": "United States", "State": "texas"}, ("US", "United States", "TX", "Texas")),
        ({"CountryCode": "US", "StateCode": "CA"}, ("US", "United States", "CA", "California")),
        ({"CountryCode": "PT", "State": "Lisboa"}, ("PT", "Portugal", None, "Lisboa")),
        ({}, (None, None, None, None)),
    ],
)
def test_one_sets_the_other(switched: Org, given: dict[str, Any], kept: tuple[Any, ...]) -> None:
    """A code sets the name, a name the code."""
    (id_,) = switched.create("Lead", [{**LEAD, **given}])
    assert _address(switched, id_) == kept


def test_updates_keep_what_they_do_not_name(switched: Org) -> None:
    """A state is looked for in the country that is there; emptying the country needs the state
    emptied.
    """
    (id_,) = switched.create("Lead", [{**LEAD, "CountryCode": "US"}])
    switched.change("Lead", [{"Id": id_, "State": "Ohio"}])
    assert _address(switched, id_) == ("US", "United States", "OH", "Ohio")
    switched.change("Lead", [{"Id": id_, "City": "Dayton"}])
    assert _address(switched, id_) == ("US", "United States", "OH", "Ohio")
    with pytest.raises(RowProblem, match="must be specified before"):
        switched.change("Lead", [{"Id": id_, "Country": None}])
    switched.change("Lead", [{"Id": id_, "Country": None, "State": None}])
    assert _address(switched, id_) == (None, None, None, None)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"Country": "Atlantis"}, "problem with this country"),
        ({"CountryCode": "XX"}, "problem with this country"),
        ({"CountryCode": "US", "State": "Bavaria"}, "problem with this state"),
        ({"State": "Ohio"}, "must be specified before"),
    ],
)
def test_what_is_on_no_list(switched: Org, given: dict[str, Any], words: str) -> None:
    """It is refused."""
    with pytest.raises(RowProblem, match=words) as caught:
        switched.create("Lead", [{**LEAD, **given}])
    assert caught.value.code == "FIELD_INTEGRITY_EXCEPTION"


def test_off_any_text_will_do(empty_org: Org) -> None:
    """Without the switch a country is text, and there are no codes."""
    (id_,) = empty_org.create("Lead", [{**LEAD, "Country": "Atlantis"}])
    assert _address(empty_org, id_)[:2] == (None, "Atlantis")


def test_accounts_have_two_addresses(switched: Org) -> None:
    """Each is looked at apart."""
    row = {"Name": "Kilo", "BillingCountryCode": "SE", "ShippingCountry": "Norway"}
    (id_,) = switched.create("Account", [row])
    found = switched.storage.get("Account", id_)
    assert found is not None
    assert (found["BillingCountry"], found["ShippingCountryCode"]) == ("Sweden", "NO")
