"""What may be written in programme.yaml.

These models are the editor's schema and the first check; `load` turns them into the model that
other rooms see.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from sfprm.programme.file_base import (
    ApiName,
    Currency,
    FieldName,
    File,
    Name,
    Owner,
    People,
    Policy,
    QueueLabel,
    Role,
    Scalar,
    Text,
    exactly_one,
    one_of,
    written_as,
)
from sfprm.programme.record_files import PartnersEntry, PeopleEntry, Templates

__all__ = [
    "GroupFile",
    "MemberFile",
    "ProgrammeFile",
    "QueueFile",
    "UsernameFile",
]


class MemberFile(File):
    """One member of a queue or group: one of partner, person, user, group, role; or a partner's
    role."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["person"]},
                {"required": ["user"]},
                {"required": ["group"]},
                {"required": ["role"]},
                {"required": ["partner"], "not": {"required": ["role"]}},
            ]
        }
    )

    partner: Name | None = Field(None, description="All people of this partner, each as a user.")
    person: Name | None = Field(None, description="One person, by key.")
    user: Name | None = Field(None, description="An internal user, by username.")
    group: Name | None = Field(None, description="A public group, by label.")
    role: Name | None = Field(
        None,
        description="With `partner`: the partner's Executive, Manager or Worker role. Alone: an "
        "internal role by developer name.",
    )
    subordinates: bool = Field(False, description="With `role`: the roles below it as well.")

    @model_validator(mode="after")
    def _one(self) -> MemberFile:
        written = self.model_fields_set - {"subordinates"}
        if written != {"partner", "role"}:
            one_of(self, ("partner", "person", "user", "group", "role"))
        if self.role is None and "subordinates" in self.model_fields_set:
            raise PydanticCustomError("no_role", "subordinates goes with role only")
        return self


MemberEntry = Annotated[
    Annotated[Name, Tag("<text>")] | Annotated[MemberFile, Tag("<mapping>")],
    Discriminator(written_as),
]


class QueueFile(File):
    """A queue for leads."""

    members: list[MemberEntry] = Field(
        default_factory=list,
        description="Partners by key, or {person: key}, {user: username}, {group: label}, "
        "{role: name}, {partner: key, role: Manager}.",
    )
    notify: Name | None = Field(None, description="E-mail address told of each new lead.")
    notify_members: bool | None = Field(
        None, description="Whether members get the mail too. Not given: left as it is."
    )
    developer_name: ApiName | None = Field(
        None, description="API name; made from the label when not given."
    )
    members_policy: Policy = Field(
        "at_least", description="exact: members that the files do not name are removed."
    )
    managed: bool = Field(
        True, description="false: the queue exists already and sfprm leaves it as it is."
    )


class GroupFile(File):
    """A public group."""

    members: list[MemberEntry] = Field(default_factory=list, description="As in queues.")
    developer_name: ApiName | None = Field(
        None, description="API name; made from the label when not given."
    )
    members_policy: Policy = Field(
        "at_least", description="exact: members that the files do not name are removed."
    )
    managed: bool = Field(
        True, description="false: the group exists already and sfprm leaves it as it is."
    )


class SiteFile(File):
    """Members of a site. The programme's own site has its people's profiles without being told."""

    profiles: list[Name] = Field(default_factory=list, description="Profiles, by name.")
    permission_sets: list[ApiName] = Field(
        default_factory=list, description="Permission sets, by API name."
    )


CountryChoice = Annotated[
    Annotated[Name, Tag("<text>")] | Annotated[dict[str, Name], Tag("<mapping>")],
    Discriminator(written_as),
]
"""One value for all, or values by the partner's country, with "*" for the rest."""


class UsernameFile(File):
    """How usernames are made."""

    pattern: Text = Field(
        description="Such as {email_local}.{partner}@partners.example.com; also {key}, {first}, "
        "{last}."
    )
    suffix_per_org: Annotated[
        Annotated[str, Field(max_length=30), Tag("<text>")]
        | Annotated[dict[str, Annotated[str, Field(max_length=30)]], Tag("<mapping>")],
        Discriminator(written_as),
    ] = Field(
        "",
        description="Put behind each username, since usernames are unique over all orgs: .uat, or "
        'by environment {sandbox: .uat, "*": ""}.',
    )
    on_taken: Literal["fail", "number"] = Field(
        "fail", description="number: ines@… becomes ines2@… when somebody else has it."
    )


class PersonDefaults(File):
    """What people get whose row does not say otherwise."""

    username: (
        Annotated[
            Annotated[Text, Tag("<text>")] | Annotated[UsernameFile, Tag("<mapping>")],
            Discriminator(written_as),
        ]
        | None
    ) = Field(
        None,
        description="Pattern such as {email_local}.{partner}@partners.example.com; also {key}, "
        "{first}, {last}. Without it each person's row needs a username.",
    )
    nickname: Text | None = Field(
        None, description="Pattern of the same form; default: the person's key."
    )
    time_zone: CountryChoice = Field(
        "GMT", description='Such as Europe/Lisbon, or {PT: …, "*": …}.'
    )
    locale: CountryChoice = Field("en_US", description="Salesforce locale, such as pt_PT.")
    language: CountryChoice = Field("en_US", description="Salesforce language, such as pt_BR.")
    email_encoding: Name = Field("UTF-8", description="Encoding of Salesforce's mails.")
    role: Role = Field("Worker", description="Portal role. User and Worker are the same.")
    permission_sets: list[ApiName] = Field(
        default_factory=list, description="For everyone, besides what a person's row names."
    )
    permission_sets_policy: Policy = Field(
        "at_least", description="exact: permission sets that no file names are taken away."
    )
    record_type: ApiName | None = Field(None, description="Contact record type, developer name.")
    currency: Currency | None = Field(None, description="Such as EUR; default: the partner's.")
    contact: dict[FieldName, Scalar] = Field(default_factory=dict, description="Contact fields.")
    user: dict[FieldName, Scalar] = Field(default_factory=dict, description="User fields.")


class PartnerDefaults(File):
    """What partners get whose row does not say otherwise."""

    owner: Owner | None = Field(
        None,
        description="Who decides the owner of an account that exists already. Without it: "
        "managed, but set-once for an account that was matched.",
    )
    keep_team: bool = Field(
        False, description="true: a change of owner keeps the account team and its shares."
    )
    people: People = Field(
        "managed", description="delegated: partners' own administrators add people."
    )
    record_type: ApiName | None = Field(None, description="Account record type, developer name.")
    currency: Currency | None = Field(None, description="Such as EUR, in orgs with several.")
    account: dict[FieldName, Scalar] = Field(default_factory=dict, description="Account fields.")


class Defaults(File):
    """Defaults and patterns."""

    person: PersonDefaults = PersonDefaults()
    partner: PartnerDefaults = PartnerDefaults()


FileNames = Annotated[
    Annotated[Text, Tag("<text>")] | Annotated[list[Text], Tag("<list>")],
    Discriminator(written_as),
]


class KeyFieldsFile(File):
    """The field that records are known by: a unique text field that is an external id."""

    Account: FieldName = Field("Partner_Key__c", description="On accounts.")
    Contact: FieldName = Field("Partner_Key__c", description="On contacts.")
    matched: Literal["write", "leave"] = Field(
        "write",
        description="leave: records named by `match: Id=…` are known by it and get no key.",
    )


class DelegatedAdminFile(File):
    """What makes a person a delegated administrator."""

    model_config = exactly_one("profile", "permission_set")

    profile: Name | None = Field(None, description="They get this profile.")
    permission_set: ApiName | None = Field(None, description="They get this permission set too.")

    @model_validator(mode="after")
    def _one(self) -> DelegatedAdminFile:
        one_of(self, ("profile", "permission_set"))
        return self


class InternalUsersFile(File):
    """How usernames of internal users are called in this org, wherever a file names one."""

    suffix: Annotated[str, Field(max_length=40)] = Field(
        "", description="Put behind each, as sandboxes do: .uat"
    )
    names: dict[Name, Name] = Field(
        default_factory=dict, description="Username in the files to username here; no suffix then."
    )


class OffboardFile(File):
    """What happens to what a leaver owned."""

    move: list[FieldName] = Field(
        default_factory=lambda: ["Lead"],
        description="Objects whose records are handed on; the rest is listed.",
    )


DuplicateChoice = Literal["refuse", "allow_alert"]


class OnDuplicateFile(File):
    """What to do when a duplicate rule that only alerts finds a twin."""

    Account: DuplicateChoice = "refuse"
    Contact: DuplicateChoice = "refuse"
    Lead: DuplicateChoice = "refuse"


class ProgrammeFile(File):
    """programme.yaml: who the partners are and how they stand in the org."""

    programme: Text = Field(description="The programme's name, for people.")
    site: Text = Field(description="The partner site, by its name in Salesforce (Network).")
    profile: Text = Field(description="Profile of partner users.")
    include: FileNames = Field(
        default_factory=list,
        description="More files of this form, within the programme's folder; `partners/*.yaml`.",
    )
    only_for: FileNames = Field(
        default_factory=list,
        description="sandbox, production, or ids of orgs: refuse any other org.",
    )
    tiers: list[Name] = Field(default_factory=list, description="Lowest first.")
    channel_managers: dict[str, Name] = Field(
        description="Key to username of each internal user who owns partner accounts."
    )
    internal_users: InternalUsersFile = Field(
        InternalUsersFile(), description="How internal users are called in this org."
    )
    defaults: Defaults = Field(
        Defaults(), description="Patterns and values used where a row is silent."
    )
    templates: Templates = Field(
        Templates(), description="Named sets of values that rows refer to in `template`."
    )
    partners: PartnersEntry = Field(
        "partners.csv",
        description="Files (CSV or YAML), or partners by key, or a list of both.",
    )
    people: PeopleEntry = Field(
        "people.csv", description="Files (CSV or YAML), or people by key, or a list of both."
    )
    queues: dict[QueueLabel, QueueFile] = Field(
        default_factory=dict, description="Queues for leads, by label."
    )
    groups: dict[Name, GroupFile] = Field(
        default_factory=dict, description="Public groups, by label."
    )
    sites: dict[Name, SiteFile] = Field(
        default_factory=dict, description="Members of sites, by the site's name."
    )
    key_fields: KeyFieldsFile = Field(
        KeyFieldsFile(), description="The unique field that records are known by, by object."
    )
    on_duplicate: OnDuplicateFile = Field(
        OnDuplicateFile(), description="When a duplicate rule that alerts finds a twin, by object."
    )
    who_wins: dict[
        Annotated[str, Field(pattern=r"^(Account|Contact|User|Group)\.[A-Za-z]\w*$")],
        Literal["file", "person", "once"],
    ] = Field(
        default_factory=dict,
        description="By field, such as Account.Phone. file: the file at each apply; person: a "
        "change made in the org stays; once: written only when the record is made.",
    )
    delegated_admin: DelegatedAdminFile | None = Field(
        None, description="What makes a person a delegated administrator."
    )
    offboard: OffboardFile = Field(
        default_factory=OffboardFile, description="What happens to what a leaver owned."
    )
    windows: list[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list,
        description="When steps that move roles may run, such as 'Mon-Fri 20:00-06:00 "
        "Europe/Lisbon'. Not given: always.",
    )
    territory_rules: bool | None = Field(
        None,
        description="Whether the org's territory rules run on accounts that sfprm writes. Not "
        "given: as the org does by default.",
    )
