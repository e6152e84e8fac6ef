"""What may be written in programme.yaml and routing.yaml, and in the CSV files beside them.

These models are the editor's schema and the first check; `load` turns them into the model that
other rooms see. Keys that are not named here are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

__all__ = [
    "PARTNERS",
    "PEOPLE",
    "CapFile",
    "CsvColumns",
    "ProgrammeFile",
    "RoutingFile",
]

Text = Annotated[str, Field(min_length=1, max_length=255)]
Name = Annotated[str, Field(min_length=1, max_length=80)]
QueueLabel = Annotated[str, Field(min_length=1, max_length=40)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class _File(BaseModel):
    """Base: no other keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _one_of(model: BaseModel, names: tuple[str, ...]) -> None:
    """Raise unless exactly one of the named keys is written."""
    written = [name for name in names if name in model.model_fields_set]
    if len(written) != 1:
        raise PydanticCustomError(
            "one_of", "exactly one of {names} is wanted here", {"names": ", ".join(names)}
        )


def _exactly_one(*names: str) -> ConfigDict:
    """What editors are told of `_one_of`."""
    return ConfigDict(json_schema_extra={"oneOf": [{"required": [name]} for name in names]})


def _written_as(value: Any) -> str:
    """Which of two forms is written; the names look like no key of a file."""
    if isinstance(value, str):
        return "<text>"
    return "<list>" if isinstance(value, list) else "<mapping>"


class QueueMemberFile(_File):
    """One member of a queue."""

    model_config = _exactly_one("partner", "person", "user")

    partner: Name | None = Field(None, description="All people of this partner, each as a user.")
    person: Name | None = Field(None, description="One person, by key.")
    user: Name | None = Field(None, description="An internal user, by username.")

    @model_validator(mode="after")
    def _one(self) -> QueueMemberFile:
        _one_of(self, ("partner", "person", "user"))
        return self


QueueMemberEntry = Annotated[
    Annotated[Name, Tag("<text>")] | Annotated[QueueMemberFile, Tag("<mapping>")],
    Discriminator(_written_as),
]


class QueueFile(_File):
    """A queue for leads."""

    members: list[QueueMemberEntry] = Field(
        default_factory=list, description="Partners by key, or {person: key}, {user: username}."
    )
    notify: Name | None = Field(None, description="E-mail address told of each new lead.")
    developer_name: Annotated[str, Field(pattern=r"^[A-Za-z](_?[A-Za-z0-9])*$", max_length=80)] | (
        None
    ) = Field(None, description="API name; made from the label when not given.")
    members_policy: Literal["at_least", "exact"] = Field(
        "at_least", description="exact: members that the files do not name are removed."
    )
    managed: bool = Field(
        True, description="false: the queue exists already and sfprm leaves it as it is."
    )


CountryChoice = Annotated[
    Annotated[Name, Tag("<text>")] | Annotated[dict[str, Name], Tag("<mapping>")],
    Discriminator(_written_as),
]
"""One value for all, or values by the partner's country, with "*" for the rest."""


class PersonDefaults(_File):
    """What people get whose row does not say otherwise."""

    username: Text | None = Field(
        None,
        description="Pattern such as {email_local}.{partner}@partners.example.com; also {key}, "
        "{first}, {last}. Without it each person's row needs a username.",
    )
    time_zone: CountryChoice = Field(
        "GMT", description='Such as Europe/Lisbon, or {PT: …, "*": …}.'
    )
    locale: CountryChoice = Field("en_US", description="Salesforce locale, such as pt_PT.")
    language: CountryChoice = Field("en_US", description="Salesforce language, such as pt_BR.")
    email_encoding: Name = Field("UTF-8", description="Encoding of Salesforce's mails.")
    role: Literal["Executive", "Manager", "User", "Worker"] = Field(
        "Worker", description="Portal role. User and Worker are the same."
    )


class PartnerDefaults(_File):
    """What partners get whose row does not say otherwise."""

    owner: Literal["managed", "set-once", "unmanaged"] = Field(
        "managed", description="Who decides the owner of an account that exists already."
    )


class Defaults(_File):
    """Defaults and patterns."""

    person: PersonDefaults = PersonDefaults()
    partner: PartnerDefaults = PartnerDefaults()


FileNames = Annotated[
    Annotated[Text, Tag("<text>")] | Annotated[list[Text], Tag("<list>")],
    Discriminator(_written_as),
]


class ProgrammeFile(_File):
    """programme.yaml: who the partners are and how they stand in the org."""

    programme: Text = Field(description="The programme's name, for people.")
    site: Text = Field(description="The partner site, by its name in Salesforce (Network).")
    profile: Text = Field(description="Profile of partner users.")
    tiers: list[Name] = Field(default_factory=list, description="Lowest first.")
    channel_managers: dict[str, Name] = Field(
        description="Key to username of each internal user who owns partner accounts."
    )
    defaults: Defaults = Field(
        Defaults(), description="Patterns and values used where a row is silent."
    )
    partners: FileNames = Field("partners.csv", description="CSV file or files of partners.")
    people: FileNames = Field("people.csv", description="CSV file or files of people.")
    queues: dict[QueueLabel, QueueFile] = Field(
        default_factory=dict, description="Queues for leads, by label."
    )


class IntakeFile(_File):
    """A queue that leads are taken from."""

    queue: QueueLabel


IntakeEntry = Annotated[
    Annotated[QueueLabel, Tag("<text>")] | Annotated[IntakeFile, Tag("<mapping>")],
    Discriminator(_written_as),
]


class CapFile(_File):
    """Most leads in a rolling window, or open at once."""

    hour: Count | None = Field(None, description="Most in 60 minutes.")
    day: Count | None = Field(None, description="Most in 24 hours.")
    week: Count | None = Field(None, description="Most in 7 days.")
    month: Count | None = Field(None, description="Most in 30 days.")
    open: Count | None = Field(None, description="Most open at once.")


class PoolMemberFile(_File):
    """One member of a pool."""

    model_config = _exactly_one("partner", "queue", "user")

    partner: Name | None = Field(None, description="A partner, by key; its people take turns.")
    queue: QueueLabel | None = Field(None, description="A queue, by label.")
    user: Name | None = Field(None, description="An internal user, by username.")
    weight: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        1, description="Its share beside the others'; 0 pauses it."
    )
    cap: CapFile = Field(CapFile(), description="Its limits.")

    @model_validator(mode="after")
    def _one(self) -> PoolMemberFile:
        _one_of(self, ("partner", "queue", "user"))
        return self


PoolMemberEntry = Annotated[
    Annotated[Name, Tag("<text>")] | Annotated[PoolMemberFile, Tag("<mapping>")],
    Discriminator(_written_as),
]


class PoolFile(_File):
    """Members that share leads fairly. `partners` is short for members of weight 1."""

    members: list[PoolMemberEntry] = Field(default_factory=list)
    partners: list[Name] = Field(default_factory=list, description="Short form: partner keys.")
    fairness: Literal["equal-opportunity"] = Field(
        "equal-opportunity", description="What is shared out evenly."
    )
    eligible_when: Text | None = Field(
        None,
        description="Such as: partner.tier >= Silver and Lead.Country in partner.territories",
    )
    intake: QueueLabel | None = Field(
        None, description="Queue whose leads go to this pool without any rule."
    )
    notify: Name | None = Field(None, description="Notice sent to the new owner.")


class AssignFile(_File):
    """Where a rule sends a lead."""

    model_config = _exactly_one("user", "queue", "pool", "leave")

    user: Name | None = Field(None, description="An internal user, by username.")
    queue: QueueLabel | None = Field(None, description="A queue, by label.")
    pool: Name | None = Field(None, description="A pool of this file, by key.")
    leave: Literal[True] | None = Field(None, description="true: the lead stays where it is.")

    @model_validator(mode="after")
    def _one(self) -> AssignFile:
        _one_of(self, ("user", "queue", "pool", "leave"))
        return self


class RuleFile(_File):
    """Criteria and a target. The first rule that matches decides."""

    name: Text = Field(description="Shown wherever a decision is explained.")
    when: list[Text] = Field(
        default_factory=list,
        description="Criteria such as: Country equals PT, ES. None: every lead.",
    )
    logic: Text | None = Field(None, description="Such as: 1 AND (2 OR 3). Default: all.")
    assign: AssignFile
    notify: Name | None = Field(None, description="Notice sent to the new owner.")


class NoticeFile(_File):
    """An e-mail template."""

    subject: Text
    body: Annotated[str, Field(min_length=1, max_length=20_000)]


class RoutingFile(_File):
    """routing.yaml: where leads come from and where they go."""

    intake: list[IntakeEntry] = Field(
        default_factory=list, description="Queues that leads are taken from."
    )
    pools: dict[str, PoolFile] = Field(default_factory=dict)
    rules: list[RuleFile] = Field(default_factory=list, description="Tried from the top.")
    notices: dict[str, NoticeFile] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CsvColumns:
    """The columns of one kind of CSV file.

    `objects` are Salesforce objects whose fields may be columns (`Account.Phone`); with
    `attributes`, columns like `partner.segment` are free for use in conditions.
    """

    described: dict[str, str]
    required: tuple[str, ...]
    objects: tuple[str, ...]
    attributes: bool = False

    @property
    def known(self) -> tuple[str, ...]:
        """Names of the fixed columns, in order."""
        return tuple(self.described)

    def extra(self, column: str) -> bool:
        """Whether the column is a field or an attribute in form."""
        head, dot, name = column.partition(".")
        if not dot or not name:
            return False
        return head in self.objects or (self.attributes and head == "partner")


PARTNERS = CsvColumns(
    described={
        "key": "The partner's name in these files: lower-case letters, digits and -.",
        "name": "Name of the Account.",
        "manager": "Key of a channel manager, who owns the account.",
        "tier": "One of `tiers`.",
        "territories": "List, such as PT; ES. In conditions: partner.territories.",
        "certified_for": "List. In conditions: partner.certified_for.",
        "match": "Names an account that exists already, such as AccountNumber=P-1001.",
        "owner": "managed, set-once or unmanaged.",
        "state": "active, frozen or absent.",
    },
    required=("key", "name", "manager"),
    objects=("Account",),
    attributes=True,
)

PEOPLE = CsvColumns(
    described={
        "key": "The person's name in these files: lower-case letters, digits, . and -.",
        "partner": "Key of the partner.",
        "first_name": "First name.",
        "last_name": "Last name.",
        "email": "E-mail address; Salesforce writes to it.",
        "role": "Executive, Manager or Worker (User is the same as Worker).",
        "state": "active, frozen or absent.",
        "username": "Instead of the pattern in `defaults`.",
        "nickname": "At most 40 characters, unique; default: made from the key.",
        "alias": "At most 8 characters; default: made from the name.",
        "profile": "Instead of the programme's.",
        "time_zone": "Instead of the default.",
        "locale": "Instead of the default.",
        "language": "Instead of the default.",
        "email_encoding": "Instead of the default.",
    },
    required=("key", "partner", "last_name", "email"),
    objects=("Contact", "User"),
)
