"""Query jobs read window by window what nobody ordered otherwise."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sfprm.devorg.bulk import queries
from sfprm.devorg.bulk.dialect import Dialect
from sfprm.devorg.org import Org


@pytest.fixture
def crowded(story_org: Callable[[str], Org]) -> Org:
    """An org with two windows of leads and one more lead."""
    org = story_org("empty")
    lead = {"Company": "C", "OwnerId": org.agent_id}
    rows = [{"LastName": f"L{n}", **lead} for n in range(2 * queries.WINDOW + 1)]
    org.plant("Lead", rows)
    return org


def test_windows_are_the_whole(crowded: Org) -> None:
    """All records once and in order, in pieces; a query with an order of its own comes at once."""
    access = crowded.permissions.of(crowded.agent_id)

    def run(text: str) -> list[list[str]]:
        return list(queries.run(crowded, access, text, "66.0", Dialect(), deleted=False))

    header, *pieces = run("SELECT Id FROM Lead WHERE LastName LIKE 'L%'")
    assert header == ['"Id"\n']
    assert [len(piece) for piece in pieces] == [queries.WINDOW, queries.WINDOW, 1]
    _, whole = run("SELECT Id FROM Lead WHERE LastName LIKE 'L%' ORDER BY Id")
    assert [line for piece in pieces for line in piece] == whole
    _, joined = run("SELECT Id FROM Lead WHERE OwnerId IN (SELECT Id FROM User)")
    assert len(joined) == len(whole)
    _, few = run("SELECT Id FROM Lead LIMIT 3")
    assert few == whole[:3]
