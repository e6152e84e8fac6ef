"""What may be written in programme.yaml.

These models are the editor's schema and the first check; `load` turns them into the model that
other rooms see.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from sfprm.programme.file_base import (
    File,
    Name,
    QueueLabel,
    Text,
    exactly_one,
    one_of,
    written_as,
)

__all__ = ["ProgrammeFile", "QueueFile"]


class QueueMemberFile(File):
    """One member of a queue."""

    model_config = exactly_one("partner", "person", "user")

    partner: Name | None = Field(None, description="All people of this partner, each as a user.")
    person: Name | None = Field(None, description="One person, by key.")
    user: Name | None = Field(None, description="An internal user, by username.")

    @model_validator(mode="after")
    def _one(self) -> QueueMemberFile:
        one_of(self, ("partner", "person", "user"))
        return self


QueueMemberEntry = Annotated[
    Annotated[Name, Tag("<text>")] | Annotated[QueueMemberFile, Tag("<mapping>")],
    Discriminator(written_as),
]


class QueueFile(File):
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
    Discriminator(written_as),
]
"""One value for all, or values by the partner's country, with "*" for the rest."""


class PersonDefaults(File):
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


class PartnerDefaults(File):
    """What partners get whose row does not say otherwise."""

    owner: Literal["managed", "set-once", "unmanaged"] = Field(
        "managed", description="Who decides the owner of an account that exists already."
    )


class Defaults(File):
    """Defaults and patterns."""

    person: PersonDefaults = PersonDefaults()
    partner: PartnerDefaults = PartnerDefaults()


FileNames = Annotated[
    Annotated[Text, Tag("<text>")] | Annotated[list[Text], Tag("<list>")],
    Discriminator(written_as),
]


class ProgrammeFile(File):
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
