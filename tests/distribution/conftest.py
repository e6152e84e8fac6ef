"""An embedded org whose partners are in place and have logged in, with what routing needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sfprm.distribution.route import RouteResult, route
from sfprm.events import NoProgress
from sfprm.ids import RecordId, RunId
from sfprm.programme.load import load_programme
from sfprm.programme.model import PartnerMember, PersonMember, Programme
from sfprm.salesforce import collections as rows
from sfprm.salesforce.query import select_all
from sfprm.salesforce.session import Session, open_session
from sfprm.settings import Settings, load_settings
from sfprm.store.database import open_store
from sfprm.store.writer import Store
from tests.quick import quick_clock

if TYPE_CHECKING:
    from typing import Protocol

    class Org(Protocol):
        """The embedded org, as the shared fixture hands it out."""

        def reset(self, story: str = "demo", seed: int = 7) -> None: ...
        def event(self, name: str, **fields: Any) -> Any: ...
        def control(self, method: str, path: str, body: Any = None) -> Any: ...
        def outbox(self) -> list[dict[str, Any]]: ...
        def env(self, state_dir: Path, **more: str) -> dict[str, str]: ...


ROOT = Path(__file__).parents[2]
NEVER_LOGGED_IN = "carla.nunes"
"""The person of the sample programme who does not log in."""


@dataclass
class Channel:
    """The sample programme, in the org, with a state of its own."""

    org: Org
    session: Session
    store: Store
    programme: Programme
    settings: Settings
    state_dir: Path

    def route(self, run: str = "run-1", **options: Any) -> RouteResult:
        """One pass."""
        return route(
            self.session,
            self.store,
            self.programme,
            clock=quick_clock(),
            run=RunId(run),
            progress=NoProgress(),
            **options,
        )

    def query(self, soql: str) -> list[dict[str, Any]]:
        """Rows of a query."""
        return [dict(row) for row in select_all(self.session, soql)]

    def owners(self) -> dict[str, str]:
        """E-mail of each open lead → name of its owner."""
        found = self.query("SELECT Email, Owner.Name FROM Lead WHERE IsConverted = false")
        return {row["Email"]: row["Owner"]["Name"] for row in found}

    def user_id(self, person: str) -> RecordId:
        """The user of a person of the programme."""
        declared = next(p for p in self.programme.people.values() if p.key == person)
        [row] = self.query(f"SELECT Id FROM User WHERE Username = '{declared.username}'")
        return RecordId(row["Id"])

    def queue_id(self, label: str) -> RecordId:
        """A queue by its label."""
        [row] = self.query(f"SELECT Id FROM Group WHERE Type = 'Queue' AND Name = '{label}'")
        return RecordId(row["Id"])

    def only(self, count: int) -> None:
        """Leave that many leads waiting and delete the rest, for speed."""
        waiting = self.query(
            "SELECT Id FROM Lead WHERE Owner.Name IN ('Web Leads', 'Event Leads') "
            "ORDER BY CreatedDate, Id"
        )
        rows.delete(self.session, [row["Id"] for row in waiting[count:]])


def plant_partners(session: Session, programme: Programme) -> None:
    """Accounts, contacts, users and queues, as `apply` leaves them."""
    managers = {
        row["Username"]: row["Id"] for row in select_all(session, "SELECT Id, Username FROM User")
    }
    account_rows = [
        {
            "Name": p.name,
            "Partner_Key__c": p.key,
            "OwnerId": managers[programme.channel_managers[p.manager].username],
        }
        for p in programme.partners.values()
    ]
    accounts = _ids(rows.create(session, "Account", account_rows))
    _ids(rows.update(session, "Account", [{"Id": i, "IsPartner": True} for i in accounts]))
    account_of = dict(zip(programme.partners, accounts, strict=True))
    people = list(programme.people.values())
    contacts = _ids(
        rows.create(
            session,
            "Contact",
            [
                {
                    "FirstName": p.first_name,
                    "LastName": p.last_name,
                    "Email": p.email,
                    "AccountId": account_of[p.partner],
                    "Partner_Key__c": p.key,
                }
                for p in people
            ],
        )
    )
    [profile] = select_all(session, f"SELECT Id FROM Profile WHERE Name = '{programme.profile}'")
    users = _ids(
        rows.create(
            session,
            "User",
            [
                {
                    "ContactId": contact,
                    "ProfileId": profile["Id"],
                    "FirstName": p.first_name,
                    "LastName": p.last_name,
                    "Email": p.email,
                    "Username": p.username,
                    "Alias": p.alias,
                    "CommunityNickname": p.nickname,
                    "TimeZoneSidKey": p.time_zone,
                    "LocaleSidKey": p.locale,
                    "LanguageLocaleKey": p.language,
                    "EmailEncodingKey": p.email_encoding,
                    "PortalRole": p.role.value,
                }
                for p, contact in zip(people, contacts, strict=True)
            ],
        )
    )
    user_of = {p.key: user for p, user in zip(people, users, strict=True)}
    for queue in programme.queues.values():
        if not queue.managed:
            continue
        made = {"Type": "Queue", "Name": queue.name, "DeveloperName": queue.developer_name}
        [group_id] = _ids(rows.create(session, "Group", [made]))
        _ids(rows.create(session, "QueueSobject", [{"QueueId": group_id, "SobjectType": "Lead"}]))
        members = []
        for member in queue.members:
            if isinstance(member, PersonMember):
                members.append(user_of[member.person])
            elif isinstance(member, PartnerMember):
                members += [user_of[p.key] for p in programme.people_of(member.partner)]
        _ids(
            rows.create(
                session,
                "GroupMember",
                [{"GroupId": group_id, "UserOrGroupId": m} for m in members],
            )
        )


def _ids(outcomes: list[rows.RowOutcome]) -> list[RecordId]:
    assert all(o.success for o in outcomes), [o.errors for o in outcomes if not o.success][:1]
    return [o.id for o in outcomes if o.id is not None]


SNAPSHOT = "channel"


@pytest.fixture(scope="session")
def sample() -> Programme:
    """The programme of `config/`."""
    return load_programme(ROOT / "config")


@pytest.fixture(scope="session")
def planted(
    devorg_process: Org, sample: Programme, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """A snapshot of the org with the sample's partners in it; all but one person have logged in."""
    devorg_process.reset("partners-ready")
    settings = load_settings(env=devorg_process.env(tmp_path_factory.mktemp("planted")))
    with open_session(settings, quick_clock()) as session:
        plant_partners(session, sample)
    person = next(p for p in sample.people.values() if p.key == NEVER_LOGGED_IN)
    devorg_process.event("first-login", **{"except": [person.username]})
    devorg_process.control("POST", "snapshots", {"name": SNAPSHOT})
    return SNAPSHOT


@contextmanager
def opened(org: Org, snapshot: str, programme: Programme, state_dir: Path) -> Iterator[Channel]:
    """The org at the snapshot, a session and an empty state."""
    org.control("POST", "reset")
    org.control("POST", f"snapshots/{snapshot}/restore")
    settings = load_settings(env=org.env(state_dir))
    with open_session(settings, quick_clock()) as session:
        store = open_store(settings.database)
        try:
            yield Channel(org, session, store, programme, settings, state_dir)
        finally:
            store.close()


@pytest.fixture(scope="session")
def open_channel(
    devorg_process: Org, sample: Programme, planted: str, new_state: Callable[[Path], str]
) -> Callable[[Path], AbstractContextManager[Channel]]:
    """Opens a channel with its state in a folder; one at a time, as there is one org."""

    def at(state_dir: Path) -> AbstractContextManager[Channel]:
        if not (state_dir / "state.db").exists():
            new_state(state_dir)
        return opened(devorg_process, planted, sample, state_dir)

    return at


@pytest.fixture
def channel(
    open_channel: Callable[[Path], AbstractContextManager[Channel]], tmp_path: Path
) -> Iterator[Channel]:
    """The channel at its start."""
    with open_channel(tmp_path) as found:
        yield found
