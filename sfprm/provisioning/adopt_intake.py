"""Where leads wait in an org that is adopted: what its queues hold, as evidence. Which of them
sfprm is to empty is for a person to say: it is proposed, never written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.errors import OrgRefused
from sfprm.ids import RecordId
from sfprm.provisioning.adopt_doubts import Doubt
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, split_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from sfprm.provisioning.adopt_found import Found, FoundGroup
    from sfprm.salesforce.session import Session

__all__ = ["Waiting", "intake_doubts", "intake_lines", "read_waiting", "waiting"]

_COUNTED = ("OwnerId", "COUNT(Id) many", "MIN(CreatedDate) oldest")
_PARTNERS = frozenset({"person", "partner-role"})


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queue that holds open leads. `since`: the day on which the oldest was made, as the org
    writes it; `partners`: whether any are in it, through groups too; `targeted`: whether the active
    assignment rule sends leads there."""

    queue: str
    leads: int
    since: str
    partners: bool
    targeted: bool

    def words(self) -> str:
        """`holds 1,204 open leads, the oldest of 2026-03-01; no partner is in it`."""
        many = "1 open lead" if self.leads == 1 else f"{self.leads:,} open leads"
        said = f"holds {many}, {'made' if self.leads == 1 else 'the oldest of'} {self.since}"
        said += "; partners are in it" if self.partners else "; no partner is in it"
        return said + ("; the active rule sends leads there" if self.targeted else "")


def read_waiting(
    session: Session, found: Found, targets: AbstractSet[str]
) -> tuple[list[Waiting], list[Doubt]]:
    """The queues that hold open leads, in one call of the org (several for very many queues), and a
    line of the review where they may not be counted. `targets`: labels of the active rule's."""
    queues = {group.id: group for group in found.groups if group.is_queue}
    held: dict[RecordId, tuple[int, str]] = {}
    try:
        for condition in split_in("OwnerId", sorted(queues)):
            query = Query(_COUNTED, "Lead", (condition, eq("IsConverted", False))).text()
            for row in select(session, f"{query} GROUP BY OwnerId"):
                held[RecordId(row["OwnerId"])] = (int(row["many"]), str(row["oldest"])[:10])
    except OrgRefused as refused:
        what = f"open leads in queues could not be counted: {refused.message}"
        return [], [Doubt("intake", "", "", what, "look for the queues where leads wait by hand")]
    return waiting(found.groups, held, targets), []


def waiting(
    groups: Sequence[FoundGroup],
    held: dict[RecordId, tuple[int, str]],
    targets: AbstractSet[str],
) -> list[Waiting]:
    """The queues of those that hold leads (how many, since when): first those that no partner is
    in, each kind by how much it holds. Pure."""
    by_name = {g.developer_name: g for g in groups if not g.is_queue}

    def partners(group: FoundGroup, seen: frozenset[str]) -> bool:
        inner = {m.name for m in group.members if m.kind == "group"} - seen
        return any(m.kind in _PARTNERS for m in group.members) or any(
            partners(by_name[name], seen | inner) for name in sorted(inner) if name in by_name
        )

    found = [
        Waiting(g.label, *held[g.id], partners(g, frozenset()), g.label in targets)
        for g in groups
        if g.id in held and g.is_queue
    ]
    return sorted(found, key=lambda w: (w.partners, -w.leads, w.queue))


def intake_doubts(found: Sequence[Waiting], file: str) -> list[Doubt]:
    """A line of the review for each. `file`: where `intake:` is written."""
    return [
        Doubt(
            "intake",
            one.queue,
            "",
            one.words(),
            "its partners take leads there themselves; it is an intake only if sfprm is to share "
            "them out instead"
            if one.partners
            else "leads wait there for somebody to hand them on: name it under `intake:` in "
            f"{file} if sfprm is to",
        )
        for one in found
    ]


def intake_lines(found: Sequence[Waiting]) -> str:
    """Comment lines that become `intake:` when uncommented: the queues that no partner is in; an
    example where there is none."""
    meant = [one for one in found if not one.partners]
    if not meant:
        return "# where leads wait, such as\n#   intake: [{queue: New partner leads}]\n"
    head = (
        "# where leads wait. These hold open leads, and no partner is in them; whether sfprm is to "
        "share them\n# out is for you to say: uncomment what is meant.\n#\n# intake:\n"
    )
    return head + "".join(f"#   - queue: {_quoted(w.queue)}   # {w.words()}\n" for w in meant)


def _quoted(label: str) -> str:
    return "'" + label.replace("'", "''") + "'"
