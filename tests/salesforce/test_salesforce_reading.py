"""Reading at any size: ranges of ids, the way chosen, kept describes, changes since a mark."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import responses
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from sfprm.clock import FakeClock
from sfprm.errors import BadRequest, SfprmError
from sfprm.ids import RecordId
from sfprm.salesforce.credentials import AccessToken, ClientCredentials
from sfprm.salesforce.describe import FolderDescribes, describe
from sfprm.salesforce.incremental import Changes, Mark
from sfprm.salesforce.ranges import key_ranges
from sfprm.salesforce.read import ReadWay, plan_read, read, read_ranges
from sfprm.salesforce.session import Session
from sfprm.salesforce.soql import Query

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SERIALS = st.text(st.sampled_from(DIGITS), min_size=12, max_size=12)


@settings(max_examples=100)
@given(SERIALS, SERIALS, st.integers(1, 40), st.lists(SERIALS, max_size=20))
def test_ranges_hold_every_id_once(one: str, other: str, parts: int, some: list[str]) -> None:
    """Whatever lies between the first and the last id is in exactly one range."""
    first, last = (RecordId(f"00Q{text}") for text in sorted((one, other)))
    ranges = key_ranges(first, last, parts)
    assert ranges[0][0] == first
    assert ranges[-1][1] is None
    assert 1 <= len(ranges) <= parts
    for id_ in (first, last, *(RecordId(f"00Q{text}") for text in some)):
        if first[:15] <= id_[:15] <= last[:15]:
            inside = [
                start
                for start, end in ranges
                if start[:15] <= id_[:15] and (end is None or id_[:15] < end[:15])
            ]
            assert len(inside) == 1


def test_ranges_are_equal_in_width() -> None:
    """Ten ids in three ranges."""
    first, last = RecordId("00Q000000000000"), RecordId("00Q000000000009")
    starts = [start[:15] for start, _ in key_ranges(first, last, 3)]
    assert starts == ["00Q000000000000", "00Q000000000004", "00Q000000000008"]


PLAIN = Query(("Id", "Company"), "Lead")


@pytest.mark.parametrize(
    ("query", "rows", "ordered", "way"),
    [
        (PLAIN, 0, True, ReadWay.PAGES),
        (PLAIN, 19_999, True, ReadWay.PAGES),
        (PLAIN, 20_000, True, ReadWay.RANGES),
        (PLAIN, 100_000, True, ReadWay.BULK),
        (PLAIN, 1_000_000, True, ReadWay.BULK),
        (Query(("Id",), "Lead", order_by=("Id",)), 10**6, True, ReadWay.PAGES),
        (Query(("Id",), "Lead", order_by=("Id",)), 10**6, False, ReadWay.BULK),
        (Query(("Id",), "Lead", limit=10**6), 10**6, True, ReadWay.PAGES),
        (Query(("Id", "Owner.Name"), "Lead"), 10**6, True, ReadWay.PAGES),
    ],
)
def test_the_way_is_chosen_by_size_and_shape(
    query: Query, rows: int, ordered: bool, way: ReadWay
) -> None:
    """With the reason, and never dearer than plain pages by more than the ranges' seams."""
    plan = plan_read(query, rows, ordered=ordered)
    assert plan.way is way
    assert plan.why
    assert plan.calls <= max(1, -(-rows // 2000)) + 2 + plan.parts


def test_a_million_rows_cost_few_calls() -> None:
    """A bulk job: some thirty calls against five hundred."""
    assert plan_read(PLAIN, 1_000_000).calls < 40


class Leads:
    """Answers queries over leads numbered 0 to `count` - 1, by their id's bounds."""

    def __init__(self, org: Any, count: int) -> None:
        self.asked: list[str] = []
        self._ids = [RecordId(f"00Q{number:012d}") for number in range(count)]
        org.wire.add_callback(
            "GET",
            f"{org.host}/services/data/v66.0/query",
            self._answer,
            content_type="application/json",
        )

    def _answer(self, request: Any) -> tuple[int, dict[str, str], str]:
        text = request.params["q"]
        self.asked.append(text)
        ids: Iterable[RecordId] = self._ids
        for part in text.split("Id ")[1:]:
            operator, _, rest = part.partition(" '")
            bound = rest[:15]
            if operator == ">=":
                ids = [id_ for id_ in ids if id_[:15] >= bound]
            elif operator == "<":
                ids = [id_ for id_ in ids if id_[:15] < bound]
        found = list(ids)
        if "DESC" in text:
            found.reverse()
        if "LIMIT 1" in text:
            found = found[:1]
        records = [{"attributes": {"type": "Lead"}, "Id": id_} for id_ in found]
        total = len(self._ids) if "COUNT()" in text else len(found)
        body = {"totalSize": total, "done": True, "records": [] if "COUNT()" in text else records}
        return 200, {}, json.dumps(body)


IDS = Query(("Id",), "Lead")
HOST = "https://acme.my.salesforce.com"
NEXT = "/services/data/v66.0/query/01g000000000001AAA"


def test_ranges_give_each_row_once_in_order_of_ids(org: Any, session: Session) -> None:
    """Read by several threads, handed on in order."""
    Leads(org, 57)
    found = [row["Id"] for row in read_ranges(session, IDS, parts=7, workers=3)]
    assert found == sorted(set(found))
    assert len(found) == 57


def test_nothing_to_read_costs_two_calls(org: Any, session: Session) -> None:
    """No bounds, no ranges."""
    leads = Leads(org, 0)
    assert list(read_ranges(session, IDS, parts=7)) == []
    assert len(leads.asked) == 2


def test_a_reader_that_stops_early_leaves_no_thread(org: Any, session: Session) -> None:
    """Closing the generator ends the pool."""
    import threading

    Leads(org, 57)
    before = threading.active_count()
    rows = read_ranges(session, IDS, parts=7, workers=3)
    next(rows)
    rows.close()  # type: ignore[attr-defined]  # it is a generator
    assert threading.active_count() == before


def test_rows_that_nobody_takes_are_not_read_on(org: Any, session: Session) -> None:
    """A range of 40,000 rows, of which one is taken: a few pages are read ahead, no more."""
    read_ = []

    def page(request: Any) -> tuple[int, dict[str, str], str]:
        read_.append(request.url)
        records = [{"Id": str(RecordId(f"00Q{n:012d}"))} for n in range(2000)]
        told = {"done": len(read_) > 22, "nextRecordsUrl": f"{NEXT}-{len(read_)}"}
        return 200, {}, json.dumps({"records": records, **told})

    ends = [{"done": True, "records": [{"Id": "00Q000000000000"}]}] * 2
    for body in ends:
        org.on("GET", "query", json=body)
    org.wire.add_callback("GET", re.compile(".*/query.*"), page, content_type="application/json")
    rows = read_ranges(session, IDS, parts=1, workers=1)
    next(rows)
    rows.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(read_) <= 6


def test_a_failing_range_is_the_readers_error(org: Any, session: Session) -> None:
    """Never a hole in the rows."""
    org.on("GET", "query", json={"done": True, "records": [{"Id": "00Q000000000001"}]})
    org.on("GET", "query", json={"done": True, "records": [{"Id": "00Q000000000009"}]})
    refusal = [{"errorCode": "MALFORMED_QUERY", "message": "x"}]
    org.on("GET", "query", status=400, json=refusal)
    with pytest.raises(SfprmError, match="MALFORMED_QUERY"):
        list(read_ranges(session, IDS, parts=3))


def test_an_ordered_query_is_not_read_by_ranges(session: Session) -> None:
    """Its order would be lost."""
    with pytest.raises(BadRequest, match="neither order nor limit"):
        list(read_ranges(session, Query(("Id",), "Lead", limit=3), parts=3))


def test_reading_few_costs_what_a_query_costs(org: Any, session: Session) -> None:
    """The first page tells how many there are, and is the beginning; told or not, one call."""
    leads = Leads(org, 5)
    assert len(list(read(session, IDS))) == 5
    assert len(list(read(session, IDS, rows=5))) == 5
    assert len(leads.asked) == 2


def test_reading_many_turns_to_ranges_after_the_first_page(org: Any, session: Session) -> None:
    """One page more than the ranges ask for; no row twice."""
    leads = Leads(org, 20_001)
    ids = [row["Id"] for row in read(session, IDS)]
    assert len(ids) == len(set(ids)) == 20_001
    assert len(leads.asked) == 1 + 2 + 3


# describes kept between runs

CLOCK = FakeClock(datetime(2026, 11, 23, tzinfo=UTC))
DESCRIBED = {"name": "Lead", "fields": [{"name": "Id", "type": "id"}]}


def opened(org: Any, folder: Path) -> Session:
    credentials = ClientCredentials(org.host, "id", SecretStr("secret"))
    return Session(credentials, clock=CLOCK, describes=FolderDescribes(folder))


def test_a_describe_is_kept_and_asked_after(org: Any, tmp_path: Path) -> None:
    """The next run says when it was told; 304: it still holds."""
    modified = {"Last-Modified": "Mon, 23 Nov 2026 09:00:00 GMT"}
    org.on("GET", "sobjects/Lead/describe", json=DESCRIBED, headers=modified)
    org.on("GET", "sobjects/Lead/describe", status=304)
    told = []
    for _ in range(2):
        with opened(org, tmp_path / "describes") as session:
            told.append(describe(session, "Lead"))
            describe(session, "lead")
    assert told[0] == told[1] is not None
    first, second = org.asked("describe")
    assert "If-Modified-Since" not in first.headers
    assert second.headers["If-Modified-Since"] == modified["Last-Modified"]


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"key": "another"}'])
def test_a_spoilt_file_is_asked_anew(org: Any, tmp_path: Path, spoilt: str) -> None:
    """What is kept is a help, not the truth."""
    modified = {"Last-Modified": "Mon, 23 Nov 2026 09:00:00 GMT"}
    org.on("GET", "sobjects/Lead/describe", json=DESCRIBED, headers=modified)
    with opened(org, tmp_path) as session:
        describe(session, "Lead")
    for file in tmp_path.iterdir():
        file.write_text(spoilt)
    org.logins = 0
    with opened(org, tmp_path) as session:
        assert describe(session, "Lead") is not None
    assert "If-Modified-Since" not in org.asked("describe")[1].headers


# changes since a mark


def lead(number: int, stamp: str, deleted: bool = False) -> dict[str, Any]:
    return {
        "Id": str(RecordId(f"00Q{number:012d}")),
        "SystemModstamp": f"2026-11-23T{stamp}.000+0000",
        "IsDeleted": deleted,
    }


def looks(org: Any, *answers: list[dict[str, Any]]) -> None:
    for rows in answers:
        body = {"totalSize": len(rows), "done": True, "records": rows}
        org.on("GET", "queryAll", json=body)


def test_a_first_look_is_about_what_is_there(org: Any, session: Session) -> None:
    """All rows but those in the recycle bin; the mark is the newest stamp of the rows."""
    looks(org, [lead(1, "09:00:00"), lead(2, "09:30:00", deleted=True), lead(3, "09:40:00")])
    changes = Changes(session, IDS, None)
    assert [(change.row["Id"][:15], change.deleted) for change in changes] == [
        ("00Q000000000001", False),
        ("00Q000000000003", False),
    ]
    assert changes.mark is not None
    assert changes.mark.newest == datetime(2026, 11, 23, 9, 40, tzinfo=UTC)
    assert {stamp.minute for _, stamp in changes.mark.seen} == {30, 40}


def test_the_next_look_overlaps_and_leaves_out_what_was_seen(org: Any, session: Session) -> None:
    """A row that came late, behind the mark, is found; a change and a delete are told."""
    looks(
        org,
        [lead(1, "09:38:00"), lead(2, "09:40:00")],
        [lead(1, "09:38:00"), lead(3, "09:39:00"), lead(2, "09:50:00", deleted=True)],
    )
    first = Changes(session, IDS, None)
    list(first)
    assert first.mark is not None
    kept = Mark.from_json(json.loads(json.dumps(first.mark.to_json())))
    assert kept == first.mark
    second = Changes(session, IDS, kept)
    assert [(c.row["Id"][:15], c.deleted) for c in second] == [
        ("00Q000000000003", False),
        ("00Q000000000002", True),
    ]
    asked = org.asked("queryAll")[1].params["q"]
    assert "SystemModstamp >= 2026-11-23T09:25:00Z" in asked
    assert asked.endswith("ORDER BY SystemModstamp, Id")


def test_a_look_that_is_broken_off_keeps_the_old_mark(org: Any, session: Session) -> None:
    """A crash half-way reads it all again."""
    looks(org, [lead(1, "09:00:00"), lead(2, "09:40:00")])
    mark = Mark(datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
    changes = Changes(session, IDS, mark)
    next(iter(changes))
    assert changes.mark == mark


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 600)), min_size=1, max_size=30),
    st.integers(60, 1500),
)
def test_no_change_is_lost_or_told_twice(late: list[tuple[int, int]], pace: int) -> None:
    """Rows stamped at one time and seen up to ten minutes later, looked at every so often."""
    start = datetime(2026, 11, 23, tzinfo=UTC)
    rows = [
        (start + timedelta(seconds=at), start + timedelta(seconds=at + delay), number)
        for number, (at, delay) in enumerate(late)
    ]
    told: list[int] = []
    mark: Mark | None = None
    now = start
    with (
        responses.RequestsMock() as wire,
        Session(AccessToken(HOST, SecretStr("t")), clock=CLOCK, api_version="66.0") as session,
    ):
        while now < start + timedelta(seconds=3000 + 600 + 2 * pace):
            now += timedelta(seconds=pace)
            bound = mark.newest - timedelta(minutes=15) if mark else start
            visible = sorted((s, n) for s, seen, n in rows if seen <= now and s >= bound)
            page = [lead(n, s.strftime("%H:%M:%S")) for s, n in visible]
            place = f"{HOST}/services/data/v66.0/queryAll"
            wire.upsert("GET", place, json={"done": True, "records": page})
            changes = Changes(session, IDS, mark)
            told += [int(change.row["Id"][3:15]) for change in changes]
            mark = changes.mark
    assert sorted(told) == sorted(number for _, _, number in rows)
