"""`programme validate --org`: the files' names and values against the org."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from sfprm.blocks import Block, Text
from sfprm.errors import BadFiles, Complaint, NotReady
from sfprm.estate.meant import refuse_unmeant
from sfprm.estate.reader import org_facts
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.jobs.lead_fields import lead_complaints, notice_complaints
from sfprm.programme.layers import environments
from sfprm.programme.load import load_programme
from sfprm.programme.model import Programme
from sfprm.provisioning.type_check import type_complaints

__all__ = ["ValidateJob", "ValidateOptions", "ValidateResult", "by_overlay"]


class ValidateOptions(JobOptions):
    """`all_overlays`: the files alone and with each overlay that is for this kind of org; else as
    the settings' environment has them."""

    all_overlays: bool = False


@dataclass(frozen=True)
class ValidateResult(JobResult):
    """Files that fit the org; what does not fit is an error (BadFiles, exit 2). `overlays`: those
    that were held against it, '' for the files alone; `for_others`: those that are for another kind
    of org."""

    programme: str
    digest: str
    environment: str
    org: str
    org_id: str
    overlays: tuple[str, ...]
    for_others: tuple[str, ...] = ()

    def blocks(self) -> tuple[Block, ...]:
        line = f"{self.org} ({self.org_id}) has all that the files name"
        laid = [name for name in self.overlays if name]
        if laid:
            also = "alone and " if "" in self.overlays else ""
            line += f", {also}with overlay {' and with '.join(laid)}"
        lines = [f"{line}."]
        if self.for_others:
            lines.append(
                f"Not held against it, being for other orgs: {', '.join(self.for_others)}."
            )
        return (Text(tuple(lines)),)

    def to_json(self) -> dict[str, Any]:
        return {
            "programme": self.programme,
            "digest": self.digest,
            "environment": self.environment,
            "overlays": list(self.overlays),
            "overlays_for_other_orgs": list(self.for_others),
            "org": {"id": self.org_id, "name": self.org},
        }


class ValidateJob(Job[ValidateOptions, ValidateResult]):
    """Reads only; leaves no run."""

    name: ClassVar[str] = "validate"
    summary: ClassVar[str] = "holds the files' names and values against the org"
    recorded: ClassVar[bool] = False
    options = ValidateOptions

    def run(self, context: JobContext, options: ValidateOptions) -> ValidateResult:
        session = context.session
        held, others = _held(context) if options.all_overlays else ([context.programme], [])
        found: dict[str, Sequence[Complaint]] = {}
        for programme in held:
            name = programme.environment
            context.progress.stage(f"overlay {name}" if name else "files", None)
            found[name] = [
                *type_complaints(session, programme),
                *lead_complaints(session, programme),
                *notice_complaints(session, programme),
            ]
        complaints = by_overlay(found)
        if complaints:
            raise BadFiles(
                complaints,
                hint="Mend the files (or the org, where it is the org's to have), and run the "
                "command again. Nothing was changed.",
            )
        who, files = session.identity, context.programme
        names = tuple(found)
        return ValidateResult(
            files.name,
            files.digest,
            files.environment,
            who.org_name,
            who.org_id,
            names,
            tuple(others),
        )


def _held(context: JobContext) -> tuple[list[Programme], list[str]]:
    """The files alone and with each overlay, those that are for this org; names of the others.
    Raises BadFiles."""
    facts = org_facts(context.session)
    root = Path(context.settings.programme)
    held: list[Programme] = []
    others: list[str] = []
    for name in ("", *environments(root)):
        programme = load_programme(root, name)
        try:
            refuse_unmeant(programme, facts)
        except NotReady:
            others.append(name or "the files alone")
        else:
            held.append(programme)
    return held, others


def by_overlay(found: Mapping[str, Iterable[Complaint]]) -> list[Complaint]:
    """Each complaint once; one that comes up with some overlays only says with which. Pure."""
    seen: dict[Complaint, list[str]] = {}
    for name, complaints in found.items():
        for complaint in dict.fromkeys(complaints):
            seen.setdefault(complaint, []).append(name)
    told = []
    for complaint, names in seen.items():
        if len(names) < len(found):
            where = " and ".join(f"overlay {n}" if n else "the files alone" for n in names)
            complaint = replace(complaint, message=f"with {where}: {complaint.message}")
        told.append(complaint)
    return told
