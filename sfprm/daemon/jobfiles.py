"""Job files: one job a file, what to run and when. Checked line by line like the programme's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sfprm.daemon.jobfile_model import (
    CalendarModel,
    IfLate,
    JobFileModel,
    Overlap,
    in_words,
    pace,
)
from sfprm.daemon.trigger import Calendar, Cron, Every, Schedule, jittered
from sfprm.errors import BadFiles, BadRequest
from sfprm.jobs.frame import Job, JobOptions, Limits
from sfprm.jobs.function import function_job
from sfprm.jobs.registry import KNOWN_JOBS, job_named
from sfprm.programme.complaints import Complaints, Place, did_you_mean
from sfprm.programme.shape import shape
from sfprm.programme.source import read_source
from sfprm.programme.yaml_text import Tree, parse_yaml

__all__ = ["JobFile", "load_job_files", "text_of"]

CHANGES = ("max_changes", "limit")
"""The options by which jobs brake themselves; `limits: changes` sets the one that a job has."""


@dataclass(frozen=True, slots=True)
class JobFile:
    """A job file, checked. `options` is the job's own typed model; `watched` are the patterns of
    `on_change`, absolute."""

    name: str
    path: Path
    job: Job[Any, Any]
    options: JobOptions
    description: str = ""
    every: timedelta | None = None
    cron: str | None = None
    calendar: CalendarModel | None = None
    after: str | None = None
    watched: tuple[str, ...] = ()
    time_zone: str = "UTC"
    jitter: timedelta = timedelta(0)
    if_late: IfLate = IfLate.RUN_ONCE
    overlap: Overlap = Overlap.NEVER
    limits: Limits = field(default_factory=Limits)
    retries: int = 0
    retry_wait: timedelta = timedelta(minutes=1)
    told: tuple[str, ...] = ()
    org: str = ""
    programme: Path | None = None

    @property
    def timed(self) -> Schedule | None:
        """The schedule, of files that run by the clock."""
        if self.every is not None:
            return Every(self.every)
        zone = ZoneInfo(self.time_zone)
        if self.cron is not None:
            return Cron(self.cron, zone)
        return Calendar(self.calendar, zone) if self.calendar is not None else None

    @property
    def schedule(self) -> str:
        """The schedule in words."""
        if self.every is not None:
            return f"every {in_words(self.every)}"
        if self.after is not None:
            return f"after {self.after}"
        if self.watched:
            return "when " + ", ".join(Path(p).name for p in self.watched) + " changes"
        if self.cron is not None:
            return f"{self.cron} ({self.time_zone})"
        assert self.calendar is not None
        off = f", not on holidays of {self.calendar.holidays}" if self.calendar.holidays else ""
        days = "daily" if self.calendar.days == "*" else self.calendar.days
        return f"{days} {', '.join(sorted(self.calendar.at))}{off} ({self.time_zone})"

    def starts(self, slot: datetime) -> datetime:
        """When the slot's run may start: later than the slot by its jitter."""
        return jittered(self.name, slot, self.jitter) if self.jitter else slot


def load_job_files(folder: Path, orgs: Path | None = None) -> tuple[JobFile, ...]:
    """Every `*.yaml` of the folder, by name. `orgs`: the folder of the orgs' env files.

    Raises BadFiles with all that is wrong in them.
    """
    complaints = Complaints()
    files: dict[str, JobFile] = {}
    afters: list[tuple[JobFile, Place]] = []
    paths = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    if not paths:
        complaints.error(
            Place(str(folder)),
            "holds no job file (*.yaml).",
            "`sfprm init DIR` writes samples; --jobs or SFPRM_JOBS names the folder.",
        )
    for path in paths:
        found = _load(path, complaints, orgs)
        if found is None:
            continue
        file, tree = found
        if file.name in files:
            complaints.error(
                Place(str(path), 1),
                f"the name {file.name!r} is also that of {files[file.name].path}.",
                "Give one of them another `name:`.",
            )
        files[file.name] = file
        if file.after is not None:
            afters.append((file, tree.at("after").place))
    for file, place in afters:
        _check_after(file, place, files, complaints)
    if complaints.errors:
        raise BadFiles(complaints.errors)
    return tuple(files.values())


def text_of(folder: Path) -> str:
    """A digest of the folder's job files and alert channels: another one when any has changed."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("alerts/*.yaml")]):
        try:
            digest.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
        except OSError:
            digest.update(b"unreadable\0")
    return digest.hexdigest()


def _load(path: Path, complaints: Complaints, orgs: Path | None) -> tuple[JobFile, Tree] | None:
    before = len(complaints.errors)
    source = read_source(path, str(path), complaints)
    tree = parse_yaml(source, complaints) if source is not None else None
    shaped = shape(tree, JobFileModel, complaints) if tree is not None else None
    if tree is None or shaped is None or len(complaints.errors) > before:
        return None
    model, tree = shaped
    try:
        job = job_named(model.job) if model.job in KNOWN_JOBS else function_job(model.job)
    except BadRequest as error:
        complaints.error(tree.at("job").place, error.message, error.hint)
        return None
    options = _options(job, model, tree, complaints)
    if options is None:
        return None
    if model.org is not None and not (orgs is not None and (orgs / f"{model.org}.env").is_file()):
        known = [p.stem for p in orgs.glob("*.env")] if orgs is not None else []
        complaints.error(
            tree.at("org").place,
            f"no org is named {model.org!r}.",
            did_you_mean(model.org, known)
            or f"Write its settings to {orgs or 'orgs'}/{model.org}.env (SFPRM_ORGS).",
        )
        return None
    patterns = [model.on_change] if isinstance(model.on_change, str) else model.on_change or []
    programme = None if model.programme is None else (path.parent / model.programme).resolve()
    if programme is not None and not programme.is_dir():
        complaints.error(tree.at("programme").place, f"there is no folder {programme}.")
        return None
    return (
        JobFile(
            name=model.name or path.stem,
            path=path,
            job=job,
            options=options,
            description=model.description,
            every=pace(model.every) if model.every is not None else None,
            cron=model.cron,
            calendar=model.calendar,
            after=model.after,
            watched=tuple(str((path.parent / p).resolve()) for p in patterns),
            time_zone=model.time_zone,
            jitter=pace(model.jitter) if model.jitter is not None else timedelta(0),
            if_late=model.if_late,
            overlap=model.overlap,
            limits=Limits(
                api_calls=model.limits.api_calls,
                seconds=None if model.limits.minutes is None else model.limits.minutes * 60,
            ),
            retries=model.retries.times,
            retry_wait=pace(model.retries.wait),
            told=model.channels,
            org=model.org or "",
            programme=programme,
        ),
        tree,
    )


def _options(
    job: Job[Any, Any], model: JobFileModel, tree: Tree, complaints: Complaints
) -> JobOptions | None:
    """The job's own options; `limits: changes` becomes the option by which the job brakes."""
    below, _, path = tree.find(("options",))
    if path and below.entries:
        before = len(complaints.errors)
        shaped = shape(Tree(tree.source, below), job.options, complaints)
        if shaped is None or len(complaints.errors) > before:
            return None
    given: Mapping[str, Any] = model.options
    if model.limits.changes is not None:
        name = next((n for n in CHANGES if n in job.options.model_fields), None)
        if name is None:
            place = tree.at("limits", "changes").place
            complaints.error(place, f"job {job.name} knows no limit of changes.", "Leave it out.")
            return None
        if name == "limit" and model.limits.changes == 0:
            complaints.error(tree.at("limits", "changes").place, "'changes': must be at least 1.")
            return None
        given = {name: model.limits.changes, **given}
    missing = [n for n, f in job.options.model_fields.items() if f.is_required() and n not in given]
    if missing:
        complaints.error(
            tree.root.place, f"job {job.name} needs the option {missing[0]!r}.", "Under `options:`."
        )
        return None
    options: JobOptions = job.options.model_validate(dict(given))
    return options


def _check_after(
    file: JobFile, place: Place, files: Mapping[str, JobFile], complaints: Complaints
) -> None:
    seen = {file.name}
    at = file
    while at.after is not None:
        if at.after not in files:
            if at is file:
                near = did_you_mean(at.after, files)
                complaints.error(place, f"no job file is named {at.after!r}.", near)
            return
        if at.after in seen:
            complaints.error(place, f"{file.name!r} comes after itself.", "Break the circle.")
            return
        seen.add(at.after)
        at = files[at.after]
