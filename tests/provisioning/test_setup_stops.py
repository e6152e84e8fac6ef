"""setup is stopped at any point and run again: the end is the same, and nothing is done twice.

A stop is either a call whose answer never comes back (the write had its effect) or a step that was
to be journalled. With SFPRM_TEST_LONG=1 each call is tried, before and after its effect.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sfprm.clock import FakeClock
from sfprm.errors import StillWorking
from sfprm.events import NoProgress
from sfprm.ids import RunId
from sfprm.programme.load import load_programme
from sfprm.programme.model import Programme
from sfprm.provisioning.apply import apply
from sfprm.provisioning.exposure_reader import reviewed_files
from sfprm.provisioning.make_plan import make_plan
from sfprm.provisioning.setup import setup
from sfprm.provisioning.setup_acts import Act, ActState, SetupResult
from sfprm.provisioning.setup_backup import restore
from sfprm.provisioning.setup_review import SetupChoices
from sfprm.provisioning.setup_verify import verify
from sfprm.salesforce import collections
from sfprm.salesforce.query import select_all
from sfprm.salesforce.session import Session, open_session
from sfprm.settings import Settings, load_settings
from sfprm.store.database import open_store
from sfprm.store.records import Run, RunState
from sfprm.store.writer import Store

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 23, tzinfo=UTC)
LONG = bool(os.environ.get("SFPRM_TEST_LONG"))
SITE = "Alder Partner Central"
CONVERT = SetupChoices(convert=("all",))
HOLD = SetupChoices(hold_welcome_mail=True)


class Stop(BaseException):
    """The machine dies here."""


@dataclass
class Switch:
    """Counts points at which the machine may die, and dies at one of them. 0: never."""

    at: int = 0
    passed: int = 0

    def point(self) -> None:
        """One such point."""
        self.passed += 1
        if self.passed == self.at:
            raise Stop


class Dying:
    """Somebody else's object, of which some calls are such points, before or after they are
    done; the rest is handed on."""

    def __init__(
        self, inner: Any, switch: Switch, names: tuple[str, ...], *, after: bool, chosen: Any = None
    ) -> None:
        self.__dict__.update(
            _inner=inner, _switch=switch, _names=names, _after=after, _chosen=chosen
        )

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in self._names:
            return found

        def call(*given: Any, **named: Any) -> Any:
            counts = self._chosen is None or self._chosen(*given, **named)
            if counts and not self._after:
                self._switch.point()
            answer = found(*given, **named)
            if counts and self._after:
                self._switch.point()
            return answer

        return call


def writes(method: str, path: str, **_: Any) -> bool:
    """A call that changes something; retrieves are posted too."""
    return method != "GET" and "Soap" not in path and not path.endswith("composite")


@dataclass
class Stand:
    """The embedded org at a snapshot, and states of our own."""

    org: Any
    settings: Settings
    folder: Path
    snapshot: str
    choices: SetupChoices
    programme: Programme
    one: Session
    runs: int = 0
    metadata: dict[str, bytes] = field(default_factory=dict)

    def fresh(self) -> Store:
        """The org as it was at the snapshot, and a state that knows nothing of setup."""
        self.org.control("POST", f"snapshots/{self.snapshot}/restore")
        self.org.control("POST", "delays", {"membership_seconds": 0})
        shutil.copy(self.folder / f"{self.snapshot}.db", self.folder / "state.db")
        return open_store(f"sqlite:///{self.folder / 'state.db'}")

    def session(self) -> Session:
        """What a new login would be: one that knows nothing yet."""
        self.one.described.clear()
        return self.one

    def setup(self, session: Any, store: Any) -> SetupResult:
        """What `sfprm setup` does."""
        self.runs += 1
        run = RunId(f"setup-{self.runs}")
        store.start_run(Run(run, "setup", RunState.RUNNING, "test", NOW))
        return setup(
            session,
            store,
            self.programme,
            run=run,
            files=self.metadata,
            confirm=lambda _: True,
            clock=FakeClock(NOW),
            progress=NoProgress(),
            backups=self.folder / "backups",
            choices=self.choices,
        )

    def end(self, session: Session) -> dict[str, Any]:
        """All that setup changes."""
        assigned = select_all(
            session,
            "SELECT PermissionSet.Name FROM PermissionSetAssignment "
            f"WHERE AssigneeId = '{session.identity.user_id}'",
        )
        members = select_all(
            session, "SELECT NetworkId, ParentId, AssignmentStatus FROM NetworkMemberGroup"
        )
        return {
            "files": reviewed_files(session, clock=FakeClock(NOW)),
            "assigned": sorted(row["PermissionSet"]["Name"] for row in assigned),
            "members": sorted(
                (m["NetworkId"], m["ParentId"], m["AssignmentStatus"]) for m in members
            ),
            "welcome": select_all(
                session, "SELECT Name, OptionsSendWelcomeEmail FROM Network ORDER BY Name"
            ),
            "keys": len(select_all(session, "SELECT Partner_Key__c FROM Account LIMIT 1")),
            "mails": len(self.org.outbox()),
        }


@pytest.fixture(scope="module")
def stands(devorg_process: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two orgs: one as a channel team finds it, one that is run but whose site lost its members."""
    folder = tmp_path_factory.mktemp("stops")
    devorg_process.control("DELETE", "faults")
    settings = load_settings(env=devorg_process.env(folder))
    programme = load_programme(settings.programme)
    root = ROOT / "config" / "metadata"
    files = {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}
    devorg_process.reset("demo")
    store = open_store(settings.database)
    store.close()
    shutil.copy(folder / "state.db", folder / "found.db")
    devorg_process.control("POST", "snapshots", {"name": "found"})

    devorg_process.reset("partners-ready")
    devorg_process.control("POST", "delays", {"membership_seconds": 0})
    store, session = open_store(settings.database), open_session(settings, FakeClock(NOW))
    store.start_run(Run(RunId("apply-1"), "apply", RunState.RUNNING, "test", NOW))
    plan = make_plan(session, store, programme, progress=NoProgress())
    done = apply(
        session, store, plan, run=RunId("apply-1"), clock=FakeClock(NOW), progress=NoProgress()
    )
    assert done.is_whole
    site = select_all(session, f"SELECT Id FROM Network WHERE Name = '{SITE}'")[0]["Id"]
    query = f"SELECT Id FROM NetworkMemberGroup WHERE NetworkId = '{site}'"
    rows = select_all(session, query)
    update = [{"Id": r["Id"], "AssignmentStatus": "WaitingForRemove"} for r in rows]
    assert collections.update(session, "NetworkMemberGroup", update)[0].success
    assert not select_all(session, query)
    store.close()
    shutil.copy(folder / "state.db", folder / "run.db")
    devorg_process.control("POST", "snapshots", {"name": "run"})
    yield {
        name: Stand(
            devorg_process, settings, folder, name, choices, programme, session, metadata=files
        )
        for name, choices in (("found", CONVERT), ("run", HOLD))
    }
    session.close()
    for name in ("found", "run"):
        devorg_process.control("DELETE", f"snapshots/{name}")


Killer = Callable[[Any, Any, Switch], tuple[Any, Any]]


def lost_answer(session: Any, store: Any, switch: Switch) -> tuple[Any, Any]:
    """After a write had its effect."""
    return Dying(session, switch, ("request",), after=True, chosen=writes), store


def any_call(session: Any, store: Any, switch: Switch) -> tuple[Any, Any]:
    """Before any call."""
    return Dying(session, switch, ("request",), after=False), store


def journal(session: Any, store: Any, switch: Switch) -> tuple[Any, Any]:
    """Before a step is journalled, or a value remembered."""
    names = ("add_steps", "set_steps", "record_applied")
    return session, Dying(store, switch, names, after=False)


KILLERS: list[Killer] = [lost_answer, journal, *([any_call] if LONG else [])]


@pytest.mark.parametrize("which", ["found", "run"])
def test_stopped_anywhere_it_ends_the_same(stands: Any, which: str) -> None:
    """Every write whose answer is lost, every point of the journal."""
    stand = stands[which]
    store, session = stand.fresh(), stand.session()
    assert stand.setup(session, store).is_whole
    wanted = stand.end(session)
    store.close()
    for killer in KILLERS:
        total = points(stand, killer)
        assert total >= 3
        for at in range(1, total + 1, 1 if LONG or killer is lost_answer else 4):
            stopped_once(stand, killer, at, wanted)


def points(stand: Stand, killer: Killer) -> int:
    """How many points a run has at which it may be stopped."""
    store, session, switch = stand.fresh(), stand.session(), Switch()
    assert stand.setup(*killer(session, store, switch)).is_whole
    store.close()
    return switch.passed


def stopped_once(stand: Stand, killer: Killer, at: int, wanted: dict[str, Any]) -> None:
    """Die at one point, go on with another login, compare."""
    store, session = stand.fresh(), stand.session()
    with pytest.raises(Stop):
        stand.setup(*killer(session, store, Switch(at)))
    again = stand.session()
    assert stand.setup(again, store).is_whole
    assert stand.end(again) == wanted
    if LONG:
        assert {a.state for a in stand.setup(again, store).acts} == {ActState.ALREADY}
    store.close()


@pytest.fixture
def found(stands: Any) -> Iterator[tuple[Stand, Session, Store]]:
    """The org as a channel team finds it."""
    yield from opened(stands["found"])


@pytest.fixture
def run(stands: Any) -> Iterator[tuple[Stand, Session, Store]]:
    """The org that is run, whose site lost its members."""
    yield from opened(stands["run"])


def opened(stand: Stand) -> Iterator[tuple[Stand, Session, Store]]:
    store, session = stand.fresh(), stand.session()
    yield stand, session, store
    store.close()


def shares(session: Session) -> dict[str, bytes]:
    """Sharing rules and folders as they are."""
    return reviewed_files(session, clock=FakeClock(NOW))


def test_what_was_rewritten_is_put_back(found: tuple[Stand, Session, Store]) -> None:
    """Check-only first; a second time changes nothing; another org's backup is refused."""
    stand, session, store = found
    before = shares(session)
    done = stand.setup(session, store)
    assert done.acts[0].act is Act.CONVERT
    assert [str(rows) for rows in done.review.affected] == [
        "Lead.Inside_Sales_to_Channels: 25 Lead records",
        "Account.Customers_to_Iberia: at most 22 Account records",
    ]
    assert shares(session) != before
    backup = Path(done.backup)
    options: dict[str, Any] = {"clock": FakeClock(NOW), "progress": NoProgress()}
    dry = restore(session, backup, dry_run=True, **options)
    assert dry.components == 0
    assert shares(session) != before
    for _ in range(2):
        assert restore(session, backup, **options).components == 6
        assert same_shares(shares(session), before)


def same_shares(found: dict[str, bytes], wanted: dict[str, bytes]) -> bool:
    """Without regard to indentation."""

    def plain(files: dict[str, bytes]) -> dict[str, bytes]:
        return {path: b"".join(content.split()) for path, content in files.items()}

    return plain(found) == plain(wanted)


def test_where_targets_cannot_change_twins_are_made(found: tuple[Stand, Session, Store]) -> None:
    """The internal twin first, then the old rule goes; the way back deletes the twin."""
    stand, session, store = found
    stand.org.control("POST", "settings", {"sharing_targets_fixed": True})
    before = shares(session)
    done = stand.setup(session, store)
    assert done.is_whole
    assert "made anew" in done.acts[0].found
    lead = shares(session)["sharingRules/Lead.sharingRules"]
    assert b"Inside_Sales_to_Channels_Internal" in lead
    assert b"<fullName>Inside_Sales_to_Channels</fullName>" not in lead
    backup = Path(done.backup)
    restore(session, backup, clock=FakeClock(NOW), progress=NoProgress())
    assert same_shares(shares(session), before)


def test_the_welcome_mail_is_off_meanwhile_and_on_again(run: tuple[Stand, Session, Store]) -> None:
    """Thirty people become members, and nobody is mailed."""
    stand, session, store = run
    mails = len(stand.org.outbox())
    done = stand.setup(session, store)
    assert [(a.act, a.state) for a in done.acts[-2:]] == [
        (Act.JOIN_SITE, ActState.DONE),
        (Act.WELCOME, ActState.DONE),
    ]
    assert len(stand.org.outbox()) == mails
    query = f"SELECT OptionsSendWelcomeEmail FROM Network WHERE Name = '{SITE}'"
    assert select_all(session, query)[0]["OptionsSendWelcomeEmail"] is True


def test_verify_names_what_is_missing(found: tuple[Stand, Session, Store]) -> None:
    """Before and after setup; it changes nothing itself."""
    stand, session, store = found

    def missing() -> tuple[str, ...]:
        told = verify(
            session,
            stand.programme,
            store.applied(),
            files=stand.metadata,
            clock=FakeClock(NOW),
            choices=SetupChoices(),
        )
        assert told.is_whole is (not told.missing)
        return told.missing

    words = " ".join(missing())
    for part in ("switch on", "deploy", "grant", "prove", "join the site"):
        assert part in words
    assert missing()
    assert stand.setup(session, store).is_whole
    assert missing() == ()


def test_nothing_is_switched_on_before_shares_are_rewritten(
    found: tuple[Stand, Session, Store],
) -> None:
    """Outside the window both wait; what does no harm is done."""
    from sfprm.provisioning.setup_window import read_window

    stand, session, store = found
    later = SetupChoices(convert=("all",), window=read_window("03:00-04:00 UTC"))
    waiting = replace(stand, choices=later, runs=900)
    done = waiting.setup(session, store)
    states = {a.act: a.state for a in done.acts}
    assert states[Act.CONVERT] is states[Act.SWITCH_ON] is ActState.BLOCKED
    assert states[Act.DEPLOY] is ActState.DONE
    assert "opens at 2026-11-23 03:00" in done.acts[0].found


def test_what_the_org_still_works_on_is_waited_for_the_next_time(
    run: tuple[Stand, Session, Store],
) -> None:
    """Membership is asynchronous: at the time-out setup says so, with the welcome mail still off;
    the next run waits, and switches it on again."""
    stand, session, store = run
    stand.org.control("POST", "delays", {"membership_seconds": 1.0})
    hasty = replace(stand, choices=replace(HOLD, membership_timeout=0.0), runs=700)
    with pytest.raises(StillWorking):
        hasty.setup(session, store)
    query = f"SELECT OptionsSendWelcomeEmail FROM Network WHERE Name = '{SITE}'"
    assert select_all(session, query)[0]["OptionsSendWelcomeEmail"] is False
    patient = replace(stand, choices=SetupChoices(membership_timeout=1e6), runs=800)
    assert patient.setup(session, store).is_whole
    assert select_all(session, query)[0]["OptionsSendWelcomeEmail"] is True
