"""Adoption's pure part: keys, files that load, and what is left to a person."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.ids import RecordId
from sfprm.programme.identity import is_key
from sfprm.programme.keys import free_key, key_from, person_key
from sfprm.provisioning.adopt import AdoptTerms, propose
from sfprm.provisioning.adopt_doubts import bare_name, domain_of, look_alikes
from sfprm.provisioning.adopt_folder import Adopted, adopted
from sfprm.provisioning.adopt_found import (
    Found,
    FoundAccount,
    FoundGroup,
    FoundMember,
    FoundOwner,
    FoundPerson,
    FoundSite,
)
from sfprm.provisioning.adopt_intake import intake_doubts, intake_lines, waiting
from sfprm.provisioning.adopt_rest import sharing_doubts


def at(prefix: str, number: int) -> RecordId:
    """A well-formed id."""
    return RecordId(f"{prefix}{number:012d}")


MARTA = FoundOwner(at("005", 900), "marta@example.com", "Marta Lopes", active=True, has_role=True)


def account(number: int, name: str, **more: object) -> FoundAccount:
    """An account that is a partner of Marta's."""
    base = FoundAccount(at("001", number), name, None, MARTA, is_partner=True)
    return replace(base, **more)  # type: ignore[arg-type]


def person(number: int, of: int, first: str, last: str, **more: object) -> FoundPerson:
    """An active partner user whose contact and user agree."""
    base = FoundPerson(
        contact_id=at("003", number),
        user_id=at("005", number),
        account_id=at("001", of),
        key=None,
        first_name=first,
        last_name=last,
        contact_email=f"p{number}@partner{of}.example.com",
        email=f"p{number}@partner{of}.example.com",
        username=f"p{number}@users.example.com",
        nickname=f"nick{number}",
        alias=f"a{number}",
        role="Worker",
        profile="Partner User",
        time_zone="Europe/Lisbon",
        locale="pt_PT",
        language="pt_BR",
        email_encoding="UTF-8",
        active=True,
        frozen=False,
        user_first_name=first,
        user_last_name=last,
    )
    return replace(base, **more)  # type: ignore[arg-type]


def found(*records: FoundAccount | FoundPerson | FoundGroup) -> Found:
    """An org that holds these, with one site."""
    return Found(
        "Northwind",
        tuple(r for r in records if isinstance(r, FoundAccount)),
        tuple(r for r in records if isinstance(r, FoundPerson)),
        tuple(r for r in records if isinstance(r, FoundGroup)),
        (FoundSite("Partner Central", "Live", ("Partner User",), ("Partner_Leads",)),),
    )


def review(done: Adopted) -> str:
    """The review's findings, one a line."""
    return "\n".join(f"{d.kind} {d.name}: {d.what}" for d in done.review)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Acme Ibéricos, Lda.", "acme-ibericos-lda"),
        ("日本電機", "ribendianji"),
        ("Московский завод", "moskovskiy-zavod"),
        ("Köln & Söhne", "koln-sohne"),
        ("Ørsted", "orsted"),
        ("=cmd|' /C calc'!A0", "cmd-c-calc-a0"),
        ("The Very Long Name of a Partner That Goes On", "the-very-long-name-of-a-partner-that"),
        ("!!!", "other"),
    ],
)
def test_keys_from_names(name: str, key: str) -> None:
    """Any script; nothing left of the name takes the other text."""
    assert key_from(name, "other") == key


@settings(max_examples=80)
@given(st.text(max_size=60), st.text(max_size=60))
def test_every_proposed_key_is_one(first: str, last: str) -> None:
    """Whatever a name holds, the key is usable and the same each time."""
    for key in (key_from(first, "p-1"), person_key(first, last, "p-1")):
        assert is_key(key), key
        assert len(key) <= 40
    assert person_key(first, last, "p-1") == person_key(first, last, "p-1")


def test_taken_keys_get_a_number() -> None:
    """The first free one."""
    assert free_key("a", {"a", "a-2"}) == "a-3"


def test_names_of_one_kind_get_keys_in_order_of_ids() -> None:
    """So that adopting again proposes the same; the org's own keys stay."""
    done = propose(
        found(account(1, "Acme"), account(2, "ACME"), account(3, "acme!", key="own")), AdoptTerms()
    )
    assert list(done.partner_keys.values()) == ["own", "acme", "acme-2"]


NASTY = ('say "x", y', "=cmd|' /C calc'!A0", "🙂 Grüße", "日本 電機", "'quoted", "+44 x", "a;b")


def test_any_name_comes_back() -> None:
    """Quotes, commas, formulas, emoji, every script: the programme has what the org has."""
    records = [account(n, name) for n, name in enumerate(NASTY)]
    people = [person(n, n, name[:40], name) for n, name in enumerate(NASTY)]
    done = adopted(found(*records, *people), AdoptTerms())
    assert [p.name for p in done.programme.partners.values()] == list(NASTY)
    assert [p.last_name for p in done.programme.people.values()] == list(NASTY)
    assert "\n=cmd" not in done.files["partners.csv"]
    assert ",=cmd" not in done.files["partners.csv"] + done.files["people.csv"]


def test_values_that_most_have_become_defaults() -> None:
    """By country too; only others stand in the rows, and all come back."""
    zones = {1: "Europe/Lisbon", 2: "Europe/Lisbon", 3: "Europe/Madrid", 4: "Asia/Tokyo"}
    country = {1: "PT", 2: "PT", 3: "ES", 4: "PT"}
    records = [account(n, f"P{n}", fields={"BillingCountry": country[n]}) for n in zones]
    people = [person(n, n, "A", f"B{n}", time_zone=zone) for n, zone in zones.items()]
    done = adopted(found(*records, *people), AdoptTerms())
    assert "ES: Europe/Madrid" in done.files["programme.yaml"]
    assert done.files["people.csv"].count("Europe/") == 0
    assert [p.time_zone for p in done.programme.people.values()] == list(zones.values())


def test_known_by_id_or_by_key() -> None:
    """Records without a key are matched by Id, and the key field is left alone unless asked."""
    org = found(account(1, "Acme"), account(2, "Own", key="own"), person(1, 1, "A", "B"))
    left, written = adopted(org, AdoptTerms()), adopted(org, AdoptTerms(keys="write"))
    acme, own = left.programme.partners.values()
    assert acme.match is not None
    assert (acme.match.field, acme.match.value) == ("Id", at("001", 1))
    assert own.match is None
    assert not left.programme.key_fields.write_matched
    assert written.programme.key_fields.write_matched


def test_members_of_queues_and_groups() -> None:
    """People, users, groups, partners' roles and internal roles; others are told and left."""
    queue = FoundGroup(
        at("00G", 1),
        "Partner leads",
        "PL_1",
        is_queue=True,
        email="leads@example.com",
        members=(
            FoundMember("person", at("003", 1)),
            FoundMember("person", at("003", 99)),
            FoundMember("user", "lena@example.com"),
            FoundMember("group", "All_partners"),
            FoundMember("partner-role", at("001", 1), "Manager", below=True),
            FoundMember("role", "EMEA"),
            FoundMember("unknown", at("00G", 7)),
        ),
    )
    group = FoundGroup(at("00G", 2), "All partners", "All_partners", is_queue=False, email=None)
    done = adopted(found(account(1, "Acme"), person(1, 1, "A", "B"), queue, group), AdoptTerms())
    declared = done.programme.queues["Partner leads"]
    assert declared.developer_name == "PL_1"
    assert declared.notify == "leads@example.com"
    assert {type(m).__name__ for m in declared.members} == {
        "PersonMember", "UserMember", "GroupMember", "PartnerRoleMember", "RoleMember"
    }  # fmt: skip
    assert "1 member left out: people who are not in the files" in review(done)
    assert "1 member left out: roles with their partners" in review(done)


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ((account(1, "Acme Ibérica Lda"), account(2, "ACME Iberica")), "their names are alike"),
        (
            (
                account(1, "Acme"),
                account(2, "Zeta"),
                person(1, 1, "A", "B", email="a@one.example.com"),
                person(2, 2, "C", "D", email="c@one.example.com"),
            ),
            "people of both have addresses at one.example.com",
        ),
        ((account(1, "Acme", bare_contacts=3),), "has no active partner user, 3 contacts without"),
        (
            (account(1, "Acme", is_partner=False), person(1, 1, "A", "B"), account(2, "B")),
            "has 1 active partner users but is not enabled as partner",
        ),
        (
            (account(1, "Acme", owner=replace(MARTA, has_role=False)),),
            "owns 1 partner accounts and has no role",
        ),
        (
            (account(1, "Acme"), person(1, 1, "A", "B", contact_email="other@example.com")),
            "the contact's e-mail is 'other@example.com', the user's 'p1@partner1.example.com'",
        ),
        (
            (account(1, "Acme"), person(1, 1, "A", "B", active=False)),
            "1 inactive partner users are left out",
        ),
        (
            (account(1, "Acme"), person(1, 1, "A", "B", email="größe@example.com")),
            "left out: e-mail 'größe@example.com' is not an address",
        ),
    ],
)
def test_doubts_are_told(records: tuple[FoundAccount | FoundPerson, ...], said: str) -> None:
    """Never silently: each stands in the review, and in its file."""
    done = adopted(found(*records), AdoptTerms())
    assert said in review(done)
    assert said.replace('"', '""') in done.files["review.csv"]


def test_what_the_loader_refuses_is_left_out_with_its_memberships() -> None:
    """The folder always loads, whatever the org holds."""
    queue = FoundGroup(
        at("00G", 1), "Q", "Q", True, None, (FoundMember("person", at("003", 1)),)
    )  # fmt: skip
    bad = person(1, 1, "A", "B", email="größe@example.com")
    done = adopted(found(account(1, "Acme"), bad, person(2, 1, "C", "D"), queue), AdoptTerms())
    assert [p.last_name for p in done.programme.people.values()] == ["D"]
    assert done.programme.queues["Q"].members == ()


def test_contradictions_leave_the_org_as_it_is() -> None:
    """Where contact and user say different things, the org's values win from then on."""
    differs = person(1, 1, "Inês", "Moura", user_last_name="Moura Dias")
    done = adopted(found(account(1, "Acme"), differs), AdoptTerms())
    assert list(done.programme.who_wins) == ["User.LastName"]


def test_two_people_of_one_address() -> None:
    """Both are declared."""
    shared = {"email": "office@acme.example.com", "contact_email": "office@acme.example.com"}
    people = [person(n, 1, f"A{n}", f"B{n}", **shared) for n in (1, 2)]
    done = adopted(found(account(1, "Acme"), *people), AdoptTerms())
    assert len(done.programme.people) == 2
    assert "shares office@acme.example.com with 1 others" in review(done)


def test_look_alikes() -> None:
    """Legal forms, letter case, accents and word order do not count; different names do."""
    names = ["Acme Ibéricos Lda.", "ACME IBERICOS", "Ibericos Acme", "Nordica", "Acme Nordics"]
    assert look_alikes(names) == [(0, 1), (0, 2), (1, 2)]
    assert look_alikes(["nordica gmbh"], names) == [(0, 3)]
    assert bare_name("GmbH") == "gmbh"
    assert domain_of("https://www.Acme.example.com/x") == "acme.example.com"
    assert domain_of("a@gmail.com") == ""


def _sharing(to: str, of: str = "<group>Staff</group>") -> dict[str, bytes]:
    rule = (
        f"<sharingOwnerRules><fullName>One</fullName><sharedTo>{to}</sharedTo>"
        f"<sharedFrom>{of}</sharedFrom></sharingOwnerRules>"
    )
    text = f'<SharingRules xmlns="http://soap.sforce.com/2006/04/metadata">{rule}</SharingRules>'
    return {"sharingRules/Lead.sharingRules": text.encode()}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (_sharing("<allPartnerUsers/>"), "shares with all partner users: not adopted"),
        (_sharing("<group>Resellers</group>"), "shares with the group All resellers: not adopted"),
        (
            _sharing("<role>Sales</role>", "<portalRole>AcmePartnerUser</portalRole>"),
            "shares what partner roles (AcmePartnerUser) own: not adopted",
        ),
        (_sharing("<role>Sales</role>"), None),
        ({"sharingRules/Lead.sharingRules": b"no xml"}, None),
        ({"reports/Open-meta.xml": b"<ReportFolder/>"}, None),
    ],
)
def test_sharing_rules_of_partners_are_named(files: dict[str, bytes], said: str | None) -> None:
    """Those that name partners or a group that was adopted; others are nobody's business here."""
    found = sharing_doubts(files, {"Resellers": "All resellers"})
    assert [d.what for d in found] == ([said] if said else [])
    assert all(d.name == "Lead.One" for d in found)


def test_queues_where_leads_wait() -> None:
    """Those that no partner is in come first, then by how much they hold; partners are found
    through groups in groups, and a circle of groups ends."""

    def member(kind: str, name: str) -> FoundMember:
        return FoundMember(kind, name)

    groups = [
        FoundGroup(at("00G", 1), "Web", "Web", True, None, (member("user", "x@example.com"),)),
        FoundGroup(at("00G", 2), "Desk's", "Desk", True, None),
        FoundGroup(at("00G", 3), "South", "South", True, None, (member("group", "Outer"),)),
        FoundGroup(at("00G", 4), "Empty", "Empty", True, None),
        FoundGroup(at("00G", 5), "Outer", "Outer", False, None, (member("group", "Inner"),)),
        FoundGroup(
            at("00G", 6), "Inner", "Inner", False, None,
            (member("group", "Outer"), member("person", "c1")),
        ),
        FoundGroup(at("00G", 7), "Own", "Own", True, None, (member("partner-role", "a1"),)),
    ]  # fmt: skip
    held = {at("00G", n): (many, "2026-03-01") for n, many in ((1, 5), (2, 1204), (3, 9), (7, 1))}
    found = waiting(groups, held, {"South"})
    assert [(w.queue, w.partners) for w in found] == [
        ("Desk's", False),
        ("Web", False),
        ("South", True),
        ("Own", True),
    ]
    assert found[0].words() == (
        "holds 1,204 open leads, the oldest of 2026-03-01; no partner is in it"
    )
    assert found[2].words().endswith("; partners are in it; the active rule sends leads there")
    assert "holds 1 open lead, made 2026-03-01" in found[3].words()
    lines = intake_lines(found).splitlines()
    assert [line for line in lines if "queue:" in line] == [
        f"#   - queue: 'Desk''s'   # {found[0].words()}",
        f"#   - queue: 'Web'   # {found[1].words()}",
    ]
    advice = [d.advice for d in intake_doubts(found, "routing.yaml")]
    assert ["only if sfprm is to share them out instead" in a for a in advice] == [
        False, False, True, True,
    ]  # fmt: skip
    assert "intake: [" in intake_lines(found[2:])
