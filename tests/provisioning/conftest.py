"""Builders of small programmes and estates, a model of an org that carries a plan out, and the
embedded org with a state of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from sfprm.clock import FakeClock
from sfprm.estate.model import (
    AccountState,
    ContactState,
    Estate,
    Licence,
    OrgFacts,
    OrgUser,
    PartnerUser,
    Profile,
    QueueState,
)
from sfprm.events import NoProgress
from sfprm.ids import PartnerKey, PersonKey, RecordId, RunId
from sfprm.outbound.mail_guard import MailPolicy
from sfprm.programme.load import load_programme
from sfprm.programme.model import (
    ChannelManager,
    Origin,
    Partner,
    Person,
    PortalRole,
    Programme,
    Queue,
    Routing,
)
from sfprm.provisioning.apply import apply
from sfprm.provisioning.build import build_plan
from sfprm.provisioning.check import CheckResult, check
from sfprm.provisioning.compare import compare
from sfprm.provisioning.make_plan import make_plan
from sfprm.provisioning.plan import Plan
from sfprm.provisioning.result import ApplyResult
from sfprm.provisioning.setup import setup
from sfprm.provisioning.setup_acts import SetupResult, SetupReview
from sfprm.provisioning.setup_review import SetupChoices
from sfprm.provisioning.steps import (
    AddMember,
    ChangeOwner,
    CreateAccount,
    CreateQueue,
    CreateUser,
    DeactivateUser,
    EnablePartner,
    FreezeUser,
    MoveContact,
    PlannedStep,
    QueueForLead,
    RemoveMember,
    UpdateAccount,
    UpdateQueue,
    UpdateUser,
    UpsertContact,
)
from sfprm.salesforce.query import Row, select_all
from sfprm.salesforce.session import Session, open_session
from sfprm.settings import Settings, load_settings
from sfprm.store.database import open_store
from sfprm.store.records import Run, RunState
from sfprm.store.writer import Store
from tests.quick import quick_clock

ROOT = Path(__file__).parents[2]
ORIGIN = Origin("partners.csv", 2)
TYPES = MappingProxyType(
    {
        "partner_key__c": "string",
        "ispartner": "boolean",
        "name": "string",
        "phone": "phone",
        "accountnumber": "string",
        "numberofemployees": "int",
    }
)
Applied = dict[tuple[str, str], dict[str, Any]]


def record_id(prefix: str, number: int) -> RecordId:
    """A well-formed id."""
    return RecordId(f"{prefix}{number:012d}")


class Builders:
    """What the tests of this room make values with."""

    profile_id = record_id("00e", 1)
    marta = record_id("005", 1)
    jonas = record_id("005", 2)

    def id(self, prefix: str, number: int) -> RecordId:
        """A well-formed id."""
        return record_id(prefix, number)

    def partner(self, key: str, **more: Any) -> Partner:
        """A partner managed by marta."""
        fields: dict[str, Any] = {"name": key.title(), "manager": "marta", "origin": ORIGIN, **more}
        return Partner(key=PartnerKey(key), **fields)

    def person(self, key: str, partner: str, **more: Any) -> Person:
        """An active person of the lowest portal role."""
        fields: dict[str, Any] = {
            "first_name": key.title(),
            "last_name": "Example",
            "email": f"{key}@{partner}.example.com",
            "username": f"{key}.{partner}@partners.example.com",
            "nickname": key,
            "alias": key[:8],
            "role": PortalRole.WORKER,
            "profile": "Partner",
            "time_zone": "Europe/Lisbon",
            "locale": "pt_PT",
            "language": "en_US",
            "email_encoding": "UTF-8",
            "origin": ORIGIN,
            **more,
        }
        return Person(key=PersonKey(key), partner=PartnerKey(partner), **fields)

    def queue(self, name: str, *members: Any, **more: Any) -> Queue:
        """A managed queue."""
        return Queue(
            name=name,
            developer_name=name.replace(" ", "_"),
            origin=ORIGIN,
            members=tuple(members),
            **more,
        )

    def programme(
        self,
        partners: list[Partner] | None = None,
        people: list[Person] | None = None,
        queues: list[Queue] | None = None,
    ) -> Programme:
        """A programme of these."""
        return Programme(
            name="Test channel",
            site="Partner Central",
            profile="Partner",
            channel_managers={
                name: ChannelManager(name, f"{name}@alder.example.com", ORIGIN)
                for name in ("marta", "jonas", "pedro")
            },
            partners={p.key: p for p in partners or []},
            people={p.key: p for p in people or []},
            queues={q.name: q for q in queues or []},
            routing=Routing(),
            digest="d",
        )

    def estate(self, **more: Any) -> Estate:
        """An org that is ready: marta and jonas have roles, pedro has none, ten seats."""

        def user(number: int, name: str, role: bool) -> OrgUser:
            return OrgUser(
                id=record_id("005", number),
                username=f"{name}@alder.example.com",
                name=name.title(),
                active=True,
                role_id=record_id("00E", number) if role else None,
                role_name="Channel" if role else "",
            )

        users = [user(1, "marta", True), user(2, "jonas", True), user(3, "pedro", False)]
        fields: dict[str, Any] = {
            "org": OrgFacts(
                id=record_id("00D", 1),
                name="Alder",
                organization_type="Developer Edition",
                is_sandbox=False,
                is_embedded=True,
                created=datetime(2019, 3, 4, tzinfo=UTC),
                agent_id=record_id("005", 9),
                agent_username="agent@alder.example.com",
            ),
            "licences": {"Partner Community": Licence("Partner Community", 10, 0)},
            "profiles": {
                "Partner": Profile(self.profile_id, "Partner", "PowerPartner", "Partner Community")
            },
            "users": {u.username: u for u in users},
            "account_types": TYPES,
            "contact_types": TYPES,
            **more,
        }
        return Estate(**fields)

    def account(self, number: int, name: str, **more: Any) -> AccountState:
        """An account of marta's, not enabled, without a key."""
        fields: dict[str, Any] = {
            "key": None,
            "owner_id": self.marta,
            "owner_username": "marta@alder.example.com",
            "owner_has_role": True,
            "is_partner": False,
            **more,
        }
        fields["fields"] = {
            "Name": name,
            "OwnerId": fields["owner_id"],
            **fields.get("fields", {}),
        }
        return AccountState(id=record_id("001", number), name=name, **fields)

    def plan(self, programme: Programme, estate: Estate, applied: Applied | None = None) -> Plan:
        """Compare and build, in one."""
        comparison = compare(programme, applied or {}, estate)
        return build_plan(programme.name, programme.digest, estate, comparison)

    def carry_out(
        self, plan: Plan, estate: Estate, applied: Applied | None = None
    ) -> tuple[Estate, Applied]:
        """What an org that refuses nothing looks like after the plan, and what we remember."""
        return _Model(estate, applied or {}).run(plan)


class _Model:
    def __init__(self, estate: Estate, applied: Applied) -> None:
        self.estate = estate
        self.applied = {key: dict(values) for key, values in applied.items()}
        self.ids: dict[str, RecordId] = {}
        self.accounts = dict(estate.accounts)
        self.contacts = dict(estate.contacts)
        self.users = dict(estate.partner_users)
        self.queues = dict(estate.queues)
        self.used = {name: lic.used for name, lic in estate.licences.items()}
        self.next = 1000 + len(self.accounts) + len(self.contacts) + len(self.users)

    def run(self, plan: Plan) -> tuple[Estate, Applied]:
        for step in plan.steps:
            self.one(step)
            self.applied.setdefault((step.object, step.key), {}).update(step.remember)
        for value in plan.comparison.baseline:
            self.applied.setdefault((value.object, value.key), {})[value.field] = value.value
        licences = {
            name: replace(lic, used=self.used[name]) for name, lic in self.estate.licences.items()
        }
        estate = replace(
            self.estate,
            accounts=self.accounts,
            contacts=self.contacts,
            partner_users=self.users,
            queues=self.queues,
            licences=licences,
        )
        return estate, self.applied

    def new(self, prefix: str) -> RecordId:
        self.next += 1
        return record_id(prefix, self.next)

    def values(self, step: PlannedStep) -> dict[str, Any]:
        return {**step.after, **{f: self.ids[r] for f, r in step.links.items()}}

    def one(self, step: PlannedStep) -> None:
        made = step.record_id
        match step:
            case CreateAccount() | UpdateAccount() | ChangeOwner():
                made = self.account(step)
            case EnablePartner():
                at = step.record_id or self.ids[f"account:{step.key}"]
                self.accounts[at] = replace(self.accounts[at], is_partner=True)
            case UpsertContact() | MoveContact():
                made = self.contact(step)
            case CreateUser() | UpdateUser() | DeactivateUser():
                made = self.user(step)
            case FreezeUser():
                self.freeze(step)
            case CreateQueue() | UpdateQueue():
                made = self.queue(step)
            case QueueForLead():
                at_queue = self.queues[step.key]
                self.queues[step.key] = replace(at_queue, objects=at_queue.objects | {"Lead"})
            case AddMember() | RemoveMember():
                self.member(step)
            case _:
                raise AssertionError(step)
        if made is not None:
            self.ids[step.ref] = made

    def account(self, step: PlannedStep) -> RecordId:
        values = self.values(step)
        at = step.record_id or self.new("001")
        old = self.accounts.get(at)
        fields: Mapping[str, Any] = {**(old.fields if old else {}), **values}
        self.accounts[at] = AccountState(
            id=at,
            name=fields["Name"],
            key=values.get("Partner_Key__c", old.key if old else None),
            owner_id=fields["OwnerId"],
            owner_username="",
            owner_has_role=True,
            is_partner=old.is_partner if old else False,
            fields=fields,
        )
        return at

    def contact(self, step: PlannedStep) -> RecordId:
        values = self.values(step)
        at = step.record_id or self.new("003")
        old = self.contacts.get(at)
        fields: Mapping[str, Any] = {**(old.fields if old else {}), **values}
        self.contacts[at] = ContactState(
            id=at,
            key=values.get("Partner_Key__c", old.key if old else None),
            account_id=values.get("AccountId", old.account_id if old else None),
            email=str(fields.get("Email") or ""),
            fields=fields,
        )
        return at

    def user(self, step: PlannedStep) -> RecordId:
        values = self.values(step)
        old = next((u for u in self.users.values() if u.id == step.record_id), None)
        contact = old.contact_id if old else values["ContactId"]
        assert old is not None or contact not in self.users, "a second user for one contact"
        fields: Mapping[str, Any] = {**(old.fields if old else {}), **values}
        at = old.id if old else self.new("005")
        active = bool(fields.get("IsActive", True))
        was = old.active if old else False
        self.used["Partner Community"] += int(active) - int(was)
        self.users[contact] = PartnerUser(
            id=at,
            contact_id=contact,
            username=fields["Username"],
            active=active,
            frozen=old.frozen if old else False,
            last_login=None,
            profile_id=fields["ProfileId"],
            portal_role=fields["PortalRole"],
            fields=fields,
        )
        return at

    def freeze(self, step: PlannedStep) -> None:
        contact = next(c for c, u in self.users.items() if u.id == step.record_id)
        user = self.users[contact]
        self.users[contact] = replace(user, frozen=bool(step.after["IsFrozen"]))
        # `User` is where the store remembers it
        self.applied.setdefault(("User", step.key), {}).update(step.remember)

    def queue(self, step: PlannedStep) -> RecordId:
        old = self.queues.get(step.key)
        at = old.id if old else self.new("00G")
        self.queues[step.key] = QueueState(
            id=at,
            developer_name=step.key,
            label=str(step.after.get("Name", old.label if old else "")),
            objects=old.objects if old else frozenset(),
            email=step.after.get("Email", old.email if old else None),  # type: ignore[arg-type]
            members=old.members if old else {},
        )
        return at

    def member(self, step: PlannedStep) -> None:
        queue = self.queues[step.owner]
        members = dict(queue.members)
        key = ("GroupMember", step.owner)
        if isinstance(step, RemoveMember):
            user = RecordId(str(step.before["UserOrGroupId"]))
            del members[user]
            self.applied.setdefault(key, {})[user] = None
        else:
            user = RecordId(str(self.values(step)["UserOrGroupId"]))
            assert user not in members, "a second membership of one user"
            members[user] = self.new("011")
            self.applied.setdefault(key, {})[user] = True
        self.queues[step.owner] = replace(queue, members=members)


@pytest.fixture(scope="session")
def make() -> Builders:
    """The builders."""
    return Builders()


OPEN = MailPolicy(True, "sink@example.com", "the embedded org keeps all mail in its outbox")


@dataclass
class Stage:
    """The sample programme, the embedded org, and a state of our own."""

    org: Any
    settings: Settings
    session: Session
    store: Store
    programme: Programme
    runs: int = 0
    files: Mapping[str, bytes] = field(default_factory=dict)

    def plan(self) -> Plan:
        """What `sfprm plan` makes."""
        return make_plan(self.session, self.store, self.programme, progress=NoProgress())

    def apply(self, plan: Plan | None = None, **options: Any) -> ApplyResult:
        """What `sfprm apply` does, with a run of its own."""
        return apply(
            self.session,
            self.store,
            plan or self.plan(),
            run=self.new_run("apply"),
            clock=quick_clock(),
            **{"progress": NoProgress(), **options},
        )

    def check(self) -> CheckResult:
        """What `sfprm check` finds."""
        return check(
            self.session,
            self.store,
            self.programme,
            clock=FakeClock(datetime(2026, 11, 23, tzinfo=UTC)),
            progress=NoProgress(),
            policy=OPEN,
        )

    def setup(
        self, confirm: Callable[[SetupReview], bool] = lambda _: True, **options: Any
    ) -> SetupResult:
        """What `sfprm setup` does. The org's waits are not waited for."""
        self.org.control("POST", "delays", {"membership_seconds": 0})
        dry_run = options.pop("dry_run", False)
        return setup(
            self.session,
            self.store,
            self.programme,
            run=self.new_run("setup"),
            files=self.files,
            confirm=confirm,
            clock=FakeClock(datetime(2026, 11, 23, tzinfo=UTC)),
            progress=NoProgress(),
            backups=self.settings.state_dir / "backups",
            choices=SetupChoices(**options),
            dry_run=dry_run,
        )

    def new_run(self, job: str) -> RunId:
        """A started run."""
        self.runs += 1
        run = RunId(f"{job}-{self.runs}")
        now = datetime(2026, 11, 23, tzinfo=UTC)
        self.store.start_run(Run(run, job, RunState.RUNNING, "test", now))
        return run

    def fresh_session(self) -> Session:
        """Another login, as a new process would make it; the old one is closed."""
        self.session.close()
        self.session = open_session(self.settings, quick_clock())
        return self.session

    def rows(self, query: str) -> list[Row]:
        """What the org holds."""
        return select_all(self.session, query)


@pytest.fixture
def open_stage(
    devorg_process: Any, tmp_path: Path, new_state: Callable[[Path], str]
) -> Iterator[Callable[[str], Stage]]:
    """Opens the embedded org at the start of a story."""
    stages: list[Stage] = []

    def opened(story: str) -> Stage:
        devorg_process.control("DELETE", "faults")
        devorg_process.reset(story)
        settings = load_settings(env=devorg_process.env(tmp_path))
        if not (tmp_path / "state.db").exists():
            new_state(tmp_path)
        store = open_store(settings.database)
        session = open_session(settings, quick_clock())
        who = session.identity
        store.bind_org(who.org_id, who.org_name, datetime(2026, 11, 23, tzinfo=UTC))
        metadata = ROOT / "config" / "metadata"
        files = {
            str(path.relative_to(metadata)): path.read_bytes()
            for path in metadata.rglob("*")
            if path.is_file()
        }
        programme = load_programme(settings.programme)
        stages.append(Stage(devorg_process, settings, session, store, programme, 0, files))
        return stages[-1]

    yield opened
    for stage in stages:
        stage.session.close()
        stage.store.close()
    devorg_process.control("DELETE", "faults")


@pytest.fixture
def ready(open_stage: Callable[[str], Stage]) -> Stage:
    """The org after setup, before the first apply."""
    return open_stage("partners-ready")


@pytest.fixture
def demo(open_stage: Callable[[str], Stage]) -> Stage:
    """The org as a channel team finds it: partner management off, nothing deployed."""
    return open_stage("demo")
