"""The sample programme loads, and what is made of it."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from sfprm.ids import PartnerKey, PersonKey, PoolKey
from sfprm.programme.load import Loaded, load
from sfprm.programme.model import (
    FieldMatch,
    PartnerMember,
    PersonMember,
    PortalRole,
    ToQueue,
    ToUser,
)

SAMPLE = Path(__file__).parents[2] / "config"


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load(SAMPLE)


def test_twelve_partners_with_two_or_three_people_each(loaded: Loaded) -> None:
    """The story's programme: 12 partners, 30 people."""
    count = Counter(person.partner for person in loaded.programme.people.values())
    assert len(loaded.programme.partners) == len(count) == 12
    assert sum(count.values()) == 30
    assert set(count.values()) == {2, 3}


def test_no_warnings(loaded: Loaded) -> None:
    """Nothing in the sample is questionable."""
    assert loaded.warnings == ()


def test_order_is_the_files(loaded: Loaded) -> None:
    """Partners and people stand in file order."""
    assert list(loaded.programme.partners)[:2] == ["acme-ibericos", "sulcom"]
    people = loaded.programme.people_of(PartnerKey("acme-ibericos"))
    assert [p.key for p in people] == ["ines.moura", "rui.prata", "carla.nunes"]


def test_partner_values(loaded: Loaded) -> None:
    """Lists, match, tier and account fields of one row."""
    partner = loaded.programme.partners[PartnerKey("acme-ibericos")]
    assert partner.match == FieldMatch("AccountNumber", "P-1001")
    assert partner.attributes["territories"] == ("PT", "ES")
    assert partner.fields["BillingCountry"] == "PT"
    assert (partner.tier, partner.manager) == ("Platinum", "marta")
    assert partner.origin.line == 2


def test_person_defaults_are_filled_in(loaded: Loaded) -> None:
    """Username by the pattern, the rest by the partner's country and the person's name."""
    person = loaded.programme.people[PersonKey("ines.moura")]
    assert person.username == "ines.moura.acme-ibericos@partners.example.com"
    assert (person.alias, person.nickname) == ("imoura", "ines.moura")
    assert (person.time_zone, person.locale, person.language) == (
        "Europe/Lisbon",
        "pt_PT",
        "pt_BR",
    )
    assert (person.role, person.profile) == (PortalRole.EXECUTIVE, "Alder Partner User")


def test_norway_is_a_country(loaded: Loaded) -> None:
    """NO is read as text, not as a truth value."""
    person = loaded.programme.people[PersonKey("kari.vik")]
    assert (person.time_zone, person.language) == ("Europe/Oslo", "no")


def test_queues_declared_and_referred_to(loaded: Loaded) -> None:
    """Queues that are only named in routing must stand in the org: not managed."""
    queues = loaded.programme.queues
    assert {name for name, queue in queues.items() if queue.managed} == {
        "Partner leads South",
        "Partner leads Nordics",
    }
    assert queues["Inside Sales Desk"].developer_name == "Inside_Sales_Desk"
    assert queues["Partner leads Nordics"].members == (
        PartnerMember(PartnerKey("fjordline")),
        PersonMember(PersonKey("astrid.lund")),
    )


def test_rules_and_pools(loaded: Loaded) -> None:
    """Targets by kind, weights, caps and the fields that are read."""
    routing = loaded.programme.routing
    assert routing.rules[0].target == ToUser("lena.berg@alder.example.com")
    assert routing.rules[-1].target == ToQueue("Inside Sales Desk")
    assert routing.rules[-1].criteria == ()
    south = routing.pools[PoolKey("south")]
    assert [member.weight for member in south.members] == [2, 1, 1, 1, 2, 1, 1, 1]
    assert south.members[-1].cap.open == 60
    assert routing.fields_read() == ("AnnualRevenue", "Country", "Product__c", "Rating")


def test_without_routing_nothing_is_routed(copy: Path) -> None:
    """routing.yaml may be missing: a programme that only provisions."""
    (copy / "routing.yaml").unlink()
    assert load(copy).programme.routing.rules == ()


def test_field_names_take_salesforces_spelling(copy: Path) -> None:
    """`country` is read as Country, because answers carry Salesforce's spelling."""
    path = copy / "routing.yaml"
    text = path.read_text("utf-8").replace("Country equals", "country equals")
    path.write_text(text.replace("Lead.Country", "Lead.country"), "utf-8")
    assert "Country" in load(copy).programme.routing.fields_read()
    assert "country" not in load(copy).programme.routing.fields_read()


def test_files_may_be_several(copy: Path) -> None:
    """`people` may be a list of files; all are read."""
    lines = (copy / "people.csv").read_text("utf-8").splitlines(keepends=True)
    (copy / "people.csv").write_text("".join(lines[:11]), "utf-8")
    (copy / "more.csv").write_text("".join(lines[:1] + lines[11:]), "utf-8")
    path = copy / "programme.yaml"
    text = path.read_text("utf-8").replace("people: people.csv", "people: [people.csv, more.csv]")
    path.write_text(text, "utf-8")
    assert len(load(copy).programme.people) == 30


def test_byte_order_mark_and_windows_line_ends(copy: Path) -> None:
    """Files saved by a spreadsheet or an editor on Windows read the same."""
    before = load(copy).programme.digest
    for path in list(copy.iterdir()):
        text = path.read_text("utf-8")
        path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load(copy).programme.digest == before


def test_user_is_the_same_role_as_worker(copy: Path) -> None:
    """Documents print User for Worker; the org knows Worker only."""
    path = copy / "people.csv"
    path.write_text(path.read_text("utf-8").replace("Worker,active", "User,active"), "utf-8")
    roles = {person.role for person in load(copy).programme.people.values()}
    assert PortalRole.WORKER in roles


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Said in one line, with the way to a sample."""
    from sfprm.errors import BadFiles

    with pytest.raises(BadFiles) as caught:
        load(tmp_path / "nowhere")
    [complaint] = caught.value.complaints
    assert complaint.message == "no such file."
    assert "sfprm init" in complaint.hint
    shutil.rmtree(tmp_path)
