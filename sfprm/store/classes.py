"""Eligibility classes, each kept once: whole, or as what differs from a whole one.

Pools of hundreds whose members come and go one at a time would otherwise fill the journal with
lists that are nearly alike. A difference is always from a whole class, so two rows tell any class.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from sfprm.routing.values import Candidate, EligibilityClass
from sfprm.store.canonical import canonical
from sfprm.store.inserts import insert, pieces
from sfprm.store.packing import (
    PackedCandidate,
    apply_difference,
    pack_class,
    pack_difference,
    unpack_class,
)
from sfprm.store.parked import reasons_from, reasons_json
from sfprm.store.tables import eligibility
from sfprm.store.words import number_all, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

    from sfprm.routing.values import Reason


_IS_DIGEST = re.compile("[0-9a-f]{64}")


def keep(connection: Connection, classes: Iterable[EligibilityClass]) -> dict[int, tuple[str, int]]:
    """Store those that are new; digest and id of each by the identity of the object, as leads
    share the objects."""
    by_identity = {id(found): found for found in classes}
    digests = {at: found.digest for at, found in by_identity.items()}
    by_digest = {digests[at]: found for at, found in by_identity.items()}
    ids = ids_of(connection, by_digest)
    new = [(digest, by_digest[digest]) for digest in sorted(by_digest.keys() - ids.keys())]
    if new:
        _add(connection, new)
        ids.update(ids_of(connection, [digest for digest, _ in new]))
    return {at: (digest, ids[digest]) for at, digest in digests.items()}


def ids_of(connection: Connection, digests: Iterable[str]) -> dict[str, int]:
    """Ids of those that are kept, by digest."""
    found: dict[str, int] = {}
    for piece in pieces(digests):
        query = select(eligibility.c.id, eligibility.c.digest).where(
            eligibility.c.digest.in_(piece)
        )
        found.update({row.digest: row.id for row in connection.execute(query)})
    return found


def _add(connection: Connection, new: list[tuple[str, EligibilityClass]]) -> None:
    numbers = number_all(connection, (word for _, found in new for word in _words(found)))
    bases: dict[str, tuple[int, list[PackedCandidate]] | None] = {}
    for digest, found in new:
        if found.ledger not in bases:
            bases[found.ledger] = _last_whole(connection, numbers[found.ledger])
        members = [
            PackedCandidate(
                numbers[c.member],
                c.weight,
                numbers[_reasons_word(c.reasons)] if c.reasons else 0,
            )
            for c in found.candidates
        ]
        base = bases[found.ledger]
        difference = None if base is None else pack_difference(base[1], members)
        connection.execute(
            insert(connection, eligibility)
            .values(
                digest=digest,
                ledger=numbers[found.ledger],
                base=base[0] if base is not None and difference is not None else None,
                content=pack_class(members) if difference is None else difference,
            )
            .on_conflict_do_nothing()
        )
        if difference is None:
            bases[found.ledger] = _last_whole(connection, numbers[found.ledger])


def _words(found: EligibilityClass) -> Iterator[str]:
    yield found.ledger
    for candidate in found.candidates:
        yield candidate.member
        if candidate.reasons:
            yield _reasons_word(candidate.reasons)


def _reasons_word(reasons: tuple[Reason, ...]) -> str:
    return canonical(reasons_json(reasons))


def _last_whole(connection: Connection, ledger: int) -> tuple[int, list[PackedCandidate]] | None:
    row = connection.execute(
        select(eligibility.c.id, eligibility.c.content).where(
            eligibility.c.id
            == select(func.max(eligibility.c.id))
            .where(eligibility.c.ledger == ledger, eligibility.c.base.is_(None))
            .scalar_subquery()
        )
    ).one_or_none()
    return None if row is None else (row.id, unpack_class(row.content))


def find(connection: Connection, digests: Iterable[str]) -> dict[str, EligibilityClass]:
    """Those of the classes that are kept, by digest."""
    base = eligibility.alias()
    found: dict[str, EligibilityClass] = {}
    for piece in pieces(digest for digest in digests if _IS_DIGEST.fullmatch(digest)):
        rows = connection.execute(
            select(
                eligibility.c.digest,
                eligibility.c.ledger,
                eligibility.c.content,
                base.c.content.label("whole"),
            )
            .outerjoin(base, base.c.id == eligibility.c.base)
            .where(eligibility.c.digest.in_(piece))
        ).all()
        members = {
            row.digest: unpack_class(row.content)
            if row.whole is None
            else apply_difference(unpack_class(row.whole), row.content)
            for row in rows
        }
        texts = texts_of(
            connection,
            {
                number
                for row in rows
                for number in (
                    row.ledger,
                    *(n for c in members[row.digest] for n in (c.member, c.reasons)),
                )
            },
        )
        reasons = {
            number: reasons_from(json.loads(texts[number]))
            for listed in members.values()
            for number in {c.reasons for c in listed}
            if number
        }
        for row in rows:
            found[row.digest] = EligibilityClass(
                texts[row.ledger],
                tuple(
                    Candidate(texts[c.member], c.weight, reasons.get(c.reasons, ()))
                    for c in members[row.digest]
                ),
            )
    return found


def class_of(connection: Connection, digest: str) -> EligibilityClass:
    """One class. Raises KeyError."""
    return find(connection, [digest])[digest]


def digests_of(connection: Connection, ids: Iterable[int]) -> dict[int, str]:
    """Digests by id."""
    found: dict[int, str] = {}
    for piece in pieces(ids):
        query = select(eligibility.c.id, eligibility.c.digest).where(eligibility.c.id.in_(piece))
        found.update({row.id: row.digest for row in connection.execute(query)})
    return found
