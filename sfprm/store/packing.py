"""Short bytes for what the journal holds millions of: trials, choices, classes.

Numbers are base-128, least first, as in protocol buffers; signed ones zigzag. Every function has
its inverse beside it. Words are numbers from `sfprm.store.words`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sfprm.routing.values import RuleTrial

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class PackedChoice(NamedTuple):
    """A fair choice by numbers: words, and the class's id."""

    ledger: int
    eligibility: int
    winner: int
    sequence: int
    before: int
    after: int


class PackedCandidate(NamedTuple):
    """A member of a class by numbers; `reasons` 0: none."""

    member: int
    weight: int
    reasons: int


def packed(numbers: Iterable[int]) -> bytes:
    """Whole numbers from 0 on."""
    found = bytearray()
    for number in numbers:
        while number > 0x7F:
            found.append(number & 0x7F | 0x80)
            number >>= 7
        found.append(number)
    return bytes(found)


def unpacked(data: bytes) -> Iterator[int]:
    """The inverse of `packed`."""
    number = shift = 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
        else:
            yield number
            number = shift = 0


def _zigzag(number: int) -> int:
    return number * 2 if number >= 0 else -number * 2 - 1


def _unzigzag(number: int) -> int:
    return -(number + 1) // 2 if number & 1 else number // 2


def pack_trials(trials: Sequence[RuleTrial]) -> bytes:
    """Verdicts alone, a number a rule: bit 0 that it matched, bit k that criterion k failed."""
    return packed(
        sum((1 << failed for failed in set(trial.failed)), int(trial.matched)) for trial in trials
    )


def unpack_trials(rules: Sequence[str], data: bytes) -> tuple[RuleTrial, ...]:
    """The inverse, given the names of the rules in the order that they were tried."""
    return tuple(
        RuleTrial(
            rule,
            bool(verdict & 1),
            tuple(k for k in range(1, verdict.bit_length()) if verdict >> k & 1),
        )
        for rule, verdict in zip(rules, unpacked(data), strict=True)
    )


def pack_choices(choices: Sequence[PackedChoice]) -> bytes | None:
    """Choices one after another; None for none."""
    if not choices:
        return None
    numbers: list[int] = []
    for ledger, eligibility, winner, sequence, before, after in choices:
        numbers += (ledger, eligibility, winner, sequence, _zigzag(before), _zigzag(after))
    return packed(numbers)


def unpack_choices(data: bytes | None) -> list[PackedChoice]:
    """The inverse of `pack_choices`."""
    numbers = list(unpacked(data or b""))
    return [
        PackedChoice(
            numbers[at],
            numbers[at + 1],
            numbers[at + 2],
            numbers[at + 3],
            _unzigzag(numbers[at + 4]),
            _unzigzag(numbers[at + 5]),
        )
        for at in range(0, len(numbers), 6)
    ]


def pack_class(candidates: Sequence[PackedCandidate]) -> bytes:
    """A whole class."""
    return packed(number for candidate in candidates for number in candidate)


def unpack_class(data: bytes) -> list[PackedCandidate]:
    """The inverse of `pack_class`."""
    numbers = list(unpacked(data))
    return [PackedCandidate(*numbers[at : at + 3]) for at in range(0, len(numbers), 3)]


def pack_difference(
    base: Sequence[PackedCandidate], candidates: Sequence[PackedCandidate]
) -> bytes | None:
    """What differs from a class of as many members, by place; None when that saves little."""
    if len(base) != len(candidates):
        return None
    changed = [
        (at, candidate)
        for at, (was, candidate) in enumerate(zip(base, candidates, strict=True))
        if was != candidate
    ]
    if len(changed) * 4 > len(candidates):
        return None
    return packed(number for at, candidate in changed for number in (at, *candidate))


def apply_difference(base: Sequence[PackedCandidate], data: bytes) -> list[PackedCandidate]:
    """The class that `pack_difference` was given."""
    found = list(base)
    numbers = list(unpacked(data))
    for at in range(0, len(numbers), 4):
        found[numbers[at]] = PackedCandidate(*numbers[at + 1 : at + 4])
    return found
