"""The session: the only way to send anything to an org.

It logs in on first use and once more when the session has expired (repeating the identical
request, headers included), gives every request time-outs and an id, repeats what may be repeated,
counts every call and keeps to the budget. Safe for threads: they share one login, and a number
of requests in flight that shrinks while the org answers with locks or limits.
"""

from __future__ import annotations

import gzip
import random
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sfprm.clock import Clock
from sfprm.errors import Bug, LoginRefused, OrgRefused, OrgUnreachable
from sfprm.salesforce.answer import Answer, Request
from sfprm.salesforce.budget import CallBudget
from sfprm.salesforce.calls import CallCount, CallDone, log_refused
from sfprm.salesforce.credentials import (
    LAST_SOAP_LOGIN,
    Credentials,
    RefreshToken,
    SoapLogin,
    can_renew,
    is_loopback,
    warnings_for,
)
from sfprm.salesforce.failures import failure, locked_out, worn_out
from sfprm.salesforce.flight import Gate
from sfprm.salesforce.flows import credentials_from
from sfprm.salesforce.identity import OrgIdentity, read_identity
from sfprm.salesforce.kept import KeptDescribes
from sfprm.salesforce.login import Login, log_in
from sfprm.salesforce.retry import Cause, Failed, Patience, keep_trying
from sfprm.salesforce.versions import newest, version
from sfprm.settings import Settings

if TYPE_CHECKING:
    from sfprm.salesforce.collections import RowOutcome
    from sfprm.salesforce.wire import Link, Wire

__all__ = ["Answer", "Session", "open_session"]

_LOGIN_PATIENCE = Patience(attempts=3, deadline=30.0)
_MOST_LOGINS = 5
"""Tokens that one attempt may find expired, one after the other."""
_COMPRESS_FROM = 64 * 1024
"""Bytes of a JSON body from which it is sent compressed, but not to this machine itself."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """One login in force. `turn` grows with each, so that threads log in again only once."""

    link: Link
    login: Login
    api_version: str
    turn: int

    @property
    def host(self) -> str:
        return urlsplit(self.login.instance_url).hostname or ""


class Session:
    """A connection to one org as one user. Nothing is sent before it is first used.

    Times in seconds. `api_version` such as "66.0"; None: the newest that the org lists.
    `call_budget`: most calls that one run may make, or all bounds. `on_call` is told of each
    request after it ended; it must not raise. `max_in_flight`: most requests at the same time.
    `describes`: where describes are kept between runs.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        clock: Clock,
        api_version: str | None = None,
        connect_timeout: float = 10.0,
        read_timeout: float = 120.0,
        ca_bundle: Path | None = None,
        call_budget: CallBudget | int | None = None,
        max_in_flight: int = 8,
        on_call: Callable[[CallDone], None] | None = None,
        describes: KeptDescribes | None = None,
        patience: Patience | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self.calls = CallCount(call_budget)
        self.clock = clock
        self.gate = Gate(max_in_flight)
        self.guard: Callable[[str], AbstractContextManager[None]] | None = None
        """Entered around each call, with its kind; what it raises instead ends the call."""
        self.on_rows: Callable[[str, str, int, int], None] | None = None
        """Told of each answer about rows: object (empty: by id alone), operation, rows done, rows
        refused."""
        self.describes = describes
        self.described: dict[str, Any] = {}  # describe's cache: it lives as long as the session
        self._credentials = credentials
        self._wanted_version = None if api_version is None else version(api_version)
        self._timeouts = (connect_timeout, read_timeout)
        self._ca_bundle = ca_bundle
        self._on_call = on_call
        self._patience = patience or Patience()
        self._chance = chance or random.Random()  # noqa: S311  (jitter, not secrecy)
        self._lock = threading.RLock()
        self._compresses = True
        self._wire: Wire | None = None
        self._standing: _Standing | None = None
        self._proved = 0  # the turn of the newest login whose token the org has taken
        self._identity: OrgIdentity | None = None

    def __repr__(self) -> str:
        host = self._standing.login.instance_url if self._standing else "not logged in"
        return f"<Session {host}>"

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and forget the token."""
        with self._lock:
            if self._wire is not None:
                self._wire.close()
            self._wire = None
            self._standing = None

    @property
    def identity(self) -> OrgIdentity:
        """Which org this is and as whom; logs in on first use. Costs two calls, once."""
        with self._lock:
            if self._identity is None:
                self._identity = read_identity(self, self.instance_url, self.api_version)
            return self._identity

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is unsound about this way to log in; one sentence each."""
        said = warnings_for(self._credentials)
        login = self._standing.login if self._standing else None
        given = self._credentials.token if isinstance(self._credentials, RefreshToken) else None
        if given is not None and login is not None and login.refresh not in (None, given):
            said += (
                "The app replaces its refresh token at each use: the one in the settings is void "
                "now. Switch refresh token rotation off in the app, and set a new token.",
            )
        return said

    @property
    def api_version(self) -> str:
        """The version in the paths, such as `66.0`; logs in on first use."""
        return self._stand().api_version

    @property
    def instance_url(self) -> str:
        """The host that the login answered with, the only one that sees the token."""
        return self._stand().login.instance_url

    @property
    def place(self) -> str:
        """Org and user, as the login told them (`…/id/ORG/USER`), else the host: no secret."""
        login = self._stand().login
        return login.identity_url or login.instance_url

    @property
    def token(self) -> str:
        """The access token, for SOAP bodies alone. Never log it."""
        return self._stand().login.token.get_secret_value()

    def request(
        self,
        method: str,
        path: str,
        *,
        kind: str,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        data: bytes | str | Callable[[], str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
        deadline: float | None = None,
    ) -> Answer:
        """Send one request and return its answer (status below 300, or 304).

        `path` is relative to `/services/data/vNN.0/`, or absolute from `/services/`. `kind` names
        the call in the count. `repeatable`: None means that reads are and nothing else is.
        `data` may be a function when the body holds the token (SOAP): it is asked again after a
        re-login. `deadline`: seconds after which it is not tried again; None: the session's.
        Raises the error tree; OutcomeUnknown when a write that may not be repeated got no clear
        answer.
        """
        if path.startswith("/") and not path.startswith("/services/"):
            raise Bug(f"The path {path.partition('?')[0]!r} is not one of Salesforce's.")
        method = method.upper()
        sent_headers = {"X-Request-Id": uuid.uuid4().hex, **(headers or {})}
        patience = self._patience
        if deadline is not None:
            patience = replace(patience, deadline=deadline)

        def build(host: str) -> Request:
            body = data() if callable(data) else data
            request = Request(method, path, kind, params, json, body, sent_headers)
            return self._packed(request) if self._compresses and not is_loopback(host) else request

        return keep_trying(
            lambda number: self._once(build, number),
            repeatable=method in ("GET", "HEAD") if repeatable is None else repeatable,
            clock=self.clock,
            patience=patience,
            chance=self._chance,
        )

    @staticmethod
    def _packed(request: Request) -> Request:
        """The request with a large JSON body compressed [the header is documented for REST;
        whether every resource takes it is unverified: a 415 switches it off]."""
        if request.json is None:
            return request
        body = dumps(request.json, separators=(",", ":")).encode()
        if len(body) < _COMPRESS_FROM:
            return request
        headers = {**request.headers, "Content-Encoding": "gzip"}
        packed = gzip.compress(body, compresslevel=1, mtime=0)
        return replace(request, json=None, data=packed, headers=headers)

    def _once(self, build: Callable[[str], Request], number: int) -> Answer:
        """One attempt, with a re-login inside it when the session has expired. Raises Failed.

        A token that other threads worked with since then may have expired in its turn; only new
        ones that are not taken, twice on end, are a lock-out.
        """
        standing = self._stand()
        refused = 0
        for _ in range(_MOST_LOGINS):
            try:
                return self._plainer(standing, build, number)
            except Failed as failed:
                if failed.cause is not Cause.SESSION:
                    raise
                last = failed
            if not can_renew(self._credentials):
                raise Failed(Cause.SESSION, worn_out(last)) from last
            refused = 0 if standing.turn <= self._proved else refused + 1
            if refused == 2:
                break
            standing = self._stand(after=standing)
        raise Failed(Cause.SESSION, locked_out(last)) from last

    def _plainer(self, standing: _Standing, build: Callable[[str], Request], number: int) -> Answer:
        """Send; once more, uncompressed, when the org does not take compressed bodies."""
        request = build(standing.host)
        try:
            return self._send(standing, request, number)
        except Failed as failed:
            refused = isinstance(failed.error, OrgRefused) and failed.error.status == 415
            if not refused or "Content-Encoding" not in request.headers:
                raise
        self._compresses = False
        return self._send(standing, build(standing.host), number)

    def _send(self, standing: _Standing, request: Request, number: int) -> Answer:
        pause = self.calls.spend(request.kind)
        if pause:
            self.clock.sleep(pause)
        guarded = self.guard(request.kind) if self.guard is not None else nullcontext()
        with self.gate.slot() as epoch, guarded:
            started = self.clock.monotonic()
            status = 0
            try:
                answer = standing.link.send(request)
                status = answer.status
            finally:
                seconds = self.clock.monotonic() - started
                self._tell(request, status, seconds, number, standing.host)
        self.calls.watch(answer.headers.get("Sforce-Limit-Info"))
        if status >= 300 and status != 304:  # not modified: an answer to a question of ours
            failed = failure(answer, self.clock.now())
            if failed.cause in (Cause.LOCK, Cause.BUSY):
                self.gate.crowded(epoch)
            raise failed
        self.gate.went_well()
        self._proved = max(self._proved, standing.turn)
        if not answer.is_whole:
            raise Failed(
                Cause.NO_ANSWER,
                OrgUnreachable(
                    "Half an answer, or a web page of a proxy or of maintenance, came where "
                    "Salesforce's answer should be.",
                    hint="Open the org in a browser; check the proxy settings.",
                ),
            )
        return answer

    def tell_rows(
        self,
        object_: str,
        operation: str,
        outcomes: Sequence[RowOutcome],
        records: Sequence[str] = (),
    ) -> None:
        """Count the rows of an answer, for whoever listens, and log each that was refused.
        `records`: the id of each row, in order, empty where it has none. Rows whose outcome is not
        known are neither.
        """
        refused = {
            place: one.errors[0].code if one.errors else ""
            for place, one in enumerate(outcomes)
            if not (one.success or one.is_unknown)
        }
        if refused:
            log_refused(
                object_,
                operation,
                [(records[n] if n < len(records) else "", code) for n, code in refused.items()],
            )
        if self.on_rows is not None:
            done = sum(outcome.success for outcome in outcomes)
            self.on_rows(object_, operation, done, len(refused))

    def _tell(self, request: Request, status: int, seconds: float, number: int, host: str) -> None:
        if self._on_call is not None:
            self._on_call(
                CallDone(
                    request.kind,
                    request.method,
                    request.bare_path,
                    status,
                    seconds,
                    number,
                    request.headers.get("X-Request-Id", ""),
                    host,
                )
            )

    def _stand(self, after: _Standing | None = None) -> _Standing:
        """The login in force; a new one when there is none, or when it is still `after`."""
        with self._lock:
            standing = self._standing
            if standing is None or standing is after:
                standing = self._log_in(standing)
                self._standing = standing
            return standing

    def _log_in(self, before: _Standing | None) -> _Standing:
        from sfprm.salesforce.wire import Link, Wire

        if self._wire is None:
            connect, read = self._timeouts
            self._wire = Wire(connect_timeout=connect, read_timeout=read, ca_bundle=self._ca_bundle)
        wire = self._wire

        def attempt(_: int) -> Login:
            self.calls.spend("login")
            old = before.login if before is not None else None
            return log_in(wire, self._credentials, now=self.clock.now(), before=old)

        login = keep_trying(
            attempt,
            repeatable=True,
            clock=self.clock,
            patience=_LOGIN_PATIENCE,
            chance=self._chance,
        )
        if before is not None and _org_of(before.login) != _org_of(login):
            raise LoginRefused("The second login of this run led to another org than the first.")
        version = before.api_version if before else self._choose_version(wire, login)
        link = Link(wire, login.instance_url, login.token.get_secret_value(), version)
        return _Standing(link, login, version, before.turn + 1 if before else 1)

    def _choose_version(self, wire: Wire, login: Login) -> str:
        """The version asked for, else the newest of the org's list (which needs no token)."""
        if self._wanted_version is not None:
            return self._wanted_version

        def attempt(_: int) -> str:
            self.calls.spend("versions")
            answer = wire.send("GET", f"{login.instance_url}/services/data")
            if answer.status >= 300:
                raise failure(answer, self.clock.now())
            soap = isinstance(self._credentials, SoapLogin)
            return newest(answer.json, LAST_SOAP_LOGIN if soap else None)

        return keep_trying(
            attempt,
            repeatable=True,
            clock=self.clock,
            patience=self._patience,
            chance=self._chance,
        )


def open_session(
    settings: Settings,
    clock: Clock,
    *,
    on_call: Callable[[CallDone], None] | None = None,
    describes: KeptDescribes | None = None,
) -> Session:
    """A session by the settings. Sends nothing yet; raises BadSettings when keys are missing."""
    return Session(
        credentials_from(settings),
        clock=clock,
        api_version=settings.api_version,
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        ca_bundle=settings.ca_bundle,
        call_budget=CallBudget(
            settings.call_budget, settings.call_share_of_day, settings.call_share_of_left
        ),
        max_in_flight=settings.max_in_flight,
        patience=Patience(deadline=settings.deadline),
        on_call=on_call,
        describes=describes,
    )


def _org_of(login: Login) -> str:
    """The org's id from `…/id/ORG/USER`, else the host."""
    parts = login.identity_url.rstrip("/").split("/")
    return parts[-2] if len(parts) > 2 else login.instance_url
