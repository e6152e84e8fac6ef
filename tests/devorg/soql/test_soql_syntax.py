"""Syntax errors, in the words of the server's parser."""

from __future__ import annotations

import pytest

from sfprm.devorg.soql import NotImitated, SoqlError
from sfprm.devorg.soql.lexer import unescape
from sfprm.devorg.soql.parser import parse
from sfprm.devorg.soql.reader import MAX_DEPTH
from sfprm.devorg.soql.tree import Comparison, Literal

IN_WHERE = [
    ("a=1 AND b=2 OR c=3", "OR"),
    ("NOT a=1 AND b=2", "AND"),
    ("NOT(a=1) OR b=2", "OR"),
    ("a=1 AND NOT b=2", "NOT"),
    ("NOT NOT a=1", "NOT"),
    ("Name IS NULL", "Name IS"),
    ("Name NOT LIKE 'a'", "Name NOT LIKE"),
    ("Name IN ()", "Name IN ()"),
    ("Name IN 'a'", "Name IN '"),
    ("x = FOO", "FOO"),
    ("a = b", "b"),
    ("x = USD5", "USD5"),
    ("Name", "Name"),
    ("Name =", "<EOF>"),
    ("", "<EOF>"),
    ("Name == 'x'", "="),
    ("Name LIKE ('a')", "("),
    ("Name LIKE NULL", "NULL"),
    ("Name = ('a')", "("),
    ("a = 1)", ")"),
    ("x = 'O'Brien'", "Brien"),
    ("x = 'a''b'", "'"),
    ("x = 2020-01-01T00:00:00", "T00"),
    ("x = 2020-1-1", "-"),
    ("x = 1e5", "e5"),
    ("Id IN (SELECT Id, x FROM B)", ","),
    ("Id = (SELECT Id FROM B)", "("),
    ("x = LAST_N_DAYS", "<EOF>"),
    ("x = LAST_N_DAYS:-1", "-"),
]


@pytest.mark.parametrize(("condition", "token"), IN_WHERE)
def test_conditions(condition: str, token: str) -> None:
    """Wrong conditions name the token that the server's parser stops at."""
    with pytest.raises(SoqlError) as caught:
        parse(f"SELECT Id FROM A WHERE {condition}")
    assert caught.value.error_code == "MALFORMED_QUERY"
    assert caught.value.message == f"unexpected token: '{token}'"


STATEMENTS = [
    ("SELECT * FROM A", "unexpected token: 'SELECT *'"),
    ("SELECT FROM A", "unexpected token: 'SELECT FROM'"),
    ("SELECT Id, FROM A", "unexpected token: 'FROM'"),
    ("SELECT Id FROM", "unexpected token: '<EOF>'"),
    ("SELECT Id", "unexpected token: '<EOF>'"),
    ("SELECT COUNT(), Id FROM A", "unexpected token: ','"),
    ("SELECT COUNT() c FROM A", "unexpected token: 'c'"),
    ("SELECT Id FROM A OFFSET 5 LIMIT 5", "unexpected token: 'LIMIT'"),
    ("SELECT Id FROM A LIMIT 5 ORDER BY x", "unexpected token: 'ORDER'"),
    ("SELECT Id FROM A ORDER BY x GROUP BY y", "unexpected token: 'GROUP'"),
    ("SELECT Id FROM A HAVING x = 1", "unexpected token: 'HAVING'"),
    ("SELECT Id FROM A GROUP BY a, ROLLUP(b)", "unexpected token: 'ROLLUP'"),
    ("SELECT Id FROM A WHERE (a = 1", "missing value at '<EOF>'"),
    ("SELECT Id FROM A WHERE a INCLUDES 'a'", "missing value at '''"),
    ("SELECT Id FROM A WHERE Id IN (SELECT Id FROM B LIMIT 1)", "missing value at 'LIMIT'"),
    ("SELECT Id FROM A LIMIT 1.5", "unexpected token: '1.5'"),
    ("SELECT Id FROM A LIMIT 'a'", "unexpected token: '''"),
    ("SELECT Id FROM A ALL ROWS LIMIT 1", "unexpected token: 'LIMIT'"),
    ("SELECT Id FROM A WITH SECURITY_ENFORCED LIMIT", "unexpected token: '<EOF>'"),
    ("SELECT DISTANCE(a, GEOLOCATION(1, 2), 5) FROM A", "unexpected token: '5'"),
    ("SELECT DISTANCE(a, b, 'km') FROM A", "unexpected token: 'b'"),
    ("SELECT Id FROM A ORDER BY 1", "unexpected token: '1'"),
    ("SELECT Id FROM A -- all", "unexpected token: '-'"),
    ("SELECT Id FROM A USING everything", "unexpected token: 'everything'"),
    ("SELECT a(b(c(d))) FROM A", "unexpected token: '('"),
    ("FIND {x}", "line 1:5 unexpected token: '{'"),
    ("DELETE FROM A", "unexpected token: 'DELETE'"),
    ("SELECT Id FROM A WHERE x = $", "line 1:27 unexpected token: '$'"),
    ('SELECT Id\nFROM A WHERE x = "y"', "line 2:17 unexpected token: '\"'"),
    (
        "SELECT Id FROM A WHERE x = 2020-12-12t12:12:00-25:00",
        "Invalid datetime: 2020-12-12t12:12:00-25:00",
    ),
    ("SELECT Id FROM A WHERE x = :ids", "Bind variables only allowed in Apex code"),
    ("SELECT Id FROM A WHERE x IN :ids", "Bind variables only allowed in Apex code"),
    (
        "SELECT Id FROM A WHERE x = 'a\\zb'",
        "Invalid string literal: illegal character sequence '\\z' in string literal",
    ),
]


@pytest.mark.parametrize(("text", "message"), STATEMENTS)
def test_statements(text: str, message: str) -> None:
    """Wrong statements are refused in the server's words."""
    with pytest.raises(SoqlError) as caught:
        parse(text)
    assert (caught.value.error_code, caught.value.message) == ("MALFORMED_QUERY", message)


@pytest.mark.parametrize(
    "text",
    [
        "select id from a",
        "SELECT Group, Order, Offset, When FROM A",
        "SELECT Id FROM A WHERE a=1 AND (NOT b=2)",
        "SELECT Id FROM A WHERE NOT (a=1 AND b=2)",
        "SELECT Id FROM A a WHERE a.Like.Null = 5",
        "SELECT x FROM A GROUP BY x HAVING COUNT(Id) > 1 ORDER BY x NULLS LAST LIMIT 0 OFFSET 0",
        "SELECT Id FROM A WHERE d = 2020-01-01T00:00:00+01:00 OR d = 2020-01-01t00:00:00.5z",
        "SELECT Id FROM A WHERE n = -.5 OR n = +7",
        "SELECT Id FROM A FOR VIEW",
        "SELECT Id FROM A WHERE d = last_n_days : 3",
        "SELECT TYPEOF What WHEN Account THEN Name ELSE Id END FROM Event",
        "SELECT TypeOf FROM A",
    ],
)
def test_good_statements(text: str) -> None:
    """What the grammar allows is parsed."""
    parse(text)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"'O\'Brien'", "O'Brien"),
        (r"'a\nb\tc'", "a\nb\tc"),
        (r"'\u00e9\\'", "é\\"),
        (r"'\"'", '"'),
    ],
)
def test_escapes(written: str, meant: str) -> None:
    """Backslash escapes as documented."""
    assert unescape(written) == meant


def test_percent_is_escaped_only_after_like() -> None:
    """An escaped wildcard outside LIKE is an error."""
    with pytest.raises(SoqlError):
        parse(r"SELECT Id FROM A WHERE x = 'a\%'")
    where = parse(r"SELECT Id FROM A WHERE x LIKE 'a\%'").where
    assert isinstance(where, Comparison)
    assert isinstance(where.right, Literal)
    assert where.right.value == r"a\%"


def test_deep_brackets_are_refused() -> None:
    """Brackets without end do not exhaust the stack."""
    deep = "(" * 5_000 + "a=1" + ")" * 5_000
    with pytest.raises(SoqlError) as caught:
        parse(f"SELECT Id FROM A WHERE {deep}")
    assert caught.value.error_code == "QUERY_TOO_COMPLICATED"
    parse(f"SELECT Id FROM A WHERE {'(' * MAX_DEPTH}a=1{')' * MAX_DEPTH}")


def test_overlong_statement_is_refused() -> None:
    """100,000 characters are the limit."""
    with pytest.raises(SoqlError):
        parse("SELECT Id FROM A" + " " * 100_000)


def test_data_categories_are_not_imitated() -> None:
    """Good SOQL that the org does not know says so."""
    with pytest.raises(NotImitated):
        parse("SELECT Id FROM A WITH DATA CATEGORY x AT y")
