"""`intake:` of routing.yaml to the model, with what two rule sets would both take."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

from sfprm.programme.intake_model import Claim, ClaimOf
from sfprm.programme.names import check_user
from sfprm.programme.paths import Source, path_of
from sfprm.programme.rule_analysis import exclusive
from sfprm.programme.rule_text import build_criteria

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfprm.programme.complaints import Place
    from sfprm.programme.files import IntakeEntry, IntakeFile
    from sfprm.programme.sheet import Sheet
    from sfprm.programme.yaml_text import Path

__all__ = ["Intakes"]


@dataclass(slots=True)
class Intakes:
    """The intakes of all rule sets, read one after the other."""

    sheet: Sheet
    _queues: dict[str, Place] = field(default_factory=dict)
    _claims: list[tuple[Path, Claim, Place]] = field(default_factory=list)
    _names: dict[str, Place] = field(default_factory=dict)

    def read(
        self, entries: Sequence[IntakeEntry], path: Path
    ) -> tuple[tuple[str, ...], tuple[Claim, ...]]:
        """The queues that one rule set empties whole, and its claims."""
        labels: list[str] = []
        claims: list[Claim] = []
        for index, entry in enumerate(entries):
            at = (*path, index)
            if isinstance(entry, str):
                self._whole(entry, self.sheet.tree.at(*at).place, labels)
            elif entry.queue is not None and not entry.where:
                self._whole(entry.queue, self.sheet.tree.at(*at, "queue").place, labels)
            else:
                claim = self._claim(entry, at)
                claims.append(claim)
                self._claims.append((path, claim, self.sheet.tree.at(*at).place))
        return tuple(labels), tuple(claims)

    def compare(self) -> None:
        """Complain of leads that two rule sets would take. Once all are read."""
        for _, claim, place in self._claims:
            if claim.of == "queue" and claim.owner in self._queues:
                self.sheet.complaints.error(
                    place,
                    f"queue {claim.owner!r} is an intake whole already "
                    f"(line {self._queues[claim.owner].line}).",
                    "Say there which of its leads are meant: {queue: …, where: […]}.",
                )
        for (one_path, one, _), (other_path, other, place) in combinations(self._claims, 2):
            if one_path != other_path and _may_meet(one, other):
                self.sheet.complaints.warn(
                    place,
                    f"intake {other.name!r} may take the same leads as {one.name!r} (line "
                    f"{one.origin.line}); those go by the rules of the one written first.",
                    "Let the criteria exclude each other, such as equals PT and notEqual PT.",
                )

    def _whole(self, label: str, place: Place, labels: list[str]) -> None:
        complaints = self.sheet.complaints
        label = self.sheet.names.use_queue(label, place, complaints)
        if label in labels:
            complaints.error(place, f"intake names queue {label!r} twice.")
        elif label in self._queues:
            complaints.error(
                place,
                f"queue {label!r} is the intake of other rules too "
                f"(line {self._queues[label].line}).",
                "Give each rule set queues of its own.",
            )
        else:
            self._queues[label] = place
            labels.append(label)

    def _claim(self, entry: IntakeFile, path: Path) -> Claim:
        sheet = self.sheet
        place = sheet.tree.at(*path).place
        criteria, of_partner, logic = build_criteria(entry.where, entry.logic, path, "where", sheet)
        if of_partner:
            sheet.complaints.error(
                place,
                f"an intake cannot read {of_partner[0].text!r}.",
                "Partners are for rules: write it below `when:` of one.",
            )
        for number, criterion in enumerate(criteria):
            found = path_of(criterion.field)
            if found is not None and found.source not in (Source.LEAD, Source.PARENT):
                sheet.complaints.error(
                    sheet.tree.at(*path, "where", number).place,
                    f"an intake cannot read {criterion.field!r}.",
                    "It reads fields of the lead and of its parents; the rest is for rules.",
                )
        of: ClaimOf = "internal"
        owner = ""
        if entry.queue is not None:
            at = sheet.tree.at(*path, "queue").place
            of, owner = "queue", sheet.names.use_queue(entry.queue, at, sheet.complaints)
        elif entry.user is not None:
            of, owner = "user", entry.user
            check_user(owner, sheet.tree.at(*path, "user").place, sheet.names, sheet.complaints)
        name = entry.name or _name(owner or "internal users", entry.where)
        first = self._names.setdefault(name, place)
        if first is not place or name in self._queues:
            sheet.complaints.error(
                place,
                f"two intakes are named {name!r}; first on line {first.line}.",
                "Give one of them another `name:`.",
            )
        return Claim(
            name=name,
            of=of,
            owner=owner,
            criteria=criteria,
            logic=logic,
            origin=place.origin,
        )


def _name(owner: str, where: Sequence[str]) -> str:
    return f"{owner}: {'; '.join(where)}" if where else owner


def _may_meet(one: Claim, other: Claim) -> bool:
    """Whether a lead may meet both."""
    if (one.of == "queue") is not (other.of == "queue"):
        return False
    if one.of == other.of and one.owner.casefold() != other.owner.casefold():
        return False
    return not exclusive((one.criteria, one.logic), (other.criteria, other.logic))
