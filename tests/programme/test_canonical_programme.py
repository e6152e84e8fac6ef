"""The canonical JSON: stable, without places, and read back to the same value."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sfprm.errors import BadRequest
from sfprm.programme.canonical import digest, from_json, to_json
from sfprm.programme.load import load_programme
from sfprm.programme.logic import And, Not, Or, Ref
from sfprm.programme.model import LeaveAlone, Origin, PersonMember, Programme, Queue, UserMember

SAMPLE = Path(__file__).parents[2] / "config"


@pytest.fixture(scope="module")
def programme() -> Programme:
    return load_programme(SAMPLE)


def test_round_trip_of_the_sample(programme: Programme) -> None:
    """Written, read and written again: the same bytes, the same digest."""
    text = to_json(programme)
    assert to_json(from_json(text)) == text
    assert from_json(text).digest == programme.digest == digest(programme)


def test_values_come_back_equal(programme: Programme) -> None:
    """All but origins are equal, condition and criteria included."""
    back = from_json(to_json(programme))
    place = Origin("(stored)", 0)
    assert back.tiers == programme.tiers
    assert back.routing.intake == programme.routing.intake
    for key, pool in programme.routing.pools.items():
        members = tuple(replace(member, origin=place) for member in pool.members)
        assert back.routing.pools[key] == replace(
            pool, members=members, origin=place, eligible_at=None
        )
    for mine, theirs in zip(programme.people.values(), programme.people.values(), strict=True):
        assert mine == theirs
    assert {k: replace(p, origin=place) for k, p in programme.partners.items()} == back.partners


def test_every_kind_of_union_member_comes_back(programme: Programme) -> None:
    """Logic trees, queue members and targets that the sample does not use."""
    rule = replace(
        programme.routing.rules[0],
        logic=Or((And((Ref(1), Not(Ref(2)))), Ref(3))),
        target=LeaveAlone(),
    )
    queue = Queue("Q", "Q", Origin("f", 1), (UserMember("a@b.co"), PersonMember("kari.vik")))  # type: ignore[arg-type]
    changed = replace(
        programme, queues={"Q": queue}, routing=replace(programme.routing, rules=(rule,))
    )
    back = from_json(to_json(changed))
    assert back.routing.rules[0].logic == rule.logic
    assert back.routing.rules[0].target == LeaveAlone()
    assert back.queues["Q"].members == queue.members


def test_no_places_in_it(programme: Programme) -> None:
    """Neither file names, lines nor the folder change it."""
    text = to_json(programme)
    assert "origin" not in text
    assert str(SAMPLE) not in text
    assert json.loads(text)["format"] == 1


def test_moved_lines_and_rows_keep_the_digest(copy: Path, programme: Programme) -> None:
    """Comments, blank lines and the order of rows are no part of the programme."""
    head, *rows = (copy / "people.csv").read_text("utf-8").splitlines()
    (copy / "people.csv").write_text("\n".join([head, *reversed(rows)]) + "\n", "utf-8")
    text = (copy / "routing.yaml").read_text("utf-8")
    (copy / "routing.yaml").write_text("# moved down\n\n" + text, "utf-8")
    assert load_programme(copy).digest == programme.digest


def test_a_weight_changes_the_digest(
    spoil: Callable[..., object], copy: Path, programme: Programme
) -> None:
    """Whatever decides is part of it."""
    spoil("routing.yaml", ("weight: 2", "weight: 3"))
    assert load_programme(copy).digest != programme.digest


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format":2,"programme":{}}', '{"format":1,"programme":{"name":1}}']
)
def test_what_is_no_stored_programme(text: str) -> None:
    """Refused with a message, not with a traceback."""
    with pytest.raises(BadRequest):
        from_json(text)
