"""What a programme says about offers: clocks, signs of acceptance, and what follows at each end.

Only values here; `sfprm.programme.offers_text` reads them from the files, `sfprm.routing.offers`
acts on them. A clock that is not set does not run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.programme.model import Criterion, FieldValue

__all__ = [
    "NOTICE_KINDS",
    "PLACEHOLDERS",
    "STAGES",
    "After",
    "OfferTerms",
    "PauseTerms",
    "ReceiptTerms",
    "RejectTerms",
    "Sign",
    "Span",
]

STAGES = (
    *("offered", "reminded", "accepted", "acting", "rejected", "recalled"),
    *("recycled", "escalated", "closed"),
)
"""Changes of an offer's state at which Lead fields may be set."""

PLACEHOLDERS = (
    *("now", "today", "accept_by", "accept_by.date", "act_by", "act_by.date"),
    *("offer", "pool", "rule", "owner", "member", "decision"),
)
"""What a text in `set_fields` may name in braces; instants are ISO 8601 in UTC."""

NOTICE_KINDS = ("remind", "recalled", "escalated", "paused")
"""What a notice may be sent for, besides the new owner's own (`notify:`)."""


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time: 2 days, 90 minutes. `working`: counted in the owner's working hours."""

    amount: int
    unit: Literal["minutes", "hours", "days"]
    working: bool = False

    def __str__(self) -> str:
        unit = self.unit if self.amount != 1 else self.unit[:-1]
        return f"{self.amount} {'working ' if self.working else ''}{unit}"


class Sign(StrEnum):
    """What shows that a partner has accepted (operations.md, rule 23)."""

    TAKEN = "taken"
    """A partner's user took it out of the queue it was offered to."""
    STATUS = "status"
    """Its Status is not what it was when it was offered."""
    MODIFIED = "modified"
    """Its owner was the last to modify it."""
    READ = "read"
    """Its owner opened it. Only ever speaks for the partner: an unread lead proves nothing."""


@dataclass(frozen=True, slots=True)
class After:
    """What follows when a clock has run out or a lead is rejected.

    `next`: offered to the next of the pool. `recycle`: put into `queue`. `internal`: back to the
    internal `queue` or `user`. `never`: the same (or to the channel manager when neither is named),
    and never offered to a partner again.
    """

    kind: Literal["next", "recycle", "internal", "never"] = "next"
    queue: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class RejectTerms:
    """A partner says no. `when`: all hold. `reason` is the Lead field that holds why; with one of
    `refund` there (or `*`), the credit returns."""

    when: tuple[Criterion, ...]
    reason: str | None = None
    refund: tuple[str, ...] = ()
    then: After = After()


@dataclass(frozen=True, slots=True)
class PauseTerms:
    """Who lets `after` leads in a row run out is left out for `length` (None: until a person
    lifts it)."""

    after: int
    length: Span | None = None


@dataclass(frozen=True, slots=True)
class ReceiptTerms:
    """The partner's own system must say that it has the lead: `when` (all hold), `within`.
    `cause` is the Lead field that says what went wrong."""

    within: Span
    when: tuple[Criterion, ...]
    cause: str | None = None


def _none() -> Mapping[str, Mapping[str, FieldValue]]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class OfferTerms:
    """The terms on which a lead is offered. `when`: only to leads that meet all of these.

    `accepted_when` adds criteria to `signs`; any of them accepts. `acted_when`: any; none given
    means that the owner modified it again, or its status changed again. `set_fields`: stage → Lead
    field → value; a text may name PLACEHOLDERS in braces. After `give_up_after` offers the lead
    goes to `escalate`.
    """

    accept_within: Span | None = None
    remind_after: Span | None = None
    act_within: Span | None = None
    then: After = After()
    not_acted: After = After()
    give_up_after: int | None = None
    escalate: After = After("internal")
    signs: tuple[Sign, ...] = tuple(Sign)
    accepted_when: tuple[Criterion, ...] = ()
    acted_when: tuple[Criterion, ...] = ()
    reject: RejectTerms | None = None
    pause: PauseTerms | None = None
    receipt: ReceiptTerms | None = None
    notices: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    set_fields: Mapping[str, Mapping[str, FieldValue]] = field(default_factory=_none)
    when: tuple[Criterion, ...] = ()

    @property
    def has_clock(self) -> bool:
        """Whether there is anything to wait for."""
        return self.accept_within is not None or self.act_within is not None

    def criteria(self) -> tuple[Criterion, ...]:
        """Every criterion that the terms read."""
        reject = self.reject.when if self.reject else ()
        receipt = self.receipt.when if self.receipt else ()
        return (*self.when, *self.accepted_when, *self.acted_when, *reject, *receipt)

    def lead_fields(self) -> tuple[str, ...]:
        """API names of the Lead fields read; sorted, each once."""
        names = {c.field for c in self.criteria()}
        if self.reject and self.reject.reason:
            names.add(self.reject.reason)
        if self.receipt and self.receipt.cause:
            names.add(self.receipt.cause)
        return tuple(sorted(names))

    def fields_written(self) -> tuple[str, ...]:
        """API names of the Lead fields set; sorted, each once."""
        return tuple(sorted({name for values in self.set_fields.values() for name in values}))
