"""The language of `eligible_when` and of criteria on partners: partner compared with lead.

    condition  = comparison {"and" comparison}
    comparison = operand op operand
    op         = "==" | "!=" | ">=" | "<=" | ">" | "<" | "in" | "not in"
                 | an operator of rules: equals, notEqual, greaterOrEqual, includes, …
    operand    = "partner." name | "Lead." ApiName | number | "text" | word | a path with a dot
                 (`sfprm.programme.paths`)

Only values here; `sfprm.programme.condition_text` parses, `sfprm.routing.eligibility` evaluates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sfprm.programme.logic import Logic

ComparisonOp = Literal["==", "!=", ">=", "<=", ">", "<", "in", "not in"]


@dataclass(frozen=True, slots=True)
class PartnerAttribute:
    """`partner.tier`, `partner.certified_for`: an attribute of the member's partner."""

    name: str


@dataclass(frozen=True, slots=True)
class LeadField:
    """`Lead.Product__c`: a field of the lead, or another path that is read of it
    (`lookup.territory`)."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A word, quoted text or number written in the condition."""

    value: str | int | float


Operand = PartnerAttribute | LeadField | Constant


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison; `text` is how it was written, for explanations."""

    left: Operand
    op: ComparisonOp
    right: Operand
    text: str


@dataclass(frozen=True, slots=True)
class Condition:
    """Comparisons joined by logic, which names them from 1 on; None: all must hold."""

    comparisons: tuple[Comparison, ...]
    text: str
    logic: Logic | None = None

    def lead_fields(self) -> tuple[str, ...]:
        """API names of the Lead fields read; sorted, each once."""
        return tuple(
            sorted(
                {
                    side.name
                    for comparison in self.comparisons
                    for side in (comparison.left, comparison.right)
                    if isinstance(side, LeadField)
                }
            )
        )
