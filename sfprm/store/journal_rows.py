"""The journal's packed rows and their readable form, a mapping with the names of `HASHED`.

The readable form is what is hashed and what values are made of; the packed one is what the file
holds. Facts go from canonical JSON to an instant, two words and a list of values, and back to the
same bytes.
"""

from __future__ import annotations

import json
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

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
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Row

    from sfprm.routing.values import RuleTrial
    from sfprm.store.entries import Facts
    from sfprm.store.journal import NewEntry

LIVE = 0
"""The number of the live stream."""

_WORDS = ("chain", "outcome", "owner_seen", "owner_new", "rule", "pool", "notify", "intake")
ACT = ("stream", "kind", "run", "programme", "algorithm", "decided_at")
"""What entries of one act have in common."""


class Tried(NamedTuple):
    """A rule path: as JSON, its rules' names as a word and its verdicts packed (None: no rule was
    tried), and as it was given."""

    text: str
    path: str | None
    verdicts: bytes | None
    trials: Sequence[RuleTrial]


class TrialForms:
    """The forms of rule paths, each made once: leads that were tried alike share their trials."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, ...], Tried] = {}

    def of(self, trials: Sequence[RuleTrial]) -> Tried:
        """The forms of these."""
        key = tuple(map(id, trials))
        made = self._made.get(key)
        if made is None:
            path = canonical([trial.rule for trial in trials]) if trials else None
            packed = pack_trials(trials) if trials else None
            # the trials are held, so that their ids stay theirs
            made = Tried(canonical(trials_json(trials)), path, packed, trials)
            self._made[key] = made
        return made


class Ready(NamedTuple):
    """A new entry made ready for the file, but for the numbers of its words.

    `reasons` is JSON, None for none; the digest covers the decision and the facts.
    """

    sequence: int
    position: int
    offer: int | None
    entry: NewEntry
    facts: Facts
    tried: Tried
    reasons: str | None
    salt: bytes
    digest: str


def words_in(stream: str, rows: Sequence[Ready]) -> set[str]:
    """The words that packing these rows will need."""
    entries = [row.entry for row in rows]
    found: set[str | None] = {stream if stream != Stream.LIVE.value else None}
    for words in zip(*map(_PLAIN_WORDS, entries), strict=True):
        found.update(words)
    for row in rows:
        found.add(row.tried.path)
        found.add(row.reasons)
        found.add(row.facts.shape)
    for entry in entries:
        for choice in entry.choices:
            found.add(choice.ledger)
            found.add(choice.winner)
    return {word for word in found if word is not None}


_PLAIN_WORDS = attrgetter(*_WORDS)

COLUMNS = (
    *("sequence", "act", "chain", "position", "stream", "lead", "offer", "refunds", "outcome"),
    *("owner_seen", "owner_new", "state", "message", "rule", "path", "trials", "pool", "reasons"),
    *("next_try", "notify", "shape", "facts", "created", "intake", "salt", "facts_digest"),
    *("choices", "hash"),
)
"""Columns of a packed row, in the order of `pack`."""


def pack(
    row: Ready,
    act: int,
    stream: int,
    numbers: Mapping[str | None, Any],
    class_ids: Mapping[str, int],
) -> tuple[Any, ...]:
    """The entry as the file holds it. `numbers`: of words; None has none."""
    entry = row.entry
    return (
        row.sequence,
        act,
        numbers[entry.chain],
        row.position,
        stream,
        entry.lead,
        row.offer,
        entry.refunds,
        numbers[entry.outcome],
        numbers[entry.owner_seen],
        numbers[entry.owner_new],
        entry.state.value,
        None,
        numbers[entry.rule],
        numbers[row.tried.path],
        row.tried.verdicts,
        numbers[entry.pool],
        numbers[row.reasons],
        entry.next_try,
        numbers[entry.notify],
        numbers[row.facts.shape],
        row.facts.values,
        entry.created,
        numbers[entry.intake],
        row.salt,
        None,
        pack_choices(
            [
                PackedChoice(
                    numbers[choice.ledger],
                    class_ids[choice.class_digest],
                    numbers[choice.winner],
                    choice.sequence,
                    choice.before,
                    choice.after,
                )
                for choice in entry.choices
            ]
        ),
        row.digest,
    )


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
