"""`why --if`, `--as-of`, `--sentence`: other questions put to the same journal."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from sfprm.errors import BadRequest, NotReady
from sfprm.ids import RecordId
from sfprm.insight.why import Happening, why
from sfprm.routing.values import Code, Outcome, Reason

AWAY = Reason(Code.OUT_OF_HOURS, "outside its hours")
FULL = Reason(Code.CAP_OPEN, "holds 40 open leads")


def lead(number: int) -> RecordId:
    """The id of a lead of the sample."""
    return RecordId(f"00QKp{number:010d}")


def test_an_open_member_would_have_won(channel: Any) -> None:
    """Sulcom was out of hours for five leads and owed nothing; open, it takes what is due."""
    channel.route(range(1, 4))
    (entry,) = channel.route([4], away={"sulcom": AWAY, "acme": AWAY})
    assert entry.choices[0].winner == "partner:nordica"
    told = why(channel.store, lead(4), suppose=["acme.logged_in=yes", "Acme Ibericos.eligible=yes"])
    assert told.supposed is not None
    assert (told.supposed.outcome, told.supposed.owner, told.supposed.same) == (
        Outcome.ASSIGNED,
        "Acme Ibericos",
        False,
    )
    text = "\n".join(line for block in told.supposed.blocks() for line in block.lines)  # type: ignore[union-attr]
    assert "would have gone to Acme Ibericos" in text
    assert json.loads(json.dumps(told.to_json()))["supposed"]["winner"] == "partner:acme"


@pytest.mark.parametrize(
    ("supposition", "same", "outcome"),
    [
        ("nordica.weight=1", True, Outcome.ASSIGNED),
        ("nordica.eligible=no", False, Outcome.PARKED),
        ("nordica.hours=never", False, Outcome.PARKED),
        ("lead.Country=FR", False, Outcome.PARKED),
        ("lead.country=ES", True, Outcome.ASSIGNED),
    ],
)
def test_what_is_supposed_decides(
    channel: Any, supposition: str, same: bool, outcome: Outcome
) -> None:
    """With the two others out of their hours then, and still so."""
    channel.route([1], away={"sulcom": AWAY, "acme": FULL})
    told = why(channel.store, lead(1), suppose=[supposition]).supposed
    assert told is not None
    assert (told.same, told.outcome) == (same, outcome)


def test_a_parked_lead_may_be_supposed_taken(channel: Any) -> None:
    """The reasons of then, name by name, less the one that is supposed away."""
    channel.route([1], away=dict.fromkeys(["acme", "nordica", "sulcom"], AWAY))
    told = why(channel.store, lead(1), suppose=["sulcom.eligible=yes"]).supposed
    assert told is not None
    assert (told.outcome, told.owner) == (Outcome.ASSIGNED, "Sulcom")
    assert told.choice is not None
    assert [m.eligible for m in told.choice.members] == [False, False, True]


@pytest.mark.parametrize(
    ("supposition", "words", "hint"),
    [
        ("sulcom", "supposes nothing", "SUBJECT.ATTRIBUTE=VALUE"),
        ("sulcon.hours=always", "no pool had a member", "Did you mean 'sulcom'?"),
        ("sulcom.hours=9-18", "cannot be supposed of hours", "always or never"),
        ("sulcom.weight=two", "a weight is a whole number", "weight=2"),
        ("sulcom.tier=Gold", "there is no tier 'Gold'", "Tiers are"),
    ],
)
def test_what_makes_no_sense_is_refused(
    channel: Any, supposition: str, words: str, hint: str
) -> None:
    """In one sentence, with what there is."""
    channel.route([1])
    with pytest.raises(BadRequest) as caught:
        why(channel.store, lead(1), suppose=[supposition])
    assert words in str(caught.value)
    assert hint in caught.value.hint


def test_purged_leads_suppose_nothing(channel: Any) -> None:
    """There is nothing left to try the rules on."""
    channel.route([1])
    channel.store.purge_facts(leads=[lead(1)])
    with pytest.raises(NotReady, match="purged"):
        why(channel.store, lead(1), suppose=["sulcom.eligible=yes"])


def test_as_of_leaves_out_what_came_later(channel: Any) -> None:
    """Decisions and happenings."""
    (entry,) = channel.route([1])
    later = Happening(channel.now + timedelta(hours=2), "accepted")
    happened = {entry.sequence: [later]}
    assert why(channel.store, lead(1), happened=happened).decisions[0].happened == (later,)
    then = why(channel.store, lead(1), as_of=channel.now, happened=happened)
    assert then.decisions[0].happened == ()
    with pytest.raises(NotReady, match="decided nothing about the lead"):
        why(channel.store, lead(1), as_of=channel.now - timedelta(seconds=1))


def test_the_sentence_names_nobody_else(channel: Any) -> None:
    """It can be pasted to the partner that got the lead, or to one that did not."""
    channel.route([1])
    channel.route([2], away=dict.fromkeys(["acme", "nordica"], AWAY))
    channel.route([3], away=dict.fromkeys(["acme", "nordica", "sulcom"], AWAY))
    first, second, third = (why(channel.store, lead(n)).sentence() for n in (1, 2, 3))
    assert first.startswith(
        'On 2 Mar 2026 09:00 UTC the lead "Quinta 1" was given to Acme Ibericos'
    )
    assert "of the 3 members who could take it" in first
    assert "0.50 more leads" in first
    assert second.endswith("was given to Sulcom, the only member who could take it.")
    assert "Acme" not in second
    assert third.endswith("nobody of pool iberia may have it.")
