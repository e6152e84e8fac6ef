"""The renderer, the progress and the log: data is shown as it is, and secrets not at all."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sfprm.blocks import Table, Text
from sfprm.cli.logs import configure, redact
from sfprm.cli.progress import BarProgress, LeftColumn, RateColumn, progress_for
from sfprm.cli.render import draw, plain, print_error
from sfprm.errors import BadFiles, Complaint, NotReady
from sfprm.events import NoProgress
from sfprm.settings import load_settings

TRICKY = ["[red]x[/]", "[/]", "a\\[b]", ":rocket: Ltd", "[link=http://x]y", "a [1/6] b", "\\"]
TOKEN = "00D000000000001!AQ0AQFAKE.fake_token"


@pytest.fixture
def _log() -> Iterator[None]:
    """The log is set up for this test alone: it writes to the stderr of its time."""
    yield
    structlog.reset_defaults()


def drawn(*blocks: Table | Text, width: int = 10_000, terminal: bool = False) -> str:
    """What a console of that width shows."""
    out = io.StringIO()
    draw(
        blocks,
        Console(
            file=out,
            width=width,
            soft_wrap=True,
            highlight=False,
            emoji=False,
            force_terminal=terminal,
            color_system=None,
        ),
    )
    return out.getvalue()


@pytest.mark.parametrize("data", TRICKY)
def test_data_is_no_markup(data: str) -> None:
    """In cells, heads, titles and lines."""
    shown = drawn(Table((data,), ((data,),), title=data), Text((data,)))
    assert shown.split("\n") == [data, data, data, "", data, ""]


def test_data_does_not_steer_the_terminal() -> None:
    """A lead may be named with escape sequences, or turn the writing round."""
    assert plain("a\x1b[2Jb\x07\u202ec\x9bd").plain == "a�[2Jb��c�d"
    assert plain("Ação\tnº 1\nОК").plain == "Ação\tnº 1\nОК"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    """Every printable character."""
    assert drawn(Text((text,))) == f"{text}\n"


def test_wide_tables_are_not_cut() -> None:
    """In a pipe, one line a row, however long; no blanks at its end."""
    row = ("0" * 300, "b" * 400, "c")
    shown = drawn(Table(("id", "what", "x"), (row, ("1", "2", ""))))
    assert shown.split("\n")[1].split() == list(row)
    assert all(line == line.rstrip() for line in shown.split("\n"))


def test_a_narrow_terminal_folds_and_loses_nothing() -> None:
    """An id of 18 characters in 20 columns is still whole."""
    lead = "00QdV0000000001UAA"
    shown = drawn(Table(("lead", "owner"), ((lead, "Inês Moura"),)), width=20, terminal=True)
    assert "…" not in shown
    letters = "".join(line[:12].strip() for line in shown.split("\n")[1:])
    assert letters.startswith(lead[:6])
    assert sorted("".join(shown.split())) == sorted("".join(["leadowner", lead, "InêsMoura"]))


def test_an_error_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, the hint under it."""
    print_error(NotReady("[bold] is :rocket: missing", hint="Do [this]."), as_json=False)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "error: [bold] is :rocket: missing\nDo [this].\n")


def test_bad_files_as_json_name_each_place(capsys: pytest.CaptureFixture[str]) -> None:
    """For editors and CI."""
    print_error(BadFiles([Complaint("a.yaml", 3, "wrong", "right", 7)]), as_json=True)
    [complaint] = json.loads(capsys.readouterr().out)["complaints"]
    assert complaint == {
        "file": "a.yaml",
        "line": 3,
        "column": 7,
        "message": "wrong",
        "hint": "right",
    }


@pytest.mark.parametrize(
    "event",
    [
        {"client_secret": "x"},
        {"Authorization": "Bearer x"},
        {"message": f"sent {TOKEN} to the org"},
        {"message": "mail to ines.moura@acme-ibericos.example.com"},
        {"message": "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl"},
        {"message": "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"},
        {"jobs": ["a", f"b {TOKEN}"]},
        {"body": {"refresh_token": "x", "deep": [{"to": "a@example.com"}]}},
    ],
)
def test_secrets_are_struck_out_of_log_events(event: dict[str, Any]) -> None:
    """By key and by shape, at any depth."""
    text = json.dumps(redact(None, "info", dict(event)))
    assert "***" in text
    for secret in ("AQ0AQ", "@", "eyJ", "abc", '"x"', "Bearer"):
        assert secret not in text


@pytest.mark.usefixtures("_log")
@pytest.mark.parametrize("form", ["json", "text"])
def test_a_trace_is_struck_out_too(capsys: pytest.CaptureFixture[str], form: str) -> None:
    """What an exception quotes."""
    configure(load_settings({"SFPRM_LOG_FORMAT": form}), daemon=True)
    try:
        raise ValueError(f"could not use {TOKEN} of ana@example.com")
    except ValueError:
        structlog.get_logger().exception("run.failed")
    said = capsys.readouterr()
    assert said.out == ""
    assert "ValueError" in said.err
    assert TOKEN not in said.err
    assert "ana@" not in said.err


@pytest.mark.usefixtures("_log")
@pytest.mark.parametrize(
    ("quiet", "daemon", "seen"),
    [(False, False, ["warning", "error"]), (True, False, ["error"]), (False, True, None)],
)
def test_a_person_sees_warnings_a_daemon_logs_all(
    capsys: pytest.CaptureFixture[str], quiet: bool, daemon: bool, seen: list[str] | None
) -> None:
    """One JSON object a line on stderr."""
    configure(load_settings({"SFPRM_LOG_FORMAT": "json"}), quiet=quiet, daemon=daemon)
    log = structlog.get_logger()
    for level in ("info", "warning", "error"):
        getattr(log, level)("x", name="Inês")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["level"] for line in lines] == (seen or ["info", "warning", "error"])
    assert all(line["name"] == "Inês" for line in lines)


def test_no_bars_where_nobody_looks() -> None:
    """Neither in a pipe nor with --quiet or --json."""
    for quiet, as_json in ((False, False), (True, False), (False, True)):
        with progress_for(quiet=quiet, as_json=as_json) as progress:
            assert isinstance(progress, NoProgress)


def test_bars_go_and_lines_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage's name is data; a bar is gone when its stage is."""
    out = io.StringIO()
    monkeypatch.setattr("sys.stderr", out)
    bars = BarProgress()
    bars.advance()
    bars.stage("users [4/6]", 30)
    bars.advance(17)
    bars.say("one :rocket: [line]")
    bars.stage("queues", None)
    bars.advance()
    bars.rest()
    bars.rest()
    assert "one :rocket: [line]" in out.getvalue()


@pytest.mark.parametrize(
    ("speed", "words"),
    [(None, ""), (8.14, "8.1 a second"), (0.2, "12 a minute"), (1234.0, "1,234 a second")],
)
def test_the_bar_says_how_fast_it_goes(speed: float | None, words: str) -> None:
    """Beside what is done and the time left."""
    task: Any = type("Task", (), {"speed": speed, "finished_speed": None})()
    assert RateColumn().render(task).plain == words


@pytest.mark.parametrize(
    ("left", "words"),
    [(None, ""), (2.4, "about 2 s left"), (200.0, "about 3 min left")],
)
def test_the_bar_says_how_long_it_takes(left: float | None, words: str) -> None:
    """Once it is known."""
    task: Any = type("Task", (), {"time_remaining": left, "finished": False})()
    assert LeftColumn().render(task).plain == words
