"""What the external-access review answers: findings by part."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["FOLDER_KINDS", "ExposureReview", "Finding", "Part"]

FOLDER_KINDS = {
    "ReportFolder": "report",
    "DashboardFolder": "dashboard",
    "EmailFolder": "e-mail template",
    "DocumentFolder": "document",
}
"""Metadata type of a folder → what it holds."""


class Part(StrEnum):
    """The three parts of the review."""

    SHARING_RULES = "sharing rules"
    FOLDERS = "folders"
    BY_HAND = "to be looked at by hand"


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where partners would see internal records. `metadata` is `Type:Member`, empty
    when there is nothing to deploy for it."""

    part: Part
    where: str
    who_sees_what: str
    fix: str
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class ExposureReview:
    """All findings, and whether this org is of the kind that needs the conversion at all."""

    needed: bool
    why: str
    findings: tuple[Finding, ...]

    def of(self, part: Part) -> tuple[Finding, ...]:
        """The findings of one part."""
        return tuple(f for f in self.findings if f.part is part)
