"""The network: one `requests.Session`, and simple-salesforce upon it with a ready session id.

Timeouts on everything, certificates checked, redirects never followed, one exception border:
whatever `requests` or simple-salesforce raise leaves here as `Failed`. The library is given a
session id, so that its own re-login (which drops the caller's headers) can never run.
Loads `requests` and `simple_salesforce`: import it when the first connection is opened.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError

from sfprm import __version__
from sfprm.errors import BadSettings, OrgUnreachable
from sfprm.salesforce.answer import Answer, Request
from sfprm.salesforce.refusals import scrub
from sfprm.salesforce.retry import Cause, Failed

__all__ = ["USER_AGENT", "Link", "Wire", "failure_from"]

USER_AGENT = f"sfprm/{__version__}"
CSV = "text/csv"
_ROWS = ("query", "composite")


class _Adapter(HTTPAdapter):
    """Timeouts on every request, keep-alive, and our own certificate authority beside the rest."""

    def __init__(self, timeout: tuple[float, float], trust: ssl.SSLContext | None) -> None:
        self._timeout = timeout
        self._trust = trust
        super().__init__(pool_connections=4, pool_maxsize=16, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        if self._trust is not None:
            kwargs["ssl_context"] = self._trust
        super().init_poolmanager(*args, **kwargs)

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        kwargs["timeout"] = self._timeout
        return super().send(request, *args, **kwargs)


class _Http(requests.Session):
    """Looks into the environment (proxies, certificates) once a host: to do so at each request
    costs as much as all else that `requests` does for it."""

    def __init__(self) -> None:
        super().__init__()
        self._around: dict[str, dict[str, Any]] = {}

    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        if proxies or stream is not None or verify is not None or cert is not None:
            return dict(super().merge_environment_settings(url, proxies, stream, verify, cert))
        parts = urlsplit(url)
        place = f"{parts.scheme}://{parts.netloc}"
        around = self._around.get(place)
        if around is None:
            around = dict(super().merge_environment_settings(place, {}, None, None, None))
            self._around[place] = around
        return {**around, "proxies": dict(around["proxies"])}


class _NoNetrc(AuthBase):
    """Adds nothing; its presence keeps `requests` from replacing our token by ~/.netrc's."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Wire:
    """Sends without a token: for the token endpoint and the list of versions."""

    def __init__(
        self, *, connect_timeout: float, read_timeout: float, ca_bundle: Path | None
    ) -> None:
        self.http = _Http()
        self.http.auth = _NoNetrc()
        self.http.headers["User-Agent"] = USER_AGENT
        adapter = _Adapter((connect_timeout, read_timeout), _trust(ca_bundle))
        self.http.mount("https://", adapter)
        self.http.mount("http://", adapter)

    def send(
        self,
        method: str,
        url: str,
        *,
        data: Mapping[str, str] | bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> Answer:
        """One request, whatever its status; raises Failed when no whole answer came."""
        try:
            response = self.http.request(
                method, url, data=data, headers=headers, params=params, json=json,
                allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException as error:
            raise failure_from(error, url) from error
        return _answer(response)

    def close(self) -> None:
        self.http.close()


class Link:
    """Sends with the token of one login, to the one host that the login answered with."""

    def __init__(self, wire: Wire, instance_url: str, token: str, api_version: str) -> None:
        self._wire = wire
        self._sf = Salesforce(
            session_id=token,
            instance_url=instance_url,
            version=api_version,
            session=wire.http,
            object_pairs_hook=None,
        )
        self._sf.headers.pop("X-PrettyPrint", None)  # indented answers are twice as long
        self._root = f"https://{self._sf.sf_instance}"
        self._data = f"/services/data/v{api_version}/"

    def send(self, request: Request) -> Answer:
        """One request, whatever its status; raises Failed when no whole answer came."""
        path = request.path.removeprefix(self._data)
        if path.startswith(_ROWS) or request.headers.get("Accept") == CSV:
            path = self._data + path  # megabytes: the library's reading of them takes twice as long
        if path.startswith("/"):
            headers = {**self._sf.headers, **request.headers}
            data = request.data if request.json is None else orjson.dumps(request.json)
            return self._wire.send(
                request.method, self._root + path, data=data, headers=headers,
                params=request.params,
            )  # fmt: skip
        return self._rest(request, path)

    def _rest(self, request: Request, path: str) -> Answer:
        caught: list[requests.Response] = []

        def keep(response: requests.Response, *_: Any, **__: Any) -> None:
            caught.append(response)

        parsed: Any = None
        try:
            parsed = self._sf.restful(
                path,
                params=dict(request.params) if request.params else None,
                method=request.method,
                json=request.json,
                data=request.data,
                headers=dict(request.headers),
                hooks={"response": keep},
                allow_redirects=False,
            )
        except SalesforceError:
            pass  # any status from 300 up; the answer itself is translated, by its error code
        except requests.exceptions.JSONDecodeError:
            pass  # an empty body, or not Salesforce speaking: the session looks at it
        except TypeError:  # JSON that is neither a list nor an object, which the library counts
            if not caught:
                raise
        except requests.RequestException as error:
            raise failure_from(error, self._root) from error
        return _answer(caught[-1], parsed)


def _answer(response: requests.Response, parsed: Any = None) -> Answer:
    if parsed is None and response.content and "json" in response.headers.get("Content-Type", ""):
        with suppress(orjson.JSONDecodeError):
            parsed = orjson.loads(response.content)
    return Answer(response.status_code, parsed, response.content, response.headers)


def _trust(ca_bundle: Path | None) -> ssl.SSLContext | None:
    if ca_bundle is None:
        return None
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cafile=str(ca_bundle))
    except (OSError, ssl.SSLError):
        raise BadSettings(
            f"SFPRM_CA_BUNDLE: {ca_bundle} is not a readable PEM file of certificates.",
            hint="Correct the path, or remove the setting to trust the system's authorities only.",
        ) from None
    return context


def failure_from(error: requests.RequestException, url: str) -> Failed:
    """The failure for an exception of `requests`: was it sent, and what to tell the reader."""
    parts = urlsplit(url)
    host = parts.hostname or url
    place = f"{host}:{parts.port}" if parts.port else host
    match error:
        case requests.exceptions.SSLError():
            return Failed(
                Cause.FINAL,
                OrgUnreachable(
                    f"The certificate of {place} is not trusted ({_tls_reason(error)}).",
                    hint="If this is your org's own authority, name its PEM file in "
                    "SFPRM_CA_BUNDLE; else check the address.",
                ),
            )
        case requests.exceptions.ProxyError():
            return Failed(
                Cause.NOT_SENT,
                OrgUnreachable(
                    f"The proxy on the way to {place} did not let the call through.",
                    hint="Check HTTPS_PROXY and NO_PROXY.",
                ),
            )
        case requests.exceptions.ConnectTimeout():
            return Failed(
                Cause.NOT_SENT,
                OrgUnreachable(
                    f"{place} did not accept a connection in time.",
                    hint="Check the address, the network, and SFPRM_CONNECT_TIMEOUT.",
                ),
            )
        case requests.exceptions.Timeout():
            return Failed(
                Cause.NO_ANSWER,
                OrgUnreachable(
                    f"{place} did not answer in time.",
                    hint="Run the command again, or raise SFPRM_READ_TIMEOUT.",
                ),
            )
        case (
            requests.exceptions.InvalidURL()
            | requests.exceptions.MissingSchema()
            | requests.exceptions.InvalidSchema()
            | requests.exceptions.InvalidHeader()
            | requests.exceptions.TooManyRedirects()
            | requests.exceptions.URLRequired()
        ):
            return Failed(
                Cause.FINAL,
                OrgUnreachable(
                    f"No request can be sent to {place}: {type(error).__name__}.",
                    hint="Check SFPRM_LOGIN_URL and SFPRM_INSTANCE_URL.",
                ),
            )
        case requests.exceptions.ConnectionError() if _not_sent(error):
            return Failed(
                Cause.NOT_SENT,
                OrgUnreachable(
                    f"{place} cannot be reached: {_reach_reason(error)}.",
                    hint="Check SFPRM_LOGIN_URL and the network.",
                ),
            )
        case _:
            return Failed(
                Cause.NO_ANSWER,
                OrgUnreachable(f"The connection to {place} broke before the answer was whole."),
            )


def _root_of(error: requests.RequestException) -> BaseException | None:
    inner = error.args[0] if error.args else None
    return inner.reason if isinstance(inner, MaxRetryError) else inner


def _not_sent(error: requests.RequestException) -> bool:
    return isinstance(_root_of(error), NewConnectionError)


def _reach_reason(error: requests.RequestException) -> str:
    if isinstance(_root_of(error), NameResolutionError):
        return "no such host name"
    return "connection refused" if "refused" in str(error).lower() else "no connection"


def _tls_reason(error: requests.RequestException) -> str:
    text = str(error)
    for words, said in (
        ("self-signed", "signed by an authority that this machine does not know"),
        ("unable to get local issuer", "signed by an authority that this machine does not know"),
        ("expired", "it has expired"),
        ("mismatch", "it is for another host name"),
        ("not valid for", "it is for another host name"),
        ("WRONG_VERSION_NUMBER", "the port does not speak TLS"),
    ):
        if words.lower() in text.lower():
            return said
    return scrub(type(error).__name__, 80)
