"""Fields that notices name, held against what the org has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sfprm.programme.load import load_programme
from sfprm.programme.model import NoticeText, Programme
from sfprm.programme.notice_fields import check_notice_fields, notice_objects

LEAD = frozenset({"Company", "Country", "Product__c"})
USER = frozenset({"FirstName", "Name"})


@pytest.fixture(scope="module")
def sample() -> Programme:
    """The programme of `config/`."""
    return load_programme(Path(__file__).parents[2] / "config")


def _with(programme: Programme, **parts: object) -> Programme:
    notice = replace(programme.routing.notices["lead-assigned"], **parts)  # type: ignore[arg-type]
    routing = replace(programme.routing, notices={notice.key: notice})
    return replace(programme, routing=routing)


def test_the_sample_names_what_there_is(sample: Programme) -> None:
    """Fields of the lead and of the new owner."""
    assert notice_objects(sample) == {"Lead", "User"}
    assert check_notice_fields(sample, {"Lead": LEAD, "User": USER}) == []


@pytest.mark.parametrize(
    "part",
    [
        {"subject": "{{ lead.Prodct__c }}"},
        {"languages": {"pt": NoticeText("x", "{% if lead['Prodct__c'] %}sim{% endif %}")}},
        {"digest": NoticeText("x", "{% for lead in leads %}{{ lead.Prodct__c }}{% endfor %}")},
    ],
)
def test_a_field_that_the_org_has_not(sample: Programme, part: dict[str, object]) -> None:
    """Wherever in the notice it stands; objects that the agent may not describe are left alone."""
    [found] = check_notice_fields(_with(sample, **part), {"Lead": LEAD, "User": USER})
    assert "names Lead.Prodct__c, which the org does not have" in found.message
    assert "'Product__c'" in found.hint
    assert check_notice_fields(_with(sample, **part), {}) == []
