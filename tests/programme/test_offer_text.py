"""`offer:` in routing.yaml: what it becomes, and what is said of mistakes in it."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest

from sfprm.errors import BadFiles
from sfprm.ids import PoolKey
from sfprm.programme.canonical import from_json, to_json
from sfprm.programme.load import load_programme
from sfprm.programme.model import Programme
from sfprm.programme.offer_fields import check_offer_fields
from sfprm.programme.offer_terms import After, Sign, Span
from sfprm.programme.offers_text import parse_span
from sfprm.programme.text_error import TextError

ROOT = Path(__file__).parents[2]


def load(folder: Path, offer: str, more: str = "") -> Programme:
    """The sample programme with an offer in its pool `south`, indented below `offer:`."""
    config = folder / "config"
    copytree(ROOT / "config", config)
    path = config / "routing.yaml"
    text = path.read_text()
    indented = "\n".join("      " + line for line in offer.splitlines())
    text = text.replace("  north:\n", f"    offer:\n{indented}\n\n  north:\n", 1) + more
    path.write_text(text)
    return load_programme(config)


WHOLE = """
accept_within: 2 working days
remind_after: 1 working day
act_within: 5 days
then: next
not_acted: {recycle: Recycled leads}
give_up_after: 3
escalate: manager
accepted_when: [taken, modified, "Rating equals Hot"]
reject:
  when: [Answer__c equals No]
  reason: Why__c
  refund: [Duplicate]
  then: {never: lena.berg@alder.example.com}
pause: {after: 3, for: 5 working days}
receipt: {within: 1 hour, when: [Sync__c equals Done], cause: Fault__c}
notices: {remind: lead-assigned}
set_fields:
  offered: {Share_Status__c: Sent, Recall_Date__c: "{accept_by.date}"}
  recalled: {Recalled__c: true, Recall_Date__c: null}
"""


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    """And it survives being stored."""
    programme = load(tmp_path, WHOLE)
    [terms] = programme.routing.pools[PoolKey("south")].offer or ()
    assert terms.accept_within == Span(2, "days", working=True)
    assert terms.not_acted == After("recycle", queue="Recycled leads")
    assert terms.escalate == After("internal")
    assert terms.signs == (Sign.TAKEN, Sign.MODIFIED)
    assert terms.reject is not None
    assert terms.reject.then == After("never", user="lena.berg@alder.example.com")
    assert terms.lead_fields() == ("Answer__c", "Fault__c", "Rating", "Sync__c", "Why__c")
    assert terms.fields_written() == ("Recall_Date__c", "Recalled__c", "Share_Status__c")
    stored = from_json(to_json(programme)).routing.pools[PoolKey("south")]
    assert to_json(from_json(to_json(programme))) == to_json(programme)
    assert (stored.offer or ())[0].set_fields == terms.set_fields


def test_the_first_that_fits_and_none(tmp_path: Path) -> None:
    """Several terms by the lead's kind, as a list; `none` runs no clock."""
    programme = load(
        tmp_path,
        "- {when: [LeadSource equals Event], accept_within: 4 hours}\n- {accept_within: 2 days}",
    )
    first, second = programme.routing.pools[PoolKey("south")].offer or ()
    assert (first.when[0].field, second.when) == ("LeadSource", ())
    assert {"LeadSource", "Status"} <= set(programme.routing.fields_read())


@pytest.mark.parametrize(
    ("offer", "words"),
    [
        ("accept_within: soon", "accept_within"),
        ("accept_within: 0 days", "not a length of time"),
        ("accept_within: 2 working weeks", "working weeks are not known"),
        ("remind_after: 1 day", "needs something to be reminded of"),
        ("{accept_within: 1 day, accepted_when: [read]}", "an unread lead does not show"),
        ("{accept_within: 1 day, accepted_when: [red, status]}", "neither a sign of acceptance"),
        ("{accept_within: 1 day, escalate: next}", "cannot be escalated to the next"),
        ("{accept_within: 1 day, then: {recycle: A, never: B}}", "exactly one of"),
        ("{accept_within: 1 day, notices: {remind: hurry}}", "no notice is named 'hurry'"),
        ("set_fields: {offered: {OwnerId: x}}", "not for an offer to set"),
        ("set_fields: {offered: {Raiting: x}}", "Lead has no standard field 'Raiting'"),
        ("set_fields: {offered: {X__c: '{acept_by}'}}", "nothing is known by the name {acept_by}"),
        ("reject: {when: [Answer equals No]}", "Lead has no standard field 'Answer'"),
        ("acept_within: 1 day", "unknown key 'acept_within'"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, offer: str, words: str) -> None:
    """Before anything is sent."""
    with pytest.raises(BadFiles, match=r"routing\.yaml:") as refused:
        load(tmp_path, offer)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("park: Web Leads\n", "is an intake too"),
        ("lead_fields: {pool: Company}\n", "not for sfprm to fill"),
        ("lead_fields: {pool: A__c, rule: a__c}\n", "filled with something else"),
    ],
)
def test_the_park_queue_and_the_fields_that_sfprm_fills(
    tmp_path: Path, more: str, words: str
) -> None:
    """Each has one use."""
    with pytest.raises(BadFiles, match=words):
        load(tmp_path, "accept_within: 1 day", more)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("4 hours", Span(4, "hours")),
        ("1 Working Day", Span(1, "days", working=True)),
        ("2 weeks", Span(14, "days")),
        ("90 minutes", Span(90, "minutes")),
    ],
)
def test_lengths_of_time(text: str, span: Span) -> None:
    """As people write them."""
    assert parse_span(text) == span
    with pytest.raises(TextError):
        parse_span(f"{text} or so")


def test_what_the_org_does_not_have_or_let_write_is_named(tmp_path: Path) -> None:
    """Before the first lead is offered."""
    programme = load(tmp_path, WHOLE, "lead_fields: {pool: Pool__c}\n")
    fields = {"rating": "picklist", "answer__c": "string", "sync__c": "string"}
    fields |= {"share_status__c": "string", "recall_date__c": "date", "recalled__c": "boolean"}
    found = check_offer_fields(programme, fields, frozenset(fields) - {"recalled__c"})
    assert [c.message for c in found] == [
        "pool:south writes Lead.Recalled__c, which the agent's user may not edit.",
        "lead_fields: pool writes Lead.Pool__c, which the org does not have or the agent does not "
        "see.",
    ]
    fields |= {"pool__c": "string"}
    assert check_offer_fields(programme, fields, frozenset(fields)) == []
