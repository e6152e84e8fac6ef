"""What the files declare, with the place of each: the book that references are looked up in.

A name counts as declared even where its own entry is wrong, so that one mistake is told once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfprm.programme.complaints import Complaints, Place, alike
from sfprm.programme.identity import is_email

if TYPE_CHECKING:
    from sfprm.programme.model import Origin
    from sfprm.programme.yaml_text import Tree

__all__ = ["Names", "check_user"]


@dataclass(slots=True)
class Names:
    """Declared names by kind. `attributes` are those that conditions may read of a partner.

    `queue_uses` and `group_uses` are labels that something refers to, with the first place.
    """

    managers: dict[str, Origin] = field(default_factory=dict)
    usernames: dict[str, str] = field(default_factory=dict)
    partners: dict[str, Origin] = field(default_factory=dict)
    people: dict[str, Origin] = field(default_factory=dict)
    queues: dict[str, Origin] = field(default_factory=dict)
    groups: dict[str, Origin] = field(default_factory=dict)
    pools: dict[str, Origin] = field(default_factory=dict)
    notices: dict[str, Origin] = field(default_factory=dict)
    attributes: set[str] = field(default_factory=set)
    tiers: tuple[str, ...] = ()
    queue_uses: dict[str, Place] = field(default_factory=dict)
    group_uses: dict[str, Place] = field(default_factory=dict)

    def declare(self, programme: Tree, routing: Tree | None) -> None:
        """Take in the keys of both YAML files as they are written."""
        for tree, key, names in (
            (programme, "channel_managers", self.managers),
            (programme, "queues", self.queues),
            (programme, "groups", self.groups),
            (routing, "pools", self.pools),
            (routing, "notices", self.notices),
        ):
            found = tree.root.entries.get(key) if tree and tree.root.entries else None
            if found is not None and found[1].entries is not None:
                names.update({name: at.origin for name, (at, _) in found[1].entries.items()})

    def use_queue(self, label: str, place: Place, complaints: Complaints) -> str:
        """Note that a queue is referred to; complain when it is a slip of a declared one."""
        return _use("queue", label, place, self.queues, self.queue_uses, complaints)

    def use_group(self, label: str, place: Place, complaints: Complaints) -> str:
        """The same for a public group."""
        return _use("group", label, place, self.groups, self.group_uses, complaints)

    def has_partner(self, key: str, place: Place, complaints: Complaints, subject: str) -> bool:
        """Whether the partner is declared; complains otherwise."""
        if key in self.partners:
            return True
        hint = complaints.did_you_mean(key, self.partners, self.partners)
        if key in self.people:
            hint = f"A person has that key ({self.people[key]}): write {{person: {key}}}."
        complaints.error(place, f"{subject} names partner {key!r}, which no file declares.", hint)
        return False


def _use(
    kind: str,
    label: str,
    place: Place,
    declared: dict[str, Origin],
    uses: dict[str, Place],
    complaints: Complaints,
) -> str:
    """The label, as it is declared where only letter case differs."""
    if label not in declared and label not in uses:
        twin = next((q for q in declared if q.casefold() == label.casefold()), None)
        near = next((q for q in declared if alike(q, label)), None)
        if twin is not None:
            complaints.error(
                place,
                f"{kind} {label!r} is declared as {twin!r}.",
                f"Write {twin!r} ({declared[twin]}).",
            )
            return twin
        if near is not None:
            complaints.warn(
                place,
                f"{kind} {label!r} is not declared: it must stand in the org already.",
                f"Did you mean {near!r} ({declared[near]})?",
            )
    uses.setdefault(label, place)
    return label


def check_user(username: str, place: Place, names: Names, complaints: Complaints) -> bool:
    """Whether an internal user is named by a username; complains otherwise."""
    if is_email(username):
        return True
    hint = "Name the user by username, such as marta.lopes@example.com."
    if username in names.usernames:
        hint = f"Did you mean {names.usernames[username]!r} ({names.managers[username]})?"
    complaints.error(
        place, f"{username!r} is not a username (the form is that of an address).", hint
    )
    return False
