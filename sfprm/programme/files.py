"""What may be written in routing.yaml.

These models are the editor's schema and the first check; `load` turns them into the model that
other rooms see.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from sfprm.programme.file_base import (
    Count,
    File,
    Name,
    QueueLabel,
    Text,
    exactly_one,
    one_of,
    written_as,
)
from sfprm.programme.hours_files import (
    AbsenceEntries,
    CalendarFile,
    Holidays,
    HoursText,
    LookupFile,
    WorkingHours,
)
from sfprm.programme.offer_files import OfferEntry

Body = Annotated[str, Field(min_length=1, max_length=20_000)]

__all__ = [
    "AssignFile",
    "CapFile",
    "PoolFile",
    "PoolMemberFile",
    "RoutingFile",
    "RuleFile",
    "RuleSetFile",
    "TargetFile",
]


class IntakeFile(File):
    """Whose leads are taken, and with `where` which of them."""

    model_config = exactly_one("queue", "user", "owner")

    queue: QueueLabel | None = Field(None, description="Leads in a queue, by label.")
    user: Text | None = Field(None, description="Leads of a user, by username.")
    owner: Literal["internal"] | None = Field(
        None, description="Leads of any user who is no partner's."
    )
    where: list[Text] = Field(
        default_factory=list, description="Criteria such as: Country equals PT, ES. None: all."
    )
    logic: Text | None = Field(None, description="Such as: 1 AND (2 OR 3). Default: all.")
    name: Name | None = Field(None, description="What decisions call this intake.")

    @model_validator(mode="after")
    def _one_owner(self) -> IntakeFile:
        one_of(self, ("queue", "user", "owner"))
        return self


IntakeEntry = Annotated[
    Annotated[QueueLabel, Tag("<text>")] | Annotated[IntakeFile, Tag("<mapping>")],
    Discriminator(written_as),
]


class CapFile(File):
    """Most leads in a rolling window, or open at once."""

    hour: Count | None = Field(None, description="Most in 60 minutes.")
    day: Count | None = Field(None, description="Most in 24 hours.")
    week: Count | None = Field(None, description="Most in 7 days.")
    month: Count | None = Field(None, description="Most in 30 days.")
    open: Count | None = Field(None, description="Most open at once.")


class PoolMemberFile(File):
    """One member of a pool."""

    model_config = exactly_one("partner", "queue", "user")

    partner: Name | None = Field(None, description="A partner, by key; its people take turns.")
    queue: QueueLabel | None = Field(None, description="A queue, by label.")
    user: Name | None = Field(None, description="An internal user, by username.")
    weight: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        1, description="Its share beside the others'; 0 pauses it."
    )
    cap: CapFile = Field(CapFile(), description="Its limits.")
    hours: HoursText | None = Field(
        None, description="A calendar's name, or such as: Mon-Fri 09:00-18:00 Europe/Lisbon"
    )
    holidays: Holidays | None = Field(None, description="Country whose public holidays are off.")

    @model_validator(mode="after")
    def _one(self) -> PoolMemberFile:
        one_of(self, ("partner", "queue", "user"))
        return self


PoolMemberEntry = Annotated[
    Annotated[Name, Tag("<text>")] | Annotated[PoolMemberFile, Tag("<mapping>")],
    Discriminator(written_as),
]


WaiverName = Literal[
    "never-logged-in",
    "site-not-live",
    "profile-not-in-site",
    "frozen",
    "inactive",
    "no-lead-access",
    "out-of-hours",
    "holiday",
    "absent",
    "previous-owner",
]


class PoolFile(File):
    """Members that share leads fairly. `partners` is short for members of weight 1."""

    members: list[PoolMemberEntry] = Field(default_factory=list)
    partners: list[Name] = Field(default_factory=list, description="Short form: partner keys.")
    fairness: Literal["equal-opportunity", "equal-counts"] = Field(
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
    offer: OfferEntry | None = Field(None, description="Terms on which its leads are offered.")
    hours: HoursText | None = Field(None, description="Hours of members without their own.")
    holidays: Holidays | None = Field(None, description="Country whose public holidays are off.")
    waive: list[WaiverName] = Field(
        default_factory=list, description="Conditions of eligibility that do not hold here."
    )
    competitors: Name | None = Field(
        None, description="Lead field that names partners who may not have the lead."
    )
    same_company: Literal["ignore", "park"] = Field(
        "ignore",
        description="park: where another partner is at the company already, the lead waits for "
        "the channel manager.",
    )


StickyEntry = Annotated[
    Annotated[Literal["company"], Tag("<text>")]
    | Annotated[list[Literal["email-domain", "name", "account"]], Tag("<list>")],
    Discriminator(written_as),
]
_TARGETS = ("user", "queue", "pool", "sticky")


class TargetFile(File):
    """One of several targets in turn."""

    model_config = exactly_one(*_TARGETS)

    user: Name | None = Field(None, description="An internal user, by username.")
    queue: QueueLabel | None = Field(None, description="A queue, by label.")
    pool: Name | None = Field(None, description="A pool of this file, by key.")
    sticky: StickyEntry | None = Field(
        None, description="company: the partner that works the lead's company already."
    )
    counts_in: Name | None = Field(
        None, description="With sticky: a pool whose member pays for the lead as if chosen there."
    )

    @model_validator(mode="after")
    def _one(self) -> TargetFile:
        one_of(self, _TARGETS)
        return self


class AssignFile(File):
    """Where a rule sends a lead."""

    model_config = exactly_one(*_TARGETS, "leave", "first_of")

    user: Name | None = Field(None, description="An internal user, by username.")
    queue: QueueLabel | None = Field(None, description="A queue, by label.")
    pool: Name | None = Field(None, description="A pool of this file, by key.")
    sticky: StickyEntry | None = Field(
        None, description="company: the partner that works the lead's company already."
    )
    counts_in: Name | None = Field(
        None, description="With sticky: a pool whose member pays for the lead as if chosen there."
    )
    leave: Literal[True] | None = Field(None, description="true: the lead stays where it is.")
    first_of: list[TargetFile] | None = Field(
        None, description="Several in turn: the first that can take the lead."
    )

    @model_validator(mode="after")
    def _one(self) -> AssignFile:
        one_of(self, (*_TARGETS, "leave", "first_of"))
        return self


NativeName = Literal["template", "senderEmail", "senderName", "replyToEmail"]


class RuleFile(File):
    """Criteria and a target. The first rule that matches decides."""

    name: Text = Field(description="Shown wherever a decision is explained.")
    when: list[Text] = Field(
        default_factory=list,
        description="Criteria such as: Country equals PT, ES. None: every lead.",
    )
    logic: Text | None = Field(None, description="Such as: 1 AND (2 OR 3). Default: all.")
    assign: AssignFile
    notify: Name | None = Field(None, description="Notice sent to the new owner.")
    offer: OfferEntry | None = Field(None, description="Terms of its own; none: no clock runs.")
    eligible_when: Text | None = Field(
        None, description="Narrows the pool for this rule: partner.tier >= Gold"
    )
    native: dict[NativeName, Text] = Field(
        default_factory=dict, description="What the org's own assignment rule holds beside."
    )


class RuleSetFile(File):
    """A rule set of its own, for a business unit."""

    intake: list[IntakeEntry] = Field(description="Where its leads are taken from.")
    rules: list[RuleFile] = Field(description="Tried from the top.")


class NoticeTextFile(File):
    """Subject and body."""

    subject: Text
    body: Body


class NoticeFile(NoticeTextFile):
    """A notice to people. The text is in the language of those that have none of their own."""

    languages: dict[Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")], NoticeTextFile] = (
        Field(default_factory=dict, description="Texts by the owner's language: pt, pt_BR.")
    )
    digest: NoticeTextFile | None = Field(
        None, description="Text for several leads of one owner at once, over `leads`."
    )
    via: Literal["org", "smtp", "webhook"] = Field("org", description="Who sends it.")
    webhook: Name | None = Field(None, description="Name of an address in SFPRM_WEBHOOKS.")


LeadFieldUse = Literal["pool", "rule", "member", "offer", "accept_by", "act_by", "decision"]


class RoutingFile(File):
    """routing.yaml: where leads come from and where they go."""

    intake: list[IntakeEntry] = Field(
        default_factory=list, description="Where leads are taken from: queues, users, criteria."
    )
    pools: dict[str, PoolFile] = Field(default_factory=dict)
    rules: list[RuleFile] = Field(default_factory=list, description="Tried from the top.")
    rule_sets: dict[str, RuleSetFile] = Field(
        default_factory=dict, description="Further rule sets, each with its own intake."
    )
    lookups: dict[str, LookupFile] = Field(
        default_factory=dict, description="Tables that rules read as lookup.NAME."
    )
    calendars: dict[str, CalendarFile] = Field(
        default_factory=dict, description="Working hours by name."
    )
    hours: HoursText | None = Field(None, description="Hours of all who have none of their own.")
    holidays: Holidays | None = Field(None, description="Holidays that go with `hours`.")
    working_hours: WorkingHours | None = Field(
        None, description="Hours of partners and people; or a CSV file: partner, person, hours."
    )
    absences: AbsenceEntries | None = Field(
        None, description="Who is away; or a CSV file: person, first, last, why."
    )
    notices: dict[str, NoticeFile] = Field(default_factory=dict)
    park: QueueLabel | None = Field(
        None, description="Queue for leads that nobody may have now; tried again from there."
    )
    lead_fields: dict[LeadFieldUse, Name] = Field(
        default_factory=dict, description="Lead fields that sfprm fills beside the owner."
    )
