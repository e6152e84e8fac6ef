"""A journal entry as a row, as a value, and as the text that is hashed.

Everything that says what was decided is in the hash: the three forms stand here together, so that
a new field cannot be forgotten in one of them. `state` and `message` say what became of it later
and are not hashed.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sfprm.ids import RecordId, RunId
from sfprm.routing.values import RuleTrial
from sfprm.store.canonical import canonical, instant_text
from sfprm.store.parked import reasons_from
from sfprm.store.records import JournalChoice, JournalEntry, WriteState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HASHED = (
    "sequence",
    "stream",
    "kind",
    "chain",
    "position",
    "run",
    "lead",
    "offer",
    "refunds",
    "outcome",
    "owner_seen",
    "owner_new",
    "rule",
    "trials",
    "pool",
    "programme",
    "algorithm",
    "reasons",
    "notify",
)
"""Columns hashed as they are; instants and moves are hashed besides."""


def decision_text(row: Mapping[str, Any], choices: Sequence[JournalChoice]) -> str:
    """The canonical JSON that the chain covers."""
    body = {name: row[name] for name in HASHED}
    body["decided_at"] = instant_text(row["decided_at"])
    body["next_try"] = instant_text(row["next_try"])
    body["moves"] = [
        [c.ledger, c.class_digest, c.winner, c.before, c.after, c.sequence] for c in choices
    ]
    return canonical(body)


def facts_of(
    *,
    fields: Mapping[str, Any],
    label: str,
    intake: str,
    owner_name: str,
    created: datetime | None,
) -> dict[str, Any]:
    """What may name a person: purged together, with its salt. Kept as its canonical JSON."""
    return {
        "created": instant_text(created),
        "fields": dict(fields),
        "intake": intake,
        "label": label,
        "owner_name": owner_name,
    }


def trials_json(trials: Sequence[RuleTrial]) -> list[list[Any]]:
    """Triples of rule, matched and the numbers of failed criteria."""
    return [[trial.rule, trial.matched, list(trial.failed)] for trial in trials]


def entry_from(row: Mapping[str, Any], choices: Sequence[JournalChoice]) -> JournalEntry:
    """The row, in its readable form, as a value."""
    facts = json.loads(row["facts"]) if row["facts"] is not None else {}
    created = facts.get("created")
    return JournalEntry(
        sequence=row["sequence"],
        stream=row["stream"],
        kind=row["kind"],
        chain=row["chain"],
        run=RunId(row["run"]),
        lead=RecordId(row["lead"]),
        offer=row["offer"] or 0,
        decided_at=row["decided_at"],
        outcome=row["outcome"],
        owner_seen=RecordId(row["owner_seen"]),
        owner_new=RecordId(row["owner_new"]) if row["owner_new"] else None,
        owner_name=facts.get("owner_name", ""),
        state=WriteState(row["state"]),
        rule=row["rule"],
        trials=tuple(RuleTrial(rule, matched, tuple(f)) for rule, matched, f in row["trials"]),
        pool=row["pool"],
        choices=tuple(choices),
        facts=facts.get("fields", {}),
        label=facts.get("label", ""),
        intake=facts.get("intake", ""),
        programme=row["programme"] or "",
        algorithm=row["algorithm"],
        reasons=reasons_from(row["reasons"]),
        next_try=row["next_try"],
        hash=row["hash"],
        message=row["message"],
        notify=row["notify"],
        created=datetime.fromisoformat(created) if created else None,
        refunds=row["refunds"],
    )
