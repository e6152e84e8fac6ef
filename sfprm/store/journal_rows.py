"""The journal's packed rows and their readable form, a mapping with the names of `HASHED`.

The readable form is what is hashed and what values are made of; the packed one is what the file
holds. Facts go from canonical JSON to an instant, two words and a list of values, and back to the
same bytes.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sfprm.errors import Bug
from sfprm.store import classes
from sfprm.store.canonical import canonical, facts_digest, instant_text
from sfprm.store.entries import trials_json
from sfprm.store.packing import (
    PackedChoice,
    pack_choices,
    pack_trials,
    unpack_choices,
    unpack_trials,
)
from sfprm.store.records import JournalChoice, Stream
from sfprm.store.words import texts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Row

    from sfprm.routing.values import RuleTrial

LIVE = 0
"""The number of the live stream."""

_WORDS = ("chain", "outcome", "owner_seen", "owner_new", "rule", "pool", "notify", "intake")
ACT = ("stream", "kind", "run", "programme", "algorithm", "decided_at")
"""What entries of one act have in common."""


class TrialForms:
    """The forms of rule paths, each made once: leads that were tried alike share their trials."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, ...], tuple[Any, list[list[Any]], str, bytes]] = {}

    def of(self, trials: Sequence[RuleTrial]) -> tuple[list[list[Any]], str, bytes]:
        """As JSON values, as the word for the rules' names, and packed."""
        key = tuple(map(id, trials))
        made = self._made.get(key)
        if made is None:
            path = canonical([trial.rule for trial in trials])
            # the trials are held, so that their ids stay theirs
            made = (trials, trials_json(trials), path, pack_trials(trials))
            self._made[key] = made
        return made[1:]


def words_in(
    row: Mapping[str, Any],
    facts: Mapping[str, Any],
    path: str | None,
    choices: Sequence[JournalChoice],
) -> Iterator[str]:
    """The words that packing this row will need."""
    for name in ("chain", "outcome", "owner_seen", "owner_new", "rule", "pool", "notify"):
        if row[name] is not None:
            yield row[name]
    if row["stream"] != Stream.LIVE.value:
        yield row["stream"]
    if row["reasons"]:
        yield canonical(row["reasons"])
    if path is not None:
        yield path
    yield facts["intake"]
    yield _shape(tuple(facts["fields"]))[0]
    for choice in choices:
        yield choice.ledger
        yield choice.winner


@lru_cache(maxsize=1_000)
def _shape(names: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The names of facts as one word, and sorted."""
    ordered = tuple(sorted(names))
    return canonical(ordered), ordered


def pack(
    row: Mapping[str, Any],
    act: int,
    facts: Mapping[str, Any],
    tried: tuple[str, bytes] | None,
    choices: Sequence[JournalChoice],
    numbers: Mapping[str, int],
    class_ids: Mapping[str, int],
) -> dict[str, Any]:
    """The readable row as the file holds it. `tried`: the word of the rules tried, and the packed
    verdicts."""
    fields = facts["fields"]
    created = facts["created"]
    stream = row["stream"]
    shape, names = _shape(tuple(fields))

    def number(text: str | None) -> int | None:
        return None if text is None else numbers[text]

    return {
        "sequence": row["sequence"],
        "act": act,
        "chain": number(row["chain"]),
        "position": row["position"],
        "stream": LIVE if stream == Stream.LIVE.value else numbers[stream],
        "lead": row["lead"],
        "offer": row["offer"],
        "refunds": row["refunds"],
        "outcome": number(row["outcome"]),
        "owner_seen": number(row["owner_seen"]),
        "owner_new": number(row["owner_new"]),
        "state": row["state"],
        "message": row["message"] or None,
        "rule": number(row["rule"]),
        "path": None if tried is None else numbers[tried[0]],
        "trials": None if tried is None else tried[1],
        "pool": number(row["pool"]),
        "reasons": numbers[canonical(row["reasons"])] if row["reasons"] else None,
        "next_try": row["next_try"],
        "notify": number(row["notify"]),
        "shape": numbers[shape],
        "facts": canonical(
            [facts["label"], facts["owner_name"], *[fields[name] for name in names]]
        ),
        "created": None if created is None else datetime.fromisoformat(created),
        "intake": number(facts["intake"]),
        "salt": bytes.fromhex(row["salt"]),
        "facts_digest": None,
        "choices": pack_choices(
            [
                PackedChoice(
                    numbers[choice.ledger],
                    class_ids[choice.class_digest],
                    numbers[choice.winner],
                    choice.sequence,
                    choice.before,
                    choice.after,
                )
                for choice in choices
            ]
        ),
        "hash": row["hash"],
    }


def unpack(
    connection: Connection, rows: Sequence[Row[*tuple[Any, ...]]]
) -> list[tuple[dict[str, Any], list[JournalChoice]]]:
    """Packed rows, joined with their acts, in readable form; each with its choices.

    Raises Bug when a word that a row refers to is not kept.
    """
    packed = [(row, unpack_choices(row.choices)) for row in rows]
    texts = texts_of(
        connection,
        {
            number
            for row, choices in packed
            for number in (
                *(getattr(row, name) for name in _WORDS),
                row.path,
                row.reasons,
                row.shape,
                *(n for choice in choices for n in (choice.ledger, choice.winner)),
            )
        },
    )
    digests = classes.digests_of(connection, {c.eligibility for _, found in packed for c in found})
    lists: dict[int, Any] = {}

    def listed(number: int | None) -> Any:
        if number is None:
            return []
        if number not in lists:
            lists[number] = json.loads(texts[number])
        return lists[number]

    unpacked = []
    for row, choices in packed:
        found: dict[str, Any] = {name: getattr(row, f"act_{name}") for name in ACT}
        for name in _WORDS:
            number = getattr(row, name)
            found[name] = None if number is None else texts[number]
        for name in ("sequence", "position", "lead", "offer", "refunds", "state", "next_try"):
            found[name] = getattr(row, name)
        found["message"] = row.message or ""
        found["reasons"] = listed(row.reasons)
        found["trials"] = trials_json(unpack_trials(listed(row.path), row.trials or b""))
        found["facts"] = _facts(row, listed(row.shape), found["intake"])
        found["salt"] = None if row.salt is None else row.salt.hex()
        found["facts_digest"] = row.facts_digest or (
            "" if row.facts is None else facts_digest(found["salt"] or "", found["facts"] or "")
        )
        found["hash"] = row.hash
        unpacked.append(
            (
                found,
                [
                    JournalChoice(
                        ledger=texts[c.ledger],
                        class_digest=digests.get(c.eligibility, ""),
                        winner=texts[c.winner],
                        before=c.before,
                        after=c.after,
                        sequence=c.sequence,
                    )
                    for c in choices
                ],
            )
        )
    return unpacked


def _facts(row: Row[*tuple[Any, ...]], names: list[str], intake: str | None) -> str | None:
    if row.facts is None:
        return None
    try:
        label, owner_name, *values = json.loads(row.facts)
    except (TypeError, ValueError):
        raise Bug(
            f"Journal entry {row.sequence}: its facts cannot be read.",
            hint="Restore a backup with `sfprm state restore`.",
        ) from None
    return canonical(
        {
            "created": instant_text(row.created),
            "fields": dict(zip(names, values, strict=False)),
            "intake": intake,
            "label": label,
            "owner_name": owner_name,
        }
    )
