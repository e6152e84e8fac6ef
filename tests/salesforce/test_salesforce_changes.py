"""Rows of several objects in one write: what shares a call, and what becomes of each row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.clock import FakeClock
from sfprm.errors import BadRequest, OutcomeUnknown
from sfprm.ids import RecordId
from sfprm.salesforce.changes import Change, Stretch, plan_changes, write_changes
from sfprm.salesforce.collections import AUTO_ASSIGN_OFF
from sfprm.salesforce.query import select_all
from sfprm.salesforce.session import Session, open_session
from sfprm.salesforce.soql import Query, eq, in_, like
from sfprm.salesforce.ways import Chunk
from sfprm.salesforce.write import (
    NOT_SENT,
    SETUP_OBJECTS,
    UNKNOWN,
    Way,
    known,
    write,
    write_each,
)
from sfprm.settings import load_settings

KINDS = [
    ("Account", "upsert", "Partner_Key__c"),
    ("Account", "update", None),
    ("Contact", "upsert", "Partner_Key__c"),
    ("Lead", "insert", None),
    ("Lead", "update", None),
    ("User", "insert", None),
    ("User", "update", None),
    ("GroupMember", "delete", None),
]


def many(object_: str, operation: Any, count: int, key: str | None = None) -> list[Change]:
    return [Change(object_, operation, {"Id": str(n)}, key) for n in range(count)]


def shown(plan: Sequence[Stretch]) -> list[tuple[str, int, int, bool]]:
    return [(one.object, one.end - one.start, one.plan.calls, one.joins) for one in plan]


@pytest.mark.parametrize(
    ("changes", "plan"),
    [
        (
            [*many("Account", "update", 150), *many("Contact", "update", 300)],
            [("Account", 150, 1, False), ("Contact", 300, 0, True)],
        ),
        (
            [*many("Account", "update", 1_300), *many("Contact", "update", 600),
             *many("Lead", "update", 1)],
            [("Account", 1_300, 2, False), ("Contact", 600, 0, True), ("Lead", 1, 1, False)],
        ),
        (
            [*many("Account", "update", 3), *many("User", "update", 3),
             *many("Contact", "update", 3)],
            [("Account", 3, 1, False), ("User", 3, 1, False), ("Contact", 3, 1, False)],
        ),
        (
            [*many("Group", "insert", 3), *many("QueueSobject", "insert", 201)],
            [("Group", 3, 1, False), ("QueueSobject", 201, 2, False)],
        ),
        (
            [*many("Lead", "insert", 3), *many("Lead", "update", 3)],
            [("Lead", 3, 1, False), ("Lead", 3, 1, False)],
        ),
        (
            [*many("Account", "update", 20_000), *many("Contact", "update", 3)],
            [("Account", 20_000, 9, False), ("Contact", 3, 1, False)],
        ),
        ([], []),
    ],
)  # fmt: skip
def test_what_shares_a_call(changes: list[Change], plan: list[tuple[str, int, int, bool]]) -> None:
    """Five Collections a call; setup objects alone, in turn; creates by themselves."""
    assert shown(plan_changes(changes)) == plan


def test_headers_keep_an_object_to_itself() -> None:
    """Only Collections carry them for certain."""
    changes = [*many("Account", "update", 3), *many("Lead", "update", 300)]
    _, leads = plan_changes(changes, headers={"Lead": AUTO_ASSIGN_OFF})
    assert (leads.plan.way, leads.plan.calls, leads.joins) == (Way.COLLECTIONS, 2, False)


def test_an_upsert_without_a_key_is_named_by_its_row() -> None:
    """Before anything is sent."""
    with pytest.raises(BadRequest, match="Row 4: an upsert of Contact"):
        plan_changes([*many("Account", "update", 3), *many("Contact", "upsert", 1)])


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(KINDS), st.sampled_from([1, 2, 199, 200, 201, 900, 1_001])),
        max_size=12,
    )
)
def test_every_row_goes_once_in_order_and_never_with_what_it_may_not(
    asked: list[tuple[tuple[str, Any, str | None], int]],
) -> None:
    """Whatever is asked for: stretches cover all rows in order; calls hold five Collections at
    most, setup objects alone, creates alone."""
    changes = [change for (o, op, key), count in asked for change in many(o, op, count, key)]
    plan = plan_changes(changes, bulk_from=10**9)
    place = 0
    calls: list[list[Stretch]] = []
    for one in plan:
        assert one.start == place < one.end
        assert {(c.object, c.operation) for c in changes[one.start : one.end]} == {
            (one.object, one.operation)
        }
        place = one.end
        calls = [*calls[:-1], [*calls[-1], one]] if one.joins else [*calls, [one]]
    assert place == len(changes)
    for group in calls:
        assert len({one.object.lower() in SETUP_OBJECTS for one in group}) == 1
        assert len({one.operation == "insert" for one in group}) == 1
        assert len(group) == 1 or not group[0].is_setup
        chunks = sum(-(-(one.end - one.start) // 200) for one in group)
        per_call = 5 if len(group) > 1 or group[0].plan.way is Way.COMPOSITE else 1
        assert sum(one.plan.calls for one in group) == -(-chunks // per_call)


def row_id(number: int) -> str:
    return str(RecordId(f"00Q{number:012d}"))


@pytest.mark.parametrize("operation", ["insert", "update"])
def test_what_is_locked_again_and_then_lost_loses_no_other_row(
    org: Any, session: Session, operation: Any
) -> None:
    """Rows that were told of stay told of, when the repeat of the locked ones gets no answer."""
    lock = {"success": False, "errors": [{"statusCode": "UNABLE_TO_LOCK_ROW", "message": "x"}]}
    good = {"id": row_id(1), "success": True, "errors": []}
    method = "POST" if operation == "insert" else "PATCH"
    org.on(method, "composite/sobjects", json=[good, lock, good])
    org.on(method, "composite/sobjects", json=[])
    told = write(session, "Lead", [{"Id": row_id(n)} for n in range(3)], operation=operation)
    assert [one.success for one in told] == [True, False, True]
    assert told[1].errors[0].code == UNKNOWN
    with pytest.raises(OutcomeUnknown):
        known(told)


@pytest.mark.parametrize(
    ("operation", "status", "body"),
    [
        ("update", 500, [{"errorCode": "UNKNOWN_EXCEPTION", "message": "gack"}]),
        ("update", 503, "busy"),
        ("update", 400, [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "x"}]),
        ("insert", 400, [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "x"}]),
    ],
)
def test_a_part_in_trouble_goes_again_alone(
    org: Any, session: Session, operation: Any, status: int, body: Any
) -> None:
    """Where that is safe: what is repeatable, or what was not done."""
    good = [{"id": row_id(1), "success": True, "errors": []}]
    parts = [
        {"referenceId": "part0", "httpStatusCode": 200, "body": good * 200},
        {"referenceId": "part1", "httpStatusCode": status, "body": body},
    ]
    org.on("POST", "composite", json={"compositeResponse": parts})
    org.on("POST" if operation == "insert" else "PATCH", "composite/sobjects", json=good * 5)
    given = [{"Id": row_id(n)} for n in range(205)]
    told = write(session, "Account", given, operation=operation)
    assert [one.index for one in told] == list(range(205))
    assert all(one.success for one in told)
    assert len(json.loads(org.asked("composite/sobjects")[-1].body)["records"]) == 5


def test_an_insert_in_trouble_is_unknown(org: Any, session: Session) -> None:
    """A server error may have come after the work; the other part stands; the rest is not sent."""
    good = [{"id": row_id(1), "success": True, "errors": []}] * 200
    parts = [{"referenceId": f"part{n}", "httpStatusCode": 200, "body": good} for n in range(5)]
    parts[1] |= {"httpStatusCode": 500, "body": [{"errorCode": "UNKNOWN_EXCEPTION"}]}
    org.on("POST", "composite", json={"compositeResponse": parts})
    told = write(session, "Lead", [{"LastName": "x"}] * 1_200, operation="insert")
    codes = Counter(one.errors[0].code if one.errors else "" for one in told)
    assert codes == {"": 800, UNKNOWN: 200, NOT_SENT: 200}
    assert [one.index for one in told] == list(range(1_200))


def test_rows_without_end_are_written_by_portions(
    org: Any, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Indexes go on; nothing is asked for after an unknown row."""
    monkeypatch.setattr("sfprm.salesforce.write._PORTION", 3)
    good = [{"id": row_id(1), "success": True, "errors": []}] * 3
    org.on("POST", "composite/sobjects", json=good)
    org.on("POST", "composite/sobjects", json=good)
    org.on("POST", "composite/sobjects", status=502, body="<html>", content_type="text/html")
    drawn: list[int] = []

    def rows() -> Iterator[dict[str, str]]:
        for number in range(100):
            drawn.append(number)
            yield {"LastName": "x"}

    told = list(write_each(session, "Lead", rows(), operation="insert"))
    assert [one.index for one in told] == list(range(9))
    assert [one.success for one in told] == [True] * 6 + [False] * 3
    assert drawn == list(range(9))


class QuickClock(FakeClock):
    """Moves on by itself."""


@pytest.fixture(scope="module")
def ready(devorg_process: Any) -> Any:
    """The embedded org after setup."""
    devorg_process.control("DELETE", "faults")
    devorg_process.reset("partners-ready")
    return devorg_process


@pytest.fixture
def live(ready: Any, tmp_path: Path) -> Iterator[Session]:
    with open_session(load_settings(ready.env(tmp_path)), QuickClock(datetime.now(UTC))) as opened:
        yield opened
    ready.control("DELETE", "faults")


def leads(count: int, mark: str) -> list[Change]:
    return [
        Change("Lead", "insert", {"LastName": f"{mark} {n}", "Company": mark}) for n in range(count)
    ]


def there(session: Session, mark: str) -> list[str]:
    query = Query(("LastName",), "Lead", (eq("Company", mark),))
    return sorted(row["LastName"] for row in select_all(session, query))


def test_accounts_people_queues_and_leads_in_one_write(live: Session) -> None:
    """In the order given, each with its outcome; a refused row is alone; calls as planned."""
    group, _ = select_all(live, Query(("Id",), "Group", (eq("Type", "Queue"),), ("Id",), 2))
    changes = [
        *(
            Change("Account", "upsert", {"Partner_Key__c": f"several-{n}", "Name": f"Several {n}"},
                   "Partner_Key__c")
            for n in range(3)
        ),
        Change("Contact", "upsert", {"Partner_Key__c": "several-x", "LastName": "Several"},
               "Partner_Key__c"),
        Change("Group", "insert", {"Name": "Several", "DeveloperName": "Several", "Type": "Queue"}),
        Change("QueueSobject", "insert", {"QueueId": group["Id"], "SobjectType": "Nothing"}),
        *leads(2, "Several"),
        Change("Lead", "insert", {"LastName": "no company"}),
    ]  # fmt: skip
    told: list[int] = []
    mark = live.calls.snapshot()
    outcomes = write_changes(
        live,
        changes,
        headers={"Lead": AUTO_ASSIGN_OFF},
        on_outcomes=lambda part: told.extend(one.index for one in part),
    )
    assert told == [one.index for one in outcomes] == list(range(len(changes)))
    assert [n for n, one in enumerate(outcomes) if not one.success] == [5, 8]
    assert outcomes[8].errors[0].fields == ("Company",)
    assert [one.created for one in outcomes[:5]] == [True] * 5
    assert live.calls.since(mark).total == sum(one.plan.calls for one in plan_changes(changes))
    assert there(live, "Several") == ["Several 0", "Several 1"]


@pytest.mark.parametrize("kind", ["drop-after", "truncated", "half", "drop-before"])
def test_lost_answers_are_read_back_and_nothing_is_there_twice(
    ready: Any, live: Session, kind: str
) -> None:
    """Each lead exactly once, whether its insert was done before the answer was lost or not."""
    mark = f"Lost {kind}"
    fault = {"path": "composite", "method": "POST", "kind": kind, "times": 2}
    ready.control("POST", "faults", fault)

    def found(chunk: Chunk) -> list[RecordId | None]:
        names = in_("LastName", [str(row["LastName"]) for row in chunk.rows])
        query = Query(("Id", "LastName"), chunk.object, (eq("Company", mark), names))
        ids = {row["LastName"]: RecordId(row["Id"]) for row in select_all(live, query)}
        return [ids.get(str(row["LastName"])) for row in chunk.rows]

    outcomes = write_changes(live, leads(450, mark), read_back=found)
    assert all(one.success for one in known(outcomes))
    assert there(live, mark) == sorted(f"{mark} {n}" for n in range(450))
    rows = select_all(live, Query(("Id",), "Lead", (like("Company", mark),)))
    assert {one.id for one in outcomes} == {row["Id"] for row in rows}


def test_without_a_way_to_ask_the_rest_is_kept_back(ready: Any, live: Session) -> None:
    """Across objects too: what follows an unknown outcome is not sent."""
    fault = {"path": "composite", "method": "POST", "kind": "drop-after", "times": 1}
    ready.control("POST", "faults", fault)
    more = Change("Account", "upsert", {"Partner_Key__c": "kept", "Name": "Kept"}, "Partner_Key__c")
    outcomes = write_changes(live, [*leads(3, "Kept back"), more, replace(more)])
    codes = [one.errors[0].code for one in outcomes]
    assert codes == [UNKNOWN] * 3 + [NOT_SENT] * 2
    assert select_all(live, Query(("Id",), "Account", (eq("Partner_Key__c", "kept"),))) == []
