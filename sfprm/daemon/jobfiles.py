"""Job files: one job a file, what to run and when. Checked line by line like the programme's.

job: route                 # one of `sfprm jobs list --known`
every: 2 minutes           # or  cron: "*/2 8-20 * * MON-FRI"  with  time_zone: Europe/Lisbon
if_late: run once          # or skip
options: {limit: 2000}     # the job's own options, checked by the job's model
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from sfprm.daemon.crontab import crontab_trigger
from sfprm.errors import BadFiles
from sfprm.jobs.frame import Job, JobOptions
from sfprm.jobs.registry import KNOWN_JOBS, job_named
from sfprm.programme.complaints import Complaints, Place, did_you_mean
from sfprm.programme.source import read_source
from sfprm.programme.yaml_text import Tree, parse_yaml

__all__ = ["IfLate", "JobFile", "JobFileModel", "load_job_files"]

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_PACE = re.compile(r"(\d+)\s*(second|minute|hour|day)s?")
SHORTEST_SECONDS = 1


class IfLate(StrEnum):
    """What to do with a slot that was missed (the daemon was down, or busy)."""

    RUN_ONCE = "run once"
    SKIP = "skip"


class JobFileModel(BaseModel):
    """What may be written in a job file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job: str = Field(description="Which job to run: provision, route, …")
    name: str | None = Field(None, description="The run's name; by default the file's.")
    description: str = Field("", description="Why this job is here; shown by `sfprm jobs list`.")
    every: str | None = Field(None, description="Pace: '2 minutes', '1 hour', '30 seconds'.")
    cron: str | None = Field(None, description="Five crontab fields: '*/5 8-20 * * MON-FRI'.")
    time_zone: str = Field("UTC", description="IANA zone in which `cron` is read.")
    if_late: IfLate = Field(
        IfLate.RUN_ONCE, description="A missed slot: run once (now), or skip it."
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="The job's options, as on the command line."
    )

    @field_validator("job")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in KNOWN_JOBS:
            raise ValueError(
                f"no job is named {value!r}. {did_you_mean(value, KNOWN_JOBS)}".strip()
            )
        return value

    @field_validator("every")
    @classmethod
    def _pace(cls, value: str | None) -> str | None:
        if value is not None:
            pace(value)
        return value

    @field_validator("cron")
    @classmethod
    def _crontab(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                crontab_trigger(value)
            except ValueError as error:
                raise ValueError(f"{value!r} is not a crontab line: {error}") from None
        return value

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value not in available_timezones():
            near = did_you_mean(value, available_timezones())
            raise ValueError(f"{value!r} is not a time zone. {near}".strip())
        return value

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        if (self.every is None) == (self.cron is None):
            raise ValueError("write exactly one of `every` and `cron`.")
        return self


@dataclass(frozen=True, slots=True)
class JobFile:
    """A job file, checked. `options` is the job's own typed model."""

    name: str
    path: Path
    job: Job[Any, Any]
    options: JobOptions
    description: str
    every: timedelta | None
    cron: str | None
    time_zone: str
    if_late: IfLate

    @property
    def schedule(self) -> str:
        """The schedule in words."""
        if self.every is not None:
            return f"every {in_words(self.every)}"
        return f"{self.cron} ({ZoneInfo(self.time_zone).key})"


def pace(text: str) -> timedelta:
    """`2 minutes` as a duration. Raises ValueError saying what to write."""
    found = _PACE.fullmatch(text.strip().lower())
    if found is None or int(found[1]) * UNITS[found[2]] < SHORTEST_SECONDS:
        raise ValueError(f"{text!r} is no pace; write '2 minutes', '1 hour' or '30 seconds'.")
    return timedelta(seconds=int(found[1]) * UNITS[found[2]])


def in_words(duration: timedelta) -> str:
    """The duration in its largest whole unit."""
    seconds = int(duration.total_seconds())
    for unit in reversed(UNITS):
        if seconds % UNITS[unit] == 0:
            count = seconds // UNITS[unit]
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"


def load_job_files(folder: Path) -> tuple[JobFile, ...]:
    """Every `*.yaml` of the folder, by name. Raises BadFiles with all that is wrong in them."""
    complaints = Complaints()
    files: dict[str, JobFile] = {}
    paths = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    if not paths:
        complaints.error(
            Place(str(folder)),
            "holds no job file (*.yaml).",
            "`sfprm init DIR` writes samples; --jobs or SFPRM_JOBS names the folder.",
        )
    for path in paths:
        file = _load(path, complaints)
        if file is None:
            continue
        if file.name in files:
            complaints.error(
                Place(str(path), 1),
                f"the name {file.name!r} is also that of {files[file.name].path}.",
                "Give one of them another `name:`.",
            )
        files[file.name] = file
    if complaints.errors:
        raise BadFiles(complaints.errors)
    return tuple(files.values())


def _load(path: Path, complaints: Complaints) -> JobFile | None:
    source = read_source(path, str(path), complaints)
    tree = parse_yaml(source, complaints) if source is not None else None
    if tree is None:
        return None
    try:
        model = JobFileModel.model_validate(tree.root.data())
    except ValidationError as error:
        _complain(error, tree, (), JobFileModel, complaints)
        return None
    job = job_named(model.job)
    try:
        options: JobOptions = job.options.model_validate(model.options)
    except ValidationError as error:
        _complain(error, tree, ("options",), job.options, complaints)
        return None
    return JobFile(
        name=model.name or path.stem,
        path=path,
        job=job,
        options=options,
        description=model.description,
        every=pace(model.every) if model.every is not None else None,
        cron=model.cron,
        time_zone=model.time_zone,
        if_late=model.if_late,
    )


def _complain(
    error: ValidationError,
    tree: Tree,
    below: tuple[str, ...],
    model: type[BaseModel],
    complaints: Complaints,
) -> None:
    for fault in error.errors(include_url=False, include_input=False):
        where = (*below, *fault["loc"])
        value, key, seen = tree.find(where)
        name = str(where[-1]) if where else ""
        match fault["type"]:
            case "extra_forbidden":
                complaints.error(
                    key, f"unknown key {name!r}.", did_you_mean(name, model.model_fields)
                )
            case "missing":
                complaints.error(value.place, f"the key {name!r} is missing.")
            case "value_error":
                said = str(fault["ctx"]["error"]) if "ctx" in fault else fault["msg"]
                complaints.error(value.place if seen else tree.root.place, said)
            case _:
                complaints.error(value.place, f"{name}: {fault['msg']}.")
