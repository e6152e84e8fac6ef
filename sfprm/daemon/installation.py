"""The orgs of an installation: each has its own settings, login, state, budget and pause.

The settings that the daemon was started with are the first org's, named by the empty name. Others
are env files: `orgs/emea.env` is the org that job files name by `org: emea`. An org's state is its
own (design, decision 12): its file says which.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from sfprm.daemon.jobfiles import JobFile
from sfprm.errors import BadFiles, BadSettings
from sfprm.events import Event
from sfprm.jobs.starter import Starter
from sfprm.programme.load import Kept, load_again
from sfprm.programme.model import Programme
from sfprm.settings import Settings, load_settings

__all__ = ["Installation", "Org"]

_log = structlog.get_logger("sfprm.daemon")


@dataclass(slots=True)
class Org:
    """One org under one programme, and the last good reading of that programme's files.

    `refused`: what was wrong with the files when they were last read; empty when they were good.
    """

    name: str
    starter: Starter
    good: Programme | None = None
    refused: str = ""
    _kept: Kept | None = None

    def programme(self) -> Programme:
        """The files as they are, or the last good ones when they are bad. Raises BadFiles when
        they never were good."""
        settings = self.starter.settings
        try:
            self._kept = load_again(settings.programme, settings.environment, self._kept)
            self.good = self._kept.programme
            self.refused = ""
        except BadFiles as bad:
            _log.error(Event.FILES_REFUSED, errors=len(bad.complaints), message=bad.message)
            self.refused = bad.message
            if self.good is None:
                raise
        return self.good


@dataclass(slots=True)
class Installation:
    """Every org that the job files name, opened when first needed."""

    main: Starter
    _orgs: dict[tuple[str, Path | None], Org] = field(default_factory=dict)

    def org_of(self, file: JobFile) -> Org:
        """The org and programme of a job file. Raises BadSettings for a bad env file."""
        return self.org(file.org, file.programme)

    def org(self, name: str, programme: Path | None = None) -> Org:
        """An org by name; the main one has none."""
        key = (name, programme)
        if key not in self._orgs:
            self._orgs[key] = self._open(name, programme)
        return self._orgs[key]

    def __iter__(self) -> Iterator[Org]:
        return iter(list(self._orgs.values()))

    def states(self, names: set[str]) -> list[Org]:
        """One org for each state: the main one and those named."""
        return [self.org(name) for name in sorted({"", *names})]

    def close(self) -> None:
        """Close the orgs besides the main one, which its opener closes."""
        for org in self._orgs.values():
            if org.starter is not self.main:
                org.starter.close()
        self._orgs.clear()

    def _open(self, name: str, programme: Path | None) -> Org:
        settings = self._settings(name)
        if not name and programme is None:
            starter = self.main
        else:
            if programme is not None:
                settings = settings.model_copy(update={"programme": programme})
            starter = replace(
                self.main, settings=settings, session=None, store=None, presence=None, org=name,
                load=None, _opened=ExitStack(),
            )  # fmt: skip
        org = Org(name, starter)
        starter.load = org.programme
        return org

    def _settings(self, name: str) -> Settings:
        if not name:
            return self.main.settings
        path = self.main.settings.orgs / f"{name}.env"
        settings = load_settings({}, env_file=path)
        if settings.database == self.main.settings.database:
            raise BadSettings(
                f"{path}: the org {name} has the same state as the main one.",
                hint="Give it its own SFPRM_STATE_DIR or SFPRM_DATABASE_URL.",
            )
        return settings
