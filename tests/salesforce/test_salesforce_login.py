"""Logging in: what is missing, what is refused, and where a token may go."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import responses
import trustme
from pydantic import SecretStr

from sfprm.clock import FakeClock
from sfprm.errors import BadSettings, LoginRefused, OrgUnreachable, SfprmError, TryLater
from sfprm.salesforce.credentials import AccessToken, ClientCredentials
from sfprm.salesforce.flows import credentials_from
from sfprm.salesforce.session import Session, open_session
from sfprm.settings import load_settings

HOST = "https://acme.my.salesforce.com"
SECRET = "hush-consumer-secret"


def client(url: str = HOST) -> ClientCredentials:
    return ClientCredentials(url, "consumer-key", SecretStr(SECRET))


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({}, "SFPRM_CLIENT_ID and SFPRM_CLIENT_SECRET are"),
        ({"SFPRM_CLIENT_ID": "x"}, "SFPRM_CLIENT_SECRET is"),
        ({"SFPRM_CLIENT_SECRET": SECRET}, "SFPRM_CLIENT_ID is"),
        ({"SFPRM_ACCESS_TOKEN": SECRET}, "SFPRM_INSTANCE_URL"),
        (
            {
                "SFPRM_LOGIN_URL": "http://acme.example.com",
                "SFPRM_CLIENT_ID": "x",
                "SFPRM_CLIENT_SECRET": SECRET,
            },
            "not encrypted",
        ),
        (
            {
                "SFPRM_LOGIN_URL": "acme",
                "SFPRM_CLIENT_ID": "x",
                "SFPRM_CLIENT_SECRET": SECRET,
            },
            "not an address",
        ),
        (
            {
                "SFPRM_LOGIN_URL": "https://host:port",
                "SFPRM_CLIENT_ID": "x",
                "SFPRM_CLIENT_SECRET": SECRET,
            },
            "not an address",
        ),
    ],
)
def test_incomplete_settings_name_what_is_missing(env: dict[str, str], named: str) -> None:
    """The key is in the message, the secret is not."""
    with pytest.raises(BadSettings, match=named) as raised:
        credentials_from(load_settings(env))
    assert SECRET not in raised.value.message


def test_client_credentials_are_taken_from_settings() -> None:
    """Path and trailing slash of the login URL do not matter."""
    env = {
        "SFPRM_LOGIN_URL": "https://acme.my.salesforce.com/",
        "SFPRM_CLIENT_ID": "consumer-key",
        "SFPRM_CLIENT_SECRET": SECRET,
    }
    assert credentials_from(load_settings(env)) == client()


def test_a_ready_token_goes_before_client_credentials() -> None:
    """It was set for a short test, so it is meant."""
    env = {
        "SFPRM_CLIENT_ID": "x",
        "SFPRM_CLIENT_SECRET": SECRET,
        "SFPRM_ACCESS_TOKEN": "t",
        "SFPRM_INSTANCE_URL": HOST,
    }
    assert isinstance(credentials_from(load_settings(env)), AccessToken)


def test_opening_a_session_sends_nothing(clock: FakeClock) -> None:
    """The first use does."""
    env = {"SFPRM_CLIENT_ID": "x", "SFPRM_CLIENT_SECRET": SECRET, "SFPRM_API_VERSION": "v66"}
    with open_session(load_settings(env), clock) as session:
        assert session.calls.by_kind == {}


def test_a_malformed_version_is_refused(clock: FakeClock) -> None:
    """Before anything is sent."""
    env = {"SFPRM_CLIENT_ID": "x", "SFPRM_CLIENT_SECRET": SECRET, "SFPRM_API_VERSION": "newest"}
    with pytest.raises(BadSettings, match="SFPRM_API_VERSION"):
        open_session(load_settings(env), clock)


@pytest.mark.parametrize(
    ("answer", "raised", "hint"),
    [
        (
            {"status": 400, "json": {"error": "invalid_client_id"}},
            LoginRefused,
            "SFPRM_CLIENT_ID",
        ),
        (
            {
                "status": 400,
                "json": {
                    "error": "invalid_client",
                    "error_description": "invalid client credentials",
                },
            },
            LoginRefused,
            "SFPRM_CLIENT_SECRET",
        ),
        (
            {
                "status": 400,
                "json": {
                    "error": "invalid_grant",
                    "error_description": "request not supported on this domain",
                },
            },
            LoginRefused,
            "My Domain",
        ),
        (
            {
                "status": 400,
                "json": {
                    "error": "invalid_grant",
                    "error_description": "no client credentials user enabled",
                },
            },
            LoginRefused,
            "run-as user",
        ),
        ({"status": 200, "body": "<html>hello</html>"}, LoginRefused, "SFPRM_LOGIN_URL"),
        ({"status": 404, "body": "no"}, LoginRefused, "SFPRM_LOGIN_URL"),
        ({"status": 503, "body": "<html>"}, TryLater, "again"),
    ],
)
def test_a_refused_login_says_why_and_what_to_do(
    clock: FakeClock, answer: dict[str, Any], raised: type[SfprmError], hint: str
) -> None:
    """One sentence, the next step, no secret."""
    with responses.RequestsMock() as wire, Session(client(), clock=clock) as session:
        wire.add("POST", f"{HOST}/services/oauth2/token", **answer)
        with pytest.raises(raised) as caught:
            _ = session.api_version
    assert hint in caught.value.hint
    assert SECRET not in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("instance", "words"),
    [
        ("https://evil.example.org", "foreign host"),
        ("http://acme.my.salesforce.com", "not encrypted"),
        ("https://acme.my.salesforce.com.evil.example.org", "foreign host"),
        ("nonsense", "not an address"),
    ],
)
def test_a_token_is_not_sent_to_a_foreign_host(clock: FakeClock, instance: str, words: str) -> None:
    """The login's answer names the instance; it must be Salesforce's, over TLS."""
    with responses.RequestsMock() as wire, Session(client(), clock=clock) as session:
        wire.add(
            "POST",
            f"{HOST}/services/oauth2/token",
            json={"access_token": "t", "instance_url": instance},
        )
        with pytest.raises(OrgUnreachable, match=words):
            _ = session.api_version
        assert len(wire.calls) == 1


def test_an_instance_of_salesforces_may_have_another_name(clock: FakeClock) -> None:
    """login.salesforce.com answers with the My Domain host."""
    with (
        responses.RequestsMock() as wire,
        Session(client("https://login.salesforce.com"), clock=clock) as session,
    ):
        wire.add(
            "POST",
            "https://login.salesforce.com/services/oauth2/token",
            json={"access_token": "t", "instance_url": HOST},
        )
        wire.add("GET", f"{HOST}/services/data", json=[{"version": "66.0"}])
        assert session.instance_url == HOST


def test_a_host_without_versions_is_no_org(clock: FakeClock) -> None:
    """A login that works at something that is not Salesforce."""
    with responses.RequestsMock() as wire, Session(client(), clock=clock) as session:
        wire.add(
            "POST",
            f"{HOST}/services/oauth2/token",
            json={"access_token": "t", "instance_url": HOST},
        )
        wire.add("GET", f"{HOST}/services/data", json=[])
        with pytest.raises(OrgUnreachable, match="not a Salesforce org"):
            _ = session.api_version


def test_a_closed_port_is_unreachable(clock: FakeClock) -> None:
    """Connection refused, over a real socket."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        with (
            Session(client(f"http://127.0.0.1:{port}"), clock=clock) as session,
            pytest.raises(OrgUnreachable, match=f"127.0.0.1:{port} cannot be reached"),
        ):
            _ = session.api_version


def test_a_silent_host_times_out(clock: FakeClock) -> None:
    """A host that accepts and never answers: the read time-out ends it."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as silent:
        port = silent.getsockname()[1]
        with (
            Session(client(f"http://127.0.0.1:{port}"), clock=clock, read_timeout=0.05) as session,
            pytest.raises(OrgUnreachable, match="did not answer in time") as raised,
        ):
            _ = session.api_version
    assert "SFPRM_READ_TIMEOUT" in raised.value.hint


@pytest.fixture
def tls_port(tmp_path: Path) -> Iterator[int]:
    """A TLS server whose certificate is signed by an authority that nobody knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    try:
                        context.wrap_socket(connection, server_side=True).close()
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_an_unknown_authority_names_the_setting(clock: FakeClock, tls_port: int) -> None:
    """The certificate is refused, at once, and SFPRM_CA_BUNDLE is the way out."""
    with (
        Session(client(f"https://127.0.0.1:{tls_port}"), clock=clock) as session,
        pytest.raises(OrgUnreachable, match=r"certificate of 127\.0\.0\.1") as raised,
    ):
        _ = session.api_version
    assert "SFPRM_CA_BUNDLE" in raised.value.hint
    assert clock.slept == []


def test_a_bundle_that_is_none_is_a_bad_setting(clock: FakeClock, tmp_path: Path) -> None:
    """Named by its key and its path."""
    bundle = tmp_path / "ca.pem"
    bundle.write_text("not a certificate")
    with (
        Session(client(), clock=clock, ca_bundle=bundle) as session,
        pytest.raises(BadSettings, match="SFPRM_CA_BUNDLE"),
    ):
        _ = session.api_version
