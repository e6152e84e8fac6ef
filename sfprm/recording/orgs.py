"""The orgs that scenarios run in: the embedded one, or one that the environment names.

Spoken to in plain HTTP: a scenario's own client is not used to judge where it may run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from sfprm.errors import BadSettings, LoginRefused, NotReady, OrgRefused, OrgUnreachable
from sfprm.recording.exchange import Source
from sfprm.recording.failures import ProductionOrg

__all__ = [
    "Caller",
    "OrgAccess",
    "Organization",
    "embedded_org",
    "look_at",
    "named_org",
    "refuse_production",
    "signed_in",
]

PREFIX = "SFPRM_TEST_LIVE_"
_FIELDS = "OrganizationType, IsSandbox, InstanceName, TrialExpirationDate"


@dataclass(frozen=True, slots=True)
class OrgAccess:
    """How to log in by client credentials. `control_url` is empty but for the embedded org."""

    login_url: str
    client_id: str
    client_secret: str = field(repr=False)
    ca: Path | None = None
    control_url: str = ""

    @property
    def is_embedded(self) -> bool:
        return bool(self.control_url)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the embedded org's control API (`path` after `/_devorg/`); its JSON."""
        answer = requests.request(method, f"{self.control_url}/{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None


@dataclass(frozen=True, slots=True)
class Organization:
    """What the org says of itself. `trial_ends`: scratch orgs and trials have such a date."""

    edition: str
    is_sandbox: bool
    instance_name: str
    trial_ends: bool
    newest_api: str

    @property
    def is_embedded(self) -> bool:
        return self.instance_name == "DEVORG"

    @property
    def is_production(self) -> bool:
        """Whether people may work here: no sandbox, no trial, no developer edition."""
        developer = self.edition == "Developer Edition"
        return not (self.is_embedded or self.is_sandbox or self.trial_ends or developer)

    def source(self, api_version: str = "") -> Source:
        """What a recording from here says that it was made from."""
        kind = "embedded org" if self.is_embedded else "org"
        return Source(kind, self.edition, api_version or self.newest_api)


def named_org(env: Mapping[str, str]) -> OrgAccess:
    """The org that `SFPRM_TEST_LIVE_*` names. Raises BadSettings that names the missing keys."""
    keys = [PREFIX + name for name in ("LOGIN_URL", "CLIENT_ID", "CLIENT_SECRET")]
    missing = [key for key in keys if not env.get(key)]
    if missing:
        raise BadSettings(
            f"No org is named: {', '.join(missing)} missing.",
            hint="Set them to a scratch org, a sandbox or a developer edition.",
        )
    ca = env.get(PREFIX + "CA_BUNDLE")
    login_url, client_id, client_secret = (env[key] for key in keys)
    return OrgAccess(login_url.rstrip("/"), client_id, client_secret, Path(ca) if ca else None)


@contextmanager
def embedded_org() -> Iterator[OrgAccess]:
    """An embedded org of one's own, on free ports, ended with the context."""
    with tempfile.TemporaryDirectory(prefix="sfprm-org-") as state:
        command = [
            *(sys.executable, "-m", "sfprm.devorg", "serve"),
            *("--http-port", "0", "--https-port", "0", "--state", state),
        ]
        log = Path(state, "org.log")
        with (
            log.open("wb") as errors,
            subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command, stdout=subprocess.PIPE, stderr=errors, text=True
            ) as process,
        ):
            try:
                line = process.stdout.readline() if process.stdout else ""
                if not line:
                    raise NotReady(
                        "The embedded org did not start.",
                        hint=log.read_text(errors="replace")[-500:] or "Run sfprm org serve.",
                    )
                ready = json.loads(line)
                yield OrgAccess(
                    login_url=ready["http"],
                    client_id=ready["client_id"],
                    client_secret=ready["client_secret"],
                    ca=Path(ready["ca"]),
                    control_url=f"{ready['http']}/_devorg",
                )
            finally:
                process.terminate()


class Caller:
    """Plain HTTP with a token, for what the harness itself does in an org."""

    def __init__(self, http: requests.Session, base: str, org_id: str, more: Any) -> None:
        self._http, self._base, self._more = http, base, more
        self.org_id = org_id
        self.version = str(self._json("GET", "/services/data")[-1]["version"])

    def rows(self, soql: str) -> list[dict[str, Any]]:
        """All records of a query that fits one page."""
        records: list[dict[str, Any]] = self._json("GET", "query", params={"q": soql})["records"]
        return records

    def one(self, soql: str, what: str) -> str:
        """The first record's id. Raises NotReady when there is none."""
        rows = self.rows(soql)
        if not rows:
            raise NotReady(f"This org has not {what}.", hint="See docs/developer-edition.md.")
        return str(rows[0]["Id"])

    def make(self, object_: str, **values: Any) -> str:
        """Create a record; its id."""
        return str(self._json("POST", f"sobjects/{object_}", json=values)["id"])

    def change(self, object_: str, id_: str, **values: Any) -> None:
        """Change a record."""
        self._json("PATCH", f"sobjects/{object_}/{id_}", json=values)

    def _json(self, method: str, path: str, **more: Any) -> Any:
        path = path if path.startswith("/") else f"/services/data/v{self.version}/{path}"
        answer = self._http.request(method, self._base + path, **more, **self._more)
        told = answer.json() if answer.content else None
        if answer.status_code >= 300:
            first = told[0] if isinstance(told, list) and told else {}
            code = str(first.get("errorCode", ""))
            raise OrgRefused(f"{method} {path}: {code}: {first.get('message', '')}", code=code)
        return told


@contextmanager
def signed_in(access: OrgAccess) -> Iterator[Caller]:
    """A caller by client credentials. Raises LoginRefused, and OrgUnreachable when what answers is
    not Salesforce."""
    more: dict[str, Any] = {"verify": str(access.ca) if access.ca else True, "timeout": 60}
    with requests.Session() as http:
        try:
            login = http.post(
                f"{access.login_url}/services/oauth2/token",
                data={
                    "grant_type": "client_credentials",
                    "client_id": access.client_id,
                    "client_secret": access.client_secret,
                },
                **more,
            )
            if login.status_code != 200:
                raise LoginRefused(f"The org refused the login (HTTP {login.status_code}).")
            told = login.json()
            http.headers["Authorization"] = f"Bearer {told['access_token']}"
            org_id = str(told["id"]).rstrip("/").split("/")[-2]
            yield Caller(http, told["instance_url"], org_id, more)
        except (requests.RequestException, KeyError, IndexError, TypeError) as error:
            raise OrgUnreachable(
                f"The org did not say what it is ({type(error).__name__})."
            ) from error


def look_at(access: OrgAccess) -> Organization:
    """Three calls: login, versions, and a query on Organization."""
    with signed_in(access) as caller:
        record = caller.rows(f"SELECT {_FIELDS} FROM Organization")[0]  # noqa: S608 - constants
        return Organization(
            edition=str(record["OrganizationType"]),
            is_sandbox=bool(record["IsSandbox"]),
            instance_name=str(record["InstanceName"] or ""),
            trial_ends=record.get("TrialExpirationDate") is not None,
            newest_api=caller.version,
        )


def refuse_production(organization: Organization, *, forced: bool = False) -> None:
    """Raise ProductionOrg where people may work, unless forced."""
    if organization.is_production and not forced:
        raise ProductionOrg(
            f"This is a production org ({organization.edition}, {organization.instance_name}): "
            "scenarios write, and what they write cannot all be taken back."
        )
