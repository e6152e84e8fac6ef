"""What a criterion or condition may read, by the way it is written.

    Country                 a field of the lead
    Owner.Name              a field of a parent record of the lead, as deep as SOQL goes (5)
    AnyCampaign.Type        a field of the campaigns that the lead is a member of: any of them,
    FirstCampaign.Name      the one it became a member of first,
    LatestCampaign.Name     or last
    AnyCampaign.Member.Status   a field of the membership itself
    lookup.territory        what a look-up table says for the lead
    company.partner         keys of the partners that work the lead's company already

Names of objects and fields are Salesforce's; their letter case is free.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sfprm.programme.standard_fields import standard_fields

__all__ = ["CAMPAIGNS", "COMPANY_PATHS", "PARENTS", "Path", "Source", "path_of"]

CAMPAIGNS = ("AnyCampaign", "FirstCampaign", "LatestCampaign")
COMPANY_PATHS = (
    *("company.partner", "company.by_email_domain", "company.by_name"),
    *("company.by_account", "company.opportunity"),
)
PARENTS = (
    *("Owner", "PartnerAccount", "CreatedBy", "LastModifiedBy", "RecordType"),
    *("ConvertedAccount", "ConvertedContact", "Individual", "DandbCompany"),
)
"""Standard relationships of Lead; a custom one ends in __r."""

DEEPEST = 5
"""Relationship steps that SOQL follows (documented)."""


class Source(StrEnum):
    """Where a value comes from."""

    LEAD = "lead"
    PARENT = "parent"
    CAMPAIGN = "campaign"
    LOOKUP = "lookup"
    COMPANY = "company"


@dataclass(frozen=True, slots=True)
class Path:
    """A path taken apart. `text` in the spelling that facts are kept by; `steps` without the head
    of campaigns and look-ups."""

    source: Source
    text: str
    steps: tuple[str, ...]


def path_of(written: str) -> Path | None:
    """The path, with Salesforce's spelling where that is known; None when it reads nothing that
    there is (an unknown parent, too many steps, a look-up without a name)."""
    steps = written.split(".")
    if not all(step.isidentifier() and step.isascii() for step in steps):
        return None
    head = steps[0].lower()
    if len(steps) == 1:
        standard = standard_fields("Lead").get(head)
        name = standard.name if standard is not None else written
        return Path(Source.LEAD, name, (name,))
    if head == "lead":
        return path_of(written[5:])
    if head == "lookup":
        names = tuple(steps[1:])
        return (
            Path(Source.LOOKUP, ".".join(("lookup", *names)), names) if 0 < len(names) < 3 else None
        )
    if head == "company":
        text = written.lower()
        return Path(Source.COMPANY, text, (text[8:],)) if text in COMPANY_PATHS else None
    campaign = next((c for c in CAMPAIGNS if c.lower() == head), None)
    if campaign is not None:
        rest = ["Member" if s.lower() == "member" and not i else s for i, s in enumerate(steps[1:])]
        if not rest or rest == ["Member"] or len(rest) > DEEPEST:
            return None
        return Path(Source.CAMPAIGN, ".".join([campaign, *rest]), tuple(rest))
    parent = next((p for p in PARENTS if p.lower() == head), None)
    if parent is None and not head.endswith("__r"):
        return None
    if len(steps) - 1 > DEEPEST:
        return None
    return Path(
        Source.PARENT, ".".join([parent or steps[0], *steps[1:]]), (parent or steps[0], *steps[1:])
    )
