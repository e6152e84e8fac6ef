"""Very many leads, loaded as a stream."""

from __future__ import annotations

from typing import Any

import pytest

from sfprm.devorg.org import Org
from sfprm.devorg.story import load_leads


def test_leads_are_loaded_with_their_indexes(empty_org: Org) -> None:
    """Twenty-five fields each, over queues and users, the oldest first."""
    assert load_leads(empty_org, 1_000, 3) == 1_000
    rows = empty_org.storage.find("Lead")
    given = {name for name, value in rows[0].items() if value is not None}
    assert len(given) >= 25
    assert len({row["OwnerId"] for row in rows}) > 5
    assert [row["CreatedDate"] for row in rows] == sorted(row["CreatedDate"] for row in rows)
    plan = empty_org.storage.execute(
        'EXPLAIN QUERY PLAN SELECT "Id" FROM "Lead" WHERE "OwnerId" = ?', ("x",)
    )
    assert "USING" in str(plan)


def test_all_may_wait_in_the_intake(empty_org: Org) -> None:
    """No lead is a user's."""
    load_leads(empty_org, 200, 3, waiting=True)
    assert {row["OwnerId"][:3] for row in empty_org.storage.find("Lead")} == {"00G"}


def test_the_same_seed_gives_the_same_leads(story_org: Any) -> None:
    """And another one others."""
    found = []
    for seed in (3, 3, 4):
        org = story_org("empty")
        load_leads(org, 20, seed)
        found.append([row["Email"] for row in org.storage.find("Lead")])
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(("count", "key"), [(-1, None), (6_000_000, None), (1, "Nothing__c")])
def test_what_cannot_be_loaded_is_refused(empty_org: Org, count: int, key: str | None) -> None:
    """Nothing is loaded."""
    with pytest.raises(ValueError, match=r"leads|key"):
        load_leads(empty_org, count, 3, key)
    assert not empty_org.storage.find("Lead")


def test_the_control_api_loads_leads(devorg: Any) -> None:
    """Into the org as it is, or with a story."""
    before = devorg.control("GET", "status")["story"]
    done = devorg.control("POST", "seed", {"leads": 300, "seed": 5})
    assert (before, done["leads"], done["done"]) == ("demo", 300, "300 leads were loaded.")
