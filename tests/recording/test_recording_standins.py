"""Stand-ins: valid, in order, the same wherever the value stands."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.ids import RecordId
from sfprm.recording.file import as_text, from_text
from sfprm.recording.keep import SALESFORCE
from sfprm.recording.scrub import scrubbed
from sfprm.recording.standins import StandIns

_SERIALS = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", min_size=9,
                   max_size=9)  # fmt: skip
_IDS = st.lists(st.tuples(st.sampled_from(["001", "00Q", "a0B"]), _SERIALS), unique=True)


@settings(max_examples=60, deadline=None)
@given(_IDS)
def test_ids_keep_prefix_checksum_and_order(parts: list[tuple[str, str]]) -> None:
    """For any ids; 15 and 18 characters alike."""
    table = StandIns()
    raw = [RecordId(f"{prefix}5gX{serial}") for prefix, serial in parts]
    for one in raw:
        table.id(one)
    table.settle()
    made = [table.id(one) for one in raw]
    assert [RecordId(one) for one in made] == made
    assert [one[:3] for one in made] == [one[:3] for one in raw]
    assert sorted(raw) == [one for _, one in sorted(zip(made, raw, strict=True))]
    assert [table.id(one.short) for one in raw] == [one[:15] for one in made]


def test_relations_hold(exchange: Any, recording: Any) -> None:
    """An id in an answer, in the next path, in a query and in an error is one stand-in."""
    real = "0035g00000AbCdEAAV"
    raw = recording(
        exchange(given=json.dumps({"id": real}).encode()),
        exchange(path=f"/services/data/v66.0/sobjects/Contact/{real[:15]}"),
        exchange(query=(("q", f"SELECT Id FROM User WHERE ContactId = '{real}'"),)),
        exchange(status=400, given=json.dumps([{"message": f"contact {real} is bad"}]).encode()),
    )
    text = as_text(scrubbed(raw))
    assert text.count("003000000000001AAA") == 3
    assert "/sobjects/Contact/003000000000001\n" in text


def test_addresses_and_names_are_the_same_everywhere(exchange: Any, recording: Any) -> None:
    """Whatever the case of the address; the name in an early message is known from later."""
    raw = recording(
        exchange(status=400, given=json.dumps([{"message": "user Zora Quill exists"}]).encode()),
        exchange(given=json.dumps({"LastName": "Zora Quill", "Email": "Z.Quill@corp.pt"}).encode()),
        exchange("POST", body=json.dumps({"Username": "z.quill@corp.pt"}).encode()),
    )
    done = scrubbed(raw).exchanges
    assert done[0].given.body.content[0]["message"] == "user Person 1 exists"
    assert done[1].given.body.content == {"LastName": "Person 1", "Email": "person-1@example.com"}
    assert done[2].sent.body.content == {"Username": "person-1@example.com"}


def test_what_is_invented_stays(exchange: Any, recording: Any) -> None:
    """Scrubbing twice changes nothing; reserved hosts and declared values are left."""
    body = {"LastName": "Made Up", "Email": "a@example.org", "Id": "003000000000007AAA"}
    raw = recording(exchange("POST", body=json.dumps(body).encode()))
    once = scrubbed(raw, fictional=frozenset({"Made Up"}))
    assert once.exchanges[0].sent.body.content == body
    assert scrubbed(scrubbed(raw)) == scrubbed(raw)


def test_numbers_and_dates_that_are_not_kept_keep_their_types(
    exchange: Any, recording: Any
) -> None:
    """A revenue and a birthday are nobody's business; totals and flags are kept."""
    body = {
        "totalSize": 12,
        "AnnualRevenue": 1234567.0,
        "NumberOfEmployees": 841,
        "IsActive": True,
        "Birthdate": "1971-05-04",
        "CreatedDate": "2026-01-02T03:04:05.000+0000",
    }
    done = scrubbed(recording(exchange(given=json.dumps(body).encode())))
    told = done.exchanges[0].given.body.content
    assert told["AnnualRevenue"] != 1234567.0
    assert isinstance(told["AnnualRevenue"], float)
    assert told["NumberOfEmployees"] != 841
    assert (told["totalSize"], told["IsActive"]) == (12, True)
    assert told["Birthdate"] == "1900-01-01"
    assert told["CreatedDate"] == body["CreatedDate"]


def test_a_longer_list_keeps_more(exchange: Any, recording: Any) -> None:
    """`Object.Field` counts for that object alone, in JSON and in SOQL."""
    keep = SALESFORCE.plus(fields={"Lead.Product__c"})
    records = [
        {"attributes": {"type": kind}, "Product__c": "Pumps"} for kind in ("Lead", "Account")
    ]
    raw = recording(
        exchange(
            query=(("q", "SELECT Id FROM Lead WHERE Product__c IN ('Pumps', 'Pipes')"),),
            given=json.dumps(records).encode(),
        )
    )
    done = scrubbed(raw, keep=keep).exchanges[0]
    assert done.sent.query[0][1].endswith("Product__c IN ('Pumps', 'Pipes')")
    assert [one["Product__c"] for one in done.given.body.content] == ["Pumps", "text-1"]


def test_a_file_read_back_is_the_recording(exchange: Any, recording: Any) -> None:
    """JSON, form, CSV, XML, text with odd white space; times; facts."""
    raw = recording(
        exchange("POST", body=b"a=1&b=x%3Dy", type_="application/x-www-form-urlencoded"),
        exchange(given=b'[1, 2.5, null, "a\\nb: #c"]', at=1.25),
        exchange(given=b"Id,sf__Created\n,true\n", given_type="text/csv"),
        exchange(given=b"<a><type>x</type><b/></a>", given_type="text/xml"),
        exchange(given=b"  odd \t\r\n text ", given_type="text/plain"),
        note="Made Up",
    )
    done = scrubbed(raw)
    assert from_text(as_text(done)) == done
