"""Notices: what is rendered, and what a template cannot do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.outbound.notices import BadTemplate, Mail, render
from sfprm.programme.model import Notice, Origin

VALUES: dict[str, dict[str, object]] = {
    "lead": {"Company": "Quinta do Vale, Lda", "Country": None, "Tags": ["a", "b"], "Size": 12},
    "owner": {"FirstName": "Inês"},
}


PIECES = (
    "{{", "}}", "{%", "%}", "lead", ".", "Company", "|", "join", "(", ")", "for", "in", "'", "[",
    "]", "__class__", "1", "-", "+", "~", "if", "endif", "endfor", "set", "=",
)  # fmt: skip


def notice(text: str) -> Notice:
    return Notice("lead-assigned", text, "body", Origin("config/routing.yaml", 69))


def subject(text: str) -> str:
    return render(notice(text), VALUES).subject


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("New lead: {{ lead.Company }}", "New lead: Quinta do Vale, Lda"),
        ("{{ lead['Company'] }}", "Quinta do Vale, Lda"),
        ("[{{ lead.Country }}]", "[]"),
        ("{{ owner.FirstName | upper }}", "INÊS"),
        ("{{ lead.Nothing | default('none') }}", "none"),
        ("{% for tag in lead.Tags %}{{ tag }}{% endfor %}", "ab"),
        ("{% if lead.Size > 10 %}large{% endif %}", "large"),
        ("{{ lead.Tags | join('+') }}", "a+b"),
        ("one\r\ntwo\n", "one two"),
        ("<b> & </b>", "<b> & </b>"),
    ],
)
def test_rendered(text: str, shown: str) -> None:
    """Values, filters, loops; empty fields print as nothing; a subject is one line."""
    assert subject(text) == shown


def test_body_keeps_its_lines() -> None:
    """Line ends and the last one stay."""
    made = render(Notice("n", "s", "Hello {{ owner.FirstName }},\n\nbye\n", Origin("f", 1)), VALUES)
    assert made == Mail("s", "Hello Inês,\n\nbye\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ lead.Compny }}", "nothing is known by the name 'Compny'"),
        ("{{ laed.Company }}", "nothing is known by the name 'laed'"),
        ("{{ lead.Nope.More }}", "nothing is known by the name 'Nope'"),
        ("{{ lead", "line 1: unexpected end of template"),
        ("{{ lead.Company | shout }}", "No filter named 'shout'"),
        ("{{ lead.__class__ }}", "'__class__' of a mappingproxy is not readable"),
        ("{{ ''.__class__ }}", "'__class__' of a str is not readable"),
        ("{{ lead.items() }}", "cannot call anything"),
        ("{{ range(9) }}", "cannot call anything"),
        ("{{ 'a' * 1000000000 }}", "cannot reckon (*)"),
        ("{{ 9 ** 9 ** 9 }}", "cannot reckon (**)"),
        ("{% include 'x' %}", "no loader"),
        ("{% for a in lead.Tags %}" * 9 + "{{ lead.Company }}" * 9 + "{% endfor %}" * 9, "longer"),
    ],
)
def test_refused(text: str, said: str) -> None:
    """The message names place, notice, part and what is at fault."""
    with pytest.raises(BadTemplate) as caught:
        subject(text)
    assert caught.value.message.startswith(
        "config/routing.yaml:69: notice 'lead-assigned', subject:"
    )
    assert said in caught.value.message
    assert caught.value.exit_code == 2


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(PIECES),
        max_size=25,
    ).map(" ".join)
)
def test_any_template_renders_or_is_refused(text: str) -> None:
    """No template makes rendering stumble."""
    try:
        made = subject(text)
    except BadTemplate:
        return
    assert "\n" not in made
