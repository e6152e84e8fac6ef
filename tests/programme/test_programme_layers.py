"""Programmes of several files: includes, overlays, partners and people in YAML."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from sfprm.errors import BadFiles
from sfprm.programme.load import load, load_all, load_programme
from sfprm.programme.model import (
    FieldMatch,
    FieldPolicy,
    GroupMember,
    OnDuplicate,
    OnTaken,
    OwnerPolicy,
    PartnerMember,
    PartnerRoleMember,
    PeoplePolicy,
    PersonMember,
    PortalRole,
    Programme,
    RoleMember,
    ToUser,
    UserMember,
)
from sfprm.programme.show import describe

BASE = """\
programme: Test
site: Partner Central
profile: Partner User
channel_managers: {marta: marta@example.com, jonas: jonas@example.com}
tiers: [Silver, Gold]
defaults: {person: {username: "{key}@partners.example.com"}}
"""
TWO = """\
partners:
  acme: {name: Acme, manager: marta, tier: Gold}
  nordica: {name: Nordica, manager: jonas, account: {Phone: "+351 1"}}
people:
  ines: {partner: acme, last_name: Moura, email: ines@acme.example.com}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for programme files."""
    root = tmp_path / "p"
    root.mkdir()
    return root


def write(root: Path, **files: str) -> None:
    """Files by name: `a__b` is a/b.yaml, `x_csv` x.csv."""
    for name, text in files.items():
        stem, _, kind = name.rpartition("_csv")
        path = root / (f"{stem}.csv" if stem and not kind else f"{name.replace('__', '/')}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), "utf-8")


def complaints(root: Path, environment: str = "") -> str:
    """All complaints as lines, without the folder."""
    with pytest.raises(BadFiles) as caught:
        load(root, environment)
    return "\n".join(line for c in caught.value.complaints for line in c.lines()).replace(
        f"{root}/", ""
    )


def test_partners_and_people_in_place(folder: Path) -> None:
    """Entries by key in programme.yaml itself, with no CSV file at all."""
    write(folder, programme=BASE + TWO)
    programme = load_programme(folder)
    assert [p.name for p in programme.partners.values()] == ["Acme", "Nordica"]
    assert str(next(iter(programme.people.values())).origin).endswith("programme.yaml:11")


def test_a_list_of_files_and_entries(folder: Path) -> None:
    """CSV, YAML and entries in one list, in that order."""
    write(
        folder,
        programme=BASE + "partners: [a.csv, more/*.yaml, {key: c, name: C, manager: jonas}]\n"
        "people: []\n",
        a_csv="key,name,manager\na,A,marta\n",
        more__b="b: {name: B, manager: marta}\n",
    )
    assert list(load_programme(folder).partners) == ["a", "b", "c"]


def test_a_partner_in_csv_and_yaml(folder: Path) -> None:
    """Declared twice: both places are named."""
    write(
        folder,
        programme=BASE + "partners: [a.csv, {key: a, name: A, manager: jonas}]\npeople: []\n",
        a_csv="key,name,manager\na,A,marta\n",
    )
    said = complaints(folder)
    assert "programme.yaml:7:25: error: partner 'a' is declared twice; first at" in said
    assert "a.csv:2." in said


def test_every_key_of_a_partner(folder: Path) -> None:
    """What YAML says arrives in the model, numbers as numbers."""
    write(
        folder,
        programme=BASE
        + """\
        people: []
        partners:
          acme:
            name: Acme
            manager: marta
            territories: [PT, "a;b"]
            attributes: {segment: SMB, langs: [pt, es]}
            account: {NumberOfEmployees: 30, Phone: null}
            match: {AccountNumber: P-1}
            owner: set-once
            keep_team: true
            people: delegated
            record_type: Channel_Partner
            currency: EUR
        """.replace("        ", ""),
    )
    partner = next(iter(load_programme(folder).partners.values()))
    assert partner.attributes["territories"] == ("PT", "a;b")
    assert partner.attributes["langs"] == ("pt", "es")
    assert dict(partner.fields) == {"NumberOfEmployees": 30, "Phone": None}
    assert partner.match == FieldMatch("AccountNumber", "P-1")
    assert (partner.owner, partner.keep_team) == (OwnerPolicy.SET_ONCE, True)
    assert (partner.people, partner.currency) == (PeoplePolicy.DELEGATED, "EUR")
    assert partner.record_type == "Channel_Partner"


@pytest.mark.parametrize(
    ("words", "default", "policy"),
    [
        ("", "", OwnerPolicy.MANAGED),
        ("match: {AccountNumber: P-1}", "", OwnerPolicy.SET_ONCE),
        ("match: {AccountNumber: P-1}, owner: managed", "", OwnerPolicy.MANAGED),
        ("match: {AccountNumber: P-1}", "managed", OwnerPolicy.MANAGED),
        ("owner: unmanaged", "set-once", OwnerPolicy.UNMANAGED),
    ],
)
def test_the_owner_of_an_adopted_account_is_set_once_by_default(
    folder: Path, words: str, default: str, policy: OwnerPolicy
) -> None:
    """What the row says counts, then the defaults, then whether the account was there before."""
    more = f"defaults: {{partner: {{owner: {default}}}, " if default else "defaults: {"
    base = BASE.replace("defaults: {", more)
    partners = f"people: []\npartners:\n  acme: {{name: Acme, manager: marta, {words}}}\n"
    write(folder, programme=base + partners)
    assert next(iter(load_programme(folder).partners.values())).owner is policy


@pytest.fixture
def rich(folder: Path) -> Programme:
    """A programme that uses queues, groups, sites, templates and policies."""
    write(
        folder,
        programme="""\
        programme: Rich
        site: Partner Central
        profile: Partner User
        channel_managers: {marta: marta@example.com}
        key_fields: {Account: ERP__c}
        delegated_admin: {permission_set: Partner_Admin}
        on_duplicate: {Account: allow_alert}
        who_wins: {Account.Phone: person}
        offboard: {move: [Lead, Opportunity]}
        windows: ["Mon-Fri 20:00-06:00 Europe/Lisbon", "Sat 08:00-12:00 Europe/Lisbon"]
        defaults:
          person:
            username: {pattern: "{last}@partners.example.com", on_taken: number}
            nickname: "{first}.{last}"
            permission_sets: [Partner_Leads]
            contact: {LeadSource: Partner}
        templates:
          person:
            sales: {role: Manager, permission_sets: [Partner_Quotes], user: {Department: Sales}}
        partners:
          acme: {name: Acme, manager: marta, currency: EUR, account: {ERP__c: E-7}}
        people:
          ines:
            {partner: acme, first_name: Inês, last_name: Moura, email: i@acme.example.com,
             template: sales, queues: [North], federation_id: im1, delegated_admin: true}
          rui: {partner: acme, last_name: Moura, email: r@acme.example.com, profile: Other}
        queues:
          North:
            members: [{partner: acme, role: User}, {group: Inner}, {role: EMEA, subordinates: true}]
            notify_members: true
        groups:
          All: {members: [acme, {group: Inner}]}
          Inner: {members: [{user: marta@example.com}], members_policy: exact}
        sites:
          Partner Central: {permission_sets: [Partner_Leads]}
          Academy: {profiles: [Learner]}
        """,
    )
    return load_programme(folder)


def test_members_of_every_kind(rich: Programme) -> None:
    """Partner roles, internal roles, groups; a person's own row joins last."""
    assert rich.queues["North"].members == (
        PartnerRoleMember(rich.partners["acme"].key, PortalRole.WORKER),  # type: ignore[index]
        GroupMember("Inner"),
        RoleMember("EMEA", subordinates=True),
        PersonMember(next(iter(rich.people))),
    )
    assert rich.groups["All"].members[0] == PartnerMember(next(iter(rich.partners)))
    assert rich.groups["Inner"].members == (UserMember("marta@example.com"),)


def test_templates_and_defaults(rich: Programme) -> None:
    """The row wins over its template, the template over the defaults."""
    ines, rui = rich.people.values()
    assert ines.role is PortalRole.MANAGER
    assert ines.permission_sets == ("Partner_Leads", "Partner_Quotes", "Partner_Admin")
    assert dict(ines.user_fields) == {"Department": "Sales"}
    assert dict(rui.contact_fields) == {"LeadSource": "Partner"}
    assert (ines.nickname, ines.currency, ines.federation_id) == ("ines.moura", "EUR", "im1")


def test_usernames_taken_within_the_files(rich: Programme) -> None:
    """With on_taken: number the later key gets a number, and provisioning may go on counting."""
    ines, rui = rich.people.values()
    assert ines.username == "moura@partners.example.com"
    assert rui.username == "moura2@partners.example.com"
    assert rui.on_taken is OnTaken.NUMBER


def test_show_names_groups_and_sites(rich: Programme) -> None:
    """Each with its members in words."""
    lines = describe(rich).lines
    assert "  All: all of acme, group Inner" in lines
    assert "  North: role Worker of acme, group Inner, role EMEA and below, ines" in lines
    assert "  Partner Central: Partner User, Other, Partner_Leads (permission set)" in lines


def test_sites_have_the_profiles_of_their_people(rich: Programme) -> None:
    """The programme's own site first."""
    own, other = rich.sites.values()
    assert (own.profiles, own.permission_sets) == (("Partner User", "Other"), ("Partner_Leads",))
    assert other.profiles == ("Learner",)


def test_policies(rich: Programme) -> None:
    """Key fields, duplicates, who wins, what leaves with a leaver."""
    partner = next(iter(rich.partners.values()))
    assert (rich.key_fields.account, rich.key_fields.contact) == ("ERP__c", "Partner_Key__c")
    assert partner.key_value == "E-7"
    assert "ERP__c" not in partner.fields
    assert rich.on_duplicate["Account"] is OnDuplicate.ALLOW_ALERT
    assert rich.who_wins["Account.Phone"] is FieldPolicy.PERSON
    assert rich.offboard_moves == ("Lead", "Opportunity")
    assert [w.zone for w in rich.windows] == ["Europe/Lisbon"] * 2
    assert rich.windows[1].text == "Sat 08:00-12:00 Europe/Lisbon"


def test_includes_add_up(folder: Path) -> None:
    """Mappings by key, lists one after the other, partners from all."""
    write(
        folder,
        programme=BASE + "include: [parts/*.yaml]\npartners: {a: {name: A, manager: marta}}\n"
        "people: []\n",
        parts__one="queues: {North: {members: [b]}}\npartners: [b.csv]\n",
        parts__two="include: deep/three.yaml\nqueues: {South: {members: [a]}}\n",
        parts__deep__three="groups: {All: {members: [a]}}\n",
    )
    (folder / "parts/b.csv").write_text("key,name,manager\nb,B,jonas\n", "utf-8")
    programme = load_programme(folder)
    assert list(programme.partners) == ["a", "b"]
    assert list(programme.queues) == ["North", "South"]
    assert list(programme.groups) == ["All"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"programme": BASE + "include: a.yaml\n" + TWO, "a": "site: Other\n"},
            "a.yaml:1:1: error: 'site' stands in two files; first at programme.yaml:2.",
        ),
        (
            {"programme": BASE + "include: a.yaml\n" + TWO, "a": "include: a.yaml\n"},
            "a.yaml:1:10: error: the files include each other: a.yaml → a.yaml.",
        ),
        (
            {
                "programme": BASE + "include: a.yaml\n" + TWO,
                "a": "include: b.yaml\n",
                "b": "include: programme.yaml\n",
            },
            "each other: programme.yaml → a.yaml → b.yaml → programme.yaml.",
        ),
        (
            {"programme": BASE + "include: [a.yaml, ./a.yaml]\n" + TWO, "a": "tiers: []\n"},
            "a.yaml is included twice; first at programme.yaml:7.",
        ),
        (
            {"programme": BASE + "include: ../a.yaml\n" + TWO},
            "programme.yaml:7:10: error: '../a.yaml' is not within the programme's folder.",
        ),
        (
            {"programme": BASE + "include: /etc/passwd\n" + TWO},
            "'/etc/passwd' is not within the programme's folder.",
        ),
        (
            {"programme": BASE + "include: gone.yaml\n" + TWO},
            "gone.yaml: error: no such file.",
        ),
        ({"programme": BASE + "include: x/*.yaml\n" + TWO}, "no file fits 'x/*.yaml'."),
        ({"programme": BASE + "include: [3]\n" + TWO}, "'include': must be a file's name."),
        (
            {"programme": BASE + "include: a.yaml\n" + TWO, "a": "quees: {}\n"},
            "a.yaml:1:1: error: unknown key 'quees'.",
        ),
        (
            {"programme": BASE + TWO + "groups: {A: {members: [{group: B}]}, "
             "B: {members: [{group: A}]}}\n"},
            "groups are members of each other: A → B → A.",
        ),
        (
            {"programme": BASE + TWO.replace("Moura,", "Moura, queues: [Nort],")
             + "queues: {North: {}}\n"},
            "queue 'Nort' is not declared.",
        ),
        (
            {"programme": BASE + TWO.replace("Moura,", "Moura, delegated_admin: true,")},
            "nothing says what makes a delegated administrator.",
        ),
        (
            {"programme": BASE + TWO.replace("Moura,", "Moura, template: sales,")},
            "'sales' is not one of templates.person.",
        ),
        (
            {"programme": BASE + TWO.replace("Phone", "OwnerId")},
            "programme.yaml:9:54: error: column 'Account.OwnerId': sfprm fills this field in",
        ),
        (
            {"programme": BASE + TWO.replace("tier: Gold", "tier: Godl")},
            "programme.yaml:8:44: error: tier 'Godl' is not one of the tiers.",
        ),
    ],
)  # fmt: skip
def test_mistakes_in_several_files(folder: Path, files: dict[str, str], said: str) -> None:
    """Each is told at its own file and line."""
    write(folder, **files)
    assert said in complaints(folder)


def test_a_link_out_of_the_folder_is_not_followed(folder: Path) -> None:
    """Paths are checked after links are."""
    (folder.parent / "out.yaml").write_text("tiers: []\n", "utf-8")
    (folder / "in.yaml").symlink_to(folder.parent / "out.yaml")
    write(folder, programme=BASE + "include: in.yaml\n" + TWO)
    assert "leads out of the programme's folder" in complaints(folder)


OVER = """\
channel_managers: {marta: marta@example.com.uat}
tiers: [Silver, Gold, Black]
partners:
  acme: {tier: Black}
  nordica: {account: {Phone: null}}
  extra: {name: Only Here, manager: marta}
people:
  ines: {email: test@acme.example.com}
internal_users: {suffix: .x, names: {jonas@example.com: j@example.com}}
routing:
  pools: {all: {members: [{partner: acme, weight: 3}]}}
  rules:
    Rest: {assign: {user: jonas@example.com, pool: null}}
    Gone: null
"""
ROUTING = """\
pools: {all: {members: [acme, nordica]}}
rules:
  - {name: Gone, assign: {user: lena@example.com}}
  - {name: Rest, assign: {pool: all}}
"""


def test_overlay_overrides_by_key(folder: Path) -> None:
    """Scalars, lists, rows, routing; null takes away; a new whole row is this environment's."""
    write(folder, programme=BASE + TWO, routing=ROUTING, overlays__sandbox=OVER)
    plain, over = load_programme(folder), load_programme(folder, "sandbox")
    acme, nordica, extra = over.partners.values()
    assert (acme.tier, acme.name) == ("Black", "Acme")
    assert nordica.fields["Phone"] is None
    assert extra.key == "extra" not in plain.partners
    assert next(iter(over.people.values())).email == "test@acme.example.com"
    assert [m.weight for m in next(iter(over.routing.pools.values())).members] == [3]
    assert [rule.target for rule in over.routing.rules] == [ToUser("j@example.com")]
    assert over.channel_managers["marta"].username == "marta@example.com.uat.x"
    assert over.environment == "sandbox"
    assert plain.digest != over.digest


def test_overlay_of_csv_rows(folder: Path) -> None:
    """A file of fewer columns over a file; empty cells say nothing."""
    write(
        folder,
        programme=BASE + "people: []\n",
        overlays__uat="partners: uat.csv\n",
        partners_csv="key,name,manager,tier\na,A,marta,Gold\nb,B,marta,Gold\n",
    )
    (folder / "overlays/uat.csv").write_text("key,tier,manager\na,Silver,\n", "utf-8")
    a, b = load_programme(folder, "uat").partners.values()
    assert (a.tier, a.manager, b.tier) == ("Silver", "marta", "Gold")


@pytest.mark.parametrize(
    ("over", "said"),
    [
        (
            "partners: {acmee: {tier: Gold}}\n",
            "overlays/t.yaml:1:12: error: the overlay names partner 'acmee', which no file "
            "declares.",
        ),
        ("partners: {acme: {tier: Tin}}\n", "overlays/t.yaml:1:25: error: tier 'Tin' is not"),
        (
            "people: {ines: {email: nobody}}\n",
            "overlays/t.yaml:1:24: error: e-mail 'nobody' is not an address",
        ),
        ("partners: {acme: {teir: Tin}}\n", "overlays/t.yaml:1:19: error: unknown key 'teir'"),
        ("tires: [Gold]\n", "overlays/t.yaml:1:1: error: unknown key 'tires'"),
        ("tiers: Gold\n", "overlays/t.yaml:1:8: error: 'tiers': must be a list"),
        (
            "routing: {rules: {Rst: {logic: 1}}}\n",
            "overlays/t.yaml:1:19: error: no entry is named 'Rst' in the list at routing.yaml:3.",
        ),
        ("routing: [1]\n", "'routing': must be a mapping"),
        ("site: null\n", "key 'site' is missing"),
        (
            "only_for: sandbx\n",
            "overlays/t.yaml:1:11: error: 'sandbx' is neither sandbox, nor production, nor the id",
        ),
    ],
)
def test_mistakes_in_an_overlay(folder: Path, over: str, said: str) -> None:
    """They are told at the overlay's line, not at the file below."""
    write(folder, programme=BASE + TWO, routing=ROUTING, overlays__t=over)
    assert said in complaints(folder, "t")


def test_every_overlay_is_checked(folder: Path) -> None:
    """What is wrong in all of them is told once, what is wrong in one is told too."""
    write(
        folder,
        programme=BASE + TWO.replace("tier: Gold", "tier: Tin"),
        overlays__a="tires: []\n",
        overlays__b="site: Other\n",
    )
    with pytest.raises(BadFiles) as caught:
        load_all(folder, "", "a", "b")
    assert [c.message.partition(".")[0] for c in caught.value.complaints] == [
        "unknown key 'tires'",
        "tier 'Tin' is not one of the tiers",
    ]


def test_no_such_environment(folder: Path) -> None:
    """The overlays that are there are named."""
    write(folder, programme=BASE + TWO, overlays__sandbox="tiers: [Gold]\n")
    assert "there is no environment 'sandbx'" in complaints(folder, "sandbx")
    assert "Did you mean 'sandbox'?" in complaints(folder, "sandbx")


def test_two_people_of_one_address_are_said_only(folder: Path) -> None:
    """An office's address: both are declared, each with a username of their own."""
    more = "  rui: {partner: acme, last_name: Prata, email: INES@acme.example.com}\n"
    write(folder, programme=BASE + TWO + more)
    loaded = load(folder)
    assert len(loaded.programme.people) == 2
    assert "belongs to a person of the same partner" in loaded.warnings[0].message


def test_languages_that_are_only_switched_on(folder: Path) -> None:
    """A region of a known language may be there; a word that is no language may not."""
    write(folder, programme=BASE + TWO.replace("Moura,", "Moura, language: en_AU,"))
    assert "platform-only" in load(folder).warnings[0].message
    write(folder, programme=BASE + TWO.replace("Moura,", "Moura, language: xx_AU,"))
    assert "'xx_AU' is not a language of Salesforce" in complaints(folder)


def test_username_suffix_by_environment(folder: Path) -> None:
    """`suffix_per_org` may be one text, or one for each environment."""
    pattern = '{pattern: "{key}@p.example.com", suffix_per_org: {uat: .uat, "*": .other}}'
    base = BASE.replace('"{key}@partners.example.com"', pattern)
    write(folder, programme=base + TWO, overlays__uat="{}\n")
    for environment, suffix in (("", ".other"), ("uat", ".uat")):
        person = next(iter(load_programme(folder, environment).people.values()))
        assert person.username == f"ines@p.example.com{suffix}"
