"""What a history left behind, and what of it is wrong.

`look` reads the org (leads, owner history, users, outbox) and the state (journal, parked leads,
runs); `judge` compares them: values in, a verdict out. The org's owner history is written by the
org at each change of hands, whoever made it, and stands for its call log, which names no records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from sfprm.salesforce.query import select_all
from sfprm.salesforce.session import Session
from sfprm.store.records import JournalEntry, Run, RunState, WriteState
from sfprm.store.writer import Store

__all__ = ["COUNTED", "Seen", "Verdict", "judge", "look", "waiting"]

COUNTED = (
    "lost", "doubled", "credit_errors", "duplicate_users", "duplicate_mails", "missed_runs",
)  # fmt: skip
EFFECT = (RunState.DONE, RunState.PARTLY)
BEAT = timedelta(seconds=2)
"""The pace of the job `beat`."""


@dataclass
class Verdict:
    """What is wrong, counted. All zeroes: as it should be. `notes` say what, for whoever mends."""

    lost: int = 0
    doubled: int = 0
    credit_errors: int = 0
    duplicate_users: int = 0
    duplicate_mails: int = 0
    missed_runs: int = 0
    unclean_ends: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not any(getattr(self, f.name) for f in fields(self) if f.name != "notes")

    def count(self, what: str, note: str, by: int = 1) -> None:
        """So many more of `what`."""
        setattr(self, what, getattr(self, what) + by)
        self.notes.append(f"{what}: {note}")


@dataclass(frozen=True)
class Seen:
    """Org and state after a history. `leads`: owner by id, of those that came or were decided on
    since it began; `changes`: every new owner of a lead since then, in order; `entries` since then.
    `keys`: values that must be one of a kind, by what they are. `calm`: when the last blow fell."""

    leads: Mapping[str, str]
    changes: Sequence[tuple[str, str]]
    waiting: Sequence[str]
    parked: frozenset[str]
    entries: Sequence[JournalEntry]
    unsound: Sequence[str]
    keys: Mapping[str, Sequence[str]]
    mails: Sequence[tuple[str, str, str]]
    runs: Sequence[Run]
    calm: datetime


INTAKE = (
    "SELECT Id FROM Lead WHERE Owner.Name IN ('Web Leads', 'Event Leads') AND IsConverted = false"
)
ONE_OF_A_KIND = (
    ("ContactId", "User"),
    ("Username", "User"),
    ("Partner_Key__c", "Contact"),
    ("Partner_Key__c", "Account"),
)


def waiting(session: Session, parked: frozenset[str]) -> list[str]:
    """Leads in the intake queues of which the state knows nothing."""
    return [row["Id"] for row in select_all(session, INTAKE) if row["Id"] not in parked]


def look(
    store: Store,
    session: Session,
    outbox: Sequence[Mapping[str, Any]],
    *,
    since: datetime,
    after: int,
    calm: datetime,
) -> Seen:
    """Read everything. `since`: an instant of the org's clock before the history; `after`: the last
    entry of the journal then."""
    parked = frozenset(p.lead for p in store.parked())
    entries = store.entries(after=after)
    began = since.strftime("%Y-%m-%dT%H:%M:%SZ")
    came = select_all(session, f"SELECT Id, OwnerId FROM Lead WHERE CreatedDate > {began}")
    leads = {row["Id"]: row["OwnerId"] for row in came}
    older = sorted({e.lead for e in entries} - leads.keys())
    for at in range(0, len(older), 200):
        ids = ", ".join(f"'{id_}'" for id_ in older[at : at + 200])
        rows = select_all(session, f"SELECT Id, OwnerId FROM Lead WHERE Id IN ({ids})")
        leads |= {row["Id"]: row["OwnerId"] for row in rows}
    history = select_all(
        session,
        "SELECT LeadId, NewValue FROM LeadHistory WHERE Field = 'Owner' "
        f"AND CreatedDate > {began} ORDER BY CreatedDate, Id",
    )
    changes = [(row["LeadId"], str(row["NewValue"])) for row in history]
    return Seen(
        leads=leads,
        # each change stands twice, once with names and once with ids
        changes=[(lead, to) for lead, to in changes if to[:3] in ("005", "00G") and len(to) >= 15],
        waiting=waiting(session, parked),
        parked=parked,
        entries=entries,
        unsound=store.verify(),
        keys={
            f"{object_}.{name}": [
                row[name]
                for row in select_all(session, f"SELECT {name} FROM {object_} WHERE {name} != null")
            ]
            for name, object_ in ONE_OF_A_KIND
        },
        mails=[(_addressees(m), str(m.get("subject")), str(m.get("body"))) for m in outbox],
        runs=store.work.history(limit=10_000),
        calm=calm,
    )


def _addressees(mail: Mapping[str, Any]) -> str:
    to = mail.get("to")
    return " ".join(sorted(to)) if isinstance(to, list) else str(to)


def judge(seen: Seen) -> Verdict:
    """What is wrong."""
    verdict = Verdict()
    for lead in seen.waiting:
        verdict.count("lost", f"{lead} waits, and nobody knows of it")
    for words in seen.unsound:
        verdict.count("credit_errors", words)
    _judge_owners(seen, verdict)
    for what, values in seen.keys.items():
        for value, n in Counter(values).items():
            if n > 1:
                verdict.count("duplicate_users", f"{n} of {what} {value}", n - 1)
    for mail, n in Counter(seen.mails).items():
        if n > 1:
            verdict.count("duplicate_mails", f"{n} times to {mail[0]}: {mail[1]}", n - 1)
    _judge_runs(seen, verdict)
    return verdict


def _judge_owners(seen: Seen, verdict: Verdict) -> None:
    """Each lead changed hands as the journal says, in that order, and is with whom it says."""
    decided: dict[str, list[str]] = {}
    for entry in seen.entries:
        if entry.owner_new is not None and entry.state is WriteState.CONFIRMED:
            decided.setdefault(entry.lead, []).append(entry.owner_new)
        if entry.state is WriteState.DECIDED:
            verdict.count("lost", f"{entry.lead}: entry {entry.sequence} was never carried out")
    changed: dict[str, list[str]] = {}
    for lead, to in seen.changes:
        changed.setdefault(lead, []).append(to)
    for lead, owner in seen.leads.items():
        should = decided.get(lead, [])
        if not should and lead not in seen.parked and lead not in seen.waiting:
            verdict.count("lost", f"{lead} is with {owner}, by no decision")
        if should and owner != should[-1]:
            verdict.count("doubled", f"{lead} is with {owner}, not {should[-1]}")
    for lead, hands in changed.items():
        # a decision for whom a lead is with already changes nothing
        if not _is_within(hands, decided.get(lead, [])):
            words = f"{lead} went to {hands}, decided were {decided.get(lead, [])}"
            verdict.count("doubled", words)


def _is_within(hands: Sequence[str], decided: Sequence[str]) -> bool:
    """Whether the changes of hands are some of the decisions, in their order."""
    left = iter(decided)
    return all(owner in left for owner in hands)


def _judge_runs(seen: Seen, verdict: Verdict) -> None:
    """No slot has two runs in effect, none that was begun is without an end, none that was due
    before the last blow is due still, and every slot of `beat` was done."""
    runs = [run for run in seen.runs if run.due_at is not None]
    followed = {run.retry_of for run in runs}
    in_effect = Counter((run.job, run.due_at) for run in runs if run.state in EFFECT)
    for (job, at), n in in_effect.items():
        if n > 1:
            verdict.count("missed_runs", f"{job} of {at} was done {n} times", n - 1)
    for run in runs:
        assert run.due_at is not None
        if run.state is RunState.RUNNING:
            verdict.count("missed_runs", f"{run.job} {run.id} never ended")
        elif run.state is RunState.LOST and run.id not in followed:
            verdict.count("missed_runs", f"{run.job} {run.id} was lost and nobody went on")
        elif run.state is RunState.DUE and run.due_at < seen.calm:
            verdict.count("missed_runs", f"{run.job} of {run.due_at} was never begun")
    beats = sorted(run.due_at for run in runs if run.job == "beat" and run.due_at is not None)
    at = beats[0] if beats else seen.calm
    if not beats:
        verdict.count("missed_runs", "beat never ran")
    while at < seen.calm:
        if not in_effect[("beat", at)]:
            verdict.count("missed_runs", f"beat of {at} was not done")
        at += BEAT
