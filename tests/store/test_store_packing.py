"""What the journal packs comes back as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from sfprm.ids import RecordId
from sfprm.routing.values import RuleTrial
from sfprm.store.column_types import OPEN_BELOW, STATE_CODES, Micros, PackedId
from sfprm.store.packing import (
    PackedCandidate,
    PackedChoice,
    apply_difference,
    pack_choices,
    pack_class,
    pack_difference,
    pack_trials,
    packed,
    unpack_choices,
    unpack_class,
    unpack_trials,
    unpacked,
)
from sfprm.store.records import WriteState

NUMBERS = st.integers(0, 1 << 62)
SIGNED = st.integers(-(1 << 62), 1 << 62)
CANDIDATES = st.lists(
    st.builds(PackedCandidate, st.integers(1, 900), st.integers(0, 10**6), st.integers(0, 50)),
    max_size=30,
)
FIFTEEN = st.text(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", min_size=15, max_size=15
)


@given(st.lists(NUMBERS))
def test_numbers_come_back(numbers: list[int]) -> None:
    """Of any size, in order."""
    assert list(unpacked(packed(numbers))) == numbers


@given(st.lists(st.builds(PackedChoice, NUMBERS, NUMBERS, NUMBERS, NUMBERS, SIGNED, SIGNED)))
def test_choices_come_back(choices: list[PackedChoice]) -> None:
    """Credits may be negative."""
    assert unpack_choices(pack_choices(choices)) == choices


@given(
    st.lists(
        st.builds(
            RuleTrial,
            st.text(max_size=5),
            st.booleans(),
            st.sets(st.integers(1, 70)).map(lambda failed: tuple(sorted(failed))),
        )
    )
)
def test_trials_come_back(trials: list[RuleTrial]) -> None:
    """With the names of their rules and the numbers of the criteria that failed."""
    names = [trial.rule for trial in trials]
    assert unpack_trials(names, pack_trials(trials)) == tuple(trials)


@given(CANDIDATES, CANDIDATES)
def test_classes_come_back(one: list[PackedCandidate], other: list[PackedCandidate]) -> None:
    """Whole, and as a difference where one is taken."""
    assert unpack_class(pack_class(one)) == one
    difference = pack_difference(other, one)
    assert difference is None or apply_difference(other, difference) == one


def test_a_class_that_lost_one_member_of_many_is_short() -> None:
    """A place and a candidate, not a list of hundreds."""
    base = [PackedCandidate(n, 1, 0) for n in range(1, 501)]
    away = [c._replace(reasons=7) if c.member == 300 else c for c in base]
    difference = pack_difference(base, away)
    assert difference is not None
    assert len(difference) < 10 < len(pack_class(base)) // 100


@given(FIFTEEN)
def test_ids_come_back(fifteen: str) -> None:
    """In twelve bytes, with their checksum."""
    kind, dialect = PackedId(), sqlite.dialect()
    held = kind.process_bind_param(RecordId(fifteen), dialect)
    assert held is not None
    assert len(held) == 12
    assert kind.process_result_value(held, dialect) == RecordId(fifteen)


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7))])))
def test_instants_come_back(instant: datetime) -> None:
    """To the microsecond, whatever their zone."""
    kind, dialect = Micros(), sqlite.dialect()
    assert kind.process_result_value(kind.process_bind_param(instant, dialect), dialect) == instant


@pytest.mark.parametrize("state", WriteState)
def test_every_state_has_a_code_of_its_own(state: WriteState) -> None:
    """Those that something must still become of are in the index of open entries."""
    codes = list(STATE_CODES.values())
    assert codes.count(STATE_CODES[state]) == 1
    assert (STATE_CODES[state] < OPEN_BELOW) == (state is WriteState.DECIDED)
