"""`programme validate --org`: names and values of the files that this org has not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sfprm.errors import Complaint
from sfprm.estate.model import Site
from sfprm.ids import PersonKey
from sfprm.jobs.validate import by_overlay
from sfprm.programme.model import Origin, PublicGroup, RoleMember, Rule, ToUser
from sfprm.provisioning.checks.facts import RecordTypeFact, Surroundings
from sfprm.provisioning.checks.registry import TYPE_CODES, codes
from sfprm.provisioning.type_check import mismatches
from sfprm.salesforce.describe import FieldDescribe, ObjectDescribe

ROOT = Path(__file__).parents[2]
PEOPLE = Origin("people.csv", 7)
CREATED = datetime(2025, 1, 1, tzinfo=UTC)
RULES = Origin("routing.yaml", 9)


def field_(name: str, type_: str = "string", *listed: str) -> FieldDescribe:
    """A field that may be left empty: 20 letters, or one of a list."""
    return FieldDescribe(
        name=name,
        type=type_,
        length=20,
        label=name,
        nillable=True,
        createable=True,
        updateable=True,
        unique=False,
        external_id=False,
        defaulted_on_create=False,
        reference_to=(),
        picklist=listed,
        filterable=True,
        restricted=bool(listed),
    )


def described(name: str) -> ObjectDescribe:
    """An object of some fields."""
    fields = [field_("Name"), field_("Phone"), field_("Tier__c", "picklist", "Gold")]
    return ObjectDescribe(name, name, "001", {f.name.lower(): f for f in fields})


SURROUNDINGS = Surroundings(
    describes={"account": described("Account")},
    record_types=(RecordTypeFact("Account", "Channel", True),),
    permission_sets={},
)


def with_person(**fields: Any) -> Callable[[Any, Any], Any]:
    """The person changed."""

    def change(programme: Any, make: Any) -> Any:
        person = make.person("ines", "acme", origin=PEOPLE, **fields)
        return replace(programme, people={PersonKey("ines"): person})

    return change


def with_partner(**fields: Any) -> Callable[[Any, Any], Any]:
    """The partner changed."""

    def change(programme: Any, make: Any) -> Any:
        partner = make.partner("acme", **fields)
        return replace(programme, partners={partner.key: partner})

    return change


def with_rule(programme: Any, make: Any) -> Any:
    rule = Rule("big", (), None, ToUser("nobody@alder.example.com"), RULES)
    return replace(programme, routing=replace(programme.routing, rules=(rule,)))


def with_role(programme: Any, make: Any) -> Any:
    group = PublicGroup("All", "All", RULES, members=(RoleMember("Chief"),))
    return replace(programme, groups={"All": group})


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        (with_person(profile="Nobody"), "profile-missing", "people.csv:7"),
        (with_person(permission_sets=("Extra",)), "permission-set-missing", "people.csv:7"),
        (with_partner(record_type="Big"), "record-type-missing", "partners.csv:2"),
        (with_partner(fields={"Nope__c": "x"}), "field-unknown", "partners.csv:2"),
        (with_partner(fields={"Tier__c": "Tin"}), "value-not-in-picklist", "partners.csv:2"),
        (with_partner(fields={"Phone": "1" * 21}), "value-too-long", "partners.csv:2"),
        (with_rule, "rule-user-missing", "routing.yaml:9"),
        (with_role, "role-missing", "routing.yaml:9"),
        (lambda p, _: replace(p, site="Elsewhere"), "site-missing", "programme.yaml"),
        (lambda p, _: replace(p, profile="Gone"), "profile-missing", "programme.yaml"),
        (
            lambda p, m: replace(p, queues={"Web": m.queue("Web", managed=False)}),
            "queue-missing",
            "partners.csv:2",
        ),
    ],
)
def test_each_mistake_has_its_place(make: Any, change: Any, code: str, where: str) -> None:
    """The line of the record, rule or queue that names it; the programme's file for its own."""
    programme = make.programme(
        [make.partner("acme", record_type="Channel", fields={"Phone": "1", "Tier__c": "Gold"})],
        [make.person("ines", "acme", origin=PEOPLE)],
    )
    live = Site(make.id("0DB", 1), "Partner Central", "Live", True, CREATED, {})
    estate = replace(make.estate(), sites={live.name: live})
    assert _found(programme, estate) == []
    found = [c for c in _found(change(programme, make), estate) if c.code == code]
    assert [c.where for c in found] == [where]


class _Found:
    """A complaint with its code."""

    def __init__(self, where: str, message: str) -> None:
        self.where = where
        self.code = message.rpartition("[")[2].rstrip("]")


def _found(programme: Any, estate: Any) -> list[_Found]:
    return [_Found(c.where, c.message) for c in mismatches(programme, estate, SURROUNDINGS)]


def test_the_codes_are_those_of_check() -> None:
    """One name for one fault, here and in docs/check.md."""
    assert {code.code for code in codes()} >= TYPE_CODES


def test_validate_by_the_command_line(ready: Any, sfprm: Any, tmp_path: Path) -> None:
    """The sample programme fits; a copy with two mistakes and a rule of an unknown field ends with
    exit 2, all in one run, and nothing is written."""
    env = ready.org.env(tmp_path / "state")
    fits = sfprm("programme", "validate", "--org", "--json", env=env)
    assert fits.code == 0, fits.err
    assert fits.json["result"]["org"]["name"] == "Alder Systems"
    assert fits.json["result"]["calls"] < 20

    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder)
    for name, old, new in (
        ("programme.yaml", "jonas.weber@", "jonas.webber@"),
        ("programme.yaml", "site: Alder Partner Central", "site: Elsewhere"),
        ("routing.yaml", "Lead.Product__c", "Lead.Produce__c"),
    ):
        path = folder / name
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    wrong = sfprm("programme", "validate", "--org", "--json", "--programme", str(folder), env=env)
    assert wrong.code == 2
    said = json.dumps(wrong.json["complaints"])
    for word in ("manager-missing", "site-missing", "Produce__c"):
        assert word in said


def test_all_overlays_by_the_command_line(ready: Any, sfprm: Any, tmp_path: Path) -> None:
    """Each overlay that is there is held against the org, and a mistake says with which it comes;
    what is wrong in all is told once, without."""
    env = ready.org.env(tmp_path / "state")
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder)
    sandbox = folder / "overlays" / "sandbox.yaml"
    text = sandbox.read_text("utf-8")
    at = text.index("internal_users:")
    sandbox.write_text(text[:at] + text[text.index("# Usernames are unique") :], "utf-8")
    words = ("programme", "validate", "--org", "--all-overlays", "--programme", str(folder))
    fits = sfprm(*words, env=env)
    assert fits.code == 0, fits.err
    assert "alone and with overlay production and with sandbox." in fits.out

    sandbox.write_text(text, "utf-8")
    files = folder / "programme.yaml"
    files.write_text(
        files.read_text("utf-8").replace("site: Alder Partner Central", "site: Elsewhere"), "utf-8"
    )
    wrong = sfprm(*words, "--json", env=env)
    assert wrong.code == 2
    said = [c["message"] for c in wrong.json["complaints"]]
    assert [m for m in said if "[site-missing]" in m and not m.startswith("with ")]
    missing = [m for m in said if "[manager-missing]" in m]
    assert missing
    assert all(m.startswith("with overlay sandbox: ") for m in missing)
    alone = sfprm("programme", "validate", "--all-overlays", env=env)
    assert (alone.code, "goes with --org" in alone.err) == (2, True)


def test_a_complaint_says_with_which_overlays_it_comes() -> None:
    """All: once and without; some: named."""
    one, two = Complaint("a.csv", 1, "is gone"), Complaint("b.csv", 2, "is long")
    told = by_overlay({"": [one, one], "sandbox": [one, two], "uat": [two, one]})
    assert told == [one, replace(two, message="with overlay sandbox and overlay uat: is long")]
