"""Fairness of ways to share leads out: the worst distance from entitlement at any moment.

10,000 leads a case. Entitlement is the same for every policy: for each lead, one unit shared by
weight over those eligible for it. Cases:

A  5 equal members, always eligible
C  10 equal members, eligible independently with .9 .8 .7 .6 .5 .4 .3 .3 .2 .2
D  10 equal members: half of the leads open to all, 30 % to a region of four, 20 % to two that
   are certified, one of them in that region
back  5 equal members, one of them away for leads 1,000 to 3,000: how many of the next 20 it gets

Prints a table, then one line of JSON: policy → worst drift in A, C and D, in leads.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction

from sfprm.routing.credits import Book
from sfprm.routing.values import Candidate, Code, EligibilityClass, Ledger, Reason

LEADS = 10_000
AWAY, BACK, NEXT = 1_000, 3_000, 20
CHANCES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.3, 0.2, 0.2)

Offer = tuple[int, ...]
"""The members eligible for one lead, ascending; never empty."""

Policy = Callable[[Offer], int]
"""Chooses one of the eligible; keeps whatever it needs between calls."""


def ledger(n: int) -> Policy:
    """Normalised credits: the design in force, by the code in force."""
    book = Book(Ledger("pool:bench"))
    no = (Reason(Code.CONDITION),)
    classes: dict[Offer, EligibilityClass] = {}

    def choose(offer: Offer) -> int:
        eligibility = classes.get(offer)
        if eligibility is None:
            eligibility = classes[offer] = EligibilityClass(
                "pool:bench",
                tuple(Candidate(f"{m:03}", 1, () if m in offer else no) for m in range(n)),
            )
        return int(book.choose(eligibility).winner)

    return choose


def nginx(n: int) -> Policy:
    """Smooth weighted round robin among the eligible: each gains its weight, the winner pays the
    sum of the weights there."""
    current = [0] * n

    def choose(offer: Offer) -> int:
        for m in offer:
            current[m] += 1
        winner = max(offer, key=lambda m: (current[m], -m))
        current[winner] -= len(offer)
        return winner

    return choose


def at_random(n: int) -> Policy:
    """By chance, by weight."""
    chance = random.Random(11)
    return lambda offer: chance.choice(offer)


def ring(n: int) -> Policy:
    """A cursor that goes round and skips who is not eligible."""
    last = [-1]

    def choose(offer: Offer) -> int:
        last[0] = min(offer, key=lambda m: (m - last[0] - 1) % n)
        return last[0]

    return choose


def stride(n: int) -> Policy:
    """Least virtual time, which for a returner is moved up to the last one served."""
    passed = [Fraction(0)] * n
    virtual = [Fraction(0)]

    def choose(offer: Offer) -> int:
        for m in offer:
            passed[m] = max(passed[m], virtual[0])
        winner = min(offer, key=lambda m: (passed[m], m))
        virtual[0] = passed[winner]
        passed[winner] += 1
        return winner

    return choose


def least_recent(n: int) -> Policy:
    """Who has waited longest since it last got one."""
    when = [-1] * n
    turn = [0]

    def choose(offer: Offer) -> int:
        winner = min(offer, key=lambda m: (when[m], m))
        when[winner] = turn[0]
        turn[0] += 1
        return winner

    return choose


def least_count(n: int) -> Policy:
    """Who has got the fewest so far."""
    got = [0] * n

    def choose(offer: Offer) -> int:
        winner = min(offer, key=lambda m: (got[m], m))
        got[winner] += 1
        return winner

    return choose


def modulo(n: int) -> Policy:
    """A counter modulo n; when that member is not eligible, the first below it that is."""
    counter = [0]

    def choose(offer: Offer) -> int:
        at = counter[0] % n
        counter[0] += 1
        return min(offer, key=lambda m: (m - at) % n)

    return choose


POLICIES: dict[str, Callable[[int], Policy]] = {
    "credit ledger": ledger,
    "nginx smooth round robin": nginx,
    "random": at_random,
    "ring cursor": ring,
    "stride clamped": stride,
    "least recent": least_recent,
    "least count": least_count,
    "counter modulo": modulo,
}


def case_a() -> list[Offer]:
    return [tuple(range(5))] * LEADS


def case_c(seed: int = 1) -> list[Offer]:
    chance = random.Random(seed)
    offers: list[Offer] = []
    while len(offers) < LEADS:
        offer = tuple(m for m, p in enumerate(CHANCES) if chance.random() < p)
        if offer:
            offers.append(offer)
    return offers


def case_d(seed: int = 2) -> list[Offer]:
    chance = random.Random(seed)
    everybody, region, certified = tuple(range(10)), (0, 1, 2, 3), (3, 4)
    offers: list[Offer] = []
    for _ in range(LEADS):
        drawn = chance.random()
        offers.append(everybody if drawn < 0.5 else region if drawn < 0.8 else certified)
    return offers


def worst_drift(policy: Policy, offers: Sequence[Offer], n: int) -> float:
    """The largest |entitled − got| of any member after any lead, in leads."""
    # 2520 is divisible by 1 to 10, so entitlements are exact
    unit = 2520
    owed = [0] * n
    worst = 0
    for offer in offers:
        share = unit // len(offer)
        for m in offer:
            owed[m] += share
        owed[policy(offer)] -= unit
        worst = max(worst, max(owed), -min(owed))
    return worst / unit


def after_absence(policy: Policy) -> int:
    """How many of the next 20 the member gets that was away."""
    everybody, others = (0, 1, 2, 3, 4), (1, 2, 3, 4)
    for lead in range(BACK):
        policy(everybody if lead < AWAY else others)
    return sum(policy(everybody) == 0 for _ in range(NEXT))


def main() -> int:
    """Run all cases and print. Exit code 1 when the ledger is worse than promised."""
    cases = {"A": (case_a(), 5), "C": (case_c(), 10), "D": (case_d(), 10)}
    found: dict[str, dict[str, float]] = {}
    print(f"{'policy':<26}{'A':>9}{'C':>9}{'D':>9}   of the next 20 after an absence (fair: 4)")
    for name, policy in POLICIES.items():
        found[name] = {
            case: round(worst_drift(policy(n), offers, n), 2) for case, (offers, n) in cases.items()
        }
        row = "".join(f"{drift:>9,.2f}" for drift in found[name].values())
        print(f"{name:<26}{row}   {after_absence(policy(5)):>4}")
    print(json.dumps(found))
    return 0 if max(found["credit ledger"].values()) <= 1.5 else 1


if __name__ == "__main__":
    sys.exit(main())
