"""What may be written under `offer:` in routing.yaml; the editor's schema and the first check."""

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

__all__ = ["AfterEntry", "AfterFile", "OfferEntry", "OfferFile", "PauseFile"]

SpanText = Annotated[str, Field(pattern=r"^\s*\d{1,4}\s+\S.*$", max_length=40)]
Plain = str | int | float | bool | None
Stage = Literal[
    "offered", "reminded", "accepted", "acting", "rejected", "recalled", "recycled", "escalated",
    "closed",
]  # fmt: skip


class AfterFile(File):
    """Where a lead goes that was not accepted, not acted upon, or rejected."""

    model_config = exactly_one("recycle", "internal", "never")

    recycle: QueueLabel | None = Field(None, description="This queue; routing takes it from there.")
    internal: Name | None = Field(None, description="Back inside: a queue, or a user by username.")
    never: Name | None = Field(None, description="The same, and never to a partner again.")

    @model_validator(mode="after")
    def _one(self) -> AfterFile:
        one_of(self, ("recycle", "internal", "never"))
        return self


AfterEntry = Annotated[
    Annotated[Literal["next", "manager", "never"], Tag("<text>")]
    | Annotated[AfterFile, Tag("<mapping>")],
    Discriminator(written_as),
]


class RejectFile(File):
    """How a partner says no."""

    when: list[Text] = Field(min_length=1, description="All of these hold.")
    reason: Name | None = Field(None, description="Lead field that holds the reason.")
    refund: list[Text] | Literal["always"] = Field(
        default_factory=list, description="Reasons for which the partner's credit returns."
    )
    then: AfterEntry = "next"


class PauseFile(File):
    """Who does not respond gets no more leads for a while."""

    after: Annotated[int, Field(ge=1, le=100)] = Field(description="Leads run out in a row.")
    length: SpanText | None = Field(
        None, alias="for", description="Such as: 5 working days. None: until lifted by hand."
    )


class ReceiptFile(File):
    """The partner's own system says that it has the lead."""

    within: SpanText
    when: list[Text] = Field(min_length=1, description="All of these hold.")
    cause: Name | None = Field(None, description="Lead field that says what went wrong.")


class OfferNoticesFile(File):
    """Notices at later moments; the new owner's own is the rule's or the pool's `notify`."""

    remind: Name | None = None
    recalled: Name | None = Field(None, description="To the owner who did not accept it.")
    escalated: Name | None = Field(None, description="To the channel manager.")
    paused: Name | None = Field(None, description="To the people of the partner that is paused.")


class OfferFile(File):
    """The terms on which a lead is offered. Clocks that are not written do not run."""

    when: list[Text] = Field(default_factory=list, description="Only leads that meet all of these.")
    accept_within: SpanText | None = Field(None, description="Such as: 2 working days, 4 hours.")
    remind_after: SpanText | None = None
    act_within: SpanText | None = Field(None, description="From acceptance on.")
    then: AfterEntry = Field("next", description="When it is not accepted in time.")
    not_acted: AfterEntry = Field("next", description="When nothing is done after acceptance.")
    give_up_after: Annotated[int, Field(ge=1, le=50)] | None = Field(
        None, description="Offers after which it is escalated."
    )
    escalate: AfterEntry = "manager"
    accepted_when: list[Text] | None = Field(
        None, description="taken, status, modified, read, or criteria; any of them accepts."
    )
    acted_when: list[Text] = Field(default_factory=list, description="Criteria; any of them.")
    reject: RejectFile | None = None
    pause: PauseFile | None = None
    receipt: ReceiptFile | None = None
    notices: OfferNoticesFile = OfferNoticesFile()
    set_fields: dict[Stage, dict[Name, Plain]] = Field(
        default_factory=dict, description="Lead fields set when the offer changes."
    )


OfferEntry = Annotated[
    Annotated[Literal["none"], Tag("<text>")]
    | Annotated[OfferFile, Tag("<mapping>")]
    | Annotated[list[OfferFile], Tag("<list>")],
    Discriminator(written_as),
]
"""`none`, terms, or several with `when:` of which the first that fits holds."""
