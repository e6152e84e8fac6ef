"""A journal entry as a row, as a value, and as the text that is hashed.

Everything that says what was decided is in the hash: the three forms stand here together, so that
a new field cannot be forgotten in one of them. `state` and `message` say what became of it later
and are not hashed.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple

from sfprm.ids import RecordId, RunId
from sfprm.routing.values import RuleTrial
from sfprm.store.canonical import (
    canonical,
    escaped,
    instant_text,
    number_or_null,
    plain,
    text_or_null,
)
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
    """The canonical JSON that the chain covers, of a row in its readable form."""
    named = {name: row[name] for name in HASHED if name not in ("trials", "reasons")}
    return hashed_text(
        **named,
        trials=canonical(row["trials"]),
        reasons=canonical(row["reasons"]),
        decided_at=instant_text(row["decided_at"]),
        next_try=instant_text(row["next_try"]),
        choices=choices,
    )


def hashed_text(
    *,
    sequence: int,
    stream: str,
    kind: str,
    chain: str,
    position: int,
    run: str,
    lead: str,
    offer: int | None,
    refunds: int | None,
    outcome: str,
    owner_seen: str,
    owner_new: str | None,
    rule: str | None,
    trials: str,
    pool: str | None,
    programme: str | None,
    algorithm: int,
    reasons: str,
    notify: str | None,
    decided_at: str | None,
    next_try: str | None,
    choices: Sequence[JournalChoice],
) -> str:
    """The canonical JSON of a decision: `HASHED` and the instants and moves, keys in order, written
    out because a million are. `trials` and `reasons` are JSON already, instants are texts."""
    quoted, maybe, number = escaped, text_or_null, number_or_null
    moves = ",".join(
        [
            f"[{quoted(c.ledger)},{quoted(c.class_digest)},{quoted(c.winner)},"
            f"{c.before},{c.after},{c.sequence}]"
            for c in choices
        ]
    )
    return (
        f'{{"algorithm":{algorithm},"chain":{quoted(chain)},"decided_at":{maybe(decided_at)},'
        f'"kind":{quoted(kind)},"lead":{quoted(lead)},"moves":[{moves}],'
        f'"next_try":{maybe(next_try)},"notify":{maybe(notify)},"offer":{number(offer)},'
        f'"outcome":{quoted(outcome)},"owner_new":{maybe(owner_new)},'
        f'"owner_seen":{quoted(owner_seen)},"pool":{maybe(pool)},"position":{position},'
        f'"programme":{maybe(programme)},"reasons":{reasons},"refunds":{number(refunds)},'
        f'"rule":{maybe(rule)},"run":{quoted(run)},"sequence":{sequence},'
        f'"stream":{quoted(stream)},"trials":{trials}}}'
    )


class Shape(NamedTuple):
    """Names of facts: as one word, in order, and each as it begins its value in JSON."""

    word: str
    names: tuple[str, ...]
    starts: tuple[str, ...]


@lru_cache(maxsize=1_000)
def shape_of(names: tuple[str, ...]) -> Shape:
    """The shape of facts with those names, in any order."""
    ordered = tuple(sorted(names))
    starts = tuple(f"{escaped(name)}:" for name in ordered)
    return Shape(canonical(ordered), ordered, starts)


class Facts(NamedTuple):
    """What may name a person: purged together, with its salt. `text` is hashed, `values` kept; both
    canonical JSON."""

    text: str
    values: str
    shape: str


def facts_of(
    *,
    fields: Mapping[str, Any],
    label: str,
    intake: str,
    owner_name: str,
    created: datetime | None,
) -> Facts:
    """The facts of an entry."""
    word, names, starts = shape_of(tuple(fields))
    values = [plain(fields[name]) for name in names]
    named = ",".join(map(add, starts, values))
    label, owner_name = escaped(label), escaped(owner_name)
    text = (
        f'{{"created":{text_or_null(instant_text(created))},"fields":{{{named}}},'
        f'"intake":{escaped(intake)},"label":{label},"owner_name":{owner_name}}}'
    )
    return Facts(text, f"[{','.join([label, owner_name, *values])}]", word)


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
