"""What an offboarding did, for people, for machines, and as evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sfprm.blocks import Block, Table, Text
from sfprm.errors import PartlyDone
from sfprm.jobs.frame import JobResult
from sfprm.provisioning.blockers import Blocker
from sfprm.provisioning.offboard import Leaver, Leavers, Membership, NotDone
from sfprm.provisioning.owned import Owned
from sfprm.provisioning.partner_flag import PartnerFlag

__all__ = ["LEAD", "OffboardResult"]

LEAD = "Lead"


@dataclass(frozen=True)
class OffboardResult(JobResult):
    """What was owned before and after, and what stands in the way."""

    leavers: Leavers
    before: Owned
    after: Owned | None
    moved: Mapping[str, int]
    left: tuple[Membership, ...]
    blockers: tuple[Blocker, ...]
    unseen: tuple[str, ...]
    not_done: tuple[NotDone, ...]
    named: tuple[str, ...]
    evidence: Path | None = None
    dry_run: bool = False
    now: tuple[Leaver, ...] = ()
    """The users as they are at the end; empty in a dry run."""
    flag: PartnerFlag | None = None
    """The partner flag before, where it is to be cleared."""
    leads_to: Mapping[str, int] = field(default_factory=dict)
    """Open leads by where they went, or would go: `pool:NAME`, `queue:LABEL`, `user:USERNAME`,
    `manager`."""
    declared_in: str = ""
    """The file that calls them present still; '' when it says `absent`."""
    flag_now: PartnerFlag | None = None

    def blocks(self) -> tuple[Block, ...]:
        who = self.leavers
        verb = "would leave" if self.dry_run else "left"
        head = [f"{who.target} ({who.account_name}): {_many(len(who.users), 'user')} {verb}."]
        if self.dry_run:
            head += [f"  {u.username}{'' if u.active else ' (inactive)'}" for u in who.users]
        after = self.after
        rows = tuple(
            (object_, f"{count:,}", "" if after is None else f"{after.of(object_):,}")
            for object_, count in self.before.totals.items()
        )
        out: list[Block] = [Text(tuple(head))]
        if rows:
            out.append(Table(("owned", "before", "after"), rows, right=(1, 2)))
        lines = [
            f"{_many(count, 'record')} of {object_} handed on to the channel manager."
            for object_, count in self.moved.items()
            if count and object_ != LEAD
        ]
        if self.leads_to:
            went = "would go" if self.dry_run else "went"
            places = ", ".join(f"{n:,} to {_place(where)}" for where, n in self.leads_to.items())
            if self.dry_run and any(where.startswith("pool:") for where in self.leads_to):
                places += "; what no pool takes to the channel manager"
            lines.append(f"Open leads {went}: {places}")
        if self.left:
            groups = sorted({m.group_name for m in self.left})
            word = "would leave" if self.dry_run else "left"
            lines.append(f"{word} {_many(len(groups), 'queue or group')}: {', '.join(groups)}")
        for blocker in self.blockers:
            stops = "stops the deactivation" if blocker.hard else "points at them"
            lines.append(f"! {blocker.username}: {blocker.where} {stops}")
        lines += [f"? could not be looked at: {what}" for what in self.unseen]
        lines += self._flag_lines()
        if self.frozen:
            lines.append(f"Frozen, not deactivated: {', '.join(self.frozen)}")
        if self.at_large:
            lines.append(f"! STILL ABLE TO LOG IN: {', '.join(self.at_large)}")
        for item in self.not_done:
            lines.append(f"! {item.what}: {item.why}")
            if item.fix:
                lines.append(f"  fix: {item.fix}")
        if after is not None and not self.dry_run:
            zero = all(after.of(name) == 0 for name in self.named)
            others = "".join(f" and zero of {name}" for name in self.named if name != LEAD)
            lines.append(
                f"Zero open leads{others} are left with them."
                if zero
                else "Not everything could be handed on: see above, then run it again."
            )
            rest = {k: v for k, v in after.totals.items() if k not in self.named}
            if rest:
                listed = ", ".join(f"{v:,} {k}" for k, v in rest.items())
                lines.append(f"Left with them, as the programme names no more: {listed}")
        if self.evidence is not None:
            lines.append(f"Evidence: {self.evidence}")
            lines.append(f"The way back: sfprm reinstate {who.target}")
            if self.declared_in:
                lines.append(
                    f"{self.declared_in} calls them present still: write `state: absent` there, "
                    "or the plan tells of it each time."
                )
        out.append(Text(tuple(lines)))
        return tuple(out)

    def _flag_lines(self) -> Iterator[str]:
        if self.flag is None:
            return
        if self.flag_now is None or self.flag_now.is_set:
            yield from self.flag.words()
        elif self.flag.is_set:
            roles = ", ".join(self.flag.roles) or "no role"
            yield f"The partner flag is cleared; deleted: {roles}."

    @property
    def frozen(self) -> tuple[str, ...]:
        """Users who could not be deactivated, and are frozen instead."""
        return tuple(u.username for u in self.now if u.active and u.frozen)

    @property
    def at_large(self) -> tuple[str, ...]:
        """Users who were to leave, and can still log in."""
        return tuple(u.username for u in self.now if u.active and not u.frozen)

    def to_json(self) -> dict[str, Any]:
        return {
            "target": self.leavers.target,
            "account": self.leavers.account,
            "whole_partner": self.leavers.whole_partner,
            "dry_run": self.dry_run,
            "users": [asdict(u) for u in self.leavers.users],
            "users_after": [asdict(u) for u in self.now],
            "frozen_only": list(self.frozen),
            "at_large": list(self.at_large),
            "partner_flag": asdict(self.flag) if self.flag is not None else None,
            "partner_flag_after": asdict(self.flag_now) if self.flag_now is not None else None,
            "owned_before": self.before.totals,
            "owned_after": self.after.totals if self.after is not None else None,
            "by_user_before": _by_user(self.before),
            "by_user_after": _by_user(self.after) if self.after is not None else None,
            "not_counted": dict(self.before.unseen),
            "moved": dict(self.moved),
            "leads_to": dict(self.leads_to),
            "memberships_left": [asdict(m) for m in self.left],
            "blockers": [asdict(b) for b in self.blockers],
            "not_looked_at": list(self.unseen),
            "not_done": [asdict(n) for n in self.not_done],
            "objects_named": list(self.named),
            "zero_left": self.is_clear,
            "evidence": str(self.evidence) if self.evidence is not None else None,
        }

    @property
    def is_clear(self) -> bool:
        """Whether nothing that the programme names is left with them."""
        return self.after is not None and all(self.after.of(name) == 0 for name in self.named)

    @property
    def exit_code(self) -> int:
        """68 when somebody stays frozen instead of deactivated, or something could not move."""
        if self.dry_run:
            return 0
        whole = not self.not_done and not self.at_large and self.is_clear
        return 0 if whole else PartlyDone.exit_code

    @property
    def counts(self) -> Mapping[str, int]:
        return {
            "users": len(self.leavers.users),
            "moved": sum(self.moved.values()),
            "memberships": len(self.left),
            "not_done": len(self.not_done),
        }


def _place(where: str) -> str:
    """`pool south`, `the channel manager`."""
    kind, _, name = where.partition(":")
    return f"{kind} {name}" if name else "the channel manager"


def _many(count: int, noun: str) -> str:
    if count == 1:
        return f"1 {noun}"
    plural = "queues and groups" if noun == "queue or group" else f"{noun}s"
    return f"{count:,} {plural}"


def _by_user(owned: Owned) -> dict[str, dict[str, int]]:
    return {
        object_: {str(user): n for user, n in sorted(users.items())}
        for object_, users in sorted(owned.counts.items())
        if users
    }
