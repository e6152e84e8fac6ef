"""The journal: decisions in, the same out; credits, refunds, chains, and what verify sees."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.errors import Bug
from sfprm.ids import RecordId
from sfprm.routing.decide import ledger_keys
from sfprm.routing.values import Code, Outcome, Reason
from sfprm.store import ledgers as ledger_rows
from sfprm.store import verify
from sfprm.store.database import open_store
from sfprm.store.engine import connect_to
from sfprm.store.records import MoveKind, WriteState
from sfprm.store.replay import ledger_before, replayed
from sfprm.store.writer import Store

AWAY = Reason(Code.INACTIVE, "away")


@dataclass(frozen=True)
class Order:
    """A move that a person asked for."""

    lead: RecordId
    label: str
    owner_seen: RecordId
    owner_new: RecordId
    owner_name: str


def test_entries_come_back_as_saved(store: Store, channel: Any) -> None:
    """What `save` returns is what `entries` reads, choices and facts included."""
    saved = channel.route(store, range(1, 6))
    assert store.entries() == saved
    first = saved[0]
    assert (first.sequence, first.offer, first.kind, first.chain, first.state) == (
        1,
        1,
        "route",
        "pool:p",
        WriteState.DECIDED,
    )
    assert first.facts == channel.lead(1).fields
    assert (first.label, first.intake, first.created) == (
        "Lead 1 Lda",
        "Web Leads",
        channel.lead(1).created,
    )
    assert store.eligibility(first.choices[0].class_digest).ledger == "pool:p"
    assert store.programme_json(first.programme) is not None
    assert store.verify() == []


def test_credits_are_carried_from_batch_to_batch(store: Store, channel: Any) -> None:
    """Many small batches end where one big one does."""
    for number in range(1, 41):
        channel.route(store, [number])
    with store.batch(ledger_keys(channel.programme())) as writer:
        assert writer.ledgers["pool:p"] == channel.ledger(store)
    won = Counter(e.choices[0].winner for e in store.entries())
    assert won == {"queue:a": 20, "queue:b": 10, "queue:c": 10}
    assert channel.ledger(store).sequence == 40


def test_a_batch_that_fails_leaves_nothing(store: Store, channel: Any) -> None:
    """Decisions, credits, classes and programme go or stay together."""
    declared = channel.programme()

    def fail_after_saving() -> None:
        with store.batch(ledger_keys(declared)) as writer:
            batch = channel.decide(writer, [1, 2, 3])
            writer.save(batch, run=channel.run, programme=declared)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_saving()
    assert store.entries() == []
    assert store.all_ledgers() == {}
    assert channel.route(store, [1])[0].sequence == 1


def test_a_batch_decided_from_old_credits_is_a_bug(store: Store, channel: Any) -> None:
    """A batch computed outside the lock cannot be saved over newer credits."""
    declared = channel.programme()
    with store.batch(ledger_keys(declared)) as writer:
        stale = channel.decide(writer, [1, 2])
    channel.route(store, [3])
    with store.batch(ledger_keys(declared)) as writer, pytest.raises(Bug, match="did not begin"):
        writer.save(stale, run=channel.run, programme=declared)
    with store.batch([]) as writer, pytest.raises(Bug, match="without having locked"):
        writer.save(stale, run=channel.run, programme=declared)


def test_parked_leads_are_kept_back_until_decided(store: Store, channel: Any) -> None:
    """A lead with nobody eligible is parked, journalled without a choice, and freed later."""
    nobody = dict.fromkeys("abc", AWAY)
    (entry,) = channel.route(store, [1], against=nobody)
    assert (entry.outcome, entry.state, entry.choices) == (
        Outcome.PARKED,
        WriteState.NOTHING_TO_WRITE,
        (),
    )
    (parked,) = store.parked()
    assert (parked.lead, parked.tries, parked.reasons) == (entry.lead, 1, entry.reasons)
    (again,) = channel.route(store, [1])
    assert (again.offer, store.parked()) == (2, [])


def test_a_try_without_news_is_counted_with_the_lead(store: Store, channel: Any) -> None:
    """No entry more; the lead's row says since when, how often, when last and when again."""
    nobody = dict.fromkeys("abc", AWAY)
    (entry,) = channel.route(store, [1], against=nobody)
    later, again = channel.now + timedelta(hours=1), channel.now + timedelta(hours=3)
    with store.batch(ledger_keys(channel.programme())) as writer:
        decision = channel.decide(writer, [1], against=nobody).decisions[0]
        writer.keep_back([replace(decision, decided_at=later, next_try=again)])
    assert store.entries() == [entry]
    (kept,) = store.parked()
    assert (kept.since, kept.tries, kept.tried, kept.next_try) == (channel.now, 2, later, again)
    assert store.verify() == []


def test_the_last_entry_about_each_lead(store: Store, channel: Any) -> None:
    """Of the live stream, refunds left out; leads that were never decided are left out."""
    first, second = channel.route(store, [1, 2])
    store.refund(second.sequence, channel.now)
    (third,) = channel.route(store, [1])
    found = store.last_entries([first.lead, second.lead, channel.lead(9).id])
    assert found == {first.lead: third, second.lead: second}


def test_merged_leads_are_counted_by_decision(store: Store, channel: Any) -> None:
    """However it was said, from then on."""
    entries = channel.route(store, [1, 2, 3])
    words = {entries[0].sequence: f"merged into {entries[1].lead}, which has this owner"}
    store.settle([entries[0].sequence], WriteState.CONFIRMED, messages=words)
    words = {entries[2].sequence: f"merged into {entries[1].lead}: ENTITY_IS_DELETED: gone"}
    store.settle([entries[2].sequence], WriteState.REFUSED, messages=words)
    assert store.merged_since(channel.now) == 2
    assert store.merged_since(channel.now + timedelta(seconds=1)) == 0


def test_manual_moves_have_a_chain_of_their_own(store: Store, channel: Any) -> None:
    """They count as offers, touch no ledger, and make a previous owner."""
    lead, seen, new = (RecordId(f"{p}Kp0000000007") for p in ("00Q", "005", "00G"))
    (entry,) = store.journal_manual(
        [Order(lead, "Lead 7", seen, new, "Norte")],
        run=channel.run,
        kind="reassign",
        programme=None,
        now=channel.now,
    )
    assert (entry.chain, entry.offer, entry.state, entry.owner_name, entry.programme) == (
        "manual",
        1,
        WriteState.DECIDED,
        "Norte",
        "",
    )
    assert store.entries(kinds=["reassign"]) == [entry]
    assert store.previous_owners([lead]) == {lead: frozenset({new})}
    assert store.verify() == []


def test_an_undo_makes_no_previous_owner(store: Store, channel: Any) -> None:
    """The lead was given back, not given."""
    lead, seen, new = (RecordId(f"{p}Kp0000000007") for p in ("00Q", "005", "00G"))
    store.journal_manual(
        [Order(lead, "Lead 7", seen, new, "Norte")],
        run=channel.run,
        kind="undo",
        programme=None,
        now=channel.now,
    )
    assert store.previous_owners([lead]) == {}


def test_settled_decisions_are_told_apart(store: Store, channel: Any) -> None:
    """By state, run, pool, lead, kind, time and number."""
    saved = channel.route(store, range(1, 5))
    store.settle([1, 2], WriteState.CONFIRMED)
    store.settle([3], WriteState.REFUSED, messages={3: "validation rule"})

    def numbers(**conditions: Any) -> list[int]:
        return [e.sequence for e in store.entries(**conditions)]

    assert numbers(states=[WriteState.DECIDED]) == [4]
    assert numbers(states=[WriteState.CONFIRMED, WriteState.REFUSED]) == [1, 2, 3]
    assert numbers(lead=saved[1].lead) == [2]
    assert numbers(run=channel.run, after=2) == [3, 4]
    assert numbers(pool="p", limit=2) == [1, 2]
    assert numbers(pool="q") == []
    assert numbers(since=channel.now + timedelta(seconds=1)) == []
    assert store.entries(after=2, limit=1)[0].message == "validation rule"
    assert store.verify() == []
    with pytest.raises(Bug, match="99"):
        store.settle([99], WriteState.CONFIRMED)


def test_wins_leave_refused_and_refunded_out(store: Store, channel: Any) -> None:
    """What does not count for caps does not count here."""
    channel.route(store, range(1, 5))
    every = sum(len(w) for w in store.wins(["p"], channel.now).values())
    store.settle([1], WriteState.REFUSED)
    store.refund(2, channel.now)
    left = sum(len(w) for w in store.wins(["p"], channel.now).values())
    assert (every, left) == (4, 2)
    assert store.wins(["p"], channel.now + timedelta(seconds=1)) == {}
    assert store.wins(["q"], channel.now) == {}


def test_previous_owners_leave_refused_writes_out(store: Store, channel: Any) -> None:
    """A lead that the org never let go was never somebody's."""
    one, two = channel.route(store, [1, 2])
    store.settle([two.sequence], WriteState.REFUSED)
    assert store.previous_owners([one.lead, two.lead]) == {one.lead: frozenset({one.owner_new})}


def test_a_refund_is_the_exact_inverse(store: Store, channel: Any) -> None:
    """Credits are as before the choice, whatever was chosen since."""
    channel.route(store, range(1, 8))
    before = channel.ledger(store)
    (entry,) = channel.route(store, [8])
    store.refund(entry.sequence, channel.now)
    after = channel.ledger(store)
    assert (dict(after.credits), after.house) == (dict(before.credits), before.house)
    (refund,) = store.entries(kinds=["refund"])
    assert (refund.refunds, refund.offer, refund.chain, refund.owner_new) == (
        entry.sequence,
        0,
        "pool:p",
        None,
    )
    assert store.verify() == []


def test_a_second_refund_does_nothing(store: Store, channel: Any) -> None:
    """So a crash between refund and settle costs nothing; a refund is not refunded."""
    channel.route(store, [1])
    store.refund(1, channel.now)
    once = channel.ledger(store)
    store.refund(1, channel.now)
    assert channel.ledger(store) == once
    with pytest.raises(Bug, match="is a refund itself"):
        store.refund(2, channel.now)
    with pytest.raises(Bug, match="no entry 77"):
        store.refund(77, channel.now)


def test_a_decision_without_credit_has_nothing_to_refund(store: Store, channel: Any) -> None:
    """Parked leads moved no credit."""
    channel.route(store, [1], against=dict.fromkeys("abc", AWAY))
    store.refund(1, channel.now)
    assert store.entries(kinds=["refund"]) == []


def test_the_share_of_one_who_left_goes_to_the_house(store: Store, channel: Any) -> None:
    """A refund after a member left keeps the sum at 0 and replays."""
    channel.route(store, range(1, 6))
    channel.route(store, [6], programme=channel.programme(without=["c"]))
    for sequence in range(1, 6):
        store.refund(sequence, channel.now)
    ledger = channel.ledger(store)
    assert set(ledger.credits) == {"queue:a", "queue:b"}
    assert sum(ledger.credits.values()) + ledger.house == 0
    assert store.verify() == []


def test_a_replay_from_a_checkpoint_passes_through_refunds(
    store: Store, channel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoint, then moves in order, gives the ledger that is stored."""
    monkeypatch.setattr(ledger_rows, "CHECKPOINT_EVERY", 8)
    for start in range(1, 41, 5):
        channel.route(store, range(start, start + 5))
        store.refund(store.entries()[-2].sequence, channel.now)
    last = store.entries()[-1].sequence
    checkpoint = store.checkpoint("pool:p", before=last)
    assert checkpoint.journal > 20
    ledger = checkpoint.ledger
    moves = store.moves_of("pool:p", after=checkpoint.journal, upto=last)
    assert {m.kind for m in moves} == {MoveKind.CHOICE, MoveKind.REFUND}
    for move in moves:
        ledger = replayed(ledger, move, store.eligibility(move.class_digest))
    assert ledger == channel.ledger(store) == ledger_before(store, "pool:p", last + 1)
    assert store.verify() == []


def test_an_unknown_class_is_a_key_error(store: Store) -> None:
    """And an unknown programme is None."""
    with pytest.raises(KeyError):
        store.eligibility("nothing")
    assert store.programme_json("nothing") is None


TAMPERINGS = [
    ("UPDATE journal SET owner_new = owner_seen WHERE sequence = 3", "entry 3: was changed"),
    ('UPDATE journal SET facts = \'["x","y",1,2,3,4]\' WHERE sequence = 2', "entry 2: was changed"),
    ("UPDATE journal SET facts = '{}' WHERE sequence = 2", "entry 2: its facts cannot be read"),
    ("UPDATE journal SET choices = NULL WHERE sequence = 4", "entry 4: was changed"),
    ("DELETE FROM moves WHERE journal = 4", "entry 4: the index of moves says otherwise"),
    (
        "UPDATE moves SET winner = ledger WHERE journal = 1",
        "entry 1: the index of moves says otherwise",
    ),
    (
        "UPDATE ledger_members SET credit = credit + 7 WHERE member = 'queue:a'",
        "stored credits are not",
    ),
    ("UPDATE ledgers SET house = house + 1 WHERE key = 'pool:p'", "stored credits are not"),
    ("UPDATE programmes SET content = '{}'", "Programme "),
    ("UPDATE words SET text = 'queue:z' WHERE text = 'queue:a'", "class "),
    ("UPDATE words SET text = 'queue:z' WHERE text = 'queue:a'", "Word "),
    ("UPDATE eligibility SET ledger = ledger + 1", "class "),
    (
        "UPDATE heads SET length = length + 1 WHERE chain = 'pool:p'",
        "Chain pool:p: does not end",
    ),
]


def test_verify_finds_a_tampered_row(store: Store, state_url: str, channel: Any) -> None:
    """Whatever row is changed behind our back, a law breaks and is named."""
    channel.route(store, range(1, 8))
    engine = connect_to(state_url)
    with engine.connect() as connection:
        for sql, words in TAMPERINGS:
            connection.execute(sa.text(sql))
            assert words in "\n".join(verify.broken(connection)), sql
            # one database for all: making one takes longer than the whole test
            connection.rollback()
        assert verify.broken(connection) == []
    engine.dispose()


def test_verify_finds_entries_cut_off_at_the_end(
    store: Store, state_url: str, channel: Any
) -> None:
    """A chain that joins but is too short is found by its head."""
    channel.route(store, range(1, 8))
    engine = connect_to(state_url)
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM moves WHERE journal = 7"))
        connection.execute(sa.text("DELETE FROM journal WHERE sequence = 7"))
    engine.dispose()
    assert any("entries at its end are missing" in line for line in store.verify())


def test_purged_facts_leave_the_chain_provable(store: Store, channel: Any) -> None:
    """Salt and facts go together; the choice is still proved."""
    one, two, three = channel.route(store, range(1, 4))
    assert store.purge_facts(leads=[two.lead]) == 1
    assert store.verify() == []
    assert store.entries(lead=one.lead) == [one]
    (entry,) = store.entries(lead=two.lead)
    assert (entry.facts, entry.label, entry.created, entry.owner_name) == ({}, "", None, "")
    assert (entry.choices, entry.hash, entry.trials) == (two.choices, two.hash, two.trials)
    assert store.purge_facts(before=channel.now) == 0
    assert store.purge_facts(before=channel.now + timedelta(seconds=1)) == 2
    assert store.purge_facts(leads=[one.lead, two.lead, three.lead]) == 0
    assert store.verify() == []


def test_two_writers_never_lose_a_credit(state_url: str, store: Store, channel: Any) -> None:
    """Two threads with stores of their own, batch by batch on the same ledger."""
    failures: list[BaseException] = []

    def work(first: int) -> None:
        try:
            with open_store(state_url) as mine:
                for at in range(first, first + 30, 3):
                    channel.route(mine, range(at, at + 3))
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(first,)) for first in (100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert channel.ledger(store).sequence == 60
    assert [e.sequence for e in store.entries()] == list(range(1, 61))
    assert store.verify() == []


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("route"),
            st.integers(1, 6),
            st.sets(st.sampled_from("abc"), max_size=3),
            st.sampled_from([(), ("c",), ("b",)]),
        ),
        st.tuples(st.just("refund"), st.integers(0, 30)),
    ),
    min_size=1,
    max_size=12,
)


@given(steps=STEPS)
@settings(max_examples=15, deadline=None)
def test_every_history_verifies(
    tmp_path_factory: pytest.TempPathFactory, channel: Any, steps: list[tuple[Any, ...]]
) -> None:
    """Batches, absences, leavers, returners and refunds in any order keep all the laws."""
    with open_store(f"sqlite:///{tmp_path_factory.mktemp('law') / 'state.db'}") as store:
        number = 0
        for kind, *rest in steps:
            if kind == "route":
                count, away, without = rest
                channel.route(
                    store,
                    range(number + 1, number + count + 1),
                    programme=channel.programme(without=without),
                    against=dict.fromkeys(away, AWAY),
                )
                number += count
            else:
                decided = store.entries(kinds=["route"])
                if decided:
                    store.refund(decided[rest[0] % len(decided)].sequence, channel.now)
        assert store.verify() == []
        last = store.entries()[-1].sequence + 1 if store.entries() else 1
        assert ledger_before(store, "pool:p", last) == channel.ledger(store)
