"""How many calls sfprm allows itself, so that the org's other users are not starved. Pure."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CallBudget", "Verdict"]

_SLOW_FROM = 0.9
"""Part of the day's share from which calls are slowed down."""
_LONGEST_PAUSE = 5.0
"""Seconds before a call just under the share."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do before the next call: wait so many seconds, or stop for the reason given."""

    pause: float = 0.0
    stop: str = ""
    hint: str = ""


_GO = Verdict()


@dataclass(frozen=True, slots=True)
class CallBudget:
    """The bounds in force.

    `most`: calls of one run; None: no bound. `share_of_day`: of the org's daily calls, used by
    whomever, at which sfprm stops (1.0: never). `share_of_left`: of what was left at the run's
    start, for this run.
    """

    most: int | None = None
    share_of_day: float = 1.0
    share_of_left: float = 1.0

    def verdict(
        self, spent: int, allowance: tuple[int, int] | None, left_at_start: int | None
    ) -> Verdict:
        """Before the next call of a run that has made `spent`.

        `allowance`: (used, most) of the org's day, None before it was told.
        """
        if self.most is not None and spent >= self.most:
            return Verdict(
                stop=f"The budget of {self.most:,} API calls for this run is spent",
                hint="Run the same command again to go on, or raise SFPRM_CALL_BUDGET.",
            )
        if left_at_start is not None and self.share_of_left < 1:
            room = int(left_at_start * self.share_of_left)
            if spent >= room:
                return Verdict(
                    stop=f"This run has made {spent:,} API calls, its share "
                    f"({self.share_of_left:.0%}) of the {left_at_start:,} that were left",
                    hint="Run the same command again later, or raise SFPRM_CALL_SHARE_OF_LEFT.",
                )
        return _GO if allowance is None else self._of_day(*allowance)

    def room(
        self, spent: int, allowance: tuple[int, int] | None, left_at_start: int | None
    ) -> int | None:
        """Calls that a run that has made `spent` may still make; None: no bound is known."""
        bounds = [] if self.most is None else [self.most - spent]
        if left_at_start is not None:
            bounds.append(int(left_at_start * self.share_of_left) - spent)
        if allowance is not None and allowance[1] > 0:
            used, day = allowance
            bounds.append(int(day * self.share_of_day) - used)
        return max(0, min(bounds)) if bounds else None

    def _of_day(self, used: int, day: int) -> Verdict:
        if self.share_of_day >= 1 or day <= 0:
            return _GO
        ceiling = day * self.share_of_day
        if used >= ceiling:
            return Verdict(
                stop=f"The org has used {used:,} of its {day:,} API calls of the last 24 hours; "
                f"sfprm leaves the last {1 - self.share_of_day:.0%} to others",
                hint="Run the same command again later; see who uses the calls in Setup › System "
                "Overview, or raise SFPRM_CALL_SHARE_OF_DAY.",
            )
        start = ceiling * _SLOW_FROM
        if used <= start:
            return _GO
        return Verdict(pause=_LONGEST_PAUSE * (used - start) / (ceiling - start))
