"""Parts one after the other: the next is made ready while the last request of one is under way."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfprm.errors import Replaced
from sfprm.jobs.relay import Relay, Turn

PATIENCE_S = 30.0


class Parts:
    """Parts that say what they do, one after the other; `tells`: whether they speak of their turn,
    `fails`: the number of one that is lost."""

    def __init__(self, count: int, *, tells: bool = True, fails: int | None = None) -> None:
        self.left = list(range(count))
        self.tells, self.fails = tells, fails
        self.said: list[tuple[str, int]] = []
        self._lock = threading.Lock()

    def say(self, what: str, number: int) -> None:
        with self._lock:
            self.said.append((what, number))

    def take(self, turn: Turn) -> bool:
        with self._lock:
            if not self.left:
                return False
            number = self.left.pop(0)
        self.say("taken", number)
        if number == self.fails:
            raise Replaced("Another has it.")
        if self.tells:
            turn.begin()
        self.say("sends", number)
        if self.tells:
            turn.ending()
        self.say("answered", number)
        if self.tells:
            turn.over()
        self.say("done", number)
        return True


def run(take: Callable[[Turn], bool]) -> int:
    """How many there were."""
    done = 0
    with Relay(take) as relay:
        while relay.step():
            done += 1
    return done


@given(count=st.integers(0, 12), tells=st.booleans())
def test_each_part_is_done_once_and_sends_after_the_one_before(count: int, tells: bool) -> None:
    """Whatever the threads do: no two parts have requests under way together."""
    parts = Parts(count, tells=tells)
    assert run(parts.take) == count
    assert sorted(n for what, n in parts.said if what == "done") == list(range(count))
    requests = [said for said in parts.said if said[0] in ("sends", "answered")]
    assert requests == [(what, n) for n in range(count) for what in ("sends", "answered")]


def test_the_next_part_is_taken_while_the_last_request_is_under_way() -> None:
    """The first one's answer comes only once the second was made ready."""
    ready = threading.Event()
    sent: list[int] = []
    left = [0, 1]

    def take(turn: Turn) -> bool:
        if not left:
            return False
        number = left.pop(0)
        if number == 1:
            ready.set()
        turn.begin()
        sent.append(number)
        turn.ending()
        if number == 0:
            assert ready.wait(PATIENCE_S)
        turn.over()
        return True

    assert run(take) == 2
    assert sent == [0, 1]


def test_no_third_part_is_taken_while_two_are_in_hand() -> None:
    """What a process holds of others' work is at most the next part."""
    hold, seen = threading.Event(), threading.Event()
    taken: list[int] = []
    most: list[int] = []
    done: list[int] = []

    def take(turn: Turn) -> bool:
        number = len(taken)
        if number == 4:
            return False
        taken.append(number)
        most.append(len(taken) - len(done))
        turn.begin()
        turn.ending()
        if number == 0:
            seen.set()
            assert hold.wait(PATIENCE_S)
        elif number == 1:
            hold.set()
        turn.over()
        done.append(number)
        return True

    def let_go() -> None:
        assert seen.wait(PATIENCE_S)
        hold.set()

    helper = threading.Thread(target=let_go)
    helper.start()
    assert run(take) == 4
    helper.join()
    assert max(most) <= 2


@pytest.mark.parametrize("fails", [0, 1, 2])
def test_a_part_that_was_lost_ends_it(fails: int) -> None:
    """Its error comes out, nothing after it is taken but what was in hand, and all have ended."""
    parts = Parts(5, fails=fails)
    with pytest.raises(Replaced):
        run(parts.take)
    taken = {n for what, n in parts.said if what == "taken"}
    assert fails in taken
    assert max(taken) <= fails + 1
    assert {n for what, n in parts.said if what == "done"} == taken - {fails}
