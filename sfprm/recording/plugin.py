"""The pytest plugin: scenarios that run against a recording, the embedded org, or a named org.

    @pytest.mark.salesforce_recording("leads-by-owner")
    def test_leads(salesforce_recording):
        with Session(..., clock=salesforce_recording.clock) as session: ...

`--sfprm-mode replay` (the default), `devorg` or `live`; `--sfprm-record` writes what the scenario
did, in the last two modes only. Files are in the folder of the ini option `sfprm_recordings`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import pytest

if TYPE_CHECKING:  # an installed plugin is loaded by every run of pytest: imported when used
    from sfprm.clock import Clock
    from sfprm.recording.caps import Caps
    from sfprm.recording.cast import Cast
    from sfprm.recording.orgs import OrgAccess, Organization
    from sfprm.recording.recorder import Recorder
    from sfprm.recording.replay import Replay

__all__ = ["Mode", "Scenario"]

Mode = Literal["replay", "devorg", "live"]
_CALL = pytest.StashKey[pytest.CallInfo[None]]()
_CAPS = pytest.StashKey["Caps"]()
_PROPERTY = "salesforce_recording"
_FOR_EVER = "SFPRM_TEST_LIVE_IRREVERSIBLE"


@dataclass
class Scenario:
    """What a test of a scenario is given. `org` is None in replay.

    Give `clock` to the code under test; log in at `login_url` with the client's id and secret, and
    trust `ca`.
    """

    name: str
    mode: Mode
    clock: Clock
    org: OrgAccess | None
    _recorder: Recorder | None = None
    _replay: Replay | None = None
    _place: _Place | None = None

    def user(self, number: int) -> str:
        """The id of a partner user who is there for scenarios: 1 and 2 of one partner, 3 of
        another, all active, none of whom has logged in. The scenario is skipped in an org that has
        no such users yet; see `sfprm.recording.cast`."""
        return self.fact(f"user_{number}", lambda: self._cast().users[number])

    def partner(self, number: int) -> str:
        """The id of the account of partner 1 or 2."""
        return self.fact(f"partner_{number}", lambda: self._cast().partners[number])

    def _cast(self) -> Cast:
        from sfprm.errors import NotReady, OrgRefused

        assert self._place is not None
        try:
            return self._place.cast()
        except (NotReady, OrgRefused) as error:
            pytest.skip(f"{error} {error.hint}")

    @property
    def login_url(self) -> str:
        """Where to log in."""
        return self.fact("login_url", lambda: self._access.login_url)

    @property
    def client_id(self) -> str:
        """The app's consumer key, or its stand-in."""
        return self.fact("client_id", lambda: self._access.client_id)

    @property
    def client_secret(self) -> str:
        """The app's secret; in replay a text that is none."""
        return "not-a-secret" if self._replay else self._access.client_secret

    @property
    def ca(self) -> Path | None:
        """The certificate authority to trust besides the system's."""
        return self.org.ca if self.org else None

    def fact(self, name: str, make: Callable[[], str]) -> str:
        """A value that the scenario needs and the code under test does not ask for: made by set-up
        (whose requests are not recorded), kept in the recording, and given back in replay."""
        if self._replay is not None:
            return self._replay.fact(name)
        if self._recorder is None:
            return make()
        with self._recorder.unrecorded():
            return self._recorder.fact(name, make())

    @contextmanager
    def unrecorded(self) -> Iterator[None]:
        """Set-up and clean-up in an org: what is sent inside is not part of the scenario."""
        with self._recorder.unrecorded() if self._recorder else nullcontext():
            yield

    @property
    def _access(self) -> OrgAccess:
        assert self.org is not None
        return self.org


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("sfprm", "recordings of Salesforce")
    group.addoption(
        "--sfprm-mode",
        choices=("replay", "devorg", "live"),
        default=None,
        help="Where scenarios run: on recordings (default), in the embedded org, or in the org "
        "that SFPRM_TEST_LIVE_* names. [env: SFPRM_TEST_MODE]",
    )
    group.addoption(
        "--sfprm-record", action="store_true", help="Write recordings (modes devorg and live)."
    )
    group.addoption(
        "--sfprm-overwrite", action="store_true", help="Replace recordings that are there."
    )
    group.addoption(
        "--sfprm-force-org", action="store_true", help="Run scenarios in a production org too."
    )
    group.addoption(
        "--sfprm-scenario",
        action="append",
        default=[],
        help="Run this scenario alone (may be given several times).",
    )
    group.addoption(
        "--sfprm-folder", default=None, help="Folder of the recordings, in place of the ini's."
    )
    parser.addini("sfprm_recordings", "Folder of the recordings.", default="fixtures/recordings")


def pytest_configure(config: pytest.Config) -> None:
    """Tell the marker, and check that the options fit."""
    config.addinivalue_line(
        "markers",
        "salesforce_recording(scenario, *, fictional=(), order='strict', story='demo', keep=None): "
        "a scenario that can be recorded and replayed",
    )
    if config.getoption("--sfprm-record") and _mode(config) == "replay":
        raise pytest.UsageError("--sfprm-record needs an org: add --sfprm-mode devorg or live.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the scenarios asked for. Raises UsageError for a name that no test has."""
    wanted = set(config.getoption("--sfprm-scenario"))
    if not wanted:
        return
    named = {name: item for item in items if (name := _scenario_of(item))}
    unknown = wanted - set(named)
    if unknown:
        raise pytest.UsageError(
            f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(sorted(named))}"
        )
    kept = [item for item in items if _scenario_of(item) in wanted]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _scenario_of(item: pytest.Item) -> str:
    marker = item.get_closest_marker("salesforce_recording")
    return str(marker.args[0]) if marker and marker.args else ""


def _folder(config: pytest.Config) -> Path:
    told = config.getoption("--sfprm-folder")
    return Path(told) if told else config.rootpath / str(config.getini("sfprm_recordings"))


def _mode(config: pytest.Config) -> Mode:
    told = config.getoption("--sfprm-mode") or os.environ.get("SFPRM_TEST_MODE") or "replay"
    if told not in ("replay", "devorg", "live"):
        raise pytest.UsageError(f"SFPRM_TEST_MODE: {told!r} is none of replay, devorg and live.")
    return cast(Mode, told)


@dataclass
class _Place:
    """Where scenarios run. `caps`: what may be done there, in a live org."""

    access: OrgAccess
    organization: Organization
    caps: Caps | None = None
    gathered: Cast | None = None

    def cast(self) -> Cast:
        """The people for scenarios, gathered once."""
        from sfprm.recording.cast import Stage

        if self.gathered is None:
            make = self.caps is None or self.caps.for_ever
            self.gathered = Stage(self.access).gather(make=make)
        return self.gathered

    def tidy(self) -> None:
        """The people leave; they cannot be deleted."""
        from sfprm.recording.cast import Stage

        if self.gathered is not None and self.caps is not None:
            with self.caps.tidying():
                Stage(self.access).dismiss(self.gathered)


@pytest.fixture(scope="session")
def salesforce_place(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The org of this run, looked at once; None in replay."""
    from sfprm.recording.caps import Caps
    from sfprm.recording.cast import PEOPLE
    from sfprm.recording.orgs import embedded_org, look_at, named_org, refuse_production

    mode = _mode(request.config)
    forced = bool(request.config.getoption("--sfprm-force-org"))
    if mode == "replay":
        yield None
    elif mode == "devorg":
        with embedded_org() as access:
            yield _Place(access, look_at(access))
    else:
        access = named_org(os.environ)
        organization = look_at(access)
        refuse_production(organization, forced=forced)
        caps = Caps(kept_back=len(PEOPLE), for_ever=os.environ.get(_FOR_EVER) == "yes")
        request.config.stash[_CAPS] = caps
        with caps.watching():
            place = _Place(access, organization, caps)
            yield place
            place.tidy()


@pytest.fixture
def salesforce_recording(
    request: pytest.FixtureRequest, salesforce_place: Any
) -> Iterator[Scenario]:
    """The scenario that the marker `salesforce_recording` names."""
    from sfprm.clock import SystemClock
    from sfprm.errors import SfprmError
    from sfprm.recording.file import load
    from sfprm.recording.keep import SALESFORCE
    from sfprm.recording.recorder import Recorder

    marker = request.node.get_closest_marker("salesforce_recording")
    if marker is None or not marker.args:
        pytest.fail("name the scenario: @pytest.mark.salesforce_recording('...')", pytrace=False)
    name = str(marker.args[0])
    told: dict[str, Any] = {"fictional": (), "order": "strict", "story": "demo", "keep": None}
    told |= marker.kwargs
    keep = told["keep"] or SALESFORCE
    folder = _folder(request.config)
    mode = _mode(request.config)
    if mode == "replay":
        if find_spec("responses") is None:
            pytest.fail(
                "replay needs the package responses: pip install 'sfprm[recording]'", pytrace=False
            )
        from sfprm.recording.replay import Replay

        try:
            recording = load(folder / f"{name}.yaml")
        except SfprmError as error:
            pytest.fail(f"{error}\n{error.hint}", pytrace=False)
        request.node.user_properties.append((_PROPERTY, f"{name}: {recording.source}"))
        with Replay(recording, order=told["order"], keep=keep) as replay:
            yield Scenario(name, mode, replay.clock, None, _replay=replay)
        return
    place: _Place = salesforce_place
    if place.access.is_embedded:
        place.access.control("POST", "reset")
        place.access.control("POST", "seed", {"story": told["story"], "seed": 7})
        place.gathered = None
    if not request.config.getoption("--sfprm-record"):
        yield Scenario(name, mode, SystemClock(), place.access, _place=place)
        return
    recorder = Recorder(
        name, clock=SystemClock(), keep=keep, fictional=frozenset(told["fictional"])
    )
    with recorder.everything():
        yield Scenario(name, mode, recorder.clock, place.access, _recorder=recorder, _place=place)
    call = request.node.stash.get(_CALL, None)
    if call is not None and call.excinfo is None:
        overwrite = bool(request.config.getoption("--sfprm-overwrite"))
        version = recorder.api_version
        recorder.write(folder, place.organization.source(version), overwrite=overwrite)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember how the test went: a scenario that failed is not recorded."""
    if call.when == "call":
        item.stash[_CALL] = call
    return (yield)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say which replayed scenarios no real org has confirmed yet, and what a live run did."""
    caps = config.stash.get(_CAPS, None)
    if caps is not None:
        terminalreporter.write_line(f"live run: {caps}")
    used = {
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == _PROPERTY
    }
    unconfirmed = sorted(one.partition(":")[0] for one in used if "embedded org" in one)
    if unconfirmed:
        terminalreporter.write_line(
            f"{len(unconfirmed)} of {len(used)} replayed scenarios have no recording from a real "
            "org yet"
            + (f": {', '.join(unconfirmed)}" if config.option.verbose > 0 else "; -v names them")
        )
