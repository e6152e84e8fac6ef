"""`rules pull`, `push` and `diff`: the org's own lead assignment rules and the programme's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sfprm.blocks import Block, Text
from sfprm.distribution.native_sync import Differing, NativeSync, Pulled, Pushed
from sfprm.distribution.native_text import Line, rules_yaml
from sfprm.errors import BadRequest, PartlyDone
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult, Scope

__all__ = [
    "DiffJob",
    "DiffOptions",
    "PullJob",
    "PullOptions",
    "PushJob",
    "PushOptions",
]

BACKUP = "assignment-rules-before"
"""Folder of the run that holds what a push found."""


class PullOptions(JobOptions):
    """Options of `rules pull`. `rule`: name of an assignment rule; default: the active one.
    `out`: a file to write; nothing is written over."""

    rule: str | None = None
    out: Path | None = None


class DiffOptions(JobOptions):
    """Options of `rules diff`."""

    rule: str | None = None
    rule_set: str | None = None


class PushOptions(DiffOptions):
    """Options of `rules push`. `restore`: put back the backup in that folder instead."""

    activate: bool = False
    replace_unsaid: bool = False
    dry_run: bool = False
    restore: Path | None = None


def _shown(lines: tuple[Line, ...]) -> tuple[str, ...]:
    return tuple(f"  {sign} {text}" for sign, text in lines)


def _lines_json(lines: tuple[Line, ...]) -> list[dict[str, str]]:
    words = {"=": "both", "-": "org", "+": "programme"}
    return [{"in": words[sign], "rule": text} for sign, text in lines]


def _unsaid(problems: tuple[str, ...]) -> tuple[str, ...]:
    if not problems:
        return ()
    return ("cannot be said:", *(f"  ! {problem}" for problem in problems))


@dataclass(frozen=True)
class PullJobResult(JobResult):
    """Rules of the org as YAML."""

    done: Pulled
    text: str
    written: str = ""

    def blocks(self) -> tuple[Block, ...]:
        state = "active" if self.done.active else "not active"
        head = f"{self.done.name} ({state}): {len(self.done.rules)} rules."
        tail = (f"Written to {self.written}.",) if self.written else tuple(self.text.splitlines())
        return (Text((head, *_unsaid(self.done.problems), *tail)),)

    def to_json(self) -> dict[str, Any]:
        return {
            "rule": self.done.name,
            "active": self.done.active,
            "rules": len(self.done.rules),
            "unsaid": list(self.done.problems),
            "yaml": self.text,
        }

    @property
    def exit_code(self) -> int:
        """68 when entries of the org could not be said."""
        return PartlyDone.exit_code if self.done.problems else 0


class PullJob(Job[PullOptions, PullJobResult]):
    """Read one assignment rule as rules of the programme."""

    name: ClassVar[str] = "rules-pull"
    summary: ClassVar[str] = "turns the org's lead assignment rule into rules of the programme"
    options = PullOptions

    def run(self, context: JobContext, options: PullOptions) -> PullJobResult:
        done = NativeSync(context.session, context.programme, context.clock).pull(options.rule)
        text = rules_yaml(done.rules, done.problems)
        if options.out is not None:
            try:
                with options.out.open("x", encoding="utf-8") as file:
                    file.write(text)
            except OSError as error:
                raise BadRequest(
                    f"{options.out}: {error.strerror}.", hint="Name a new file with --out."
                ) from None
        return PullJobResult(done, text, str(options.out or ""))


@dataclass(frozen=True)
class DiffJobResult(JobResult):
    """The org's rule beside the programme's."""

    done: Differing

    def blocks(self) -> tuple[Block, ...]:
        state = "active" if self.done.active else "not active"
        head = f"{self.done.name} ({state}) and the programme mean the same."
        if not self.done.is_same:
            head = f"{self.done.name} ({state}): - only in the org, + only in the programme."
        return (Text((head, *_shown(self.done.lines), *_unsaid(self.done.problems))),)

    def to_json(self) -> dict[str, Any]:
        return {
            "rule": self.done.name,
            "active": self.done.active,
            "same": self.done.is_same,
            "lines": _lines_json(self.done.lines),
            "unsaid": list(self.done.problems),
        }


class DiffJob(Job[DiffOptions, DiffJobResult]):
    """Compare; change nothing."""

    name: ClassVar[str] = "rules-diff"
    summary: ClassVar[str] = "compares the org's lead assignment rule with the programme's rules"
    options = DiffOptions

    def run(self, context: JobContext, options: DiffOptions) -> DiffJobResult:
        sync = NativeSync(context.session, context.programme, context.clock)
        return DiffJobResult(sync.diff(options.rule, options.rule_set))


@dataclass(frozen=True)
class PushJobResult(JobResult):
    """What was pushed, or put back (`restored`: names of rules)."""

    done: Pushed | None
    restored: tuple[str, ...] = ()
    dry_run: bool = False

    def blocks(self) -> tuple[Block, ...]:
        done = self.done
        if done is None:
            verb = "would be put back" if self.dry_run else "put back"
            return (Text((f"{', '.join(self.restored)}: {verb}.",)),)
        lines = [*_shown(done.lines), *_unsaid(done.problems)]
        lines += [f"note: {note}" for note in done.notes]
        if done.problems:
            lines.append("Nothing was sent. Mend what cannot be said, or keep those rules apart.")
        elif done.is_same:
            lines.append(f"{done.name} means the same already; nothing to push.")
        elif not done.done:
            lines.append(f"The org would accept {done.name}. Nothing was changed.")
        else:
            active = done.active_name == done.name
            lines.append(f"{done.name} is in the org{' and active' if active else ''}.")
            if not active:
                force = done.active_name or "no rule"
                lines.append(f"It is not active ({force} is): push with --activate to make it so.")
            if done.deactivated:
                lines.append(f"{done.deactivated} is no longer active.")
            if done.backup:
                lines.append(f"To take it back: sfprm rules push --restore {done.backup}")
        return (Text(tuple(lines)),)

    def to_json(self) -> dict[str, Any]:
        done = self.done
        if done is None:
            return {"restored": list(self.restored), "dry_run": self.dry_run}
        return {
            "rule": done.name,
            "pushed": done.done,
            "dry_run": done.dry_run,
            "same": done.is_same,
            "lines": _lines_json(done.lines),
            "unsaid": list(done.problems),
            "notes": list(done.notes),
            "active": done.active_name,
            "deactivated": done.deactivated,
            "backup": done.backup,
        }

    @property
    def exit_code(self) -> int:
        """1 when something cannot be said."""
        return 1 if self.done is not None and self.done.problems else 0

    @property
    def counts(self) -> Mapping[str, int]:
        return {"pushed": int(self.done is None or self.done.done)}


class PushJob(Job[PushOptions, PushJobResult]):
    """Check, back up, deploy, read back."""

    name: ClassVar[str] = "rules-push"
    summary: ClassVar[str] = "deploys the programme's rules as the org's lead assignment rule"
    writes: ClassVar[bool] = True
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.SETUP})
    options = PushOptions

    def run(self, context: JobContext, options: PushOptions) -> PushJobResult:
        sync = NativeSync(context.session, context.programme, context.clock)
        if options.restore is not None:
            names = sync.restore(options.restore, dry_run=options.dry_run)
            return PushJobResult(None, names, options.dry_run)
        return PushJobResult(
            sync.push(
                options.rule,
                options.rule_set,
                backup=context.run_dir / BACKUP,
                activate=options.activate,
                replace_unsaid=options.replace_unsaid,
                dry_run=options.dry_run,
            ),
            dry_run=options.dry_run,
        )
