"""Permission sets that people get: there, and of a licence that covers them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sfprm.provisioning.checks.finding import Check, CheckState, Code, ok, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.provisioning.checks.facts import Facts
    from sfprm.provisioning.checks.finding import CheckItem

__all__ = ["CHECK"]

MISSING = Code(
    "permission-set-missing",
    CheckState.PROBLEM,
    "the files name a permission set that the org has not",
    "correct its API name in the files, or deploy it",
    "apply: grant permission sets",
)
OTHER_LICENCE = Code(
    "permission-set-licence",
    CheckState.PROBLEM,
    "a permission set belongs to another licence than its people have",
    "make it for the partner licence (or for none), or name another one",
    "apply: grant permission sets",
    "provisioning sheet, section 8 (FIELD_INTEGRITY_EXCEPTION)",
)


def look(facts: Facts) -> Iterator[CheckItem]:
    """Each that a person is to have."""
    wanted: dict[str, list[str]] = defaultdict(list)
    licences: dict[str, set[str]] = defaultdict(set)
    for person in facts.programme.people.values():
        profile = facts.estate.profiles.get(person.profile)
        for name in person.permission_sets:
            wanted[name].append(person.key)
            if profile is not None:
                licences[name].add(profile.licence)
    there = facts.surroundings.permission_sets
    if there is None:
        return
    for name, people in wanted.items():
        subject = f"permission set {name}"
        found = there.get(name.lower())
        if found is None:
            yield MISSING(subject, f"not in this org; wanted by {some(people)}", people)
        elif found.licence and licences[name] - {found.licence}:
            held = " and ".join(sorted(licences[name]))
            words = f"its licence is {found.licence}; its people have {held}"
            yield OTHER_LICENCE(subject, words, [found.id])
        else:
            yield ok(subject, f"{len(people)} people get it")


CHECK = Check("permission sets", (MISSING, OTHER_LICENCE), look)
