"""Writing the adopted programme into a new folder, after the loader has found no fault in it.

What the loader would refuse (an address with letters that sfprm does not take, say) is left out
and named in the review: the folder that is written always loads.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sfprm.errors import BadFiles, BadRequest, Bug, Complaint
from sfprm.ids import RecordId
from sfprm.programme.complaints import Complaints
from sfprm.programme.csv_text import csv_records
from sfprm.programme.load import load_programme
from sfprm.programme.source import decode
from sfprm.provisioning.adopt import propose
from sfprm.provisioning.adopt_doubts import Doubt
from sfprm.provisioning.adopt_files import (
    REVIEW,
    files_of,
    partners_csv,
    people_csv,
    review_text,
    yaml_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.programme.model import Programme
    from sfprm.provisioning.adopt import AdoptTerms, Proposal
    from sfprm.provisioning.adopt_found import Found

__all__ = ["Adopted", "adopted", "more", "write_folder"]

MOST_ROUNDS = 50
"""Each round leaves at least one record out; files made by a program have few kinds of fault."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """The files by name, the programme that they are, and the review."""

    files: Mapping[str, str]
    programme: Programme
    review: tuple[Doubt, ...]


def adopted(found: Found, terms: AdoptTerms) -> Adopted:
    """Files that load, for as much of the org as can be declared. Raises Bug when none do."""
    left_out: list[Doubt] = []
    for _ in range(MOST_ROUNDS):
        proposal = propose(found, terms)
        files = _texts(proposal, found.org_name)
        try:
            programme = _loaded(files)
        except BadFiles as bad:
            fewer = _without_bad(found, proposal, files, bad, left_out)
            if fewer is None:
                raise Bug(f"The adopted files do not load: {bad.message}") from bad
            found = fewer
            continue
        review = (*left_out, *proposal.review)
        return Adopted({**files, REVIEW: review_text(review)}, programme, review)
    raise Bug("The adopted files have faults that cannot be told from each other.")


def more(done: Adopted, files: Mapping[str, str], doubts: Sequence[Doubt]) -> Adopted:
    """With further files and lines of the review. Raises BadFiles when it does not load so."""
    review = (*done.review, *doubts)
    texts = {**done.files, **files}
    programme = done.programme
    if files:
        programme = _loaded({name: text for name, text in texts.items() if name != REVIEW})
    return Adopted({**texts, REVIEW: review_text(review)}, programme, review)


def _texts(proposal: Proposal, org: str) -> dict[str, str]:
    document, partners, people = files_of(proposal)
    left = proposal.terms.keys == "leave"
    return {
        "programme.yaml": yaml_text(document, org, left=left),
        "partners.csv": partners_csv(partners),
        "people.csv": people_csv(people),
    }


def _loaded(files: Mapping[str, str]) -> Programme:
    with tempfile.TemporaryDirectory(prefix="sfprm-adopt-") as name:
        for file, text in files.items():
            Path(name, file).write_text(text, encoding="utf-8")
        return load_programme(Path(name))


def _without_bad(
    found: Found,
    proposal: Proposal,
    files: Mapping[str, str],
    bad: BadFiles,
    left_out: list[Doubt],
) -> Found | None:
    """What was found without the records whose rows are complained about; None when it is about
    none of them."""
    partners = {key: at for at, key in proposal.partner_keys.items()}
    people = {key: at for at, key in proposal.person_keys.items()}
    gone: set[RecordId] = set()
    for file, kind, keys in (
        ("partners.csv", "account", partners),
        ("people.csv", "person", people),
    ):
        lines = _keys_by_line(files[file])
        for complaint in bad.complaints:
            key = lines.get(complaint.line, "") if Path(complaint.file).name == file else ""
            at = keys.get(key)
            if at is not None and at not in gone:
                gone.add(at)
                left_out.append(_left_out(kind, key, at, complaint))
    if not gone:
        return None
    return replace(
        found,
        accounts=tuple(a for a in found.accounts if a.id not in gone),
        people=tuple(
            p for p in found.people if p.contact_id not in gone and p.account_id not in gone
        ),
    )


def _left_out(kind: str, key: str, at: RecordId, complaint: Complaint) -> Doubt:
    what = f"left out: {complaint.message}"
    return Doubt(kind, key, at, what, complaint.hint or "mend it in Salesforce and adopt again")


def _keys_by_line(text: str) -> dict[int, str]:
    source = decode(text.encode(), "f.csv", Complaints())
    records = csv_records(source, Complaints()) if source is not None else []
    at = records[0][1].index("key") if records else 0
    return {line: cells[at] for line, cells in records[1:]}


def write_folder(folder: Path, adopted: Adopted) -> None:
    """Write the files into a folder that is new or empty. Raises BadRequest."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadRequest(
            f"{folder} exists already and is not an empty folder; nothing was written.",
            hint="Name a new folder.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in adopted.files.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise BadRequest(f"{folder} cannot be written: {error.strerror or error}.") from error
