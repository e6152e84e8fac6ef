"""`why`: the rule path, each member's part, the proof."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sfprm.blocks import Table, Text
from sfprm.errors import NotReady
from sfprm.ids import RecordId
from sfprm.insight.why import why
from sfprm.insight.why_result import Proof, Why
from sfprm.routing.values import UNIT, Code, Reason
from sfprm.store.engine import connect_to
from sfprm.store.packing import PackedChoice, pack_choices, unpack_choices
from sfprm.store.tables import journal

AWAY = Reason(Code.NEVER_LOGGED_IN, "has never logged in")


def lead(number: int) -> RecordId:
    """The id of a lead of the sample."""
    return RecordId(f"00QKp{number:010d}")


def shown(result: Why) -> str:
    """All blocks as plain text."""
    lines: list[str] = []
    for block in result.blocks():
        if isinstance(block, Text):
            lines.extend(block.lines)
        elif isinstance(block, Table):
            lines.append(block.title)
            lines.extend(" | ".join(row) for row in block.rows)
    return "\n".join(lines)


def test_an_unknown_lead_says_what_to_look_at(channel: Any) -> None:
    """Nothing decided is not an empty answer."""
    with pytest.raises(NotReady, match="decided nothing about the lead 00QKp") as caught:
        why(channel.store, lead(9))
    assert "sfprm route" in caught.value.hint


def test_each_member_has_its_part_in_the_choice(channel: Any) -> None:
    """Owed before, share, owed after; the most owed is chosen; shares follow the weights."""
    channel.route(range(1, 4))
    (decision,) = why(channel.store, lead(3)).decisions
    pool, person = decision.choices
    owed = {m.member: (m.owed_before, m.share, m.owed_after) for m in pool.members}
    for before, share, after in owed.values():
        assert after - before - share in (0, -sum(s for _, s, _ in owed.values()))
    assert owed["partner:acme"][1] == UNIT // 2
    assert [m.member for m in pool.members if m.chosen] == [decision.entry.choices[0].winner]
    assert [m.member for m in person.members] == [decision.entry.choices[1].winner]
    assert decision.proof is Proof.SAME


def test_the_rule_path_names_each_criterion(channel: Any) -> None:
    """With the lead's value and whether it holds."""
    channel.route([1])
    (decision,) = why(channel.store, lead(1)).decisions
    (rule,) = decision.rules
    assert [(c.text, c.value, c.holds) for c in rule.criteria] == [
        ("Country equals PT, ES", "PT", True),
        ("Rating equals Hot", "Hot", True),
    ]


def test_the_screen_reads_as_a_person_wants_it(channel: Any) -> None:
    """Names, the path, the table, the proof."""
    channel.route([1], away={"nordica": AWAY})
    text = shown(why(channel.store, lead(1)))
    assert text.splitlines() == [
        'Lead "Quinta 1" (00QKp0000000001' + lead(1)[15:] + ")",
        "→ Acme Ibericos (Rui Acme), 2 Mar 2026 09:00 UTC, offer 1, not yet confirmed in the org.",
        'Rule 1 "Hot leads from Iberia", met: Country equals PT, ES ✓ (PT)  Rating equals Hot ✓ '
        "(Hot)",
        "Pool iberia, 3 members",
        "Acme Ibericos | yes | 0.00 | 0.67 | −0.33 | ← chosen: most owed",
        "Nordica Handel | no | 0.00 |  | 0.00 | Rui Nordica: has never logged in",
        "Sulcom | yes | 0.00 | 0.33 | +0.33 | ",
        "People of Acme Ibericos, 1 person",
        "Rui Acme | yes | 0.00 | 1.00 | 0.00 | ← chosen: the only one eligible",
        "Proof: journal 1 of chain pool:iberia, replayed: same result.",
    ]


def test_a_parked_lead_says_why_and_when_again(channel: Any) -> None:
    """Nobody eligible: each one's reason; no rule: that."""
    channel.route([1], away=dict.fromkeys(("acme", "nordica", "sulcom"), AWAY))
    channel.route([2], country="PL")
    text = shown(why(channel.store, lead(1)))
    assert "Parked, 2 Mar 2026 09:00 UTC: nobody of pool iberia may have it" in text
    assert "Sulcom" in text
    assert "Kept back since 2 Mar 2026 09:00 UTC, 1 try." in text
    other = why(channel.store, lead(2))
    assert "Country equals PT, ES ✗ (PL)" in shown(other)
    assert "no rule matches" in shown(other)
    assert other.proof is Proof.SAME


def test_all_that_happened_to_a_lead_is_told_newest_last(channel: Any) -> None:
    """Decision, refund, next offer; a refund has nothing to prove."""
    (first,) = channel.route([1])
    channel.store.refund(first.sequence, channel.now)
    channel.route([2, 3])
    channel.route([1])
    result = why(channel.store, lead(1))
    assert [(d.entry.kind, d.entry.offer, d.proof) for d in result.decisions] == [
        ("route", 1, Proof.SAME),
        ("refund", 0, Proof.NOTHING),
        ("route", 2, Proof.SAME),
    ]
    assert "the credits of journal entry 1 were given back" in shown(result)
    assert result.proof is Proof.SAME


def test_the_replay_passes_members_who_left(channel: Any) -> None:
    """Decided by another programme then: told as of then."""
    channel.route(range(1, 6))
    channel.route(range(6, 9), programme=channel.programme(without=["sulcom"]))
    result = why(channel.store, lead(8))
    assert [m.member for m in result.decisions[0].choices[0].members] == [
        "partner:acme",
        "partner:nordica",
    ]
    assert result.proof is Proof.SAME


def another_winner(choices: list[PackedChoice]) -> list[PackedChoice]:
    """Entry 1 won by its own ledger's word: any other word."""
    return [choices[0]._replace(winner=choices[0].ledger), *choices[1:]]


def other_credits(choices: list[PackedChoice]) -> list[PackedChoice]:
    """The pool's choice begins from more than was owed."""
    return [choices[0]._replace(before=choices[0].before + 5), *choices[1:]]


@pytest.mark.parametrize(
    ("sequence", "change", "words"),
    [(1, another_winner, "says"), (4, other_credits, "other credits")],
)
def test_a_tampered_choice_is_proved_different(
    channel: Any,
    tmp_path: Path,
    sequence: int,
    change: Callable[[list[PackedChoice]], list[PackedChoice]],
    words: str,
) -> None:
    """Never an answer that looks right and is not."""
    channel.route(range(1, 5))
    engine = connect_to(f"sqlite:///{tmp_path / 'state.db'}")
    with engine.begin() as connection:
        entry = journal.c.sequence == sequence
        held = connection.execute(sa.select(journal.c.choices).where(entry)).scalar_one()
        changed = pack_choices(change(unpack_choices(held)))
        connection.execute(journal.update().where(entry).values(choices=changed))
    engine.dispose()
    proved_different(channel, words)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE journal SET facts = replace(facts, 'PT', 'PL')", "the lead meets no rule"),
        ("PRAGMA foreign_keys=OFF; DELETE FROM eligibility", ""),
    ],
)
def test_a_tampered_journal_is_proved_different(
    channel: Any, tmp_path: Path, sql: str, words: str
) -> None:
    """Never an answer that looks right and is not."""
    channel.route(range(1, 5))
    engine = connect_to(f"sqlite:///{tmp_path / 'state.db'}")
    with engine.connect() as connection:
        for statement in sql.split(";"):
            # outside a transaction, where SQLite lets foreign keys be switched off
            connection.connection.driver_connection.execute(statement)  # type: ignore[union-attr]
    engine.dispose()
    proved_different(channel, words)


def proved_different(channel: Any, words: str) -> None:
    """`why` says so of the fourth lead, and in which way."""
    result = why(channel.store, lead(4))
    assert result.proof is Proof.DIFFERENT
    assert words in result.decisions[0].difference
    assert "DIFFERENT" in shown(result)


def test_purged_facts_still_prove_the_choice(channel: Any) -> None:
    """The match can no longer be proved, the choice can; verdicts are told, their values not."""
    channel.route(range(1, 5))
    channel.route([5], country="PL")
    assert channel.store.purge_facts(leads=[lead(4), lead(5)]) == 2
    forgotten = why(channel.store, lead(4))
    assert forgotten.proof is Proof.SAME
    assert "met: Country equals PT, ES ✓ (forgotten)  Rating equals Hot ✓" in shown(forgotten)
    assert "PT, ES ✗ (forgotten)  Rating equals Hot ✓" in shown(why(channel.store, lead(5)))


def test_machines_read_plain_json(channel: Any) -> None:
    """Everything goes through json.dumps."""
    channel.route([1])
    body = json.loads(json.dumps(why(channel.store, lead(1)).to_json()))
    assert body["proof"] == "same"
    assert body["decisions"][0]["choices"][0]["winner"] == "partner:acme"
    assert datetime.fromisoformat(body["decisions"][0]["decided_at"]) == datetime(
        2026, 3, 2, 9, 0, tzinfo=UTC
    )


def test_tables_have_as_many_cells_as_columns(channel: Any) -> None:
    """In every row."""
    channel.route([1])
    for block in why(channel.store, lead(1)).blocks():
        if isinstance(block, Table):
            assert {len(row) for row in block.rows} == {len(block.columns)}
