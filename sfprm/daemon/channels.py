"""Alert channels: who is told of trouble, one file each in `jobs/alerts/`.

mail: [ops@example.com]        # or  webhook: https://…  with  shape: slack
quiet: "22:00-07:00"           # urgent things alone
time_zone: Europe/Lisbon
about: [failure, drift]        # by default everything
wait: 1 minute                 # what comes within it is one message
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from sfprm.daemon.jobfile_model import Pace, Zone, pace
from sfprm.daemon.jobfiles import JobFile
from sfprm.errors import BadFiles
from sfprm.programme.complaints import Complaints, Place, did_you_mean
from sfprm.programme.shape import shape
from sfprm.programme.source import read_source
from sfprm.programme.yaml_text import parse_yaml

__all__ = ["Channel", "ChannelModel", "Trouble", "check_told", "load_channels"]

_QUIET = re.compile(r"((?:[01]\d|2[0-3]):[0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d)")


class Trouble(StrEnum):
    """What an alert may be about."""

    FAILURE = "failure"
    """A run failed, or a job was not done for too long."""
    FILES = "files"
    """Job or programme files are wrong; the last good ones are in force."""
    ORG = "org"
    """An org cannot be reached or logged in to."""
    ALLOWANCE = "allowance"
    """The org's daily API calls are nearly used up."""
    DRIFT = "drift"
    """The org differs from the files."""
    LICENCES = "licences"
    """Partner licences run out."""
    LEADS = "leads"
    """Leads wait too long, or are past their deadline."""
    FAIRNESS = "fairness"
    """A pool's drift is beyond its bound, or the journal does not verify."""
    DISK = "disk"
    """The disk that holds the state is nearly full."""


def _quiet(text: str) -> str:
    if _QUIET.fullmatch(text) is None:
        raise PydanticCustomError(
            "channel", "{words}", {"words": f'{text!r}: write "22:00-07:00", in quotes'}
        )
    return text


class ChannelModel(BaseModel):
    """A file in jobs/alerts/: one way to tell somebody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mail: list[str] | None = Field(
        None, min_length=1, description="Addresses; they pass the mail guard."
    )
    webhook: str | None = Field(
        None, pattern=r"^https?://", description="Address that takes a JSON message by POST."
    )
    shape: Literal["json", "slack", "teams"] = Field(
        "json", description="How the webhook wants it: json, slack or teams."
    )
    command: list[str] | None = Field(
        None, min_length=1, description="A program and its arguments; gets the message as JSON."
    )
    about: list[Trouble] = Field(
        default_factory=list, description="Kinds of trouble it is told of; by default all."
    )
    quiet: Annotated[str, AfterValidator(_quiet)] | None = Field(
        None, description='Hours in which only urgent things are told: "22:00-07:00".'
    )
    time_zone: Zone = Field("UTC", description="IANA zone of `quiet`.")
    wait: Pace = Field("1 minute", description="What comes within this time is one message.")
    again: Pace = Field(
        "1 day", description="Trouble that lasts is told again after this, and not before."
    )

    @model_validator(mode="after")
    def _one_way(self) -> ChannelModel:
        if sum(way is not None for way in (self.mail, self.webhook, self.command)) != 1:
            raise PydanticCustomError(
                "one_of", "a channel has exactly one of `mail`, `webhook`, `command`"
            )
        return self


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to tell somebody, checked. `path` is its file."""

    name: str
    path: Path
    model: ChannelModel

    @property
    def wait(self) -> timedelta:
        """What comes within this time is one message."""
        return pace(self.model.wait)

    @property
    def again(self) -> timedelta:
        """After this, trouble that lasts is told again."""
        return pace(self.model.again)

    def wants(self, kind: Trouble) -> bool:
        """Whether it is told of that kind."""
        return not self.model.about or kind in self.model.about

    def is_quiet(self, now: datetime) -> bool:
        """Whether only urgent things are told at the instant."""
        if self.model.quiet is None:
            return False
        found = _QUIET.fullmatch(self.model.quiet)
        assert found is not None
        start, end = time.fromisoformat(found[1]), time.fromisoformat(found[2])
        local = now.astimezone(ZoneInfo(self.model.time_zone)).time()
        if start <= end:
            return start <= local < end
        return local >= start or local < end


def load_channels(jobs_dir: Path) -> dict[str, Channel]:
    """The channels of `alerts/` in the folder of job files, by name. Raises BadFiles."""
    complaints = Complaints()
    channels: dict[str, Channel] = {}
    for path in sorted((jobs_dir / "alerts").glob("*.yaml")):
        before = len(complaints.errors)
        source = read_source(path, str(path), complaints)
        tree = parse_yaml(source, complaints) if source is not None else None
        shaped = shape(tree, ChannelModel, complaints) if tree is not None else None
        if shaped is not None and len(complaints.errors) == before:
            channels[path.stem] = Channel(path.stem, path, shaped[0])
    if complaints.errors:
        raise BadFiles(complaints.errors)
    return channels


def check_told(files: Iterable[JobFile], channels: dict[str, Channel]) -> None:
    """See that every channel that a job file names is there. Raises BadFiles."""
    complaints = Complaints()
    for file in files:
        for name in file.told:
            if name not in channels:
                complaints.error(
                    Place(str(file.path), 1),
                    f"on_failure: no channel is named {name!r}.",
                    did_you_mean(name, channels) or f"Write {file.path.parent}/alerts/{name}.yaml.",
                )
    if complaints.errors:
        raise BadFiles(complaints.errors)
