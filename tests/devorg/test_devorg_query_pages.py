"""Pages of query results: parents and children share them; what does not fit has a cursor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.devorg.api import query as resource
from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.contention import Held
from sfprm.devorg.cursors import page_of
from sfprm.devorg.numbers import as_java_prints, java_double
from sfprm.devorg.org import Org
from sfprm.devorg.problems import Refusal

Body = dict[str, Any]


def _request(org: Org, batch: int = 200, **params: str) -> Request:
    headers = {"sforce-query-options": f"batchSize={batch}"}
    path = "/services/data/v66.0/query"
    caller = org.permissions.of(org.agent_id)
    return Request(org, "GET", path, params, headers, b"", "", version="66.0", caller=caller)


def _body(answer: Answer) -> Body:
    assert answer.status == 200
    body: Body = answer.body
    return body


def _ask(org: Org, text: str, **options: Any) -> Body:
    return _body(resource.query(_request(org, q=text, **options)))


def _more(org: Org, url: str) -> Body:
    root, _, locator = url.rpartition("/")
    assert root == "/services/data/v66.0/query"
    return _body(resource.more(_request(org), locator))


@pytest.fixture
def crowded(empty_org: Org) -> Org:
    """One account with 450 contacts, then three with 90 each."""
    sizes = [450, 90, 90, 90]
    ids = empty_org.plant("Account", [{"Name": f"A{place}"} for place in range(len(sizes))])
    for id_, size in zip(ids, sizes, strict=True):
        rows = [{"LastName": f"C{place:03}", "AccountId": id_} for place in range(size)]
        empty_org.plant("Contact", rows)
    return empty_org


TEXT = "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account ORDER BY Name"


def test_children_count_with_their_parents(crowded: Org) -> None:
    """A page has as many rows as the batch size says; a set too long for one has a cursor."""
    first = _ask(crowded, TEXT)
    (big,) = first["records"]
    assert (first["totalSize"], first["done"], big["Name"]) == (4, False, "A0")
    contacts = big["Contacts"]
    assert (contacts["totalSize"], contacts["done"]) == (450, False)
    assert len(contacts["records"]) == 199
    second = _more(crowded, first["nextRecordsUrl"])
    assert [one["Name"] for one in second["records"]] == ["A1", "A2"]
    assert all(one["Contacts"]["done"] for one in second["records"])
    third = _more(crowded, second["nextRecordsUrl"])
    assert ([one["Name"] for one in third["records"]], third["done"]) == (["A3"], True)
    assert "nextRecordsUrl" not in third


def test_children_are_read_on(crowded: Org) -> None:
    """Following a child set's address gives all of it, in order."""
    page = _ask(crowded, TEXT)["records"][0]["Contacts"]
    names = [one["LastName"] for one in page["records"]]
    while not page["done"]:
        page = _more(crowded, page["nextRecordsUrl"])
        assert page["totalSize"] == 450
        names += [one["LastName"] for one in page["records"]]
    assert names == [f"C{place:03}" for place in range(450)]


def test_what_fits_is_one_page(crowded: Org) -> None:
    """No cursor where all rows fit together."""
    body = _ask(crowded, TEXT, batch=2000)
    assert (body["done"], len(body["records"])) == (True, 4)
    assert all(one["Contacts"]["done"] for one in body["records"])


def test_a_long_result_is_read_from_any_page(empty_org: Org) -> None:
    """Rows kept packed give the same records, page by page and at their end."""
    count = 12_345
    empty_org.storage.load("Lead", ({"LastName": f"L{n:05}"} for n in range(count)))
    body = _ask(empty_org, "SELECT LastName, IsConverted FROM Lead ORDER BY LastName", batch=2000)
    names = []
    while True:
        names += [one["LastName"] for one in body["records"]]
        assert body["totalSize"] == count
        if body["done"]:
            break
        body = _more(empty_org, body["nextRecordsUrl"])
    assert names == [f"L{n:05}" for n in range(count)]
    assert body["records"][-1]["IsConverted"] is False


@pytest.mark.parametrize("days", [1, 3])
def test_cursors_of_children_live_two_days(crowded: Org, days: int) -> None:
    """As those of the query do."""
    url = _ask(crowded, TEXT)["records"][0]["Contacts"]["nextRecordsUrl"]
    crowded.clock.set(crowded.clock.now() + timedelta(days=days))
    if days == 1:
        assert len(_more(crowded, url)["records"]) == 200
        return
    with pytest.raises(Refusal, match="invalid query locator"):
        _more(crowded, url)


Tree = list[Any]
trees: st.SearchStrategy[Tree] = st.recursive(
    st.just([]), lambda inner: st.lists(inner, max_size=6), max_leaves=60
)


def _record(name: str, children: Tree) -> Body:
    inner = [_record(f"{name}.{place}", one) for place, one in enumerate(children)]
    kids = {"totalSize": len(inner), "done": True, "records": inner} if inner else None
    return {"attributes": {"type": "X"}, "Name": name, "Kids": kids}


def _names(record: Body, rest: dict[str, tuple[Sequence[Body], int]], room: int) -> list[str]:
    """All names below a record as a client finds them that follows every address."""
    found = [record["Name"]]
    kids = record["Kids"]
    while kids is not None:
        for one in kids["records"]:
            found += _names(one, rest, room)
        if kids["done"]:
            break
        records, place = rest[kids["nextRecordsUrl"]]
        kids = _read(records, place, rest, room)
    return found


def _read(
    records: Sequence[Body], start: int, rest: dict[str, tuple[Sequence[Body], int]], room: int
) -> Body:
    def open_(children: Sequence[Body], place: int) -> str:
        rest[str(len(rest))] = (children, place)
        return str(len(rest) - 1)

    page, end = page_of(records, start, room, open_)
    assert end > start
    if end >= len(records):
        return {"records": page, "done": True}
    return {"records": page, "done": False, "nextRecordsUrl": open_(records, end)}


@settings(max_examples=120, deadline=None)
@given(forest=st.lists(trees, min_size=1, max_size=8), room=st.integers(1, 12))
def test_no_record_is_lost_or_told_twice(forest: list[Tree], room: int) -> None:
    """Whatever the shape and the batch size, following all addresses gives all records in order."""
    records = [_record(str(place), one) for place, one in enumerate(forest)]
    whole = {"Name": "root", "Kids": {"records": records, "done": True}}
    rest: dict[str, tuple[Sequence[Body], int]] = {}
    paged = {"Name": "root", "Kids": _read(records, 0, rest, room)}
    assert _names(paged, rest, room) == _names(whole, {}, room)


def test_for_update_waits_for_rows(crowded: Org) -> None:
    """A row that another request holds is waited for, then refused; another row is not."""
    (held,) = _ask(crowded, "SELECT Id FROM Account WHERE Name = 'A1'")["records"]
    crowded.contention.hold(60, rows={held["Id"]})
    crowded.contention.begin(0.0)
    assert _ask(crowded, "SELECT Id FROM Account WHERE Name = 'A2' FOR UPDATE")["totalSize"] == 1
    with pytest.raises(Refusal) as caught:
        _ask(crowded, "SELECT Id FROM Account FOR UPDATE")
    assert (caught.value.status, caught.value.code) == (400, "UNABLE_TO_LOCK_ROW")
    assert held["Id"] in caught.value.message
    crowded.contention.begin(monotonic())
    with pytest.raises(Held):
        _ask(crowded, "SELECT Id FROM Account FOR UPDATE")
    assert _ask(crowded, "SELECT Id FROM Account")["totalSize"] == 4


def test_tooling_answers_definitions(demo_org: Org) -> None:
    """Three keys more; other objects are not imitated there."""
    text = "SELECT QualifiedApiName FROM EntityDefinition WHERE QualifiedApiName = 'Lead'"
    body = _body(resource.tooling(_request(demo_org, q=text)))
    assert (body["size"], body["totalSize"], body["done"]) == (1, 1, True)
    assert (body["entityTypeName"], body["queryLocator"]) == ("EntityDefinition", None)
    with pytest.raises(Refusal) as caught:
        resource.tooling(_request(demo_org, q="SELECT Id FROM Lead"))
    assert caught.value.status == 501


def test_definitions_keep_the_sharing_models(demo_org: Org) -> None:
    """What the org says of sharing stays when the records are made anew."""
    text = "SELECT ExternalSharingModel FROM EntityDefinition WHERE QualifiedApiName = '{}'"
    for name, model in (("Opportunity", "Read"), ("Lead", "Private")):
        (row,) = _ask(demo_org, text.format(name))["records"]
        assert row["ExternalSharingModel"] == model


def test_columns_and_plans_are_answered(demo_org: Org) -> None:
    """&columns=true and ?explain= of /query."""
    text = "SELECT Id FROM Lead WHERE Status = 'Open - Not Contacted'"
    columns = _ask(demo_org, text, columns="true")["columnMetadata"]
    assert [one["columnName"] for one in columns] == ["Id"]
    body = _body(resource.query(_request(demo_org, explain=text)))
    assert body["plans"][0]["leadingOperationType"] == "Index"
    with pytest.raises(Refusal, match="No such column"):
        resource.query(_request(demo_org, explain="SELECT Foo FROM Lead"))


def test_weeks_begin_where_the_user_is(demo_org: Org) -> None:
    """In Ireland a week begins on Monday: on Monday, Sunday was last week."""
    sunday = "2026-03-01T12:00:00.000+0000"
    demo_org.plant("Lead", [{"LastName": "Sunday", "Company": "x", "CreatedDate": sunday}])
    text = "SELECT COUNT() FROM Lead WHERE LastName = 'Sunday' AND CreatedDate = {}"
    assert _ask(demo_org, text.format("LAST_WEEK"))["totalSize"] == 1
    assert _ask(demo_org, text.format("THIS_WEEK"))["totalSize"] == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.5e8, "3.5E8"),
        (1e7, "1.0E7"),
        (9999999.5, "9999999.5"),
        (-12345678.25, "-1.234567825E7"),
        (0.001, "0.001"),
        (0.00012, "1.2E-4"),
        (0.0, "0.0"),
        (1e300, "1.0E300"),
    ],
)
def test_doubles_as_java_prints_them(value: float, text: str) -> None:
    """From ten million up, and below a thousandth, with an exponent."""
    assert java_double(value) == text


@settings(max_examples=200, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_printed_double_is_the_same_number(value: float) -> None:
    """Only the writing changes."""
    assert float(java_double(value)) == value


def test_strings_and_integers_stay() -> None:
    """A number within a text is text; an integer has no exponent."""
    body = b'{"a":"12345678.5 \\" 12345678.5","b":12345678,"c":[12345678.5,1e+16]}'
    assert as_java_prints(body) == body.replace(b"[12345678.5,1e+16]", b"[1.23456785E7,1.0E16]")
