"""Usernames, aliases, nicknames and API names made from what people are called."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.programme.identity import (
    alias_for,
    developer_name_for,
    folded,
    is_email,
    is_key,
    nickname_for,
    unknown_placeholder,
    username_from,
)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Inês Østby", "ines ostby"),
        ("Keßler", "kessler"),
        ("Łukasz Đorđević", "lukasz dordevic"),
        ("Æsa Þór", "aesa thor"),
        ("Анна", ""),
        ("ﬁne", "fine"),
    ],
)
def test_folded(text: str, plain: str) -> None:
    """Accents off; letters of other scripts dropped."""
    assert folded(text) == plain


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("a@b.co", True),
        ("ines.moura+test@example.com", True),
        ("ines.moura@", False),
        ("@example.com", False),
        ("a@b", False),
        ("a b@example.com", False),
        ("a..b@example.com", False),
        (".a@example.com", False),
        ("a@-b.com", False),
        ("a@b..com", False),
        ("a@b.com\n", False),
        ("ü@example.com", False),
        ("a" * 69 + "@example.com", False),  # 81 characters
        ("a" * 68 + "@example.com", True),  # 80
    ],
)
def test_is_email(text: str, good: bool) -> None:
    """The form that Salesforce wants of usernames, at most 80 characters."""
    assert is_email(text) is good


@pytest.mark.parametrize(
    ("pattern", "unknown"),
    [
        ("{email_local}.{partner}@x.com", None),
        ("{frist}@x.com", "{frist}"),
        ("{first!r}@x.com", "{first}"),
        ("{first:>1000000}@x.com", "{first}"),
        ("{first.__class__}@x.com", "{first.__class__}"),
        ("{}@x.com", "{}"),
        ("{first@x.com", "{"),
        ("first}@x.com", "}"),
    ],
)
def test_unknown_placeholder(pattern: str, unknown: str | None) -> None:
    """Only the five names, without format tricks."""
    assert unknown_placeholder(pattern) == unknown


def test_username_from_all_parts() -> None:
    """Every placeholder; lower-case ASCII."""
    username = username_from(
        "{first}.{last}.{email_local}.{key}.{partner}@x.com",
        email="I.Moura@example.com",
        partner="acme",
        key="ines",
        first="Inês Maria",
        last="d'Orey",
    )
    assert username == "inesmaria.dorey.i.moura.ines.acme@x.com"


@pytest.mark.parametrize(
    ("first", "last", "alias"),
    [
        ("Inês", "Moura", "imoura"),
        ("Lukas", "Brandtmeister", "lbrandtm"),
        ("", "Ek", "ek"),
        ("Анна", "Иванова", "annai"),
    ],
)
def test_alias(first: str, last: str, alias: str) -> None:
    """First letter and last name, cut at 8; the key where no letter is left."""
    assert alias_for(first, last, "anna.i") == alias


def test_long_nicknames_stay_apart() -> None:
    """Two long keys that begin alike get different nicknames of at most 40 characters."""
    one, other = nickname_for("a" * 60 + "1"), nickname_for("a" * 60 + "2")
    assert one != other
    assert len(one) == len(other) == 40


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Partner leads South", "Partner_leads_South"),
        ("Leads: Süd/West", "Leads_Sud_West"),
        ("1st line", "X1st_line"),
        ("Очередь", ""),
    ],
)
def test_developer_name(label: str, name: str) -> None:
    """A label's API name."""
    assert developer_name_for(label) == name


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=100))
def test_developer_name_form(label: str) -> None:
    """Always empty or of Salesforce's form."""
    assert re.fullmatch(r"([A-Za-z](_?[A-Za-z0-9])*)?", developer_name_for(label))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=50), st.text(max_size=50))
def test_alias_form(first: str, last: str) -> None:
    """Always 1 to 8 ASCII letters and digits."""
    assert re.fullmatch(r"[a-z0-9]{1,8}", alias_for(first, last, "k-1"))


@pytest.mark.parametrize(
    ("key", "good"),
    [("acme-1", True), ("ines.moura", True), ("-a", False), ("A", False), ("", False)],
)
def test_is_key(key: str, good: bool) -> None:
    """Keys of partners, people and pools."""
    assert is_key(key) is good
