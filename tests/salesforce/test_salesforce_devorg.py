"""The same calls against the embedded org, over TLS and real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sfprm.clock import FakeClock, SystemClock
from sfprm.errors import LoginRefused, OrgRefused, OrgUnreachable, OutcomeUnknown
from sfprm.salesforce.actions import send_email
from sfprm.salesforce.collections import AUTO_ASSIGN_OFF, create, delete, update
from sfprm.salesforce.describe import describe
from sfprm.salesforce.limits import limits
from sfprm.salesforce.metadata import deploy, retrieve
from sfprm.salesforce.package import manifest
from sfprm.salesforce.query import count, select, select_all
from sfprm.salesforce.session import Session, open_session
from sfprm.salesforce.soql import Query, eq
from sfprm.settings import load_settings

NASTY = 'O\'Brien \\ "50%_" & Söhne + 山'


@pytest.fixture
def live(devorg: Any, tmp_path: Path) -> Iterator[Session]:
    """A session on the embedded org, at the start of the story."""
    clock = FakeClock(datetime.now(UTC))  # no test waits; the org has a clock of its own
    with open_session(load_settings(devorg.env(tmp_path)), clock) as session:
        yield session


@pytest.fixture
def faults(devorg: Any) -> Iterator[Any]:
    """Adds a fault to the org; all are gone after the test."""

    def add(kind: str, path: str, method: str, times: int = 1) -> None:
        fault = {"path": path, "method": method, "kind": kind, "times": times}
        devorg.control("POST", "faults", fault)

    yield add
    devorg.control("DELETE", "faults")


def lead(**fields: Any) -> dict[str, Any]:
    return {"LastName": "Reis", "Company": "Reis Hidráulica, Lda", **fields}


def test_who_and_where(live: Session, devorg: Any) -> None:
    """The org's name, kind and age, and the user of the app."""
    identity = live.identity
    assert identity.org_name == "Alder Systems"
    assert identity.is_embedded
    assert not identity.is_sandbox
    assert identity.created.year == 2019
    assert identity.username == devorg.username
    assert live.calls.total == 2


def test_a_wrong_secret_is_refused(devorg: Any, tmp_path: Path) -> None:
    """One sentence, and the settings to look at."""
    env = devorg.env(tmp_path, SFPRM_CLIENT_SECRET="not-the-secret")
    with (
        open_session(load_settings(env), SystemClock()) as session,
        pytest.raises(LoginRefused) as raised,
    ):
        _ = session.identity
    assert "SFPRM_CLIENT_SECRET" in raised.value.hint
    assert "not-the-secret" not in raised.value.message


def test_without_the_authority_the_certificate_is_refused(devorg: Any, tmp_path: Path) -> None:
    """The embedded org signs for itself; the machine does not know it."""
    env = devorg.env(tmp_path)
    del env["SFPRM_CA_BUNDLE"]
    with (
        open_session(load_settings(env), SystemClock()) as session,
        pytest.raises(OrgUnreachable) as raised,
    ):
        _ = session.identity
    assert "SFPRM_CA_BUNDLE" in raised.value.hint


def test_all_leads_are_read_in_the_least_pages(live: Session) -> None:
    """2,025 leads: two pages of at most 2,000; none twice."""
    live.identity  # noqa: B018  (its two calls are not the query's)
    mark = live.calls.snapshot()
    rows = select_all(live, Query(("Id", "Owner.Name"), "Lead", (), ("CreatedDate", "Id")))
    assert len({row["Id"] for row in rows}) == len(rows) == count(live, Query(("Id",), "Lead"))
    assert live.calls.since(mark).by_kind == {"query": -(-len(rows) // 2000) + 1}


def test_small_pages_give_the_same_rows(live: Session) -> None:
    """The size of a page changes the calls, never the rows."""
    query = Query(("Id",), "Lead", (), ("Id",))
    assert list(select(live, query, batch_size=200)) == select_all(live, query)


def test_a_wrong_query_is_told_in_the_orgs_words(live: Session) -> None:
    """Code and message reach the reader."""
    with pytest.raises(OrgRefused, match="Nope__c") as raised:
        select_all(live, "SELECT Nope__c FROM Lead")
    assert raised.value.code == "INVALID_FIELD"


def test_awkward_text_is_written_and_found_again(live: Session) -> None:
    """Through JSON, the store of the org, SOQL and the URL."""
    (made,) = create(live, "Lead", [lead(LastName=NASTY)], headers=AUTO_ASSIGN_OFF)
    found = select_all(live, Query(("Id", "LastName"), "Lead", (eq("LastName", NASTY),)))
    assert found == [{"Id": made.id, "LastName": NASTY}]


def test_rows_are_created_updated_and_deleted(live: Session) -> None:
    """250 rows in two calls; one without company refused with its field; then changed, then
    gone."""
    rows = [lead(LastName=f"Reis {n}") for n in range(250)]
    rows[7].pop("Company")
    made = create(live, "Lead", rows, headers=AUTO_ASSIGN_OFF)
    assert [o.index for o in made if not o.success] == [7]
    assert made[7].errors[0].code == "REQUIRED_FIELD_MISSING"
    assert live.calls.by_kind["create"] == 2
    ids = [outcome.id for outcome in made if outcome.id is not None]
    changed = update(live, "Lead", [{"Id": id_, "Rating": "Hot"} for id_ in ids[:2]])
    assert [outcome.success for outcome in changed] == [True, True]
    assert count(live, Query(("Id",), "Lead", ("Rating = 'Hot'", eq("Id", ids[0])))) == 1
    assert all(outcome.success for outcome in delete(live, ids))
    assert count(live, Query(("Id",), "Lead", (eq("Id", ids[0]),))) == 0


def test_an_object_is_described(live: Session) -> None:
    """A custom field that the org has had for years."""
    told = describe(live, "Lead")
    assert told is not None
    product = told.field("Product__c")
    assert product is not None
    assert product.picklist == ("Pumps", "Valves", "Sensors", "Drives")
    assert told.key_prefix == "00Q"
    assert describe(live, "Nothing__c") is None


def test_limits_and_allowance(live: Session) -> None:
    """The header of each answer and the resource tell of the same allowance."""
    told = limits(live)["DailyApiRequests"]
    assert live.calls.allowance is not None
    assert live.calls.allowance[1] == told.max


def test_an_expired_session_is_renewed(live: Session, faults: Any) -> None:
    """The write arrives, once."""
    faults("expired-session", "composite/sobjects", "POST")
    assert create(live, "Lead", [lead(LastName="Once")])[0].success
    assert live.calls.by_kind["login"] == 2
    assert count(live, Query(("Id",), "Lead", ("LastName = 'Once'",))) == 1


def test_a_lost_answer_to_a_create_is_unknown(live: Session, faults: Any) -> None:
    """The connection dropped after the effect: the row is there, and was not sent again."""
    faults("drop-after", "composite/sobjects", "POST")
    with pytest.raises(OutcomeUnknown):
        create(live, "Lead", [lead(LastName="Dropped")])
    assert count(live, Query(("Id",), "Lead", ("LastName = 'Dropped'",))) == 1


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "503", "lock"])
def test_an_update_goes_through_whatever_happens(live: Session, faults: Any, kind: str) -> None:
    """Repeated until it is done."""
    (made,) = create(live, "Lead", [lead()])
    faults(kind, "composite/sobjects", "PATCH", times=2)
    assert update(live, "Lead", [{"Id": made.id, "Rating": "Cold"}])[0].success
    assert count(live, Query(("Id",), "Lead", (eq("Id", made.id), "Rating = 'Cold'"))) == 1


@pytest.mark.parametrize("kind", ["drop-before", "503"])
def test_a_read_goes_through(live: Session, faults: Any, kind: str) -> None:
    """Reads are always repeated."""
    faults(kind, "query", "GET", times=2)
    assert count(live, Query(("Id",), "Lead")) > 2000


FIELD = b"""<?xml version="1.0" encoding="UTF-8"?>
<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">
    <fields>
        <fullName>Partner_Key__c</fullName>
        <caseSensitive>false</caseSensitive>
        <externalId>true</externalId>
        <label>Partner Key</label>
        <length>80</length>
        <type>Text</type>
        <unique>true</unique>
    </fields>
</CustomObject>
"""


def test_a_field_is_deployed(live: Session) -> None:
    """Checked first without effect, then deployed."""
    files = {
        "package.xml": manifest({"CustomField": ["Account.Partner_Key__c"]}, live.api_version),
        "objects/Account.object": FIELD,
    }
    checked = deploy(live, files, check_only=True, clock=live.clock)
    assert checked.success, checked.failures
    done = deploy(live, files, clock=live.clock)
    assert done.success, done.failures
    assert done.successes >= 1


def test_a_package_that_is_wrong_names_its_component(live: Session) -> None:
    """A member of the manifest whose file is not there."""
    files = {"package.xml": manifest({"CustomField": ["Account.Nope__c"]}, live.api_version)}
    outcome = deploy(live, files, clock=live.clock)
    assert not outcome.success
    assert outcome.failures


def test_settings_are_retrieved(live: Session) -> None:
    """Digital experiences are on in the story, partner management is off."""
    files = retrieve(live, {"Settings": ["Communities"]}, clock=live.clock)
    settings = files["settings/Communities.settings"].decode()
    assert "<enableNetworksEnabled>true</enableNetworksEnabled>" in settings
    assert "<enableEnablePRM>true" not in settings


def test_a_mail_is_in_the_outbox(live: Session, devorg: Any) -> None:
    """Handed over by the standard action."""
    send_email(live, ["ops@alder.example.com"], "Hello", "A lead is waiting.")
    mails = [mail for mail in devorg.outbox() if mail["subject"] == "Hello"]
    assert [mail["to"] for mail in mails] == [["ops@alder.example.com"]]
