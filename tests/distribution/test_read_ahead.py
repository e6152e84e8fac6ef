"""Pages that are read while the one before them is in hand."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from sfprm.distribution.by_workers import ahead
from sfprm.errors import TryLater

PATIENCE = 20.0


def test_one_page_ahead_and_never_more() -> None:
    """While page n is in hand, page n + 1 is read, in order; n + 2 waits until it is asked for."""
    read = [threading.Event() for _ in range(4)]

    def pages() -> Iterator[list[int]]:
        for number, done in enumerate(read):
            done.set()
            yield [number]

    seen = []
    for page in ahead(pages()):
        seen.append(page[0])
        if page[0] + 1 < len(read):
            assert read[page[0] + 1].wait(PATIENCE)
        assert [done.is_set() for done in read] == [n <= page[0] + 1 for n in range(len(read))]
    assert seen == [0, 1, 2, 3]


def test_what_ends_the_reading_is_raised_after_the_pages_before_it() -> None:
    """Nothing that was read is lost."""

    def pages() -> Iterator[list[int]]:
        yield [1]
        yield [2]
        raise TryLater("the org is away")

    reading = ahead(pages())
    assert [next(reading), next(reading)] == [[1], [2]]
    with pytest.raises(TryLater, match="away"):
        next(reading)


def test_broken_off_it_leaves_nothing_under_way() -> None:
    """Whoever stops asking ends the reading with the page that is under way."""
    before = threading.active_count()
    for _ in ahead(iter([[1], [2], [3]])):
        break
    assert threading.active_count() == before
