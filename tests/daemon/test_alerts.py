"""Trouble told once, together, not at night, again when it lasts, and ended with a word."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from sfprm.clock import FakeClock
from sfprm.daemon.alerts import Alert, AlertBook, to_tell
from sfprm.daemon.channels import Channel, ChannelModel, Trouble, load_channels
from sfprm.daemon.teller import Teller
from sfprm.errors import BadFiles, NotReady, TryLater
from sfprm.outbound.sending import Mailbox, post_webhook, run_command, send_mail, shaped
from sfprm.settings import load_settings
from sfprm.store.database import open_store
from sfprm.store.writer import Store

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def channel(name: str = "ops", **fields: Any) -> Channel:
    """A channel by mail."""
    model = ChannelModel.model_validate({"mail": ["ops@example.com"], **fields})
    return Channel(name, Path(f"{name}.yaml"), model)


def alert(key: str = "failure:route", **fields: Any) -> Alert:
    """A failure, raised two minutes ago."""
    values: dict[str, Any] = {"kind": Trouble.FAILURE, "title": "route failed", **fields}
    return Alert(key, since=values.pop("since", NOW - 2 * MINUTE), **values)


def told(alerts: list[Alert], *, now: datetime = NOW, **fields: Any) -> tuple[int, int]:
    """How many alerts one channel is told of as raised and as ended."""
    messages = to_tell(alerts, {"ops": channel(**fields)}, now)
    return (
        sum(len(m.raised) for m in messages),
        sum(len(m.ended) for m in messages),
    )


# alerts, what the channel is told (raised, ended), the channel's own settings
TELLING: list[tuple[list[Alert], tuple[int, int], dict[str, Any]]] = [
    ([alert()], (1, 0), {}),
    ([alert(since=NOW)], (0, 0), {}),  # it waits for what may belong to it
    ([alert(), alert("drift", since=NOW)], (2, 0), {}),  # and then goes along
    ([alert(told=NOW - 5 * MINUTE)], (0, 0), {}),  # never the same thing again
    ([alert(told=NOW - timedelta(days=1))], (1, 0), {}),  # but for what lasts
    ([alert(told=NOW - 5 * MINUTE, ended=NOW)], (0, 1), {}),
    ([alert(ended=NOW)], (0, 0), {}),  # never told, over: no word
    ([alert()], (0, 0), {"quiet": "11:00-13:00"}),
    ([alert(urgent=True)], (1, 0), {"quiet": "11:00-13:00"}),
    ([alert(told=NOW - 5 * MINUTE, ended=NOW)], (0, 0), {"quiet": "11:00-13:00"}),
    ([alert()], (1, 0), {"quiet": "13:00-11:00"}),  # over midnight
    ([alert()], (0, 0), {"quiet": "12:00-13:00", "time_zone": "UTC"}),
    ([alert()], (1, 0), {"quiet": "12:00-13:00", "time_zone": "Europe/Berlin"}),
    ([alert()], (0, 0), {"about": ["drift"]}),
    ([alert(channels=("ops",))], (1, 0), {"about": ["drift"]}),  # a job file names it
    ([alert(channels=("night",))], (0, 0), {}),
]


@pytest.mark.parametrize(("alerts", "expected", "fields"), TELLING)
def test_what_a_channel_is_told(
    alerts: list[Alert], expected: tuple[int, int], fields: dict[str, Any]
) -> None:
    """Once, together, not at night."""
    assert told(alerts, **fields) == expected


def test_an_alert_lives_while_it_is_seen(store: Store) -> None:
    """The same trouble is one row; it is over when nobody has seen it for two minutes."""
    book = AlertBook(store.engine)
    assert [a.key for a in book.see([alert()], NOW)[0]] == ["failure:route"]
    assert book.see([alert(detail="again")], NOW + MINUTE) == ([], [])
    [row] = book.all()
    assert (row.since, row.detail) == (NOW, "again")
    [message] = to_tell(book.all(), {"ops": channel()}, NOW + MINUTE)
    book.tell(message, NOW + MINUTE)
    assert book.see([], NOW + 2 * MINUTE) == ([], [])
    assert len(book.see([], NOW + 4 * MINUTE)[1]) == 1
    [over] = to_tell(book.all(), {"ops": channel()}, NOW + 4 * MINUTE)
    assert over.subject == "sfprm: resolved: route failed"
    book.tell(over, NOW + 4 * MINUTE)
    assert book.all() == []
    assert book.counts() == {}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty state."""
    with open_store(f"sqlite:///{tmp_path / 'state.db'}") as opened:
        yield opened


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{}", "exactly one of `mail`, `webhook`, `command`"),
        ("mail: [a@example.com]\nwebhook: https://hooks.example.com", "exactly one of"),
        ("mail: [a@example.com]\nquiet: at night", 'write "22:00-07:00"'),
        ("mail: [a@example.com]\nabout: [failures]", "about"),
        ("webhook: ftp://example.com", "webhook"),
        ("mail: [a@example.com]\nshpe: slack", "unknown key 'shpe'"),
    ],
)
def test_a_channels_mistakes(tmp_path: Path, text: str, says: str) -> None:
    """Named with file and line."""
    (tmp_path / "alerts").mkdir()
    (tmp_path / "alerts" / "ops.yaml").write_text(text + "\n")
    with pytest.raises(BadFiles, match=r"ops\.yaml") as refused:
        load_channels(tmp_path)
    assert says in str(refused.value)


class MailServer:
    """A mail server that takes what it is given. `mails` are its bodies, `to` the addressees."""

    def __init__(self, answer: str = "250 taken") -> None:
        self.mails: list[str] = []
        self.to: list[str] = []
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as wire:
                self._talk(wire)

    def _talk(self, wire: Any) -> None:
        def say(text: str) -> None:
            wire.write(text.encode() + b"\r\n")
            wire.flush()

        say("220 here")
        while line := wire.readline().decode().strip():
            match line.split()[0].upper():
                case "DATA":
                    say("354 go on")
                    body = []
                    while (text := wire.readline().decode()) != ".\r\n":
                        body.append(text)
                    self.mails.append("".join(body))
                    say(self._answer)
                case "RCPT":
                    self.to.append(line.partition("<")[2].rstrip(">"))
                    say("250 ok")
                case "QUIT":
                    say("221 bye")
                    return
                case _:
                    say("250 ok")

    def close(self) -> None:
        """No more mail. Closing alone does not wake a thread that waits for a caller."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """On a free port."""
    server = MailServer()
    yield server
    server.close()


def test_the_teller_mails_once_and_through_the_guard(
    store: Store, mail_server: MailServer, tmp_path: Path
) -> None:
    """An org that is not listed as production: the sink gets it. Nothing is said twice."""
    (tmp_path / "alerts").mkdir()
    (tmp_path / "alerts" / "ops.yaml").write_text("mail: [ana@example.com, rui@example.com]\n")
    settings = load_settings(
        {
            "SFPRM_SMTP_HOST": "127.0.0.1",
            "SFPRM_SMTP_PORT": str(mail_server.port),
            "SFPRM_SMTP_SECURITY": "none",
            "SFPRM_SMTP_FROM": "sfprm@example.com",
            "SFPRM_MAIL_SINK": "sink@example.org",
            "SFPRM_STATE_DIR": str(tmp_path),
        }
    )
    clock = FakeClock(NOW)
    wrong = [alert(), alert("drift", kind=Trouble.DRIFT, title="The org differs")]
    teller = Teller(store, settings, tmp_path, clock, lambda _: wrong)
    for _ in range(8):
        teller.turn()
        clock.advance(timedelta(seconds=30))
    assert len(mail_server.mails) == 1
    assert mail_server.to == ["sink@example.org"]
    assert "Subject: sfprm: route failed (and 1 more)" in mail_server.mails[0]
    assert "The org differs" in mail_server.mails[0]
    wrong.clear()
    for _ in range(8):
        teller.turn()
        clock.advance(timedelta(seconds=30))
    assert len(mail_server.mails) == 2
    assert "resolved" in mail_server.mails[1]


def test_a_server_that_is_away_is_tried_again(store: Store, tmp_path: Path) -> None:
    """And the alert stays untold."""
    (tmp_path / "alerts").mkdir()
    (tmp_path / "alerts" / "ops.yaml").write_text("webhook: http://127.0.0.1:1/hook\n")
    clock = FakeClock(NOW)
    settings = load_settings({"SFPRM_STATE_DIR": str(tmp_path)})
    teller = Teller(store, settings, tmp_path, clock, lambda _: [alert()])
    for _ in range(4):
        teller.turn()
        clock.advance(MINUTE)
    [row] = AlertBook(store.engine).all()
    assert row.told is None


class _Hook(BaseHTTPRequestHandler):
    """Keeps what it gets, answers as told."""

    taken: list[Any]
    status: int

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append(json.loads(body))
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.mark.parametrize(
    ("status", "error"), [(200, None), (302, NotReady), (404, NotReady), (429, TryLater)]
)
def test_a_webhook_is_posted_once(status: int, error: type[Exception] | None) -> None:
    """As JSON; no redirect is followed."""
    taken: list[Any] = []
    handler = type("Hook", (_Hook,), {"taken": taken, "status": status})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/secret-path"
        if error is None:
            post_webhook(url, {"text": "é"})
        else:
            with pytest.raises(error) as refused:
                post_webhook(url, {"text": "é"})
            assert "secret-path" not in str(refused.value)
        thread.join(5)
    assert taken == [{"text": "é"}]


def test_each_shape() -> None:
    """As Slack, Teams and others want it."""
    assert shaped("slack", "S", "T", {}) == {"text": "*S*\nT"}
    teams = shaped("teams", "S", "T", {})
    assert [b["text"] for b in teams["attachments"][0]["content"]["body"]] == ["S", "T"]
    assert shaped("json", "S", "T", {"raised": []}) == {"subject": "S", "text": "T", "raised": []}


def test_a_command_gets_the_message(tmp_path: Path) -> None:
    """On its standard input; its failure is said."""
    out = tmp_path / "got"
    run_command(["/bin/sh", "-c", f"cat > {out}"], {"subject": "S"})
    assert json.loads(out.read_text()) == {"subject": "S"}
    with pytest.raises(NotReady, match="ended with 3"):
        run_command(["/bin/sh", "-c", "exit 3"], {})


def test_a_mail_that_is_refused() -> None:
    """By a server that says later, and by one that says no."""
    for answer, kind in (("451 later", TryLater), ("554 no", NotReady)):
        server = MailServer(answer)
        box = Mailbox("127.0.0.1", server.port, "sfprm@example.com", "none")
        with pytest.raises(kind):
            send_mail(box, ["a@example.com"], "S\nBcc: evil@example.com", "T")
        assert "\nBcc:" not in server.mails[0]
        server.close()
