"""`offboard-queue`: works off who should have left: declared `absent`, and not yet gone.

Somebody is due as long as one of their users is active or owns open leads. Each is offboarded as
by `sfprm offboard KEY`, one after the other; what the org refuses of one does not hold the rest up.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from sfprm.blocks import Block, Text
from sfprm.errors import BadRequest, NotReady, OrgRefused, PartlyDone, TryLater
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult
from sfprm.jobs.offboard import OffboardJob, OffboardOptions
from sfprm.jobs.offboard_told import OffboardResult
from sfprm.programme.model import Presence
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, split_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sfprm.programme.model import Programme
    from sfprm.salesforce.session import Session

__all__ = ["OffboardQueueJob", "OffboardQueueOptions", "OffboardQueueResult", "due_to_leave"]


class OffboardQueueOptions(JobOptions):
    """Options of `offboard-queue`. `most`: partners and people in one run; `to`: where their open
    leads go, as for `offboard`; `max_changes` is for each of them."""

    most: int = Field(20, ge=1)
    to: str | None = None
    max_changes: int | None = Field(None, ge=0)
    dry_run: bool = False


@dataclass(frozen=True)
class OffboardQueueResult(JobResult):
    """What became of each. `refused`: who could not be looked at, and why; `left_over`: due, for
    the next run."""

    done: Mapping[str, OffboardResult]
    refused: Mapping[str, str]
    left_over: int = 0

    def blocks(self) -> tuple[Block, ...]:
        if not self.done and not self.refused:
            return (Text(("Nobody is due to leave.",)),)
        out = [block for result in self.done.values() for block in result.blocks()]
        lines = [f"! {target}: {why}" for target, why in self.refused.items()]
        if self.left_over:
            lines.append(f"{self.left_over} more are due: the next run takes them.")
        return (*out, Text(tuple(lines))) if lines else tuple(out)

    def to_json(self) -> dict[str, Any]:
        return {
            "done": {target: result.to_json() for target, result in self.done.items()},
            "refused": dict(self.refused),
            "left_over": self.left_over,
        }

    @property
    def exit_code(self) -> int:
        """68 when somebody is not gone as a whole."""
        whole = not self.refused and not any(r.exit_code for r in self.done.values())
        return 0 if whole else PartlyDone.exit_code

    @property
    def counts(self) -> dict[str, int]:
        return {"offboarded": len(self.done), "refused": len(self.refused)}


class OffboardQueueJob(Job[OffboardQueueOptions, OffboardQueueResult]):
    """Reads who is due in three calls, then offboards them."""

    name: ClassVar[str] = "offboard-queue"
    summary: ClassVar[str] = "offboards partners and people whom the files call absent"
    writes: ClassVar[bool] = True
    options = OffboardQueueOptions

    def run(self, context: JobContext, options: OffboardQueueOptions) -> OffboardQueueResult:
        due = due_to_leave(context.session, context.programme)
        done: dict[str, OffboardResult] = {}
        refused: dict[str, str] = {}
        for target in due[: options.most]:
            one = OffboardOptions(
                target=target,
                to=options.to,
                max_changes=options.max_changes,
                dry_run=options.dry_run,
            )
            its = copy.copy(context)
            its.run_dir = context.run_dir / target  # the evidence of each stands by itself
            try:
                done[target] = OffboardJob().run(its, one)
            except (BadRequest, NotReady, OrgRefused) as error:
                refused[target] = error.message
            except TryLater as error:  # so it would be for the others
                if not done:
                    raise
                refused[target] = error.message
                break
        return OffboardQueueResult(done, refused, len(due) - len(done) - len(refused))


def due_to_leave(session: Session, programme: Programme) -> list[str]:
    """Keys of partners, then of people of partners who stay, that are declared absent while a user
    of theirs is active or owns open leads."""
    gone = {k for k, p in programme.partners.items() if p.state is Presence.ABSENT}
    fields = programme.key_fields
    holders: dict[str, str] = {}
    partners = {programme.partners[key].key_value.lower(): str(key) for key in gone}
    people = {
        person.key_value.lower(): str(key)
        for key, person in programme.people.items()
        if person.state is Presence.ABSENT and person.partner not in gone
    }
    active: set[str] = set()
    for path, keys in (
        (f"Contact.Account.{fields.account}", partners),
        (f"Contact.{fields.contact}", people),
    ):
        for user, is_active, value in _users(session, path, keys):
            holders[user] = keys[value.lower()]
            if is_active:
                active.add(holders[user])
    for condition in split_in("OwnerId", sorted(holders)):
        query = Query(("OwnerId",), "Lead", (condition, "IsConverted = false"))
        active |= {holders[row["OwnerId"]] for row in select(session, query)}
    return [key for key in (*partners.values(), *people.values()) if key in active]


def _users(session: Session, path: str, keys: Mapping[str, str]) -> Iterator[tuple[str, bool, str]]:
    """Id, whether it is active, and the key's value of each user of those keys."""
    for condition in split_in(path, sorted(keys)):
        for row in select(session, Query(("Id", "IsActive", path), "User", (condition,))):
            value: Any = row
            for name in path.split("."):
                value = (value or {}).get(name)
            yield row["Id"], bool(row["IsActive"]), str(value or "")
