"""The acts of setup as values: the review that is confirmed, and the result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sfprm.blocks import Block, Table, Text
from sfprm.provisioning.exposure_model import ExposureReview, Part

if TYPE_CHECKING:
    from sfprm.estate.model import OrgFacts
    from sfprm.ids import RecordId
    from sfprm.provisioning.setup_convert import Conversion
    from sfprm.provisioning.setup_rows import RowsAffected
    from sfprm.provisioning.site_members import SiteJoin

__all__ = ["Act", "ActState", "SetupAct", "SetupResult", "SetupReview", "VerifyResult"]


class Act(StrEnum):
    """What setup does, in order."""

    CONVERT = "convert shares"
    SWITCH_ON = "switch on"
    DEPLOY = "deploy"
    GRANT = "grant"
    PROVE = "prove"
    JOIN_SITE = "join the site"
    WELCOME = "welcome mail"


class ActState(StrEnum):
    """How an act stands."""

    ALREADY = "already done"
    TO_DO = "to do"
    BLOCKED = "blocked"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SetupAct:
    """One act. `found` is what came of it or stands in its way, with the `fix`."""

    act: Act
    state: ActState
    what: str
    irreversible: bool = False
    found: str = ""
    fix: str = ""

    def become(self, state: ActState, found: str, fix: str = "") -> SetupAct:
        """The same act, further on."""
        return replace(self, state=state, found=found, fix=fix)


@dataclass(frozen=True, slots=True)
class SetupReview:
    """What will be done and what partners will see: the thing that is confirmed."""

    org: OrgFacts
    acts: tuple[SetupAct, ...]
    exposure: ExposureReview
    joins: tuple[SiteJoin, ...]
    conversion: Conversion | None = None
    affected: tuple[RowsAffected, ...] = ()
    owed_welcome: tuple[tuple[RecordId, str], ...] = ()
    """Sites whose welcome mail an earlier run switched off and did not switch on again."""
    settled_welcome: tuple[str, ...] = ()
    """Sites whose welcome mail was to be switched off, and is on: nothing is owed them."""

    @property
    def to_do(self) -> tuple[SetupAct, ...]:
        """Acts that will be carried out."""
        return tuple(a for a in self.acts if a.state is ActState.TO_DO)

    @property
    def irreversible(self) -> tuple[SetupAct, ...]:
        """Acts that cannot be taken back."""
        return tuple(a for a in self.to_do if a.irreversible)

    @property
    def mails(self) -> int:
        """How many people joining the site would mail at once."""
        return sum(j.mails for j in self.joins if not j.is_member)

    def blocks(self) -> tuple[Block, ...]:
        """The three parts of the review, then the acts."""
        out: list[Block] = [Text((f"{self.org.name} ({self.org.nature}, {self.org.id})",))]
        needed = "Access review" if self.exposure.needed else "No review of old shares needed"
        out.append(Text((f"{needed}: {self.exposure.why}.",)))
        for number, part in enumerate(Part, start=1):
            findings = self.exposure.of(part)
            if findings:
                rows = tuple((f.where, f.who_sees_what) for f in findings)
                title = f"{number}. {part.value} ({len(findings)})"
                out.append(Table(("where", "who would see what from now on"), rows, title=title))
        if self.affected:
            lines = [f"  {rows}" for rows in self.affected]
            out.append(
                Text(
                    (
                        "Rewriting them calculates sharing anew, which may take hours "
                        "(--window keeps it to quiet ones):",
                        *lines,
                    )
                )
            )
        out.append(_acts_table(self.acts))
        can = sum(1 for f in self.exposure.findings if f.part is not Part.BY_HAND)
        if can and self.conversion is None:
            out.append(
                Text(
                    (
                        f"{can} of these can be rewritten: add --convert all, or --convert NAME "
                        "(Lead.Rule, a folder's API name).",
                    )
                )
            )
        return tuple(out)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "org": {"id": self.org.id, "name": self.org.name, "nature": self.org.nature},
            "exposure": {
                "needed": self.exposure.needed,
                "why": self.exposure.why,
                "findings": [
                    {
                        "part": f.part.value,
                        "where": f.where,
                        "who_sees_what": f.who_sees_what,
                        "fix": f.fix,
                        "metadata": f.metadata,
                    }
                    for f in self.exposure.findings
                ],
            },
            "convert": {
                "names": list(self.conversion.names) if self.conversion else [],
                "rows": [
                    {"rule": r.rule, "object": r.object, "rows": r.rows, "exact": r.exact}
                    for r in self.affected
                ],
            },
            "acts": [_act_json(a) for a in self.acts],
            "mails": self.mails,
        }


@dataclass(frozen=True, slots=True)
class SetupResult:
    """What setup has done. Whole when every act is done or was done already. `backup`: the folder
    with the originals of what was rewritten, '' when nothing was."""

    review: SetupReview
    acts: tuple[SetupAct, ...]
    confirmed: bool
    dry_run: bool
    calls: int
    backup: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether nothing of setup is left to do."""
        return all(a.state in (ActState.ALREADY, ActState.DONE) for a in self.acts)

    @property
    def failed(self) -> tuple[SetupAct, ...]:
        """Acts that were refused or are blocked."""
        return tuple(a for a in self.acts if a.state in (ActState.FAILED, ActState.BLOCKED))

    def blocks(self) -> tuple[Block, ...]:
        """The acts with their outcome, and what to do about those that are left."""
        lines = [f"{a.act.value}: {a.found}. fix: {a.fix}" for a in self.acts if a.fix]
        if self.backup:
            lines.append(
                f"The originals are in {self.backup}; to put them back: "
                f"sfprm setup --restore {self.backup}"
            )
            objects = self.review.conversion.objects if self.review.conversion else ()
            if objects:
                lines.append(
                    f"By hand, in a quiet hour: Setup › Sharing Settings › Recalculate, for "
                    f"{' and '.join(objects)}."
                )
        if self.dry_run:
            lines.append("Dry run: nothing was done.")
        elif not self.confirmed:
            lines.append("Not confirmed: nothing was done.")
        else:
            lines.append(
                "The org is ready. Next: sfprm check"
                if self.is_whole
                else "Run setup again after that: what is done stays done."
            )
        head = self.review.blocks() if self.dry_run or not self.confirmed else ()
        return (*head, *(() if head else (_acts_table(self.acts),)), Text(tuple(lines)))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "whole": self.is_whole,
            "confirmed": self.confirmed,
            "dry_run": self.dry_run,
            "review": self.review.to_json(),
            "acts": [_act_json(a) for a in self.acts],
            "backup": self.backup,
            "calls": self.calls,
        }


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What of setup is not there. Whole when nothing is missing."""

    review: SetupReview
    missing: tuple[str, ...]
    calls: int

    @property
    def is_whole(self) -> bool:
        """Whether all of setup is there."""
        return not self.missing

    def blocks(self) -> tuple[Block, ...]:
        """What is missing, one a line."""
        lines = [f"missing  {what}" for what in self.missing]
        count = len(self.missing)
        lines.append(
            f"{count} missing: run sfprm setup, or deploy what `sfprm setup --export DIR` writes."
            if count
            else f"{self.review.org.name}: all of setup is there. Next: sfprm check"
        )
        return (Text(tuple(lines)),)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "whole": self.is_whole,
            "missing": list(self.missing),
            "acts": [_act_json(a) for a in self.review.acts],
            "calls": self.calls,
        }


def _acts_table(acts: tuple[SetupAct, ...]) -> Table:
    rows = tuple(
        (a.act.value, a.state.value, a.what + (" (irreversible)" if a.irreversible else ""))
        for a in acts
    )
    return Table(("act", "state", "what"), rows)


def _act_json(act: SetupAct) -> dict[str, Any]:
    return {
        "act": act.act.value,
        "state": act.state.value,
        "what": act.what,
        "irreversible": act.irreversible,
        "found": act.found,
        "fix": act.fix,
    }
