"""Several orgs in one process: each with its own id, records, clock, sessions and ports.

The first, `main`, has the server's own ports; each further one gets ports of its own, and answers
too on the first one's under the host name `NAME.orgs.localhost`. Usernames are unique over all of
them [D: over all orgs of the world]; so the seeded users of a further org have its name behind
their usernames, as a sandbox's do [D]. Orgs that share usernames answer one request at a time.

A fork is a copy of an org as it is or as it was at a snapshot, in memory, with usernames and time
as there; it is a world of its own (its usernames are checked against nobody else's), so that tests
may fork one prepared org as often as they like. It keeps the Organization's id: what clients have
noted of the org is true in its fork. Who tells orgs apart by their id asks for a fork with an id of
its own (`own_id`)."""

from __future__ import annotations

import json
import os
import threading
from itertools import count
from pathlib import Path
from typing import Protocol

from sfprm.devorg.apps import ConnectedApp
from sfprm.devorg.beginnings import Beginnings
from sfprm.devorg.behaviours.sites import resume
from sfprm.devorg.ids import mint
from sfprm.devorg.org import Org
from sfprm.devorg.snapshots import NAME, Kept, Snapshots
from sfprm.devorg.storage import Storage

__all__ = ["MAIN", "Orgs", "Ports", "open_orgs"]

MAIN = "main"
_FIRST_OF_FORKS = 100_000  # serials of Organization ids; those of other orgs are lower


class Ports(Protocol):
    """Opens and closes an org's ports."""

    def open(self, org: Org) -> tuple[int, int]:
        """Open one for HTTP and one for HTTPS, set the org's addresses, say the ports."""
        ...

    def close(self, name: str) -> None:
        """Close those of the org of that name."""
        ...


class Orgs:
    """The orgs of this process, by name. `data` is the file of the first; a further org's file
    stands beside it, and `FILE.orgs.json` lists them."""

    def __init__(self, state_dir: Path, app: ConnectedApp, data: Path | None) -> None:
        self._state_dir = state_dir
        self._app = app
        self._data = data
        self._beginnings = Beginnings()
        self._lock = threading.RLock()
        self._orgs: dict[str, Org] = {}
        self._by_port: dict[int, Org] = {}
        folder = data.with_name(f"{data.name}.snapshots") if data is not None else None
        self.snapshots = Snapshots(folder)
        self._forks = count()
        self.ports: Ports | None = None

    # Finding

    @property
    def main(self) -> Org:
        """The first org."""
        return self._orgs[MAIN]

    def all(self) -> list[Org]:
        """Every org, the first one first."""
        return list(self._orgs.values())

    def find(self, name: str) -> Org:
        """The org of that name. Raises LookupError."""
        org = self._orgs.get(name.lower())
        if org is None:
            raise LookupError(f"no org {name!r}: there are {', '.join(self._orgs)}")
        return org

    def at(self, port: int | None, host: str) -> Org:
        """The org behind a request: by its own port, else by the first label of the host name."""
        if len(self._orgs) == 1:
            return self.main
        own = self._by_port.get(port or 0)
        if own is not None and own is not self.main:
            return own
        label, _, rest = host.lower().partition(".")
        return self._orgs.get(label, self.main) if rest else self.main

    # Opening

    def open(self, name: str, *, story: str | None = None, seed: int = 7) -> Org:
        """Open an org: from its file, or new with that story. Raises ValueError."""
        name = name.lower()
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for an org: a-z, 0-9 and -, a letter first")
        if name in self._orgs:
            raise ValueError(f"there is an org {name!r} already")
        org = self._make(name, Storage(self._file(name)), shared=True)
        try:
            org.storage.create(org.schema)
            org.permissions.forget()
            if not org.organization:
                org.seed(story or "empty", seed)
                org.set_setting("story_by_default", story is None)
        except ValueError:
            org.storage.close()
            raise
        self._take(org)
        if name != MAIN and name not in self._listed():
            self._write_list()
        return org

    def open_listed(self) -> None:
        """Open the further orgs that the first one's file has beside it."""
        for name in self._listed():
            if name not in self._orgs:
                self.open(name)

    def fork(
        self, source: Org, name: str, kept: Kept | None = None, *, own_id: bool = False
    ) -> Org:
        """A new org out of one as it is, or as it was; with the same Organization id unless it is
        to have its own. Raises ValueError."""
        name = name.lower()
        if not NAME.fullmatch(name) or name in self._orgs:
            raise ValueError(f"{name!r} is no name for a new org")
        with self._lock:
            org = self._make(name, Storage(None), shared=False)
            snapshot = kept.snapshot if kept is not None else source.storage.snapshot()
            try:
                org.become(snapshot, kept.clock if kept is not None else source.clock.kept())
            finally:
                if kept is None:
                    snapshot.close()
            org.suffix = source.suffix
            if own_id:
                org.take_id(mint("00D", _FIRST_OF_FORKS + next(self._forks)))
            self._take(org)
        return org

    def close(self, name: str) -> None:
        """Forget an org with all that it holds; its file too. Raises ValueError, LookupError."""
        org = self.find(name)
        if org is self.main:
            raise ValueError("the first org cannot be closed")
        del self._orgs[org.name]
        for port in [port for port, one in self._by_port.items() if one is org]:
            del self._by_port[port]
        if self.ports is not None:
            self.ports.close(org.name)
        org.close()
        path = self._file(org.name)
        if path is not None and org.shared:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
        self._write_list()

    def close_all(self) -> None:
        """Close every storage; files stay."""
        for org in self._orgs.values():
            org.close()
        self.snapshots.close()

    def taken_elsewhere(self, org: Org, usernames: list[str]) -> set[str]:
        """Which of these usernames another org has, in lower case. Nobody's, for a fork."""
        if not org.shared:
            return set()
        return {
            str(user["Username"]).lower()
            for other in self.all()
            if other is not org and other.shared
            for user in other.storage.find("User", Username=usernames)
        }

    def restore(self, org: Org, name: str) -> None:
        """Bring an org back to a snapshot, its own or another org's."""
        with self._lock:
            kept = self.snapshots.find(name)
            org.become(kept.snapshot, kept.clock)
            resume(org)

    def _make(self, name: str, storage: Storage, *, shared: bool) -> Org:
        org = Org(
            storage,
            self._beginnings.schema(),
            self._state_dir,
            self._app,
            name=name,
            beginnings=self._beginnings if shared else Beginnings(self._beginnings.base),
            lock=self._lock if shared else threading.RLock(),
        )
        org.shared = shared
        org.neighbours = self
        org.suffix = "" if name == MAIN else f".{name}"
        org.number = len(self._orgs)
        return org

    def _take(self, org: Org) -> None:
        self._orgs[org.name] = org
        if self.ports is not None:
            self.listening(org, self.ports.open(org))
        resume(org)

    def listening(self, org: Org, ports: tuple[int, int]) -> None:
        """An org got its ports."""
        for port in ports:
            self._by_port[port] = org

    # Files

    def _file(self, name: str) -> str | None:
        if self._data is None:
            return None
        if name == MAIN:
            return str(self._data)
        return str(self._data.with_name(f"{self._data.stem}-{name}{self._data.suffix}"))

    @property
    def _list(self) -> Path:
        assert self._data is not None
        return self._data.with_name(f"{self._data.name}.orgs.json")

    def _listed(self) -> list[str]:
        """The further orgs of the file."""
        if self._data is None or not self._list.exists():
            return []
        return [str(name) for name in json.loads(self._list.read_text("utf-8"))]

    def _write_list(self) -> None:
        """Written beside and moved, so that a killed server leaves the old or the new one."""
        if self._data is None:
            return
        names = [org.name for org in self._orgs.values() if org.shared and org is not self.main]
        if not names and not self._list.exists():
            return
        new = self._list.with_suffix(".new")
        new.write_text(json.dumps(names), "utf-8")
        os.replace(new, self._list)


def open_orgs(
    state_dir: Path,
    app: ConnectedApp,
    *,
    data: Path | None,
    story: str | None,
    seed: int,
    names: tuple[str, ...] = (),
) -> Orgs:
    """All orgs that the command line asks for. Raises ValueError."""
    orgs = Orgs(state_dir, app, data)
    orgs.open(MAIN, story=story, seed=seed)
    orgs.open_listed()
    for name in names:
        if name.lower() not in {org.name for org in orgs.all()}:
            orgs.open(name, story=story, seed=seed)
    return orgs
