"""What may be written of a partner and of a person in YAML.

The same names head the columns of CSV files (`csv_columns`), where `account: {Phone: …}` is the
column `Account.Phone` and `attributes: {segment: …}` the column `partner.segment`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from sfprm.programme.file_base import (
    ApiName,
    Currency,
    FieldName,
    File,
    Name,
    Owner,
    People,
    QueueLabel,
    Role,
    Scalar,
    State,
    Text,
    written_as,
)

__all__ = [
    "PartnerFile",
    "PartnersEntry",
    "PartnersFile",
    "PeopleEntry",
    "PeopleFile",
    "PersonFile",
    "Templates",
]


MatchEntry = Annotated[
    Annotated[Text, Tag("<text>")]
    | Annotated[dict[FieldName, Text], Field(min_length=1, max_length=1), Tag("<mapping>")],
    Discriminator(written_as),
]
"""`AccountNumber=P-1001` or `{AccountNumber: P-1001}`."""


class PartnerFile(File):
    """A partner. What is said nowhere else, its template and `defaults.partner` say."""

    name: Text | None = Field(None, description="Name of the Account.")
    manager: Name | None = Field(None, description="Key of a channel manager: the account's owner.")
    tier: Name | None = Field(None, description="One of `tiers`.")
    territories: list[Name] | None = Field(None, description="In conditions: partner.territories.")
    certified_for: list[Name] | None = Field(
        None, description="In conditions: partner.certified_for."
    )
    attributes: dict[Name, Text | list[Text]] = Field(
        default_factory=dict, description="Free to use in conditions: partner.segment."
    )
    account: dict[FieldName, Scalar] = Field(
        default_factory=dict, description="Account fields by API name; null empties one."
    )
    match: MatchEntry | None = Field(
        None, description="Names an account that exists already: {AccountNumber: P-1001}."
    )
    owner: Owner | None = Field(None, description="Who decides the owner of the account.")
    keep_team: bool | None = Field(
        None, description="true: a change of owner keeps the account team and its shares."
    )
    people: People | None = Field(
        None, description="delegated: the partner's own administrators add people."
    )
    record_type: ApiName | None = Field(None, description="Account record type, developer name.")
    currency: Currency | None = Field(None, description="Such as EUR, in orgs with several.")
    state: State | None = Field(None, description="active, frozen or absent.")
    template: Name | None = Field(None, description="One of `templates.partner`.")


class PersonFile(File):
    """A person. What is said nowhere else, its template and `defaults.person` say."""

    partner: Name | None = Field(None, description="Key of the partner.")
    first_name: Name | None = Field(None, description="First name.")
    last_name: Name | None = Field(None, description="Last name.")
    email: Name | None = Field(None, description="E-mail address; Salesforce writes to it.")
    role: Role | None = Field(None, description="Portal role. User and Worker are the same.")
    state: State | None = Field(None, description="active, frozen or absent.")
    username: Name | None = Field(None, description="Instead of the pattern in `defaults`.")
    nickname: Name | None = Field(None, description="At most 40 characters, unique.")
    alias: Name | None = Field(None, description="At most 8 characters.")
    profile: Name | None = Field(None, description="Instead of the programme's.")
    time_zone: Name | None = Field(None, description="Such as Europe/Lisbon.")
    locale: Name | None = Field(None, description="Such as pt_PT.")
    language: Name | None = Field(None, description="Such as pt_BR.")
    email_encoding: Name | None = Field(None, description="Such as UTF-8.")
    permission_sets: list[ApiName] | None = Field(None, description="By API name.")
    queues: list[QueueLabel] | None = Field(None, description="Declared queues, by label.")
    groups: list[Name] | None = Field(None, description="Declared public groups, by label.")
    federation_id: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        None, description="Name in the single sign-on; no password mail is ever sent."
    )
    delegated_admin: bool | None = Field(
        None, description="Whether this person administers the partner's people."
    )
    match: MatchEntry | None = Field(None, description="Names a contact that exists already.")
    record_type: ApiName | None = Field(None, description="Contact record type, developer name.")
    currency: Currency | None = Field(None, description="Such as EUR, in orgs with several.")
    contact: dict[FieldName, Scalar] = Field(
        default_factory=dict, description="Contact fields by API name; null empties one."
    )
    user: dict[FieldName, Scalar] = Field(
        default_factory=dict, description="User fields by API name; null empties one."
    )
    template: Name | None = Field(None, description="One of `templates.person`.")


class ListedPartner(PartnerFile):
    """A partner in a list."""

    key: Name = Field(description="Lower-case letters, digits, '.', '_' and '-'.")


class ListedPerson(PersonFile):
    """A person in a list."""

    key: Name = Field(description="Lower-case letters, digits, '.', '_' and '-'.")


class Templates(File):
    """Named sets of values that rows refer to in `template`."""

    partner: dict[Name, PartnerFile] = Field(default_factory=dict)
    person: dict[Name, PersonFile] = Field(default_factory=dict)


PartnersEntry = Annotated[
    Annotated[Text, Tag("<text>")]
    | Annotated[
        list[
            Annotated[
                Annotated[Text, Tag("<text>")] | Annotated[ListedPartner, Tag("<mapping>")],
                Discriminator(written_as),
            ]
        ],
        Tag("<list>"),
    ]
    | Annotated[dict[Name, PartnerFile], Tag("<mapping>")],
    Discriminator(written_as),
]

PeopleEntry = Annotated[
    Annotated[Text, Tag("<text>")]
    | Annotated[
        list[
            Annotated[
                Annotated[Text, Tag("<text>")] | Annotated[ListedPerson, Tag("<mapping>")],
                Discriminator(written_as),
            ]
        ],
        Tag("<list>"),
    ]
    | Annotated[dict[Name, PersonFile], Tag("<mapping>")],
    Discriminator(written_as),
]


class PartnersFile(File):
    """Partners by key: the whole of a YAML file that `partners:` names, below one top key."""

    partners: dict[Name, PartnerFile]


class PeopleFile(File):
    """People by key: the whole of a YAML file that `people:` names, below one top key."""

    people: dict[Name, PersonFile]
