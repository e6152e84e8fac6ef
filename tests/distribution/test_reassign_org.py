"""Moves by a person's order against the embedded org: preview, brakes, notices, undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sfprm.distribution.destination import OwnerRefused
from sfprm.distribution.reassign import LeadsWanted, ReassignResult, reassign
from sfprm.distribution.undo import UndoResult, undo
from sfprm.errors import BadRequest
from sfprm.events import NoProgress
from sfprm.ids import RecordId, RunId
from sfprm.outbound.mail_guard import MailPolicy
from sfprm.routing.values import Code
from tests.quick import quick_clock

if TYPE_CHECKING:
    from tests.distribution.conftest import Channel

OPEN = MailPolicy(True, "sink@example.com", "a test")


def move(channel: Channel, leads: LeadsWanted, run: str = "move", **options: Any) -> ReassignResult:
    return reassign(
        channel.session,
        channel.store,
        channel.programme,
        leads=leads,
        clock=quick_clock(),
        run=RunId(run),
        progress=NoProgress(),
        **options,
    )


def take_back(channel: Channel, of: str, run: str = "back", **options: Any) -> UndoResult:
    return undo(
        channel.session,
        channel.store,
        channel.programme,
        of=RunId(of),
        clock=quick_clock(),
        run=RunId(run),
        progress=NoProgress(),
        **options,
    )


def some_lead(channel: Channel, where: str = "Owner.Name = 'Web Leads'") -> dict[str, Any]:
    return channel.query(
        f"SELECT Id, OwnerId, Company FROM Lead WHERE {where} ORDER BY CreatedDate, Id LIMIT 1"
    )[0]


def test_one_lead_to_a_partner_user_with_a_mail(channel: Channel) -> None:
    """The mail is in the org's outbox, once, to the new owner."""
    lead = some_lead(channel)
    wanted = LeadsWanted(ids=(RecordId(lead["Id"]),))
    result = move(channel, wanted, user="ines.moura", notify="lead-assigned", policy=OPEN)
    assert (result.moved, result.mails.sent, result.mails.not_sent) == (1, 1, ())
    assert some_lead(channel, f"Id = '{lead['Id']}'")["OwnerId"] == channel.user_id("ines.moura")
    [mail] = [m for m in channel.org.outbox() if m["subject"].startswith("New lead")]
    assert mail["to"] == ["ines.moura@acme-ibericos.example.com"]
    assert mail["subject"] == f"New lead: {lead['Company']}"
    assert mail["body"].startswith("Hello Inês,")


def test_a_mail_passes_the_guard(channel: Channel) -> None:
    """Outside production it goes to the sink."""
    wanted = LeadsWanted(ids=(RecordId(some_lead(channel)["Id"]),))
    closed = MailPolicy(False, "sink@example.com", "a test")
    move(channel, wanted, user="ines.moura", notify="lead-assigned", policy=closed)
    [mail] = [m for m in channel.org.outbox() if m["subject"].startswith("New lead")]
    assert mail["to"] == ["sink@example.com"]


def test_a_user_who_never_logged_in_is_refused_by_sfprm(channel: Channel) -> None:
    """The failing condition is named, nothing is journalled or written; a flag overrides it."""
    lead = some_lead(channel)
    wanted = LeadsWanted(ids=(RecordId(lead["Id"]),))
    with pytest.raises(OwnerRefused) as caught:
        move(channel, wanted, user="carla.nunes")
    assert caught.value.message == (
        "Refused by sfprm: Carla Nunes may not be given leads: has never logged in."
    )
    assert [r.code for r in caught.value.reasons] == [Code.NEVER_LOGGED_IN]
    assert channel.store.entries() == []
    assert move(channel, wanted, user="carla.nunes", allow_any_owner=True).moved == 1


def test_many_leads_from_a_partner_to_a_queue_and_back(channel: Channel) -> None:
    """Bulk, then --undo: each lead is with whom it was."""
    channel.only(900)
    channel.route()
    before = channel.owners()
    wanted = LeadsWanted(owner="rheinwerk", limit=80)
    result = move(channel, wanted, queue="Inside Sales Desk")
    assert (result.moved, len(result.moves), result.refused) == (80, 80, ())
    assert sum(a != b for a, b in zip(before.values(), channel.owners().values(), strict=True))
    back = take_back(channel, "move")
    assert (back.moved, back.cannot) == (80, ())
    assert channel.owners() == before


def test_a_preview_writes_nothing(channel: Channel) -> None:
    """The moves are told, each with its owner now."""
    wanted = LeadsWanted(where="Country = 'PT'", owner="Web Leads")
    before = channel.owners()
    result = move(channel, wanted, queue="Inside Sales Desk", dry_run=True)
    assert len(result.moves) > 50
    assert {m.from_name for m in result.moves} == {"Web Leads"}
    assert (result.moved, channel.owners(), channel.store.entries()) == (0, before, [])


def test_undo_says_what_it_cannot_take_back(channel: Channel) -> None:
    """A lead that was moved on since stays where it is."""
    wanted = LeadsWanted(owner="Web Leads", limit=3)
    moved = [m.lead for m in move(channel, wanted, queue="Inside Sales Desk").moves]
    sam = channel.query("SELECT Id FROM User WHERE Username = 'sam.carter@alder.example.com'")
    channel.org.event("person-edits", object="Lead", id=moved[1], fields={"OwnerId": sam[0]["Id"]})
    back = take_back(channel, "move")
    assert (back.moved, [c.lead for c in back.cannot]) == (2, [moved[1]])
    assert back.cannot[0].why == "moved since to Sam Carter by Lena Berg"
    assert take_back(channel, "move", "back-2").back_already == 2


def test_undo_of_a_route_run_returns_the_credits(channel: Channel) -> None:
    """Members did not have the leads, so nothing is counted to them."""
    channel.only(120)
    before = channel.owners()
    channel.route()
    take_back(channel, "run-1")
    assert channel.owners() == before
    assert all(c == 0 for x in channel.store.all_ledgers().values() for c in x.credits.values())
    assert channel.store.verify() == []


def test_undo_of_a_run_that_moved_nothing(channel: Channel) -> None:
    """Said, not passed over."""
    with pytest.raises(BadRequest, match="The run nothing moved no lead"):
        take_back(channel, "nothing")


def test_a_notice_of_a_move_that_died_is_sent_by_the_next_pass(channel: Channel) -> None:
    """It was due with the confirmation; a move without --notify leaves none."""

    class Died(BaseException):
        pass

    channel.only(2)
    first, other = channel.query(
        "SELECT Id FROM Lead WHERE Owner.Name IN ('Web Leads', 'Event Leads')"
    )
    move(channel, LeadsWanted(ids=(RecordId(other["Id"]),)), user="ines.moura")
    assert channel.store.offers.mails_open() == []

    def dies(what: str) -> None:
        if what == "decisions confirmed":
            raise Died

    channel.store.on_commit(dies)
    wanted = LeadsWanted(ids=(RecordId(first["Id"]),))
    with pytest.raises(Died):
        move(channel, wanted, user="ines.moura", notify="lead-assigned", policy=OPEN)
    assert [row.state for row in channel.store.offers.mails_open()] == ["due"]
