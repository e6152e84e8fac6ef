"""A caller of the embedded org over HTTPS, as a client in any language would be one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

ROOT = "/services/data/v66.0"


@dataclass(frozen=True)
class Caller:
    """A logged-in client. Paths are below /services/data/v66.0 unless they start with a slash."""

    session: requests.Session
    org: Any
    base: str

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        url = path if path.startswith("/") else f"{ROOT}/{path}"
        if body is not None:
            more["json"] = body
        return self.session.request(method, self.base + url, timeout=30, **more)

    def rows(self, soql: str) -> list[dict[str, Any]]:
        """All records of a query that fits one page."""
        answer = self("GET", "query", params={"q": soql})
        assert answer.status_code == 200, answer.text
        records: list[dict[str, Any]] = answer.json()["records"]
        return records

    def one(self, soql: str) -> dict[str, Any]:
        """The only record of a query."""
        [record] = self.rows(soql)
        return record

    def id_of(self, object_: str, name: str) -> str:
        """The id of the record with this name."""
        return str(self.one(f"SELECT Id FROM {object_} WHERE Name = '{name}'")["Id"])

    def user(self, name: str) -> str:
        """The id of an internal user, by the first part of the username."""
        return str(
            self.one(f"SELECT Id FROM User WHERE Username = '{name}@alder.example.com'")["Id"]
        )

    def make(self, object_: str, /, **values: Any) -> str:
        """Create a record; its id."""
        answer = self("POST", f"sobjects/{object_}", values)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def change(self, object_: str, id_: str, /, **values: Any) -> None:
        """Update a record."""
        answer = self("PATCH", f"sobjects/{object_}/{id_}", values)
        assert answer.status_code == 204, answer.text

    def new_user(self, name: str, contact: str | None, /, **values: Any) -> dict[str, Any]:
        """What a partner user needs on create."""
        return {
            "Username": f"{name}@sulcom.example.com",
            "LastName": name.title(),
            "Email": f"{name}@sulcom.example.com",
            "Alias": name[:8],
            "TimeZoneSidKey": "Europe/Lisbon",
            "LocaleSidKey": "en_US",
            "EmailEncodingKey": "UTF-8",
            "LanguageLocaleKey": "en_US",
            "ProfileId": self.id_of("Profile", "Alder Partner User"),
            "ContactId": contact,
            **values,
        }

    def partner(self, name: str = "Sulcom", owner: str = "marta.lopes") -> tuple[str, str]:
        """(account, contact) of a partner company, enabled, without a user."""
        account = self.make("Account", Name=name, OwnerId=self.user(owner))
        self.change("Account", account, IsPartner=True)
        return account, self.make("Contact", LastName="Alves", AccountId=account)

    def partner_user(self, name: str = "alves") -> str:
        """A partner user of a new partner company."""
        _, contact = self.partner(f"Company of {name}")
        return self.make("User", **self.new_user(name, contact))


def error(answer: requests.Response) -> tuple[int, str, str, list[str] | None]:
    """(status, code, message, fields) of a refused request."""
    [item] = answer.json()
    return answer.status_code, item["errorCode"], item["message"], item.get("fields")


@pytest.fixture(name="error")
def error_fixture() -> Any:
    """The reader of refusals."""
    return error


def log_in(org: Any) -> Caller:
    """A caller by client credentials, trusting the org's own CA."""
    session = requests.Session()
    # The machine's REQUESTS_CA_BUNDLE would win over `verify`
    session.trust_env = False
    session.verify = str(org.ca)
    answer = session.post(
        f"{org.https}/services/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(org.client_id, org.client_secret),
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return Caller(session, org, answer.json()["instance_url"])


@pytest.fixture
def call(devorg: Any) -> Iterator[Caller]:
    """The integration user in the demo's org."""
    caller = log_in(devorg)
    with caller.session:
        yield caller


@pytest.fixture
def prm(call: Caller) -> Caller:
    """The same with PRM switched on, and one role for each partner account."""
    call.org.control(
        "POST",
        "settings",
        {
            "Communities": {"enableNetworksEnabled": True, "enableEnablePRM": True},
            "partner_roles": 1,
        },
    )
    return call
