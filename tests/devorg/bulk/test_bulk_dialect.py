"""CSV as Bulk jobs read and write it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.devorg.bulk.dialect import DELIMITERS, LINE_ENDINGS, CsvProblem, Dialect
from sfprm.devorg.bulk.job import MOVES, Event, Job, State

QUICK = settings(max_examples=150, deadline=None)


@QUICK
@given(
    delimiter=st.sampled_from(sorted(DELIMITERS)),
    ending=st.sampled_from(sorted(LINE_ENDINGS)),
    rows=st.lists(st.lists(st.text(max_size=8), min_size=2, max_size=4), min_size=1, max_size=5),
)
def test_what_is_written_is_read(delimiter: str, ending: str, rows: list[list[str]]) -> None:
    """Any values, quotes and line breaks among them, in every dialect."""
    dialect = Dialect(delimiter, ending)
    text = "".join(dialect.line(row) for row in rows)
    assert [cells for cells, _ in dialect.rows(text)] == rows


@QUICK
@given(text=st.text(alphabet='a,"\n\r;', max_size=30))
def test_reading_goes_on_from_any_row(text: str) -> None:
    """The offset after a row is where the rest begins; unreadable text says so."""
    dialect = Dialect()
    try:
        rows = list(dialect.rows(text))
    except CsvProblem:
        return
    for place, (_, offset) in enumerate(rows):
        assert list(dialect.rows(text, offset)) == rows[place + 1 :]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('A\na"b\n', "InvalidBatch : Failed to parse CSV. Found unescaped quote. A value with "
                     "quote should be within a quote"),
        ('\ufeff"A"\n1\n', "InvalidBatch : Failed to parse CSV. Found unescaped quote. A value "
                           "with quote should be within a quote"),
        ('A\n"a"b\n', "InvalidBatch : Failed to parse CSV. Found unescaped quote. A value with "
                      "quote should be within a quote"),
        ('A\n"ab\n', "InvalidBatch : Failed to parse CSV. EOF reached before closing an opened "
                     "quote"),
        ("A\r\n1\r\n", "ClientInputError : LineEnding is invalid on user data. Current LineEnding "
                       "setting is LF"),
        ("A,B\n1\n", "InvalidBatch : Failed to parse CSV. Record 1 has 1 values, the header has 2"),
        ("", "ClientInputError : Unable to find any data to create batch"),
    ],
)  # fmt: skip
def test_bad_data_is_refused_with_its_reason(text: str, why: str) -> None:
    """The texts become the job's errorMessage."""
    with pytest.raises(CsvProblem) as caught:
        Dialect().count(text)
    assert str(caught.value) == why


def test_a_lf_file_in_a_crlf_job() -> None:
    """The other line end is refused too."""
    with pytest.raises(CsvProblem, match="setting is CRLF"):
        Dialect(line_ending="CRLF").count("A\n1\n")


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_every_pair_of_state_and_event(state: State, event: Event) -> None:
    """The table says where a job goes; what it does not say is refused."""
    job = Job("750", "ingest", "insert", "Lead", "005", "66.0", "a", "a", state)
    moved = job.moved(event, "b")
    if (state, event) in MOVES:
        assert moved is not None
        assert (moved.state, moved.modified) == (MOVES[state, event], "b")
    else:
        assert moved is None
