"""The fairness certificate: made, sealed, checked against the journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sfprm.errors import BadRequest
from sfprm.insight.certificate import certificate, check, from_json
from sfprm.routing.values import UNIT, Code, Reason
from sfprm.store.engine import connect_to

AWAY = Reason(Code.NEVER_LOGGED_IN, "has never logged in")


def test_it_says_what_the_journal_says(channel: Any) -> None:
    """Amounts are whole numbers of UNIT, and the chain ends where the journal does."""
    entries = channel.route(range(1, 9))
    body = certificate(channel.store, None, channel.programme(), channel.now).to_json()
    (pool,) = body["pools"]
    assert (body["journal"], pool["leads"], pool["length"]) == (8, 8, 8)
    assert pool["hash"] == entries[-1].hash
    assert {m["member"]: m["got"] for m in pool["members"]} == {
        "partner:acme": 4,
        "partner:nordica": 2,
        "partner:sulcom": 2,
    }
    assert pool["worst"] <= pool["bound"] * UNIT
    assert sum(m["entitled"] for m in pool["members"]) <= 8 * UNIT


def test_it_holds_after_more_was_decided(channel: Any) -> None:
    """And after members left and credits were given back."""
    channel.route(range(1, 9), away={"sulcom": AWAY})
    made = certificate(channel.store, None, channel.programme(), channel.now)
    channel.route(range(9, 20), programme=channel.programme(without=["sulcom"]))
    found = from_json(json.dumps(made.to_json()))
    assert check(channel.store, found, channel.programme()) == []
    channel.store.refund(15, channel.now)
    assert check(channel.store, found, channel.programme()) == []


@pytest.mark.parametrize("change", ["got", "hash", "journal"])
def test_a_changed_certificate_is_refused(channel: Any, change: str) -> None:
    """Its seal does not fit any more."""
    channel.route(range(1, 9))
    body = certificate(channel.store, None, channel.programme(), channel.now).to_json()
    if change == "got":
        body["pools"][0]["members"][0]["got"] += 1
    elif change == "hash":
        body["pools"][0]["hash"] = "0" * 64
    else:
        body["journal"] -= 1
    with pytest.raises(BadRequest, match="seal does not fit"):
        from_json(json.dumps(body))


def test_one_that_was_sealed_anew_does_not_hold(channel: Any) -> None:
    """The journal gives other figures."""
    channel.route(range(1, 9))
    made = certificate(channel.store, None, channel.programme(), channel.now)
    body = json.loads(json.dumps(dict(made.body)))
    body["pools"][0]["members"][0]["got"] += 1
    forged = type(made)(body)
    assert check(channel.store, from_json(json.dumps(forged.to_json())), channel.programme()) == [
        "Pool iberia: the journal gives other members."
    ]


def test_a_changed_journal_is_found(channel: Any, tmp_path: Path) -> None:
    """The chain has another hash there."""
    channel.route(range(1, 9))
    made = certificate(channel.store, None, channel.programme(), channel.now)
    engine = connect_to(f"sqlite:///{tmp_path / 'state.db'}")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE journal SET hash = zeroblob(32) WHERE sequence = 8"))
    engine.dispose()
    assert check(channel.store, made, channel.programme()) == [
        "Pool iberia: the journal has another hash at entry 8."
    ]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"seal": 1}', '{"seal": "x", "form": "other"}'])
def test_what_is_no_certificate_is_refused(text: str) -> None:
    """In one sentence."""
    with pytest.raises(BadRequest, match="certificate"):
        from_json(text)
