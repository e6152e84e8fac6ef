"""A plan as Markdown, for the comment of a pull request. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.provisioning.screen import plain_text, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfprm.provisioning.plan import Plan
    from sfprm.provisioning.steps import PlannedStep

__all__ = ["plan_markdown"]

_MOST_ROWS = 300
"""A comment holds 65,536 characters on GitHub."""
_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]<>|~#@"})


def plan_markdown(plan: Plan) -> str:
    """The whole plan: sums, steps with reason and risk, what is blocked."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    org = plan.org
    yield f"### {_safe(plan.programme)} → {_safe(org.name)} ({org.nature})"
    yield ""
    counts = plan.counts()
    if plan.is_empty:
        yield "Nothing to be done."
    else:
        yield (
            f"**{counts['create']} to create, {counts['change']} to change, "
            f"{counts['blocked']} blocked**, {counts['unchanged']} unchanged, "
            f"{counts['unmanaged']} in the org that no file names."
        )
        yield ""
        mails = "" if plan.mails is None else f", {_many(plan.mails, 'welcome mail')}"
        seats = "".join(
            f", {s.left_after} of {s.total} {_safe(s.licence)} licences left after it"
            for s in plan.seats
            if s.taken or s.freed
        )
        calls = _many(plan.write_calls, "API call")
        yield f"{calls}{mails}{seats}, about {max(1, round(plan.seconds))} s."
        hard = [s for s in plan.steps if s.risk == "irreversible"]
        if hard:
            yield ""
            steps = _many(len(hard), "step")
            yield f"> **{steps} cannot be undone** (partner accounts enabled)."
        yield ""
        yield "| # | step | record | before → after | why | risk |"
        yield "| ---: | --- | --- | --- | --- | --- |"
        for number, step in enumerate(plan.steps[:_MOST_ROWS], start=1):
            yield _row(plan, number, step)
        more = len(plan.steps) - _MOST_ROWS
        if more > 0:
            yield ""
            yield f"… and {more:,} more steps (`sfprm plan --json` lists all)."
    blocked = plan.comparison.blocked
    if blocked:
        yield ""
        yield "**Blocked**"
        yield ""
        for d in blocked[:_MOST_ROWS]:
            yield f"- {d.kind.value} {_safe(d.label)}: {_safe(d.why)}. Fix: {_safe(d.fix)}"
    notes = [(d, note) for d in plan.comparison.differences for note in d.notes]
    if notes:
        yield ""
        yield "**To be known**"
        yield ""
        for d, note in notes[:_MOST_ROWS]:
            yield f"- {_safe(d.label)}: {_safe(note)}"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _row(plan: Plan, number: int, step: PlannedStep) -> str:
    changes = []
    for name in dict.fromkeys((*step.before, *step.after)):
        after = _safe(shown(plan, step.after.get(name)))
        if name in step.before:
            changes.append(f"{name}: {_safe(shown(plan, step.before[name]))} → {after}")
        else:
            changes.append(f"{name}: {after}")
    words = "<br>".join(changes)
    return (
        f"| {number} | {step.kind} | {_safe(step.label)} | {words} | {_safe(step.reason)} "
        f"| {step.risk} |"
    )


def _safe(text: str) -> str:
    """One line that Markdown shows as it is: names come from files and the org."""
    return plain_text(text).translate(_SPECIAL)
